"""Numbers that nobody knows, solved for: a factor, and the amount of something that is added."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from gradcheck.diagnosis.candidates import ENOUGH, UNCOMPUTABLE, Candidate, alike, shortest
from gradcheck.diagnosis.views import LEFT, View
from gradcheck.enclosure import outward
from gradcheck.mistakes import MISTAKES, Mistake
from gradcheck.problem import Problem
from gradcheck.readings.running import Running

ROUNDINGS = 2.0**-45  # of plain arithmetic, relative


def solved(views: list[View], names: frozenset[str], bases: Iterable[Candidate]) -> Iterator[Candidate]:
    """The same, times a number that is solved for: the shortest that all entries of all problems leave open."""
    for base in bases:
        number = _number(base, views, names)
        if number is not None:
            yield base.times(*number)


def _number(base: Candidate, views: list[View], names: frozenset[str]) -> tuple[str, Callable[[Problem], float]] | None:
    """One number c with output = c times what the base makes, within bounds, in every entry; None where there is none."""
    if views and not _parallel(base, views[0], names):
        return None
    low, high, sign, told = 0.0, np.inf, 0.0, 0
    for view in views:
        try:
            made = list(base.predicted(view, names - LEFT.keys()))
        except UNCOMPUTABLE:
            return None
        for name, found in made:
            output = view.outputs[name]
            if output.shape != found.shape or not (np.isfinite(output.astype(np.float64)).all()):
                return None
            values, size, error = output.astype(np.float64), abs(found.value), _widened(found)
            sure = size > error
            signs = np.sign(values[sure] * np.sign(found.value[sure]))
            if not sure.any():
                continue
            told += int(np.count_nonzero(sure))
            sign = sign or float(signs[0])
            low = max(low, float((abs(values) / (size + error))[sure].max()))
            high = min(high, float((abs(values[sure]) / (size - error)[sure]).min()))
            if not (sign and (signs == sign).all() and low <= high):
                return None
    if told < ENOUGH or not high < np.inf:
        return None
    words, number = shortest(low, high)
    return ("-" if sign < 0 else "") + words, lambda problem: sign * number


def _parallel(base: Candidate, view: View, names: frozenset[str]) -> bool:
    """Whether some number times what plain arithmetic makes of one problem is about what was returned."""
    with np.errstate(all="ignore"):
        for name, found in view.sketched(base.model, frozenset(names - LEFT.keys())):
            output, made = view.outputs[name].astype(np.float64), found.astype(np.float64)
            if output.shape != made.shape or not (np.isfinite(output).all() and np.isfinite(made).all()):
                return False
            size = float((made * made).sum())
            number = float((output * made).sum()) / size if size > 0 else 0.0
            if size > 0 and not alike(
                output, number * made, view.problem.precision.u**0.5, (1 + abs(number)) * view.slack(name)
            ):
                return False
    return True


def _widened(found: Running) -> np.ndarray:
    """The error before it is multiplied, grown by the rounding of the multiplication as far as that is proportional."""
    once = (found * 1.0000001).astype(found.dtype)  # a factor that is no power of two is rounded
    return np.asarray(outward(np.maximum(once.error, found.error), 8))


def linear(views: list[View], names: frozenset[str]) -> Iterator[Candidate]:
    """Mistakes whose parameter is a factor of what is added, with the number that the failing problems leave open."""
    for mistake in MISTAKES.values():
        if mistake.model.linear:
            found = _amount(mistake, views, names)
            if found is not None:
                words, number = found
                model = type(mistake.name, (mistake.model,), {"value": number})
                yield Candidate((mistake,), mistake.what.replace("{value}", words), model)


def _amount(mistake: Mistake, views: list[View], names: frozenset[str]) -> tuple[str, float] | None:
    """Between what the value 0 and the value 1 make of a problem, in plain arithmetic, with generous bounds."""
    low, high = -np.inf, np.inf
    ends = [type(mistake.name, (mistake.model,), {"value": value}) for value in (0.0, 1.0)]
    with np.errstate(all="ignore"):
        for view in (view for view in views if view.moderate):
            none, one = (dict(view.sketched(model, names)) for model in ends)
            for name in names & none.keys():
                output, start, end = (array.astype(np.float64) for array in (view.outputs[name], none[name], one[name]))
                if not output.shape == start.shape == end.shape == view.right[name].shape:
                    return None
                slope, error = end - start, 4 * view.right[name].error
                middle = (output - start) / slope
                wide = error / abs(slope) + ROUNDINGS * abs(middle)
                sure = np.isfinite(middle) & np.isfinite(wide) & (abs(slope) > 2.0**20 * error)
                if sure.any():
                    low, high = (
                        max(low, float((middle - wide)[sure].max())),
                        min(high, float((middle + wide)[sure].min())),
                    )
                if low > high:
                    return None
    return shortest(low, high) if 0 < low <= high < np.inf else None
