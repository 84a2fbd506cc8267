"""Rows that are off by multiples of one sample: it was counted though it does not count, or twice, or not at all.

F = Ĝ − c G,  F_l = a_l X_i of every row l,     c = 1, or N/(N ± 1) where the mean counts that sample, too
"""

import numpy as np

from gradcheck.auditing.again import softmax_rows
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import Compared
from gradcheck.auditing.rows import real
from gradcheck.auditing.sums import Kept
from gradcheck.enclosure import Reals

ROWS = 3  # that an explanation must hold for


def named(dump: Dump, kept: list[Kept], again: Compared, wrong: tuple[int, ...]) -> tuple[str, ...]:
    """The sample that explains every entry of the rows at fault; nothing where none does."""
    rows = again.rows or ()
    places = [k for k, l in enumerate(rows) if l in wrong and np.isfinite(again.computed[k]).all()][:ROWS]
    if not places or dump.d < 2 or not dump.N > 1:
        return ()
    computed, truth, allowed = (a[places] for a in (again.computed, again.truth, again.allowed))
    N = dump.N
    for c, words in ((1.0, ""), (N / (N + 1), ", and N were one more"), (N / (N - 1), ", and N were one less")):
        found = _sample(dump, kept, computed - c * truth, max(1.0, c) * allowed)
        if found is not None:
            i, sizes = found
            return (
                f"what is off is a multiple of sample {i}{_how(dump, kept, i, [rows[k] for k in places], sizes)}{words}",
            )
    return ()


def _sample(dump: Dump, kept: list[Kept], F: Reals, allowed: Reals) -> tuple[int, Reals] | None:
    """A sample whose multiples these rows are, and how often (rows,)."""
    worst = int(np.argmax((abs(F) / allowed).max(axis=1)))
    if (abs(F[worst]) <= allowed[worst]).all():
        return None
    best, at = -1.0, 0
    for block in kept:
        X = real(dump.samples("X", block.part))
        with np.errstate(all="ignore"):
            near = np.nan_to_num((F[worst] @ X) ** 2 / np.einsum("ij,ij->j", X, X), nan=0.0)
        if near.max() > best:
            best, at = float(near.max()), block.part.start + int(near.argmax())
    x = real(dump.samples("X", slice(at, at + 1)))[:, 0]
    if not x.any():
        return None
    sizes = F @ x / (x @ x)
    return (at, sizes) if (abs(F - np.outer(sizes, x)) <= allowed).all() else None


def _how(dump: Dump, kept: list[Kept], i: int, rows: list[int], sizes: Reals) -> str:
    """What it was that it should not have been: counted, twice, or not at all."""
    block = next(k for k in kept if k.part.start <= i < k.part.stop)
    at = i - block.part.start
    if not block.labels.given[at]:
        return ", which does not count: as if it had been counted"
    _, A, Y, slope = softmax_rows(dump, rows, block)
    D = np.broadcast_to(slope, A.shape)[:, at] * (A[:, at] * block.pull[at] - Y[:, at] * block.share[at])
    times = float(sizes @ D / (D @ D)) if D.any() else 0.0
    return {1: ": as if it had been summed twice", -1: ": as if it had been left out"}.get(round(times), "")
