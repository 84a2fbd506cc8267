"""Heat maps: an array entry by entry, in colours that say how far each is off."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.pictures import Picture
from gradcheck.reports import arrays
from gradcheck.reports.pages.palette import CELLS

SIDE, SMALL, LETTER, GAP = 38.0, 13.0, 7.0, 3.0  # lengths in the picture
LEFT, TOP, WIDEST = 62.0, 22.0, 400.0
MOST = 32  # rows and columns that are drawn
MEANINGS = dict(
    zip(
        CELLS,
        ("within what rounding explains", "beyond it", "beyond 10³ times it", "beyond 10⁹ times it", "no number"),
        strict=True,
    )
)
FAR = (1e3, 1e9)  # times the allowance, from where on an error has another colour


@dataclass(frozen=True)
class Cell:
    """An entry: where it is drawn, its colour, what stands in it, and what it is."""

    x: float
    y: float
    colour: str
    text: str
    title: str


@dataclass(frozen=True)
class Heat:
    """A map, with the names of its rows and columns; `side` is the height of a cell, `across` its width."""

    title: str
    cells: tuple[Cell, ...]
    rows: tuple[tuple[float, str], ...]
    columns: tuple[tuple[float, str], ...]
    over: str
    across: float
    side: float
    width: float
    height: float
    cut: str

    @property
    def colours(self) -> list[tuple[str, str]]:
        """Those that occur, and what they mean."""
        met = {cell.colour for cell in self.cells}
        return [(colour, meaning) for colour, meaning in MEANINGS.items() if colour in met]


def maps(picture: Picture) -> Iterator[Heat]:
    """Yours divided by exact, and the error divided by what is allowed."""
    yield _map(picture, f"{picture.quantity}: yours / exact", _quotient)
    yield _map(picture, f"{picture.quantity}: error / allowance", _used)


def _quotient(picture: Picture, place: tuple[int, int]) -> str:
    computed, exact = float(picture.computed[place]), float(picture.exact[place])
    if picture.off[place]:
        return arrays.times(computed, exact)
    return "0/0" if exact == 0 else f"{computed / exact:.4g}"


def _used(picture: Picture, place: tuple[int, int]) -> str:
    return compact(float(picture.test_ratio[place]))


def compact(value: float) -> str:
    """`<0.01`, `0.02`, `8e9`: as short as can be read."""
    if not np.isfinite(value):
        return "∞"
    if 0 < value < 0.01:
        return "<0.01"
    if value < 100:
        return f"{value:.2g}"
    mantissa, _, exponent = f"{value:.0e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def _map(picture: Picture, title: str, entry: Callable[[Picture, tuple[int, int]], str]) -> Heat:
    whole = picture.matrix
    rows, columns = (min(size, MOST) for size in whole.exact.shape)
    texts = [[entry(whole, (l, j)) for j in range(columns)] for l in range(rows)]
    across, side = max(SIDE, LETTER * max(len(text) for row in texts for text in row) + 8), SIDE
    readable = LEFT + columns * (across + GAP) <= WIDEST and rows <= MOST / 2
    across, side = (across, side) if readable else (SMALL, SMALL)
    cells = [
        Cell(
            LEFT + j * (across + GAP),
            TOP + l * (side + GAP),
            _colour(whole, (l, j)),
            texts[l][j] if readable else "",
            _said(whole, (l, j), texts[l][j]),
        )
        for l in range(rows)
        for j in range(columns)
    ]
    down, over = arrays.axes(picture.quantity)
    every = 1 if readable else 8
    return Heat(
        title,
        tuple(cells),
        tuple((TOP + l * (side + GAP) + side / 2 + 4, f"{down} {l}") for l in range(0, rows, every) if down),
        tuple((LEFT + j * (across + GAP) + across / 2, str(j)) for j in range(0, columns, every) if over),
        over,
        across,
        side,
        max(LEFT + columns * (across + GAP), 9.0 * len(title)),
        TOP + rows * (side + GAP),
        _cut(whole.exact.shape),
    )


def _colour(picture: Picture, place: tuple[int, int]) -> str:
    if not picture.off[place]:
        return CELLS[0]
    if not np.isfinite(picture.computed[place]):
        return CELLS[-1]
    return CELLS[1 + sum(float(picture.test_ratio[place]) > far for far in FAR)]


def _said(picture: Picture, place: tuple[int, int], text: str) -> str:
    computed, exact = arrays.told_apart(float(picture.computed[place]), float(picture.exact[place]))
    return f"[{place[0]}, {place[1]}] yours {computed}, exact {exact} ± {float(picture.limit[place]):.1e}: {text}"


def _cut(shape: tuple[int, ...]) -> str:
    return "" if max(shape) <= MOST else f"Of {shape[0]} rows and {shape[1]} columns, the first {MOST} are shown."
