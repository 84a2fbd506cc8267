"""Test ratios, one of each thing, as points on a log axis: how near to 1 they came."""

from collections.abc import Mapping
from dataclasses import dataclass

from gradcheck.reports import words
from gradcheck.reports.pages.axes import Axis

LEFT, RIGHT, TOP, ROW = 190.0, 360.0, 24.0, 15.0
LOW, HIGH = -6.0, 3.0  # powers of ten; what is beyond is drawn at the end


@dataclass(frozen=True)
class Point:
    """One of them."""

    name: str
    x: float
    y: float
    text: str
    colour: str


@dataclass(frozen=True)
class Closeness:
    """All of them, and where 1 is."""

    title: str
    points: tuple[Point, ...]
    across: Axis
    one: float
    height: float


def drawn(title: str, ratios: Mapping[str, float]) -> Closeness | None:
    """In the order that is given; None of nothing."""
    if not ratios:
        return None
    across = Axis(LOW, HIGH, LEFT, RIGHT)
    points = tuple(
        Point(name, across.at(ratio), TOP + ROW * k, words.ratio(ratio), "bad" if ratio > 1 else "ok")
        for k, (name, ratio) in enumerate(ratios.items())
    )
    return Closeness(title, points, across, across.at(1.0), TOP + ROW * len(points))
