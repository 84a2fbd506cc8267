"""From sums to verdicts: a finding for each quantity of a dump."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.auditing import data, gradient, logits, penalties
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import NAMES, Compared, Finding
from gradcheck.auditing.plan import Plan
from gradcheck.auditing.rows import walk
from gradcheck.auditing.sums import Sums, Worst
from gradcheck.bounds import returned
from gradcheck.enclosure import U64, outward
from gradcheck.errors import Unusable
from gradcheck.verdict import WIDE, Outcome, Verdict, Witness, telling


def judge(dump: Dump, plan: Plan, sums: Sums) -> tuple[Finding, ...]:
    """A finding for each quantity in the dump."""
    if plan.scale is not None and not np.isfinite(plan.scale[0]) and not _finite(dump.arrays["theta"]):
        raise Unusable(f"{dump.source}: theta holds a number that is not finite")
    with np.errstate(all="ignore"):  # what overflows is inconclusive, and said to be
        probe, each = gradient.limits(dump, plan, sums)
        findings: dict[str, Callable[[], Finding]] = {
            "Z": lambda: logits.judged(dump, plan, sums.logits),  # type: ignore[arg-type]
            "A": lambda: _worst("A", sums.worst["A"]),
            "loss": lambda: _loss(dump, plan, sums),
            "grad_Z": lambda: _worst("grad_Z", sums.worst["grad_Z"]),
            "grad_theta": lambda: gradient.theta(dump, plan, sums, probe),
            "grad_b": lambda: gradient.bias(dump, plan, sums, each),
            "grad_X": lambda: data.judged(dump, plan, sums),
        }
        return tuple(find() for name, find in findings.items() if name in dump.arrays)


def _finite(array: Any) -> bool:
    return all(np.isfinite(array[rows]).all() for rows in walk(array))


def _worst(name: str, worst: Worst) -> Finding:
    if worst.ratio <= 1:
        said = (Outcome.AGREE, "") if telling(worst.told, worst.known) else (Outcome.INCONCLUSIVE, WIDE)
        return Finding(name, Verdict(*said, worst.ratio), seen=worst.seen)
    witness = Witness(NAMES[name], worst.place, worst.computed, worst.midpoint, worst.radius)
    verdict = Verdict(Outcome.DISAGREE, "", worst.ratio, None, witness)
    return Finding(name, verdict, rows=(worst.place[0],), entries=(witness,), seen=worst.seen)


def _loss(dump: Dump, plan: Plan, sums: Sums) -> Finding:
    found, loss = sums.loss, np.asarray(dump.arrays["loss"]).reshape(())
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
    allowed = np.asarray(limit if inside else np.inf)
    compared = Compared("loss", np.asarray(float(loss)), np.asarray(value), allowed)
    return Finding("loss", compared.verdict(), seen=compared.seen)
