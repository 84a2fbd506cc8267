"""The table of mistakes, tried on rows at fault: those that are functions of A, Y and X, as a small problem of these rows.

All other classes are one more row, so that columns of A and Y have the sums that they have. Of what depends on the number of
classes, or on their order, nothing is found here: it does not explain the rows, and is not said.
"""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from gradcheck.auditing.again import softmax_rows
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import Compared
from gradcheck.auditing.rows import real
from gradcheck.auditing.sums import Kept
from gradcheck.enclosure import Reals
from gradcheck.mistakes import MISTAKES, Model

ROWS, SAID = 3, 2  # rows that an explanation must hold for, and explanations that are told
LARGEST = 2**23  # entries of X, of which a copy is held
STAGES = ("residual", "labels", "folded", "mean", "divided", "normaliser", "theta_gradient")
OTHERS = frozenset(name for name in dir(Model) if not name.startswith("_")) - {
    *STAGES,
    *("bias_gradient", "data_gradient", "jacobian", "softmax_jacobian", "loss", "sample_losses", "total"),
    *("choices", "value", "analytic", "linear", "threads"),
}


def named(dump: Dump, kept: list[Kept], again: Compared, wrong: tuple[int, ...]) -> tuple[str, ...]:
    """In the table's words, with how it is mended; nothing where no mistake explains every entry of these rows."""
    rows = again.rows or ()
    places = [k for k, l in enumerate(rows) if l in wrong and np.isfinite(again.computed[k]).all()][:ROWS]
    if not places or set(dump.law.said) - {"reduction"} or len(places) >= dump.L or dump.n * dump.d > LARGEST:
        return ()
    A, Y = _whole(dump, kept, [rows[k] for k in places])
    X, meets = real(dump.samples("X", slice(0, dump.n))), dump.meets(slice(0, dump.n))
    computed, allowed = again.computed[places], again.allowed[places]
    few = np.unique(abs(computed).argmax(axis=1))  # features that tell most at first

    def explains(kind: type[Model], features: slice | Reals) -> bool:
        G = _gradient(kind(dump.law), A, Y, X[features], meets=meets)
        return G is not None and bool((abs(G[:-1] - computed[:, features]) <= allowed[:, features]).all())

    with np.errstate(all="ignore"):
        found = (
            words
            for words, kind in _candidates()
            if ("theta_gradient" in _replaced(kind) or explains(kind, few)) and explains(kind, slice(None))
        )
        return tuple(islice(found, SAID))


def _whole(dump: Dump, kept: list[Kept], rows: list[int]) -> tuple[Reals, Reals]:
    """A and Y of these rows, and of all others together (rows + 1, n)."""
    parts = []
    for block in kept:
        _, A, Y, _ = softmax_rows(dump, rows, block)
        rest = np.stack([1 - A.sum(axis=0), block.labels.mass - Y.sum(axis=0)])
        parts.append((np.vstack([A, np.maximum(rest[:1], 0)]), np.vstack([Y, np.maximum(rest[1:], 0)])))
    A, Y = (np.concatenate(side, axis=1) for side in zip(*parts, strict=True))
    return A, Y


def _candidates() -> Iterator[tuple[str, type[Model]]]:
    """Those of the table whose stages are of A, Y and X alone, and which lose no bits only."""
    for mistake in MISTAKES.values():
        if mistake.law.plain and not (mistake.unforeseeable or mistake.grid or mistake.model.near):
            for words, kind in mistake.variants():
                if not _replaced(kind) & OTHERS and _replaced(kind) & set(STAGES):
                    yield f"{words}: {mistake.fix}", kind


def _replaced(kind: type[Model]) -> set[str]:
    between = kind.__mro__[: kind.__mro__.index(Model)]
    return {name for one in between for name in vars(one)}


def _gradient(model: Model, A: Reals, Y: Reals, X: Reals, *, meets: Reals) -> Reals | None:
    """With what is upstream; None where this code cannot be asked of these rows."""
    try:
        D = model.mean(model.residual(A, model.labels(model.folded(Y, A))), Y)
        G = np.asarray(model.theta_gradient(np.asarray(D * meets), X))
    except (ValueError, IndexError, TypeError, ArithmeticError):
        return None
    return G if G.shape == (len(A), len(X)) else None
