"""The V of a difference quotient: its error against the step size, with what was computed and what rounding explains."""

import math
from dataclasses import dataclass

import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.problem import Problem
from gradcheck.reports import words
from gradcheck.reports.pages import quotients
from gradcheck.reports.pages.axes import Axis
from gradcheck.reports.pages.quotients import DEFAULTS, STEPS, Quotients
from gradcheck.verdict import Witness

FLOOR = -18  # below this error, log scale, nothing is drawn: it is 0
LEFT, RIGHT, TOP, BOTTOM = 42.0, 390.0, 28.0, 190.0


@dataclass(frozen=True)
class Line:
    """A level across the picture."""

    y: float
    text: str


@dataclass(frozen=True)
class Curve:
    """Two curves, two levels, and the steps that are usual."""

    title: str
    across: Axis
    up: Axis
    forward: str
    central: str
    yours: Line | None
    allowed: Line | None
    usual: tuple[tuple[float, float, str, str], ...]  # x, y, name, of which curve
    said: str


def drawn(problem: Problem, witness: Witness) -> Curve | None:
    """At the entry that a verdict names; None where it is not a derivative of the loss, or the loss does not move."""
    found = quotients.of(problem, witness)
    if found is None or not max(np.nanmax(found.forward), np.nanmax(found.central)) > 10.0**FLOOR:
        return None
    across = Axis(math.log10(STEPS[0]), math.log10(STEPS[-1]), LEFT, RIGHT)
    up = Axis(*_ends(found), BOTTOM, TOP)
    return Curve(
        f"{words.place(witness)}: error of difference quotients against their step",
        across,
        up,
        _points(found.forward, across, up),
        _points(found.central, across, up),
        Line(up.at(found.yours), f"yours: {found.yours:.1e} off") if found.yours < math.inf else None,
        Line(up.at(found.allowed), f"rounding explains {found.allowed:.1e}")
        if 10.0**FLOOR < found.allowed < math.inf
        else None,
        tuple(
            (across.at(DEFAULTS[name]), up.at(found.defaults[name]), name, curve)
            for name, curve in (("SciPy", "forward"), ("torch", "central"))
        ),
        " ".join(_said(found)),
    )


def _ends(found: Quotients) -> tuple[float, float]:
    known = [*found.forward, *found.central, found.yours, found.allowed]
    known = [float(value) for value in known if 0 < value < np.inf]
    low, high = math.floor(math.log10(min(known))), math.ceil(math.log10(max(known)))
    return max(low, FLOOR) - 1, high + 1


def _points(errors: Reals, across: Axis, up: Axis) -> str:
    pairs = zip(STEPS, errors, strict=True)
    return " ".join(f"{across.at(h):.1f},{up.at(error):.1f}" for h, error in pairs if np.isfinite(error))


def size(error: float) -> str:
    """Of an error."""
    return "0" if error == 0 else f"{error:.1e}"


def _said(found: Quotients) -> list[str]:
    """What the picture shows, as it is in this case."""
    h, best = found.best
    said = [f"The best central difference, at h = {h:.0e}, is off by {size(best)};"]
    if found.yours == np.inf:
        said.append("what was computed is no number.")
    else:
        said.append(f"what was computed is off by {found.yours:.1e}.")
    seen = [name for name, error in found.defaults.items() if error < found.yours]
    if not best < found.yours:
        said.append("So no step shows this error: the quotients' own are larger.")
    elif len(seen) < len(found.defaults):
        missed = next(name for name in found.defaults if name not in seen)
        said.append(f"With the default step of {missed} the quotient's own error is as large.")
    else:
        said.append("So this is no matter of a step size.")
    return said
