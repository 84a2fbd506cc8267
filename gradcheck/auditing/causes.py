"""Mistakes that make whole rows wrong: each is computed for a few rows, and named where it explains every entry of them.

G = D Xᵀ,  D = A diag(c) − Y'/N          a mistake puts another D in its place, or sums over a part of the samples
"""

from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.auditing.again import softmax_of, taken
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import Compared
from gradcheck.auditing.rows import real
from gradcheck.auditing.sums import Kept
from gradcheck.auditing.torn import of_ranks
from gradcheck.auditing.undone import relabelled, rows_of, undone
from gradcheck.enclosure import Reals

ROWS = 3  # that an explanation must hold for
LEAST = 1e-9  # of a limit, is no difference
TRIED = 4  # numbers of samples that are tried in full

# From P = A diag(c), A and Y = Y'/N (rows, n): what stands in the place of P − Y.
MISTAKEN: dict[str, Callable[[Reals, Reals, Reals], Reals]] = {
    "as if labels were not subtracted": lambda P, A, Y: P,
    "as if labels alone were summed, without the probabilities": lambda P, A, Y: -Y,
    "as if labels were added": lambda P, A, Y: P + Y,
    "as if each sample had the labels of the next": lambda P, A, Y: P - np.roll(Y, -1, axis=1),
    "as if each sample had the labels of the one before": lambda P, A, Y: P - np.roll(Y, 1, axis=1),
    "as if A(1 − A), the derivative of a sigmoid, were multiplied in": lambda P, A, Y: (P - Y) * A * (1 - A),
}


def named(dump: Dump, kept: list[Kept], again: Compared, wrong: tuple[int, ...]) -> tuple[str, ...]:
    """What explains the rows at fault; nothing where no mistake of this table does."""
    rows = again.rows or ()
    places = [k for k, l in enumerate(rows) if l in wrong and np.isfinite(again.computed[k]).all()][:ROWS]
    if not places:
        return ()
    chosen, allowed = [rows[k] for k in places], again.allowed[places]
    theta = taken(dump.arrays["theta"], chosen)
    computed = again.computed[places] - dump.l2 * theta
    A, Y, slope = softmax_of(dump, kept, chosen)
    P, Y = (
        slope * A * np.concatenate([block.pull for block in kept]),
        slope * Y * np.concatenate([block.share for block in kept]),
    )
    tried = {name: mistaken(P, A, Y) for name, mistaken in MISTAKEN.items()}
    tried |= dict(_parts(dump, P - Y, computed, allowed)) if dump.n > 1 else {}
    tried |= of_ranks(dump, kept, chosen, P - Y, slope)
    others = {**undone(dump), **relabelled(dump)}
    tried |= {name: rows_of(other, kept, chosen, A, slope) for name, other in others.items()}
    found = products(dump, kept, np.stack(list(tried.values())))
    if dump.l2:
        found = found + np.multiply.outer([others.get(name, dump).l2 - dump.l2 for name in tried], theta)
    return tuple(name for name, G in zip(tried, found, strict=True) if (abs(G - computed) <= allowed).all())


def products(dump: Dump, kept: list[Kept], D: Reals) -> Reals:
    """D Xᵀ for D (tried, rows, n)."""
    total = np.zeros((*D.shape[:2], dump.d))
    for block in kept:
        total += D[:, :, block.part] @ real(dump.samples("X", block.part)).T
    return total


def _parts(dump: Dump, D: Reals, computed: Reals, allowed: Reals) -> Iterator[tuple[str, Reals]]:
    """The first samples alone, or the last. Where they part is found by the largest entry of each row; those that fit
    best are tried first, and of places that fit alike those at which many sizes of chunks end.
    """
    n = dump.n
    first, last = np.zeros(n - 1), np.zeros(n - 1)  # the most that a row is off by, of its limit
    for row, j in enumerate(np.argmax(abs(computed), axis=1).tolist()):
        summed = np.cumsum(D[row] * real(dump.arrays["X"][j : j + 1]).reshape(-1))
        for off, parts in ((first, summed[:-1]), (last, summed[-1] - summed[:-1])):
            np.maximum(off, abs(parts - computed[row, j]) / allowed[row, j], out=off)
    for which, off in (("first", first), ("last", last)):
        nearness = np.floor(np.log10(np.maximum(off, LEAST)))
        places = [int(at) + 1 for at in np.flatnonzero(off <= 1)]
        for at in sorted(places, key=lambda at: (nearness[at - 1], -(at & -at)))[:TRIED]:
            part = D.copy()
            part[:, at:] *= which == "last"
            part[:, :at] *= which == "first"
            yield f"as if only the {which} {at if which == 'first' else n - at} of {n} samples had been summed", part
