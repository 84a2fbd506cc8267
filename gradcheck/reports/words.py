"""How numbers, places and verdicts are worded: one wording for the terminal, JUnit and HTML."""

from collections.abc import Iterable, Iterator

import numpy as np

from gradcheck import causes, precision
from gradcheck.checks import Check
from gradcheck.printable import printable
from gradcheck.problem import Problem
from gradcheck.reports import cut, silent
from gradcheck.reports.arrays import told_apart
from gradcheck.reports.commands import repeat
from gradcheck.tally import Tally
from gradcheck.verdict import FAILURES, Outcome, Verdict, Witness
from gradcheck.verify import Failure, Run

NONE = "–"  # a dash where there is no number


def number(value: float) -> str:
    """As many digits as identify it at a glance."""
    return f"{value:.6g}"


def ratio(value: float | None) -> str:
    """A test ratio: two digits, and no 0.00 for what is not zero."""
    if value is None:
        return NONE
    return f"{value:.2f}" if 0.01 <= value < 100 or value == 0 else f"{value:.1e}"


def bits(value: float | None) -> str:
    """Effective bits; an infinite error leaves none, and beyond 64 it is only the size of the problem that is measured."""
    if value is None:
        return NONE
    return "64+" if value > 64 else f"{max(value, 0.0):.0f}"


def equations(check: Check) -> str:
    """`11–13, 17`; conduct is no matter of equations."""
    return ranges(check.equations)


def ranges(numbers: Iterable[int]) -> str:
    """`11–13, 17`, or a dash."""
    return ", ".join(_runs(numbers)) or NONE


def heading(check: Check) -> str:
    """The same as it stands in a heading."""
    return f"eq. {equations(check)}" if check.equations else "conduct"


def _runs(numbers: Iterable[int]) -> Iterator[str]:
    """Three and more in a row as first–last."""
    rest = sorted(numbers)
    while rest:
        count = next((k for k, value in enumerate(rest) if value != rest[0] + k), len(rest))
        row, rest = rest[:count], rest[count:]
        yield from map(str, row) if count < 3 else (f"{row[0]}–{row[-1]}",)


def place(witness: Witness) -> str:
    """`∂ℒ/∂θ[2, 0]`."""
    return f"{witness.quantity}{list(witness.place)}" if witness.place else witness.quantity


def heard(failure: Failure) -> str:
    """A failure as it is told when it is found: before it is shrunk, and before anything explains it."""
    how = "errored" if failure.verdict.outcome is Outcome.ERRORED else "disagrees"
    return f"{failure.check.name} {how}: {finding(failure.verdict)}, at {sizes(failure.problem)}"


QUESTION = "Can you blame float precision? "


def finding(verdict: Verdict) -> str:
    """What was found: the place, the computed value, and what it must be; or the reason in words."""
    witness = verdict.witness
    if witness is None:
        return printable(verdict.reason)
    computed, truth = told_apart(witness.computed, witness.midpoint, 6)
    allowance = f" ± {witness.radius:.1e}" if np.isfinite(witness.radius) else ""
    return f"{place(witness)} = {computed}, but must be {truth}{allowance}"


def blame(verdict: Verdict, dtype: str) -> str:
    """The first question of every user, and its answer."""
    return QUESTION + answer(verdict, dtype)


def answer(verdict: Verdict, dtype: str) -> str:
    """Whether it is rounding, and by how much it is not."""
    if verdict.outcome is Outcome.ERRORED:
        return "No: there is no result to judge."
    if verdict.witness is None and verdict.ratio is not None and verdict.ratio <= 1:
        return "Yes: no more than rounding explains; what is at fault is what is declared."
    if verdict.witness is None:
        return "No: rounding has no part in this."
    if not np.isfinite(verdict.witness.computed):
        return "No: the exact value is finite, and so is everything correct code computes."
    if verdict.witness.radius == 0:
        return f"No: correct {dtype} code makes no error here."
    return f"No: the error is {ratio(verdict.witness.ratio)} times what {dtype} rounding can explain."


def sizes(problem: Problem) -> str:
    """`n=2 d=1 L=2 float64`, and the memory order where it is not C."""
    order = "" if problem.memory == "C" else f", arrays {problem.memory}"
    return f"n={problem.n} d={problem.d} L={problem.L} {problem.precision.name}{order}"


SHOWN = 24  # numbers of a problem that a reader takes in


def arrays(problem: Problem) -> Iterator[str]:
    """The numbers of a small problem, an array a line."""
    if sum(array.size for array in problem.reals) > SHOWN:
        return
    for name, array in zip(("theta", "b", "X", "Y"), problem.reals, strict=True):
        rows = (", ".join(number(entry) for entry in row) for row in array)
        yield f"{name} = [{', '.join(f'[{row}]' for row in rows)}]"


def loss(problem: Problem) -> Iterator[str]:
    """The options of its loss, where it has any; a loss of one's own by its name."""
    if problem.law.own:
        yield f"loss: {problem.law}"
    elif problem.law.said:
        yield "loss: " + ", ".join(f"{name} {value}" for name, value in problem.law.said.items())


def title(failure: Failure) -> str:
    """`theta_gradient [eq. 11–13, 17]`."""
    return f"{failure.check.name} [{heading(failure.check)}]"


def rows(failure: Failure, run: Run) -> Iterator[tuple[str, str]]:
    """What a panel says below its title, as (label, text): value, place, allowance, cause, smallest problem, how to repeat."""
    yield "", f"{printable(run.target)}   {finding(failure.verdict)}"
    yield "", blame(failure.verdict, run.dtype)
    yield "claim", failure.check.claims(failure.problem.law)
    if failure.judged > 1:
        yield "failed", f"on {failure.failed} of the {failure.judged} problems judged"
    yield from cause(failure, run)
    yield "smallest", cut.smallest(failure, sizes(failure.problem))
    yield from ((" ", array) for array in arrays(failure.problem))
    yield from ((" ", options) for options in loss(failure.problem))
    yield "repeat", repeat(failure, run)


def cause(failure: Failure, run: Run) -> Iterator[tuple[str, str]]:
    """What is likely wrong and how it is mended, where that is exact; otherwise a description."""
    found, (explained, examined) = run.diagnosis, failure.explained
    if found is None or not examined:
        return
    if not found.exact:
        yield "seen", printable(found.likely)
    elif explained:
        yield "likely", printable(found.likely)
        yield "fix", printable(found.fix)
        yield "explains", f"{explained} of {examined} failing problems examined, within their bounds"


def panel(failure: Failure, run: Run) -> list[str]:
    """The whole panel as lines of plain text."""
    lines = [f"{label:<9} {text}" if label else text for label, text in rows(failure, run)]
    return [f"{title(failure)}  {failure.verdict.outcome.value.upper()}", *(f"  {line}" for line in lines)]


NAMED = 3  # checks that a reader takes in; more are counted
REASONS = 50  # reasons that a reader takes in; the JSON report holds more


def unjudged(tallies: Iterable[Tally]) -> list[str]:
    """Each reason why verdicts are missing, the most frequent first: how often, and in which checks."""
    found: dict[str, dict[str, int]] = {}
    for tally in tallies:
        for reason, count in tally.reasons.items():
            found.setdefault(reason, {})[tally.check.name] = count
    ordered = sorted(found.items(), key=lambda item: -sum(item[1].values()))
    shown, rest = ordered[:REASONS], [sum(counts.values()) for _, counts in ordered[REASONS:]]
    lines = [f"{sum(counts.values())}× in {named(list(counts))}: {printable(reason)}" for reason, counts in shown]
    return [*lines, f"{sum(rest)}× for {len(rest)} other reasons; --json has them"] if rest else lines


def named(checks: list[str]) -> str:
    return ", ".join(checks) if len(checks) <= NAMED else f"{len(checks)} checks"


def verdict(tally: Tally) -> str:
    """The outcome in a word, and whether it was expected."""
    word = tally.outcome.value
    if not tally.expected or not tally.judged:
        return word
    return f"{word}, not expected" if tally.stale else f"{word}, as expected"


def expectations(run: Run) -> Iterator[str]:
    """What is known of each check that was expected to fail."""
    for name, tally in run.tallies.items():
        if tally.stale:
            yield f"{name} agrees, but was expected to fail: {printable(tally.expected)} Take it out of expected_failures."
        elif tally.expected and tally.outcome in FAILURES:
            yield f"{name} fails as expected: {printable(tally.expected)}"


def regimes(run: Run) -> Iterator[str]:
    """Each quantity that has fewer bits in one regime than elsewhere: `softmax: 53 bits; 24 where n is 34 or more`."""
    u = unit_roundoff(run)
    for name, tally in run.tallies.items():
        found = tally.worst_regime(u)
        if found is not None:
            yield f"{name}: {bits(found[0])} bits; {bits(tally.bits(u))} where {found[1]}"


def measured(tally: Tally, u: float) -> dict[str, str]:
    """What a report of tests carries of each."""
    return {"test_ratio": ratio(tally.ratio), "effective_bits": bits(tally.bits(u)), "judged": str(tally.judged)}


def counted(count: int, noun: str) -> str:
    """`1 file`, `2 files`."""
    return f"{count} {noun}{'s' * (count != 1)}"


def summary(run: Run) -> str:
    """One line: how many checks said what, over how many problems."""
    outcomes = [tally.outcome for tally in run.tallies.values()]
    said = ", ".join(f"{outcomes.count(outcome)} {outcome}" for outcome in Outcome if outcomes.count(outcome))
    problems = counted(run.problems, "problem")
    early = " — interrupted, so this is not the whole run" if run.interrupted else cut.ended(run)
    lacks = f" — {silent.lacking(run)}" if run.lacking else ""
    wrong = f"{count} causes: " if (count := len(causes.of(run))) > 1 else ""
    return f"{printable(run.target)} {run.dtype}: {wrong}{said} on {problems} (seed {run.seed}){early}{lacks}"


def printed(run: Run) -> str:
    """A line on what the target wrote to the terminal, which is not shown; nothing where it wrote nothing."""
    return (
        f"The target printed {run.printed} characters while it was judged, which are not shown." if run.printed else ""
    )


def unit_roundoff(run: Run) -> float:
    """u of the precision of a run."""
    return precision.named(run.dtype).u
