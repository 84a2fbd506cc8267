"""Axes with a log scale: where a value lies in a picture, and where the lines of its grid are."""

import math
from dataclasses import dataclass

TICKS = 6  # about as many as are read


@dataclass(frozen=True)
class Axis:
    """Values from 10^low to 10^high, drawn from `start` to `end`; what lies beyond is drawn at the end."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Where a value is drawn; 0 at the lower end, what is no number at the upper one."""
        if value == 0:
            return self.start
        exponent = math.log10(value) if 0 < value < math.inf else self.high
        share = (min(max(exponent, self.low), self.high) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[tuple[float, str]]:
        """Powers of ten: where, and as text."""
        step = max(1, math.ceil((self.high - self.low) / TICKS))
        first = math.ceil(self.low / step) * step
        return [(self.at(10.0**k), power(k)) for k in range(first, math.floor(self.high) + 1, step)]


SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def power(exponent: int) -> str:
    """`10⁻⁸`; 1 is 1."""
    return "1" if exponent == 0 else "10" + str(exponent).translate(SUPERSCRIPTS)
