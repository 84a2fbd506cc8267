"""Shapes in a few letters: `n=16k,d=64` is every shape of 64 features and a multiple of 16 samples.

Said of the arrays that a target is handed, by their own sides: L classes, d features, n samples. Knows no problems and no targets.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from gradcheck.errors import Unusable

NAMES = ("L", "d", "n")
MOST = 1 << 31  # of a side
LONGEST, MOST_SHAPES = 200, 64  # characters of one shape, and shapes
EXPECTED = "sides with commas between them, such as n=16k,d=64 (k: multiples) or L=2..128, d=64/128"
_SIZE = "[0-9]{1,10}"
_AMOUNT = re.compile(
    rf"(?P<one>{_SIZE})|(?P<step>{_SIZE})k(\.\.(?P<end>{_SIZE}))?|(?P<least>{_SIZE})?\.\.(?P<most>{_SIZE})?"
)


class Amounts(NamedTuple):
    """Whole numbers from `least` to `most`, each a multiple of `step`."""

    least: int
    most: int
    step: int = 1

    def has(self, size: int) -> bool:
        """Whether it is one of them."""
        return self.least <= size <= self.most and size % self.step == 0


ANY = (Amounts(1, MOST),)


def nearest(some: Iterable[Amounts], size: int) -> int:
    """The first size from `size` on that is one of these, else the last below it; 0 where there is none."""
    above = [first for a in some if (first := max(a.least, -(-size // a.step) * a.step)) <= a.most]
    return min(above, default=0) or last(some, size)


def last(some: Iterable[Amounts], most: int) -> int:
    """The largest size of these that is no larger than `most`; 0 where there is none."""
    return max((found for a in some if (found := min(a.most, most) // a.step * a.step) >= a.least), default=0)


def ends(some: Iterable[Amounts], most: int) -> list[int]:
    """The first and the last sizes of these and their neighbours, up to `most`."""
    found = [size for a in some for end in (last([a], MOST), a.least) for size in (end, end - a.step, end + a.step)]
    return [size for size in dict.fromkeys(found) if size <= most and any(a.has(size) for a in some)]


@dataclass(frozen=True)
class Sides:
    """One shape, or many of a kind: for each side that is named, which sizes it may have."""

    said: str
    amounts: tuple[tuple[str, tuple[Amounts, ...]], ...]

    def of(self, side: str, least: int = 1) -> tuple[Amounts, ...]:
        """The sizes that this side may have, from `least` on."""
        some = dict(self.amounts).get(side, ANY)
        first = (a._replace(least=max(a.least, -(-least // a.step) * a.step)) for a in some)
        return tuple(a for a in first if a.least <= a.most)

    def has(self, **sizes: int) -> bool:
        """Whether arrays of these sizes are of it; a side that is not given may be any."""
        return all(any(a.has(sizes[side]) for a in some) for side, some in self.amounts if side in sizes)


@cache
def read(said: str) -> Sides:
    """The sides that such a text names; `ValueError` where it is none."""
    found: dict[str, tuple[Amounts, ...]] = {}
    for part in said.split(","):
        side, equals, sizes = part.partition("=")
        if side.strip() not in NAMES or not equals or side.strip() in found:
            raise ValueError
        found[side.strip()] = tuple(_amounts(size.strip()) for size in sizes.split("/"))
    return Sides(said, tuple(found.items()))


def _amounts(said: str) -> Amounts:
    match = _AMOUNT.fullmatch(said)
    if match is None or said in ("..", ""):
        raise ValueError
    number = {name: int(text) for name, text in match.groupdict().items() if text}
    step = number.get("step", 1)
    least = number.get("one", max(number.get("least", 1), step))
    most = number.get("one", number.get("most", number.get("end", MOST)))
    if not (step and 1 <= least <= most <= MOST):
        raise ValueError
    return Amounts(least, most, step)


def refuse(said: object) -> Unusable:
    """What is said of a text that names no shapes."""
    return Unusable(f"shape {said!r:.60} is not known; expected {EXPECTED}")
