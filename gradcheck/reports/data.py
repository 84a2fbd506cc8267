"""Runs as JSON, for programs. `gradcheck_run` is the version of this schema; docs/json.md says what each entry means.

Numbers that JSON has no word for are the texts "inf" and "nan".
"""

import json
from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from gradcheck import causes
from gradcheck.causes import Cause
from gradcheck.implementations import Layout
from gradcheck.law import CrossEntropy
from gradcheck.pictures import Picture
from gradcheck.printable import escaped, number
from gradcheck.reports import commands, cut, notes, stories, words
from gradcheck.tally import Tally
from gradcheck.verdict import Outcome, Verdict
from gradcheck.verify import Failure, Run, status

SCHEMA = 1


def text(runs: Sequence[Run]) -> str:
    """All runs of one command."""
    whole = {
        "gradcheck_run": SCHEMA,
        "gradcheck": version("gradcheck"),
        "status": status(runs),
        "runs": [_run(run) for run in runs],
    }
    return escaped(json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)) + "\n"


def _run(run: Run) -> dict[str, Any]:
    return {
        "target": run.target,
        "dtype": run.dtype,
        "layout": _layout(run.layout, run.law),
        "law": run.law.said,
        "arithmetic": vars(run.arithmetic),
        "takes": run.takes.said,
        "ranks": run.shares and run.shares.said,
        "meant_layout": run.meant and _layout(run.meant, run.meant_law or run.law),
        "meant_law": run.meant_law and run.meant_law.said,
        "meant_arithmetic": run.rounds and vars(run.rounds),
        "diagnosis": run.diagnosis
        and {
            "exact": run.diagnosis.exact,
            "likely": run.diagnosis.likely,
            "fix": run.diagnosis.fix,
            "mistakes": run.diagnosis.mistakes,
        },
        "causes": [_cause(cause, run) for cause in causes.of(run)],
        "seed": run.seed,
        "max_examples": run.max_examples,
        "regimes": run.regimes,
        "problems": run.problems,
        "interrupted": run.interrupted,
        "cut": run.cut and {**vars(run.cut), "unshrunk": cut.unshrunk(run)},
        "printed": run.printed,
        "notes": run.notes,
        "required": run.required,
        "lacking": run.lacking,
        "not_posed": [vars(gap) for gap in run.unposed],
        "checks": [_check(run, tally) for tally in run.tallies.values()],
        "failures": [_failure(failure) for failure in run.failures],
    }


def _cause(cause: Cause, run: Run) -> dict[str, Any]:
    return {
        "title": stories.headline(cause, run),
        "exact": cause.exact,
        "mistakes": cause.part.mistakes if cause.part else [],
        "fix": cause.part.fix if cause.part else "",
        "declare": commands.suggested(run),
        "leader": cause.leader.check.name,
        "checks": [failure.check.name for failure in cause.failures],
        "since": cause.leader.since,
        "story": stories.lines(cause, run),
        "arrays": [_picture(picture) for failure in cause.failures for picture in failure.pictures],
        "repeat": commands.repeat(cause.leader, run),
    }


def _picture(picture: Picture) -> dict[str, Any]:
    """The arrays as lists of lists."""
    numbers = {name: getattr(picture, name).tolist() for name in ("computed", "exact", "limit")}
    return {"quantity": picture.quantity, **{name: _numbers(value) for name, value in numbers.items()}}


def _numbers(value: Any) -> Any:
    return [_numbers(each) for each in value] if isinstance(value, list) else number(value)


def _layout(layout: Layout, law: CrossEntropy) -> dict[str, Any]:
    """With the reduction, which stood there before there was a law."""
    return {**vars(layout), "reduction": law.reduction}


def _check(run: Run, tally: Tally) -> dict[str, Any]:
    return {
        "name": tally.check.name,
        "equations": tally.check.equations,
        "claim": tally.check.claims(run.law),
        "verdict": tally.outcome,
        "expected_failure": tally.expected or None,
        "worst_ratio": number(tally.ratio),
        "effective_bits": number(tally.bits(words.unit_roundoff(run))),
        "worst_regime": _regime(tally, words.unit_roundoff(run)),
        "lost_bits": tally.lost and tally.lost[1].lost,
        "note": tally.lost and notes.line(tally),
        "judged": tally.judged,
        "counts": {outcome: tally.counts[outcome] for outcome in Outcome},
        "not_judged": dict(tally.reasons.most_common()),
    }


def _regime(tally: Tally, u: float) -> dict[str, Any] | None:
    found = tally.worst_regime(u)
    return found and {"where": found[1], "effective_bits_elsewhere": number(found[0])}


def _failure(failure: Failure) -> dict[str, Any]:
    p = failure.problem
    return {
        "check": failure.check.name,
        "failed": failure.failed,
        "judged": failure.judged,
        "case": failure.case,
        "explained": failure.explained[0],
        "examined": failure.explained[1],
        "law": p.law.said,
        "sizes": {"n": p.n, "d": p.d, "L": p.L, "dtype": p.precision.name, "memory": p.memory},
        "verdict": _verdict(failure.verdict),
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    witness = verdict.witness
    return {
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "ratio": number(verdict.ratio),
        "witness": witness
        and {
            "quantity": witness.quantity,
            "place": witness.place,
            "computed": number(witness.computed),
            "truth": number(witness.midpoint),
            "allowed": number(witness.radius),
        },
    }
