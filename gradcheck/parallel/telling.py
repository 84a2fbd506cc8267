"""What is told of a run on ranks: a line for each number of them, and of what fails the place, the cause and how to repeat it."""

import json
import math
from collections.abc import Iterator
from typing import Any

from gradcheck import arithmetic
from gradcheck.parallel.claims import QUANTITIES
from gradcheck.parallel.run import OfRanks, Ranked, Wrong
from gradcheck.printable import escaped, number, printable
from gradcheck.reports import words
from gradcheck.reports.arrays import told_apart
from gradcheck.verdict import Outcome, Verdict

Line = tuple[Outcome | None, str]
SCHEMA = 1


def lines(found: Ranked) -> Iterator[Line]:
    """All of it; each line with what it says, or None where it says no more than what was run."""
    if not found.runs:
        yield None, f"{printable(found.target)}  interrupted before anything was judged"
        return
    shares = found.runs[0].shares
    pieces = f", {shares.pieces} pieces" if shares.pieces > 1 else ""
    results = f"loss {shares.loss}, gradients {shares.gradients}"
    yield None, f"{printable(found.target)}  {found.dtype}, {shares.split} shared out{pieces}, {results}"
    for run in found.runs:
        yield from _of(run, found)
    if found.interrupted:
        yield None, "interrupted, so this is not the whole run"


def _of(run: OfRanks, found: Ranked) -> Iterator[Line]:
    """What agrees, what fails, and why something was not judged; of what fails on one rank, too, no more than that."""
    k = run.shares.ranks
    head = f"{k} rank{'s' * (k > 1)}"
    by = {o: [name for name, t in run.tallies.items() if t.outcome is o] for o in Outcome}
    problems = words.counted(run.problems, "problem")
    for outcome, sign, what in _SAID:
        names = by[outcome]
        if names:
            yield (
                outcome,
                f"{head:<8} {sign} {', '.join(_symbols(names))} {what}{_more(run, outcome, names)}, {problems}",
            )
    alone = found.runs[0] if run is not found.runs[0] and found.runs[0].shares.ranks == 1 else None
    if alone and alone.failed and run.fault is None:
        yield None, f"{'':8}   it fails on one rank, too: see there first"
        return
    for each in _led(run):
        yield from ((each.verdict.outcome, f"{'':8}   {line}") for line in _detail(run, each))
    if run.wrong:
        yield None, f"{'':8}   repeat: {repeat(found, run)}"


_SAID = (
    (Outcome.DISAGREE, "✗", "disagree"),
    (Outcome.ERRORED, "✗", "errored"),
    (Outcome.AGREE, "✓", "agree"),
    (Outcome.INCONCLUSIVE, "?", "inconclusive"),
    (Outcome.SKIPPED, "–", "not judged"),
)


def _symbols(names: list[str]) -> list[str]:
    return [QUANTITIES[name][0] for name in names]


def _more(run: OfRanks, outcome: Outcome, names: list[str]) -> str:
    tallies = [run.tallies[name] for name in names]
    if outcome is Outcome.AGREE:
        ratios = [t.ratio for t in tallies if t.ratio is not None]
        return f" (worst ratio {words.ratio(max(ratios))})" if ratios else ""
    if outcome is Outcome.DISAGREE and (errored := max(t.counts[Outcome.ERRORED] for t in tallies)):
        return f", and errored on {words.counted(errored, 'problem')}"
    reason = next((t.reason for t in tallies if t.reason), "")
    return f": {printable(reason)}" if outcome in (Outcome.SKIPPED, Outcome.INCONCLUSIVE) and reason else ""


def _led(run: OfRanks) -> list[Wrong]:
    """One for each way of failing: of what disagrees the first, and of what errored."""
    return list({w.verdict.outcome: w for w in reversed(run.wrong)}.values())[::-1]


def _detail(run: OfRanks, wrong: Wrong) -> Iterator[str]:
    yield where(wrong.verdict, run, wrong.name)
    if run.fault and wrong.verdict.outcome is Outcome.DISAGREE:
        yield f"as if {run.fault.words} (so in {run.fault.explained} of {run.fault.examined} that were looked into)"
    yield f"smallest problem: {words.sizes(wrong.problem)}"
    yield from map(printable, words.arrays(wrong.problem))


def where(verdict: Verdict, run: OfRanks, name: str) -> str:
    """What was found, in words; the first place is the rank, where each has the whole."""
    w = verdict.witness
    if w is None:
        return printable(verdict.reason)
    place, whole = w.place, run.shares.ranks > 1 and run.shares.how(name) == "shared"
    of = f" of rank {place[0]}" if whole else ""
    at = f"[{', '.join(map(str, place[1:] if whole else place))}]" if place[1 if whole else 0 :] else ""
    computed, truth = told_apart(w.computed, w.midpoint, 6)
    radius = f" ± {w.radius:.1e}" if math.isfinite(w.radius) else ""
    return f"{w.quantity}{at}{of} = {computed}, but must be {truth}{radius}"


def repeat(found: Ranked, run: OfRanks) -> str:
    """The command that does it again."""
    s = run.shares
    said = [f"--ranks {s.ranks}", f"--split {s.split}", f"--loss-is {s.loss}", f"--gradients-are {s.gradients}"]
    said += [f"--pieces {s.pieces}"] if s.pieces > 1 else []
    said += ["--even"] if s.even else []
    said += list(arithmetic.options(found.law.said)) + list(arithmetic.options(found.arithmetic.said))
    return printable(
        f"gradcheck ranks {found.target} {' '.join(said)} --dtype {found.dtype} --max-examples {found.max_examples} "
        f"--seed {found.seed}"
    )


def text(found: Ranked) -> str:
    """As JSON. Numbers that it cannot hold are texts."""
    head = {"gradcheck_ranks": SCHEMA, "target": found.target, "dtype": found.dtype, "seed": found.seed}
    law = {"law": found.law.said, "arithmetic": found.arithmetic.said, "status": found.status}
    whole = {**head, **law, "interrupted": found.interrupted, "runs": [_run(run) for run in found.runs]}
    return escaped(json.dumps(whole, indent=1, ensure_ascii=False)) + "\n"


def _run(run: OfRanks) -> dict[str, Any]:
    fault = run.fault and {
        "words": run.fault.words, "explained": run.fault.explained, "examined": run.fault.examined
    }  # fmt: skip
    wrong = {w.name: w for w in reversed(run.wrong)}
    quantities = {
        name: {
            "outcome": tally.outcome.value,
            "counts": {o.value: c for o, c in tally.counts.items()},
            "ratio": number(tally.ratio),
            "reason": tally.reason,
            "found": where(wrong[name].verdict, run, name) if name in wrong else "",
        }
        for name, tally in run.tallies.items()
    }
    return {**vars(run.shares), "problems": run.problems, "quantities": quantities, "fault": fault}
