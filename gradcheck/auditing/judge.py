"""From sums to verdicts: a finding for each quantity of a dump."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.auditing import data, faults, gradient, logits, penalties
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import NAMES, Compared, Finding
from gradcheck.auditing.matrices import matrix
from gradcheck.auditing.plan import Plan
from gradcheck.auditing.rows import real, walk
from gradcheck.auditing.sums import Sums, Worst
from gradcheck.bounds import returned
from gradcheck.enclosure import U64, outward
from gradcheck.errors import Unusable
from gradcheck.verdict import WIDE, Outcome, Verdict, Witness, telling

PRODUCTS = ("Z", "grad_theta", "grad_X")  # of matrices; everything else is judged as a function of Z


def judge(dump: Dump, plan: Plan, sums: Sums) -> tuple[Finding, ...]:
    """A finding for each quantity in the dump."""
    if plan.scale is not None and not np.isfinite(plan.scale[0]) and not _finite(dump.arrays["theta"]):
        raise Unusable(f"{dump.source}: theta holds a number that is not finite")
    with np.errstate(all="ignore"):  # what overflows is inconclusive, and said to be
        probe, each = gradient.limits(dump, plan, sums)
        findings: dict[str, Callable[[], Finding]] = {
            "Z": lambda: logits.judged(dump, plan, sums.logits, sums.kept),  # type: ignore[arg-type]
            "A": lambda: _worst("A", sums.worst["A"]),
            "lse": lambda: _of_ranks(dump, _worst("lse", sums.worst["lse"])),
            "loss": lambda: _of_ranks(dump, _loss(dump, plan, sums)),
            "grad_Z": lambda: _worst("grad_Z", sums.worst["grad_Z"]),
            "grad_theta": lambda: gradient.theta(dump, plan, sums, probe),
            "grad_b": lambda: gradient.bias(dump, plan, sums, each),
            "grad_X": lambda: data.judged(dump, plan, sums),
        }
        return tuple(
            Finding(name, Verdict(Outcome.INCONCLUSIVE, dump.doubt)) if _doubted(dump, name) else find()
            for name, find in findings.items()
            if name in dump.arrays
        )


def _doubted(dump: Dump, name: str) -> bool:
    """Whether it is, or follows from, a product whose sums may be in fewer bits than anybody can tell."""
    return bool(dump.doubt) and (name in PRODUCTS or "Z" not in dump.arrays)


def _finite(array: Any) -> bool:
    return all(matrix(array[rows]).finite() for rows in walk(array))


def _worst(name: str, worst: Worst) -> Finding:
    if worst.ratio <= 1:
        said = (Outcome.AGREE, "") if telling(worst.told, worst.known) else (Outcome.INCONCLUSIVE, WIDE)
        return Finding(name, Verdict(*said, worst.ratio), seen=worst.seen)
    witness = Witness(NAMES[name], worst.place, worst.computed, worst.midpoint, worst.radius)
    verdict = Verdict(Outcome.DISAGREE, "", worst.ratio, None, witness)
    return Finding(name, verdict, rows=(worst.place[0],), entries=(witness,), seen=worst.seen)


def _loss(dump: Dump, plan: Plan, sums: Sums) -> Finding:
    found, loss = sums.loss, np.asarray(dump.arrays["loss"]).reshape(-1)
    limit = outward(found.limit + (dump.n + dump.L + 16) * 4 * U64 * found.size, 64)
    # sums before a division by N; those of labels apart from logits are no rounding (docs/bounds.md, section 5)
    most = (abs(found.value) if dump.index and dump.law.plain else found.size) + limit + found.most
    written, value = precision.of(loss.dtype), found.value / dump.N
    limit = limit / dump.N
    if dump.law.l2:
        limit, value = penalties.of_loss(dump, plan, limit, value, found.size / dump.N)
    # it may not be among what `stored` is the coarsest of
    if written.u > plan.arithmetic.stored.u or plan.arithmetic.inside:
        limit = returned(limit, np.abs(value), replace(written, returned=written.u))
    most = np.maximum(most * max(1 / dump.N, 1.0), found.squares) * dump.ends[1] / dump.ends[0]
    inside = most < plan.arithmetic.huge and abs(value) + limit < written.huge
    allowed, must = (np.broadcast_to(np.asarray(x), loss.shape) for x in (limit if inside else np.inf, value))
    compared = Compared("loss", real(loss), must, allowed)
    verdict = compared.verdict()
    if len(loss) == 1 and verdict.witness:  # one number has no place
        verdict = replace(verdict, witness=replace(verdict.witness, place=()))
    rows = tuple(np.flatnonzero(compared.ratios > 1).tolist()) if len(loss) > 1 else ()
    one = verdict.outcome is Outcome.DISAGREE and len(loss) == 1
    told = faults.of_loss(dump, float(loss[0]), float(must[0]), float(allowed[0])) if one else ()
    return Finding("loss", verdict, rows=rows, faults=told, seen=compared.seen)


def _of_ranks(dump: Dump, found: Finding) -> Finding:
    """Ranks that have another result than they must, of what all of them share; and any that has another than the first."""
    if not dump.classes:
        return found
    each = np.asarray(dump.arrays[found.quantity]).reshape(len(dump.classes), -1)
    different = [r for r in range(1, len(each)) if each[r].tobytes() != each[0].tobytes()]
    if different:
        which = ", ".join(map(str, different[: faults.SHOWN]))
        found = replace(
            found, odd=(f"{NAMES[found.quantity]}: all ranks share it, and that of rank {which} is not that of rank 0",)
        )
    if not found.rows:
        return found
    which = f"rank{'s' * (len(found.rows) != 1)} {', '.join(map(str, found.rows[: faults.SHOWN]))}"
    return replace(
        found, faults=(f"{which} of {len(dump.classes)}: another result than it must be, of what all share",)
    )
