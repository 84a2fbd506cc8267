"""How a problem is brought out of a regime that a target does not take: by construction, as it is brought into one.

`SHAPED` moves shapes before there are numbers, `MENDED` numbers before they are rounded. What is in none of them is not imposed;
what is in such a regime by chance is not posed (`implementations.fitting`).
"""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from gradcheck.precision import Precision
from gradcheck.problem import Reals
from gradcheck.regimes import FAR, FLAT, OFFSETS, SMALL, edges, tiled
from gradcheck.strategies.arrays import Shape
from gradcheck.strategies.parts import Parts


def _several(s: Shape) -> Shape:
    return s._replace(n=max(s.n, 2))


def _three_classes(s: Shape) -> Shape:
    return s._replace(L=max(s.L, 3))


def _even(s: Shape) -> Shape:
    return s._replace(n=s.n + (s.n in (3, 5, 7)))


def _oblong(s: Shape) -> Shape:
    return s._replace(n=s.n + (s.n == s.L), d=s.d + (s.d == s.L))


def _few(s: Shape) -> Shape:
    return s._replace(n=min(s.n, FLAT[-1] // s.L))


def _untiled(s: Shape) -> Shape:
    return Shape(*(min(side, SMALL + 1) for side in s)) if tiled(*s) else s


def _enough(s: Shape) -> Shape:
    """A sample for each class."""
    return s._replace(n=max(s.n, s.L))


SHAPED: dict[str, Callable[[Shape], Shape]] = {
    "single-sample": _several,
    "two-classes": _three_classes,
    "absent-class": _enough,
    "odd-samples": _even,
    "square": _oblong,
    "large": _few,
    "tiles": _untiled,
}


def _logits(p: Parts) -> Reals:
    """Those that are finite, (L, n)."""
    Z: Reals = p.theta @ p.X + p.b
    return Z[np.isfinite(p.b[:, 0])]


def _within(p: Parts, most: float) -> Parts:
    """With logits no further apart than that."""
    Z = _logits(p)
    gap = float((Z.max(axis=0) - Z.min(axis=0)).max())
    by = 2.0 ** -np.ceil(np.log2(gap / most)) if gap > most else 1.0
    return replace(p, theta=by * p.theta, b=by * p.b)


def untied(p: Parts, precision: Precision) -> Parts:
    return p if p.theta.any() or p.b.any() else replace(p, b=p.b + np.eye(p.classes, 1))


def unsaturated(p: Parts, precision: Precision) -> Parts:
    return _within(p, -np.log(precision.u) / 2)


def rightly(p: Parts, precision: Precision) -> Parts:
    return _within(p, 39)


def near_zero(p: Parts, precision: Precision) -> Parts:
    """Neither far below nor all of them far away."""
    Z = _logits(p)
    far = Z.max() <= -500 or abs(Z).min() >= OFFSETS[precision.name] / 4
    return replace(p, b=p.b - np.round(Z.mean())) if far else p


def centred(p: Parts, precision: Precision) -> Parts:
    Z = _logits(p)
    return replace(p, b=p.b - np.round(Z.mean())) if abs(Z).min() >= min(FAR[precision.name]) / 4 else p


def within_exp(p: Parts, precision: Precision) -> Parts:
    return _within(p, min(edges(precision)) - 3)


def uncancelled(p: Parts, precision: Precision) -> Parts:
    """All terms of a sum of one sign."""
    return replace(p, theta=abs(p.theta), b=np.where(np.isfinite(p.b), abs(p.b), p.b), X=abs(p.X))


def away_from_zero(p: Parts, precision: Precision) -> Parts:
    """By a number that few logits have."""
    return replace(p, b=p.b + 0.37)


def near_columns(p: Parts, precision: Precision) -> Parts:
    sizes = np.sort(abs(p.X).max(axis=0))
    most = 8 * sizes[-2] if len(sizes) > 1 and sizes[-2] > 0 else np.inf
    return replace(p, X=np.clip(p.X, -most, most))


def hot(p: Parts, precision: Precision) -> Parts:
    return p.labelled(p.index)


def every_class(p: Parts, precision: Precision) -> Parts:
    if len(p.index) < p.classes:
        return p
    index = p.index.copy()
    index[: p.classes] = np.arange(p.classes)
    return p.labelled(index)


def two_labels(p: Parts, precision: Precision) -> Parts:
    if len(set(p.index.tolist())) > 1:
        return p
    index = p.index.copy()
    index[-1] = (index[-1] + 1) % p.classes
    return p.labelled(index) if len(index) > 1 else p


def normal(p: Parts, precision: Precision) -> Parts:
    theta, b, X = (np.where(abs(a) < 2 * precision.tiny, 0, a) for a in (p.theta, p.b, p.X))
    return replace(p, theta=theta, b=b, X=X)


MENDED: dict[str, Callable[[Parts, Precision], Parts]] = {
    "absent-class": every_class,
    "one-label": two_labels,
    "soft-labels": hot,
    "saturated": unsaturated,
    "confidently-wrong": rightly,
    "far-below": near_zero,
    "offset": near_zero,
    "far-column": near_columns,
    "subnormal": normal,
    "ties": untied,
    "far-offset": centred,
    "exp-edge": within_exp,
    "cancelling": uncancelled,
    "zero-logits": away_from_zero,
}


def reshaped(refused: Iterable[str], shape: Shape) -> Shape:
    """The shape out of these regimes."""
    for name in (name for name in SHAPED if name in refused):
        shape = SHAPED[name](shape)
    return shape


def mended(refused: Iterable[str], p: Parts, precision: Precision) -> Parts:
    """The numbers out of these regimes."""
    for name in (name for name in MENDED if name in refused):
        p = MENDED[name](p, precision)
    return p
