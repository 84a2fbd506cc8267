"""How a step of which a dump is left may have rounded: docs/audit.md."""

from dataclasses import dataclass, replace

import numpy as np

from gradcheck.bounds.roundings import spread
from gradcheck.enclosure import Reals
from gradcheck.precision import Precision


@dataclass(frozen=True)
class ErrorModel:
    """Every operation rounds as `sums` does, and what it or a sum comes to may be rounded to `stored`;
    where `arrays`, arrays between two steps alone.

    `operands` counts those of theta and X that are finer than `stored`, and are written down before a product; `X` is 1 where X is.
    `merged` and `pieces` are declared (see `gradcheck.Arithmetic`); `inside`, that arrays between two steps are not rounded to
    `stored`, but results alone are.
    """

    sums: Precision
    stored: Precision
    operands: int = 0
    X: int = 0
    merged: float = 0.0
    pieces: int = 1
    inside: bool = False
    arrays: bool = False

    @property
    def u(self) -> float:
        """Unit roundoff of an operation."""
        return self.sums.u

    @property
    def kept(self) -> float:
        """Unit roundoff of writing an array down; 0 where that is the rounding of its last operation."""
        return 0.0 if self.inside else self.returned

    @property
    def returned(self) -> float:
        """Unit roundoff of writing a result down; 0 where that is the rounding of its last operation."""
        return self.stored.u if self.stored.u > self.sums.u else 0.0

    @property
    def eta(self) -> float:
        """Absolute, of one underflow."""
        return max(self.sums.eta, self.stored.eta)

    @property
    def huge(self) -> float:
        """The largest finite number."""
        return min(self.sums.huge, self.stored.huge)

    @property
    def softmax(self) -> Precision:
        """What is granted between the logits and D, as `bounds` takes it."""
        each, arrays = (0.0, self.kept) if self.arrays else (self.kept, 0.0)
        return replace(self.sums, kept=each, stored=arrays, merged=self.merged)

    def relative(self, roundings: float, writings: int) -> float:
        """The relative error of so many operations and so many writings of their result."""
        return self._relative(roundings, writings, self.kept)

    def _relative(self, roundings: float, writings: int, kept: float) -> float:
        operations, written = spread(roundings, self.u), spread(writings, kept)
        return operations + written + operations * written

    def logits(self, d: int) -> float:
        """Of Z = theta X + b: d products and sums, and the writing of theta X, of Z and of the operands."""
        apart = not (self.inside or self.arrays)  # theta X, before b is added
        return self._relative(d + 1, 1 + apart + self.operands, self.returned)

    def differences(self, masses: int) -> float:
        """Of D = (A mass - Y)/n: the mass, a sum of so many, its product, a subtraction, n as a number, 1/n and a product."""
        return self.relative(5 + masses, 2 if self.arrays else 4 + 2 * bool(masses))

    def others(self, L: int, alone: Reals) -> Reals:
        """Of an entry of D at a label, times N, as minus the sum of the others, but for what A at the label is off by."""
        grown = np.expm1(np.minimum(alone, 700.0))
        rest = self.relative(L + 4, 3 if self.arrays else 5)
        return (1 + rest) * grown + rest

    def loss(self, terms: int) -> float:
        """Of -(1/n) sum Y log A: products, two sums and their difference, n as a number, 1/n and a product."""
        return self.relative(2 * terms + 4, 2 if self.arrays else 6)

    def gradient(self, n: int) -> float:
        """Of a sum of D x over n samples: products and sums, and the writing of X and of each piece of the result."""
        again = 0 if self.returned else self.pieces - 1
        return self._relative(n + 2 + again, self.X + self.pieces, self.returned)
