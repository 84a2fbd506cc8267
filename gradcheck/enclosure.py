"""Enclosures: the only place where numbers are compared.

An enclosure is a set midpoint +- radius proven to contain the truth. A test ratio is

    |computed - midpoint| / radius        (accepted if and only if <= 1)

Its own rounding: the difference, the radius' inflation and the quotient are each one rounding of float64, so
that 8 u (u = 2**-53) added to the radius keeps the verdict on the safe side of all of them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Reals = NDArray[np.float64]

U64 = 2.0**-53
ETA64 = 2.0**-1074


def outward(bound: ArrayLike, roundings: int = 8) -> Reals:
    """A non-negative bound made safe against its own evaluation.

    `bound` came from at most `roundings` float64 roundings of non-negative numbers, so the exact value is below
    bound * (1 + 2 * roundings * u) + the underflow of each.
    """
    grown, lost = margin(roundings)
    safe = np.multiply(bound, grown)
    safe += lost
    return safe


def margin(roundings: int) -> tuple[float, float]:
    """What `outward` multiplies by, and what it adds."""
    return 1 + 2 * (roundings + 2) * U64, roundings * ETA64


@dataclass(frozen=True, eq=False)
class Enclosure:
    """`midpoint` +- `radius`, float64 arrays of one shape; the radius is absolute. An infinite radius says nothing.

    >>> import numpy as np
    >>> from gradcheck import Enclosure
    >>> Enclosure(np.array([1.0]), np.array([0.25])).magnitude
    array([1.25])
    """

    midpoint: Reals
    radius: Reals

    @property
    def magnitude(self) -> Reals:
        """An upper bound of |truth|."""
        return outward(abs(self.midpoint) + self.radius, 1)

    @property
    def vacuous(self) -> NDArray[np.bool_]:
        """Where the radius is as large as the midpoint: true, but useless."""
        return ~(self.radius < abs(self.midpoint))

    def inflate(self, extra: ArrayLike) -> "Enclosure":
        """The same midpoint with a radius wider by `extra`."""
        return Enclosure(self.midpoint, outward(self.radius + np.asarray(extra), 1))

    def widened(self, factor: float) -> "Enclosure":
        """The same midpoint with a radius as many times as wide."""
        return Enclosure(self.midpoint, outward(self.radius * factor, 1))

    def take(self, *index: Any) -> "Enclosure":
        """The enclosure of a part: both arrays indexed alike."""
        return Enclosure(self.midpoint[index], self.radius[index])

    def test_ratio(self, computed: ArrayLike) -> Reals:
        """|computed - midpoint| / radius, entry by entry.

        0 where they are equal (so also for equal infinities) and where the radius is infinite, whatever was computed;
        infinity where `computed` is NaN, or where it differs and the radius is zero.
        """
        values = np.asarray(computed, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            ratio = abs(values - self.midpoint) / outward(self.radius)
        ratio = np.where(np.isnan(ratio) | np.isnan(values), np.inf, ratio)
        return np.where(np.isinf(self.radius) | (values == self.midpoint), 0.0, ratio)

    def reshape(self, *shape: int) -> "Enclosure":
        """Both arrays in another shape."""
        return Enclosure(self.midpoint.reshape(shape), self.radius.reshape(shape))

    @classmethod
    def representable(cls, midpoint: Reals, radius: Reals) -> "Enclosure":
        """Where the midpoint has left the range of float64, nothing is known: 0 with an infinite radius."""
        inside = np.isfinite(midpoint)
        return (
            cls(midpoint, radius)
            if inside.all()
            else cls(np.where(inside, midpoint, 0), np.where(inside, radius, np.inf))
        )

    def encloses(self, other: "Enclosure") -> bool:
        """Whether every point of `other` lies in this enclosure."""
        gap = abs(other.midpoint - self.midpoint) + other.radius
        return bool(((gap <= outward(self.radius)) | (other.midpoint == self.midpoint) & (other.radius == 0)).all())

    def meets(self, other: "Enclosure") -> bool:
        """Whether the two have a point in common, as two enclosures of one truth must."""
        with np.errstate(invalid="ignore"):
            gap = abs(other.midpoint - self.midpoint)
        wide = outward(self.radius + other.radius)
        return bool(((gap <= wide) | (other.midpoint == self.midpoint)).all())
