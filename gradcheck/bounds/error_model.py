"""How a step of which a dump is left may have rounded: docs/audit-theory.md. The counts are those of `gradients` and `softmax`."""

from dataclasses import dataclass

import numpy as np

from gradcheck.bounds.roundings import relative, roundings, spread, together
from gradcheck.enclosure import Reals
from gradcheck.precision import Precision


@dataclass(frozen=True)
class ErrorModel:
    """`granted` is how it rounds, as `bounds` takes it, `stored` the precision of the arrays of the dump.

    `operands` counts those of theta and X (or b alone) that are finer than `stored`, and are written down before a product; `X`
    is 1 where X is, `theta` where theta is. The options of the loss add operations to its `labels`, and to its `divisor` the
    roundings of which this is the logarithm.
    """

    granted: Precision
    stored: Precision
    operands: int = 0
    X: int = 0
    theta: int = 0
    labels: int = 0
    divisor: float = 0.0

    @property
    def inside(self) -> bool:
        """Whether results alone are written down, once."""
        return bool(self.granted.returned)

    @property
    def returned(self) -> float:
        """Unit roundoff of that."""
        return self.granted.returned

    @property
    def eta(self) -> float:
        """Absolute, of one underflow."""
        return self.granted.eta

    @property
    def huge(self) -> float:
        """The largest finite number."""
        return self.granted.huge

    @property
    def loses(self) -> int:
        """1 where an operand may underflow or overflow when it is read or written down."""
        return int(bool(self.granted.loses or self.operands))

    def folded(
        self, operations: float, additions: float | None, writings: float, readings: float, among: float | None = None
    ) -> float:
        """As `Folded.relative`: with what forms the labels and the divisor of the loss."""
        found = roundings(self.granted, operations + self.labels, additions, writings, readings, among)
        return together(found + self.divisor)

    def logits(self, d: int) -> float:
        """Of Z = theta X + b: as `bounds.logits_error`, and the writing of the operands and of a result."""
        k = relative(self.granted, 1, d, writings=1, readings=2)
        k = _both(k, self.granted.kept)  # theta X, before b is added
        return _both(_both(k, spread(self.operands, self.stored.u)), self.returned)

    def underflow(self, d: int, operands: Reals | float) -> Reals:
        """Absolute, of a logit, where `operands` is no less than the sum of |theta| and |X| that it is made of."""
        return np.asarray(2 * (d + 1 + self.loses * (d + 1 + operands)) * self.eta)

    def within(self, *most: Reals | float) -> Reals:
        """0 where operands of at most these sizes can be taken, and infinite where they may overflow."""
        return np.asarray(
            sum(np.where(np.asarray(size) < self.huge, 0.0, np.inf) * self.loses for size in most if self.loses)
        )

    def gradient(self, n: int) -> float:
        """Of a sum of D x over n samples: as `bounds.Allowed.summed`, and the writing of X and of each piece of a result."""
        return self._contracted(n, self.X)

    def data(self, L: int) -> float:
        """Of a sum of theta D over L classes: as `bounds.Allowed.X`, likewise."""
        return self._contracted(L, self.theta)

    def _contracted(self, terms: int, finer: int) -> float:
        pieces = self.granted.pieces
        k = relative(self.granted, 2 + pieces, terms - 1, writings=1 + pieces, readings=2)
        return _both(_both(k, spread(finer, self.stored.u)), spread(pieces, self.returned))

    def differences(self, masses: int) -> float:
        """Of D = (A mass - Y)/n: the mass, a sum of so many, its product, a subtraction, n as a number, 1/n and a product."""
        return self.folded(5, masses or None, writings=3, readings=2)

    def squares(self, masses: int) -> float:
        """Of 2 c lse A: as `gradients._of_squares`."""
        return self.folded(10, masses or None, writings=3, readings=2)

    def others(self, L: int, alone: Reals) -> Reals:
        """Of an entry of D at a label, times N, as minus the sum of the others, but for what A at the label is off by."""
        grown, rest = np.expm1(np.minimum(alone, 700.0)), self.folded(6, L - 2, writings=4, readings=2)
        return np.asarray((1 + rest) * grown + rest)

    def loss(self, terms: int, entries: int) -> float:
        """Of -(1/n) sum Y log A: products, two sums and their difference, n as a number, 1/n and a product. Of the `entries` of Y
        no more than so many terms are not 0.
        """
        return self.folded(5, 2 * terms - 1, writings=3, readings=2, among=2 * entries)

    def squared_loss(self, n: int) -> float:
        """Of c lse^2: as `losses._squares`."""
        return self.folded(9, n, writings=3, readings=2)

    def label(self, L: int) -> float:
        """Of mass lse - sum Y Z, of one sample."""
        return relative(self.granted, 4, L - 1, writings=2, readings=2)


def _both(one: float, other: float) -> float:
    return one + other + one * other
