"""How a problem is brought into a regime: by construction, never by filtering.

Each recipe takes the parts of a plain problem and changes what its regime needs. Parts are float64 before they are
rounded to the precision under test; `regimes.REGIMES` says whether a recipe did its work.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.precision import Precision
from gradcheck.problem import Reals
from gradcheck.regimes import OFFSETS
from gradcheck.strategies.arrays import Octets, Shape, cuts, one_hot


@dataclass(frozen=True)
class Parts:
    """theta (L, d), b (L, 1), X (d, n), Y (L, n), and the class of each sample."""

    theta: Reals
    b: Reals
    X: Reals
    Y: Reals
    index: np.ndarray
    memory: str

    @property
    def classes(self) -> int:
        return len(self.b)

    @property
    def reach(self) -> float:
        """The largest |theta||X|."""
        return float((abs(self.theta) @ abs(self.X)).max())

    def labelled(self, index: np.ndarray) -> "Parts":
        """The same with other labels."""
        return replace(self, index=index, Y=one_hot(index, self.classes))


Recipe = Callable[[Octets, Parts, Precision], Parts]


def plain(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """As drawn."""
    return p


def ties(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    return replace(p, theta=0 * p.theta, b=0 * p.b)


def saturated(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """One class ahead by twice what saturates, whatever theta X does."""
    ahead = np.zeros_like(p.b)
    ahead[drawn.below(p.classes)] = 2 * p.reach - 2 * np.log(precision.u)
    return replace(p, b=ahead)


def far_below(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    return replace(p, b=p.b - 1000 - p.reach - abs(p.b).max())


def offset(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """Whole logits of a few units on top of the offset, so that the sums are exact."""
    return replace(p, theta=np.sign(p.theta), X=np.sign(p.X), b=OFFSETS[precision.name] + np.sign(p.b))


def far_column(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    X = np.where(p.X == 0, 0.125, np.clip(p.X, -1, 1))
    X[:, drawn.below(X.shape[1])] = 64.0
    return replace(p, X=X)


def confidently_wrong(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """The class after the label of the first sample is 40 ahead of all others."""
    ahead = np.zeros_like(p.b)
    ahead[(p.index[0] + 1) % p.classes] = 41 + 2 * p.reach
    return replace(p, b=ahead)


def without_class(p: Parts, absent: int) -> Parts:
    """Relabelled so that no sample carries one class."""
    index = p.index % (p.classes - 1)
    return p.labelled(index + (index >= absent))


def absent_class(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    return without_class(p, drawn.below(p.classes))


def one_label(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    return p.labelled(np.full_like(p.index, p.index[0]))


def soft_labels(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    Y = cuts(drawn.grid(p.classes - 1, p.Y.shape[1]))
    Y[:, 0], Y[:2, 0] = 0, 0.5
    return replace(p, Y=Y)


def subnormal(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    X = p.X.copy()
    X[0] = precision.eta * (1 + p.index)
    return replace(p, X=X)


def label_mass(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """Weights 2, 0, 1/2, 1, 3 over the samples."""
    weights = np.resize([2.0, 0.0, 0.5, 1.0, 3.0], p.Y.shape[1])
    return replace(p, Y=p.Y * weights)


def tiny_mass(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    """Weights from the smallest number on: products with them underflow."""
    least = np.array([precision.eta, precision.tiny, precision.tiny / precision.u, np.sqrt(precision.tiny)])
    hot = p.labelled(p.index)  # of soft labels, shares of the smallest number would be 0
    return replace(hot, Y=hot.Y * np.resize(np.roll(np.minimum(least, least[3]), drawn.below(4)), p.Y.shape[1]))


def masked_class(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    absent = drawn.below(p.classes)
    masked = without_class(p, absent)
    b = masked.b.copy()
    b[absent] = -np.inf
    return replace(masked, b=b)


def integers(drawn: Octets, p: Parts, precision: Precision) -> Parts:
    return replace(p, X=np.round(p.X), memory="integers").labelled(p.index)


def in_memory(name: str) -> Recipe:
    return lambda drawn, p, precision: replace(p, memory=name)


# Four independent choices make a problem, so that 200 test cases meet every regime and many pairs. Shapes are chosen
# before there are parts, labels before values.
LABELS: dict[str, Recipe] = {"absent-class": absent_class, "one-label": one_label, "soft-labels": soft_labels}
VALUES: dict[str, Recipe] = {
    "ties": ties,
    "saturated": saturated,
    "far-below": far_below,
    "offset": offset,
    "far-column": far_column,
    "confidently-wrong": confidently_wrong,
    "subnormal": subnormal,
}
MEMORY: dict[str, Recipe] = {f"memory-{name}": in_memory(name) for name in ("F", "strided", "reversed", "read-only")}
OPT_IN: dict[str, Recipe] = {
    "label-mass": label_mass,
    "tiny-mass": tiny_mass,
    "masked-class": masked_class,
    "integers": integers,
}
SHAPES: dict[str, Callable[[Octets, Shape], Shape]] = {
    "single-sample": lambda drawn, s: s._replace(n=1),
    "two-classes": lambda drawn, s: s._replace(L=2),
    "odd-samples": lambda drawn, s: s._replace(n=(3, 5, 7)[drawn.below(3)]),
    "square": lambda drawn, s: s._replace(n=s.L) if drawn.below(2) else s._replace(d=s.L),
    "large": lambda drawn, s: Shape(s.L, min(s.d, 3), 32767 // s.L + 1),
    "far-column": lambda drawn, s: s._replace(n=max(s.n, 2)),
    "one-label": lambda drawn, s: s._replace(n=max(s.n, 2)),
    "label-mass": lambda drawn, s: s._replace(n=max(s.n, 2)),
}
STEPS = (LABELS, VALUES, MEMORY, OPT_IN)  # whole numbers are a memory order, too, which is asked for
