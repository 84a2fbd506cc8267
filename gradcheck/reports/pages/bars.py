"""The effective bits of one check in each regime of problems."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from gradcheck.regimes import REGIMES
from gradcheck.reports import words
from gradcheck.spread import Region

LEFT, RIGHT, TOP, ROW = 108.0, 310.0, 22.0, 16.0


@dataclass(frozen=True)
class Row:
    """A regime."""

    name: str
    what: str
    y: float
    width: float
    colour: str
    text: str


@dataclass(frozen=True)
class Bars:
    """All regimes, and where all bits of the precision are."""

    title: str
    rows: tuple[Row, ...]
    whole: float
    height: float


def drawn(name: str, dtype: str, u: float, regimes: Mapping[str, Region]) -> Bars | None:
    """Of the regimes that a check has met; None where it has met none."""
    met = [(regime, regimes[regime]) for regime in REGIMES if regime in regimes]
    if not met:
        return None
    precision = -math.log2(u)
    scale = (RIGHT - LEFT) / max(64.0, precision) if precision > 32 else (RIGHT - LEFT) / 32
    rows = tuple(_row(regime, region, TOP + ROW * k, u, scale) for k, (regime, region) in enumerate(met))
    title = f"effective bits of {name} by regime; {dtype} has {precision:.0f}"
    return Bars(title, rows, LEFT + scale * precision, TOP + ROW * len(rows))


def _row(name: str, region: Region, y: float, u: float, scale: float) -> Row:
    bits = region.bits(u)
    width = RIGHT - LEFT if bits is None else min(max(bits, 0.0) * scale, RIGHT - LEFT)
    text = "exact" if bits is None else words.bits(bits)
    if region.failed:
        text += f"  ({region.failed} of {region.compared} fail)"
    return Row(name, REGIMES[name].what, y, width, "bad" if region.failed else "ok", text)
