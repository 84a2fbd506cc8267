"""Logits in the dump: Z V against theta (X V) + b (1ᵀV), and the worst rows computed again."""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.auditing import faults
from gradcheck.auditing.again import taken
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import Compared, Finding, Probed, concluded, joined
from gradcheck.auditing.matrices import matrix
from gradcheck.auditing.plan import Plan
from gradcheck.auditing.rows import norms, real, rowwise, threaded
from gradcheck.auditing.sums import Kept, Logits
from gradcheck.bounds import spread, usual
from gradcheck.enclosure import outward
from gradcheck.errors import Unusable

TYPICAL = 33  # rows of which the median is taken for that of all


def judged(dump: Dump, plan: Plan, sums: Logits, kept: list[Kept]) -> Finding:
    """Probes of every row, then rows."""
    probed = _probed(dump, plan, sums)
    some = np.unique(np.linspace(0, dump.L - 1, TYPICAL).astype(int)).tolist()
    median = float(np.median([norms(real(dump.arrays["Z"][l : l + 1]))[0] for l in some]))
    found = concluded("Z", probed, _again(dump, plan, kept, probed.worst()), plan, median)
    told = (faults.rows_in_words(found.rows, dump.L), *faults.ranks_in_words(found.rows, dump)) if found.rows else ()
    return replace(found, faults=told)


def _probed(dump: Dump, plan: Plan, sums: Logits) -> Probed:
    arithmetic, b = plan.arithmetic, real(dump.arrays["b"])
    found, lengths = Probed.empty(dump.L), np.empty(dump.L)

    def rowed(rows: slice, stored: Any) -> None:
        theta = matrix(stored)
        right, lengths[rows] = theta.measured(sums.Xv)
        found.fill(rows, sums.Zv[:, rows], right.T + np.outer(sums.v, b[rows]))
        if not np.isfinite(found.size[rows]).all() and not theta.finite():
            raise Unusable(f"{dump.source}: theta holds a number that is not finite")

    rowwise(dump.arrays["theta"], rowed)
    # Cauchy and Schwarz, since |V| <= 1: |theta||X| 1 + n |b|
    size = lengths * sums.length + dump.n * abs(b)
    # X V may cancel, and what float64 lost in it does not
    own = 4 * spread(dump.n + dump.d + 16, dump.unit) * (sums.size + size)
    own = own + dump.lost * 4 * (dump.n + dump.d) * (1 + math.sqrt(dump.d) * lengths) * (1 + sums.length)
    own = outward(own, 2 * (dump.n + dump.d) + 64)
    k = arithmetic.logits(dump.d)
    operands = math.sqrt(dump.d) * (dump.n * lengths + sums.length)
    underflow = dump.n * arithmetic.underflow(dump.d + 1, 0.0) + arithmetic.underflow(0, operands)
    underflow = underflow + arithmetic.within(lengths, sums.longest)
    limit = outward(k * size + own + underflow, 2 * dump.n + dump.d + 64)
    # what a logit may reach, of which the probe is a sum
    reached = outward((1 + k) * (lengths * sums.longest + abs(b)), 64) + underflow
    return replace(found, limit=np.where(reached < arithmetic.huge, limit, np.inf), own=own)


def _again(dump: Dump, plan: Plan, kept: list[Kept], rows: list[int]) -> Compared:
    """Rows of Z in float64, each entry with its limit; of each block the entries that matter."""
    theta, b = taken(dump.arrays["theta"], rows), real(dump.arrays["b"])[rows, np.newaxis]
    k, most = plan.arithmetic.logits(dump.d) + 2 * spread(dump.d + 8, dump.unit), abs(theta).max(axis=1, keepdims=True)

    def one(of: Kept) -> Compared:
        part = of.part
        exact, size, squares = (x.T for x in dump.matrix("X", part).T.moments(theta.T, abs(theta).T, (theta * theta).T))
        exact, size = exact + b, size + abs(b)
        operands = abs(theta).sum(axis=1, keepdims=True) + of.sizes
        lost = plan.arithmetic.underflow(dump.d + 1, operands) + plan.arithmetic.within(most, of.most)
        lost = lost + 8 * dump.d * dump.lost * (1 + most + of.most)
        limit = outward(k * size + lost, dump.d + 16)
        allowed = np.where(size + limit < plan.arithmetic.huge, limit, np.inf)
        computed = real(dump.arrays["Z"][:, part][rows])
        common = usual(plan.arithmetic, dump.d, squares + b * b, exact)
        return Compared("Z", computed, exact, allowed, tuple(rows), usual=common).essential(part.start)

    return joined(list(threaded(one, kept)))
