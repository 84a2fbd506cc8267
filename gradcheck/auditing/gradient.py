"""The gradients with respect to theta and b: probes of every row, and the worst rows computed again, entry by entry.

A row in which a probe disagrees holds an entry that disagrees, since the row's limit is the sum of its entries' limits.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gradcheck.auditing import causes, clipped, faults, mistaken, penalties, single
from gradcheck.auditing.again import computed_again, inside, undivided
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import Compared, Finding, Probed, concluded
from gradcheck.auditing.matrices import matrix
from gradcheck.auditing.plan import Plan, lost_of
from gradcheck.auditing.rows import real, rowwise
from gradcheck.auditing.sums import Sums
from gradcheck.enclosure import Reals, outward


def theta(dump: Dump, plan: Plan, sums: Sums, limit: Reals) -> Finding:
    """G V against what it must be, then rows; `limit` (L,) is that of a probe."""
    probed, lengths = _probed(dump, plan, sums, limit)
    again = computed_again(dump, plan, sums, probed.worst())
    found = concluded("grad_theta", probed, again, plan, float(np.median(lengths)))
    if found.rows:
        anew = partial(computed_again, dump, plan, sums)
        named = causes.named(dump, sums.kept, again, found.rows)
        named = named or clipped.named(again, found.rows, dump.arrays["grad_theta"], anew)
        whole = faults.rows_in_words(found.rows, dump.L)
        zeros = faults.unwritten(again, found.rows)
        told = (whole, *zeros, *named) if named else _described(dump, sums, again, found.rows)
        return replace(found, faults=(*told, *faults.ranks_in_words(found.rows, dump)))
    return replace(found, odd=faults.odd(again))


def _described(dump: Dump, sums: Sums, again: Compared, rows: tuple[int, ...]) -> tuple[str, ...]:
    """What is seen in each row, and what explains it where none is recognised yet."""
    seen, known = faults.describe(again, rows, dump)
    told = single.named(dump, sums.kept, again, rows)
    if not (told or known):
        told = mistaken.named(dump, sums.kept, again, rows)
    return (*seen, *(told or faults.labelled(dump, rows)))


def bias(dump: Dump, plan: Plan, sums: Sums, limit: Reals) -> Finding:
    """Every entry, with its limit (L,)."""
    b, l2 = real(dump.arrays["b"]), dump.l2_of_bias
    limit, exact = penalties.of_gradient(dump, plan, limit, abs(b), l2), sums.gradient.right[-1] + l2 * b
    compared = Compared("grad_b", real(dump.arrays["grad_b"]), exact, limit)
    rows = tuple(np.flatnonzero(compared.ratios > 1).tolist())
    told = (faults.rows_in_words(rows, dump.L), *faults.ranks_in_words(rows, dump)) if rows else ()
    told += clipped.named(compared, rows, dump.arrays["grad_b"], lambda _: compared) if rows else ()
    return Finding("grad_b", compared.verdict(), rows=rows, faults=told, seen=compared.seen)


def limits(dump: Dump, plan: Plan, sums: Sums) -> Reals:
    """(2, L): the limit of a probe, and of the bias gradient, without a penalty; infinite where a partial sum may overflow."""
    total = sums.gradient
    entries = np.asarray([[dump.d], [1]])  # that a limit is the sum of
    limit = outward(total.limit + total.flat[:, np.newaxis] + (total.extra + total.floor) * entries, 4 * dump.n + 64)
    return np.where(inside(dump, plan, sums) + undivided(plan, limit) < plan.arithmetic.huge, limit, np.inf)


def _probed(dump: Dump, plan: Plan, sums: Sums, limit: Reals) -> tuple[Probed, Reals]:
    right, l2 = sums.gradient.right[:-1], dump.l2
    if l2 and plan.turned is not None:
        right = right + l2 * plan.turned.V.T
        limit = penalties.of_gradient(dump, plan, limit, plan.turned.weight, l2, count=dump.d)
    own = outward(sums.gradient.own * (1 + plan.products) + sums.gradient.floor, 4 * dump.n + 64)
    found, lengths = Probed.empty(dump.L), np.empty(dump.L)

    def product(rows: slice, G: Any) -> None:
        left, lengths[rows] = matrix(G).measured(plan.probes)
        found.fill(rows, left.T, right[:, rows])

    rowwise(dump.arrays["grad_theta"], product)
    lost = lost_of(dump, lengths)
    if l2 and plan.turned is not None:
        own = own + penalties.own(dump, l2 * plan.turned.weight)
    return replace(found, limit=limit + lost, own=own + lost), lengths
