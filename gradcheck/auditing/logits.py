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
from gradcheck.auditing.sums import Logits
from gradcheck.bounds import spread, usual
from gradcheck.enclosure import outward
from gradcheck.errors import Unusable

TYPICAL = 33  # rows of which the median is taken for that of all


def judged(dump: Dump, plan: Plan, sums: Logits) -> Finding:
    """Probes of every row, then rows."""
    probed = _probed(dump, plan, sums)
    some = np.unique(np.linspace(0, dump.L - 1, TYPICAL).astype(int)).tolist()
    median = float(np.median([norms(real(dump.arrays["Z"][l : l + 1]))[0] for l in some]))
    found = concluded("Z", probed, _again(dump, plan, probed.worst()), plan, median)
    told = (faults.rows_in_words(found.rows, dump.L), *faults.ranks_in_words(found.rows, dump)) if found.rows else ()
    return replace(found, faults=told)


def _probed(dump: Dump, plan: Plan, sums: Logits) -> Probed:
    arithmetic, b = plan.arithmetic, real(dump.arrays["b"])
    found, lengths = Probed.empty(dump.L), np.empty(dump.L)

    def rowed(rows: slice, stored: Any) -> None:
        theta = matrix(stored)
        lengths[rows] = theta.norms()
        found.fill(rows, sums.Zv[:, rows], theta.right(sums.Xv).T + np.outer(sums.v, b[rows]))
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


def _again(dump: Dump, plan: Plan, rows: list[int]) -> Compared:
    """Rows of Z in float64, each entry with its limit; of each block the entries that matter."""
    theta, b = taken(dump.arrays["theta"], rows), real(dump.arrays["b"])[rows, np.newaxis]
    k, most = plan.arithmetic.logits(dump.d) + 2 * spread(dump.d + 8, dump.unit), abs(theta).max(axis=1, keepdims=True)

    def one(part: slice) -> Compared:
        X = dump.matrix("X", part).exact("X")
        size = X.left(abs(theta).T, absolute=True) + abs(b)
        sizes, largest = X.T.sizes()
        operands = abs(theta).sum(axis=1, keepdims=True) + sizes
        lost = plan.arithmetic.underflow(dump.d + 1, operands) + plan.arithmetic.within(most, largest)
        lost = lost + 8 * dump.d * dump.lost * (1 + most + largest)
        limit = outward(k * size + lost, dump.d + 16)
        allowed = np.where(size + limit < plan.arithmetic.huge, limit, np.inf)
        computed = real(dump.arrays["Z"][:, part][rows])
        exact = X.left(theta.T) + b
        common = usual(plan.arithmetic, dump.d, X.squared.left((theta * theta).T) + b * b, exact)
        return Compared("Z", computed, exact, allowed, tuple(rows), usual=common).essential(part.start)

    return joined(list(threaded(one, [part for shard in plan.shards for part in shard])))
