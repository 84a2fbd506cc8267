"""The test ratios of one check on all problems, counted on a log axis: what agrees is left of 1."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from gradcheck.reports.pages.axes import Axis
from gradcheck.spread import HIGHEST, LOWEST, PER_DECADE

LEFT, RIGHT, TOP, BOTTOM = 8.0, 392.0, 34.0, 190.0
COUNTED = 24  # cells, up to which each has a bar of its own
GAP = 2.0


@dataclass(frozen=True)
class Bar:
    """Problems of one cell."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    count: int


@dataclass(frozen=True)
class Histogram:
    """Bars, and where 1 is."""

    title: str
    bars: tuple[Bar, ...]
    across: Axis
    one: float
    said: str


def drawn(name: str, ratios: Mapping[int, int]) -> Histogram | None:
    """Of the counts of a check; None where nothing was compared."""
    if not ratios:
        return None
    low, high = min(*ratios, -3), max(*ratios, 2)
    wide = PER_DECADE if high - low > COUNTED else 1  # cells of a bar
    counts = Counter[int]()
    for k, count in ratios.items():
        counts[k // wide] += count
    low, high = low // wide, high // wide + 1
    across = Axis(low * wide / PER_DECADE, high * wide / PER_DECADE, LEFT, RIGHT)
    width, most = (RIGHT - LEFT) / (high - low), max(counts.values())
    bars = [_bar(k, count, LEFT + (k - low) * width, width, most) for k, count in sorted(counts.items())]
    return Histogram(f"test ratios of {name}", tuple(bars), across, across.at(1.0), _said(ratios))


def _bar(k: int, count: int, x: float, width: float, most: int) -> Bar:
    height = max((BOTTOM - TOP) * count / most, 1.0)
    return Bar(x + GAP / 2, BOTTOM - height, width - GAP, height, "ok" if k < 0 else "bad", count)


def _said(ratios: Mapping[int, int]) -> str:
    below = sum(count for k, count in ratios.items() if k < 0)
    above = sum(ratios.values()) - below
    ends = []
    if ratios.get(LOWEST):
        ends.append("the first bar holds all that is smaller, 0 included")
    if ratios.get(HIGHEST):
        ends.append("the last bar holds all that is larger, and what is no number")
    more = f" ({'; '.join(ends)})" if ends else ""
    return f"{below} problems are within what rounding explains, {above} are not{more}."
