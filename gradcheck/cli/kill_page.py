"""The kill matrix as a page: mistakes × checks, in how many test cases each is killed."""

from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck import kills
from gradcheck.checks import CHECKS
from gradcheck.kills import Kills
from gradcheck.mistakes import GROUPS, MISTAKES
from gradcheck.reports.pages.writing import written

LEFT, TOP, SIDE, GAP = 190.0, 150.0, 11.0, 1.0
MARGIN = 70.0  # for names, which slant to the right
QUICK = (1, 5, 25)  # test cases up to which a kill has a colour of its own
COLOURS = ("right", "some", "more", "most")


@dataclass(frozen=True)
class Cell:
    """A mistake that a check kills, as a median over the seeds."""

    x: float
    y: float
    colour: str
    title: str


def text(found: Sequence[Kills]) -> str:
    """The page."""
    checks = [name for name in CHECKS if any(name in row.checks for row in found)]
    missed = [row.mistake for row in found if row.worst is None]
    return written(
        "kills.html",
        summary=f"{len(found) - len(missed)} of {len(found)} mistakes are killed at each of {len(kills.SEEDS)} seeds, "
        f"within {found[0].posed} test cases",
        missed=missed,
        cells=[cell for k, row in enumerate(found) for cell in _cells(row, checks, k)],
        rows=[(TOP + k * (SIDE + GAP), row.mistake, _said(row)) for k, row in enumerate(found)],
        columns=[(LEFT + j * (SIDE + GAP), name) for j, name in enumerate(checks)],
        width=LEFT + len(checks) * (SIDE + GAP) + MARGIN,
        height=TOP + len(found) * (SIDE + GAP),
        side=SIDE,
        by_mistake=list(kills.by_mistake(found)),
        by_check=list(kills.by_check(found)),
        data=kills.text(found),
    )


def _said(row: Kills) -> str:
    mistake = MISTAKES[row.mistake]
    return f"{GROUPS[mistake.group]}: {mistake.what.replace('{value}', 'c')}"


def _cells(row: Kills, checks: Sequence[str], k: int) -> list[Cell]:
    found = []
    for j, name in enumerate(checks):
        count = kills.middle(row.checks[name]) if name in row.checks else None
        if count is not None:
            colour = COLOURS[sum(count > quick for quick in QUICK)]
            title = f"{name} kills {row.mistake} in {kills.shown(count)} test cases"
            found.append(Cell(LEFT + j * (SIDE + GAP), TOP + k * (SIDE + GAP), colour, title))
    return found
