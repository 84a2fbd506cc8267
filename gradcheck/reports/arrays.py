"""Arrays as text: yours, exact, and the ratio of both, entry by entry, in as many columns as there are; nothing is cut off."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradcheck.diagnosis import entries
from gradcheck.diagnosis.views import QUANTITIES
from gradcheck.pictures import Picture

SHOWN = 24  # entries that a reader takes in; of more, what they have in common
# What a row is, and a column.
AXES = {QUANTITIES[name][1]: axes for name, axes in entries.AXES.items()} | {"∂A/∂Z": ("class", "class"), "ℒ": ("", "")}
WORST = 8  # entries, where columns are more than fit
RIGHT = "✓"


@dataclass(frozen=True)
class Block:
    """Some columns under one heading."""

    heading: str
    cells: tuple[tuple[str, ...], ...]

    @property
    def widths(self) -> list[int]:
        """Of each column; the heading stands above all of them."""
        found = [max(map(len, column)) for column in zip(*self.cells, strict=True)]
        found[0] += max(len(self.heading) - sum(found) - 2 * (len(found) - 1), 0)
        return found

    def lines(self) -> Iterator[str]:
        """The heading, and each row."""
        widths = self.widths
        yield self.heading.rjust(sum(widths) + 2 * (len(widths) - 1))
        for row in self.cells:
            yield "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))


def axes(quantity: str) -> tuple[str, str]:
    """The names of its rows and columns, whatever is said of it besides: `∂ℒ/∂θ, batch twice`."""
    return AXES.get(quantity.split(" ", maxsplit=1)[0].rstrip(","), ("row", "column"))


def table(picture: Picture, width: int) -> list[str]:
    """The lines of a small array, no wider than `width` where numbers are not wider than that; of a large one, a sentence."""
    if picture.exact.size > SHOWN:
        return [f"{picture.quantity}  {said}" for said in pattern(picture)]
    shown = picture.matrix
    blocks = _blocks(shown)
    first = [picture.quantity, *_names(shown)]
    labels = [name.ljust(max(map(len, first))) for name in first]
    for columns in (blocks, *((block,) for block in blocks)):
        if max(map(len, _joined(labels, columns))) > width:
            break
    else:
        return _joined(labels, blocks)
    if all(max(map(len, _joined(labels, (block,)))) <= width for block in blocks):
        return [line for block in blocks for line in _joined(labels, (block,))]
    return list(_worst(shown))


def _joined(labels: Sequence[str], blocks: Sequence[Block]) -> list[str]:
    parts = zip(labels, *(block.lines() for block in blocks), strict=True)
    return ["   ".join(part).rstrip() for part in parts]


def _names(picture: Picture) -> list[str]:
    word, _ = axes(picture.quantity)
    rows = len(picture.exact)
    return [f"{word} {l}" if word else "" for l in range(rows)] if rows > 1 else [""]


def _blocks(picture: Picture) -> tuple[Block, Block, Block]:
    cells = [[_entry(picture, (l, j)) for j in range(picture.exact.shape[1])] for l in range(len(picture.exact))]
    single = picture.exact.shape[1] == 1
    yours, exact, ratio = (tuple(tuple(cell[k] for cell in row) for row in cells) for k in range(3))
    if single:
        exact = tuple((f"{row[0]}{_within(limit)}",) for row, (limit,) in zip(exact, picture.limit, strict=True))
        return Block("yours", yours), Block("exact", exact), Block("ratio", ratio)
    most = float(np.max(picture.limit))
    return Block("yours", yours), Block(f"exact{_within(most)}", exact), Block("ratio", ratio)


def _within(limit: float) -> str:
    return f" ± {limit:.0e}" if 0 < limit < np.inf else ""


def _entry(picture: Picture, place: tuple[int, int]) -> tuple[str, str, str]:
    computed, exact = float(picture.computed[place]), float(picture.exact[place])
    off = bool(picture.off[place])
    yours, right = told_apart(computed, exact) if off else (f"{computed:.5g}", f"{exact:.5g}")
    return yours, right, times(computed, exact) if off else RIGHT


def told_apart(value: float, other: float, least: int = 5) -> tuple[str, str]:
    """Both numbers with the fewest digits, `least` at least, that tell them apart."""
    for count in range(least, 18):
        left, right = f"{value:.{count}g}", f"{other:.{count}g}"
        if left != right:
            break
    return left, right


def times(computed: float, exact: float) -> str:
    """How many times the exact value: `2.000`, or `1 + 3.1e-10` where that is near to 1."""
    with np.errstate(all="ignore"):
        ratio = np.float64(computed) / np.float64(exact)
    if exact == 0 or not np.isfinite(ratio):
        return "✗"
    if abs(ratio - 1) < 5e-4:
        return f"1 {'-' if ratio < 1 else '+'} {abs(ratio - 1):.1e}"
    return f"{ratio:.3f}" if 0.01 <= abs(ratio) < 1000 else f"{ratio:.2e}"


def _worst(picture: Picture) -> Iterator[str]:
    """The entries that are furthest off, one a line."""
    order = np.argsort(-picture.test_ratio, axis=None, kind="stable")[:WORST]
    for place in (np.unravel_index(int(k), picture.exact.shape) for k in order):
        l, j = int(place[0]), int(place[1])
        yours, exact, ratio = _entry(picture, (l, j))
        yield f"{picture.quantity}[{l}, {j}] = {yours}, exact {exact}{_within(float(picture.limit[l, j]))}: {ratio}"
    if picture.exact.size > len(order):
        yield f"and {picture.exact.size - len(order)} entries more"


# ---- what many entries have in common ----


def pattern(picture: Picture) -> Iterator[str]:
    """Which entries are wrong, in words, and what they are multiplied by."""
    off = picture.matrix.off
    rows, columns = np.flatnonzero(off.any(axis=1)), np.flatnonzero(off.any(axis=0))
    count, (row, column) = int(off.sum()), axes(picture.quantity)
    yield (
        f"{count} of {off.size} entries are wrong"
        + _lines(row or "row", rows, len(off))
        + _lines(column or "column", columns, off.shape[1])
    )
    ratio = picture.matrix.ratio[off]
    known = ratio[np.isfinite(ratio)]
    if len(known):
        low, high = told_apart(float(known.min()), float(known.max()), 4)
        yield f"yours / exact is {low}" if low == high else f"yours / exact is from {low} to {high}"


def _lines(word: str, wrong: NDArray[np.intp], size: int) -> str:
    """`, in class 3 only`; nothing where all are."""
    if len(wrong) in (0, size):
        return ""
    plural = entries.PLURAL.get(word, f"{word}s")
    if len(wrong) == 1:
        return f", in {word} {wrong[0]} only"
    steps = {int(step) for step in np.diff(wrong)}
    if steps == {1}:
        return (
            f", in {plural} {wrong[0]} to {wrong[-1]} only"
            if wrong[-1] < size - 1
            else f", in {plural} from {wrong[0]}"
        )
    if steps == {2}:
        return f", in every second of the {plural} from {wrong[0]}"
    return f", in {len(wrong)} of {size} {plural}"
