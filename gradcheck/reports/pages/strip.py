"""One number for each of many rows, as a strip: some rows share a bar, which shows the largest of them."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.reports.pages.axes import Axis

LEFT, RIGHT, TOP, BOTTOM = 42.0, 390.0, 22.0, 120.0
BARS = 174  # at most
DECADES = 3  # at least, below the largest


@dataclass(frozen=True)
class Bar:
    """Rows `first` to `last`, and the largest ratio among them."""

    x: float
    y: float
    width: float
    height: float
    colour: str
    title: str


@dataclass(frozen=True)
class Strip:
    """All rows."""

    title: str
    bars: tuple[Bar, ...]
    up: Axis
    one: float
    rows: int


def drawn(title: str, ratios: NDArray[Any]) -> Strip:
    """Test ratios of rows, in their order."""
    known = np.where(np.isnan(ratios), np.inf, ratios.astype(np.float64))
    most = float(known[np.isfinite(known)].max(initial=0.0))
    high = math.ceil(math.log10(most)) if most > 0 else 0
    up = Axis(min(high, 0) - DECADES, max(1, high), BOTTOM, TOP)
    edges = np.unique(np.linspace(0, len(known), min(len(known), BARS) + 1).astype(int))
    width = (RIGHT - LEFT) / (len(edges) - 1)
    bars = tuple(
        _bar(LEFT + k * width, width, float(known[first:end].max()), (int(first), int(end) - 1), up)
        for k, (first, end) in enumerate(pairwise(edges))
    )
    return Strip(title, bars, up, up.at(1.0), len(known))


def _bar(x: float, width: float, ratio: float, rows: tuple[int, int], up: Axis) -> Bar:
    y = up.at(ratio)
    named = f"row {rows[0]}" if rows[0] == rows[1] else f"rows {rows[0]} to {rows[1]}"
    return Bar(x, y, max(width, 1.0), BOTTOM - y, "bad" if ratio > 1 else "ok", f"{named}: at most {ratio:.2g}")
