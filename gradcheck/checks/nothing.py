"""A batch in which no sample counts: every label is ignored, as where a prompt fills a micro-batch, or all of it is padding.

A sum of nothing is 0, and so is its gradient: exactly, since each term is left out or multiplied by 0. A mean of nothing is 0/0,
which has no value but two conventions: NaN, as arithmetic has it (PyTorch), or 0, where the division is guarded (Keras, Liger).
Any other number is wrong. The same is true of the gradient, which is 0 where the loss is 0. One of NaN beside a loss of NaN
contradicts nothing, and ruins the weights: it is told, and not judged, as is an exception.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from gradcheck.checks.bars import leaves_samples_out
from gradcheck.checks.reading import Broken, Skip, as_reals, require_bounded
from gradcheck.checks.relations import SYMBOLS
from gradcheck.checks.table import AGREED, check, found
from gradcheck.checks.trial import Trial
from gradcheck.checks.used import gradients, require_right
from gradcheck.enclosure import Reals
from gradcheck.implementations.returned import shapes
from gradcheck.law.options import SAMPLES
from gradcheck.problem import Array, Problem
from gradcheck.verdict import Outcome, Verdict

WHERE = "where no sample counts"
SUM = "a sum of nothing is 0"
MEAN = "a mean of nothing is 0/0: NaN, or 0 by convention, and no other number"


@check(3, needs=("gradients",), turns=(9,), bars=(leaves_samples_out,))
def no_sample_counts(trial: Trial) -> Iterator[Verdict]:
    """Where no sample counts, a sum and its gradient are 0; a mean is NaN or 0, and its gradient 0 where the mean is."""
    require_right(trial)  # of a batch whose gradient is not 0, which is called first: what is kept of it would show
    _require_harmless(trial)
    p = trial.problem
    nothing = p.with_arrays(p.theta, p.b, p.X, np.zeros_like(p.Y))
    try:
        slopes = _read(trial, nothing)
        loss = trial.loss(nothing) if trial.implementation.loss is not None else np.nan
    except Broken as refused:
        if refused.fatal or nothing.divisor > 0:
            raise
        yield Verdict(Outcome.INCONCLUSIVE, f"{WHERE} {refused}: the mean of nothing is refused")
        return
    yield _of_a_sum(trial, loss, slopes) if nothing.divisor > 0 else _of_a_mean(loss, slopes)


def _require_harmless(trial: Trial) -> None:
    """`Skip` where something is added for no label, or 0 may be multiplied by what is infinite in right code."""
    law, p = trial.law, trial.problem
    if law.l2 or (law.z_loss and law.z_over == SAMPLES):
        raise Skip("a penalty, or a z-loss of every sample, is of no label")
    if p.masked.any():
        raise Skip("a label that does not count may be read as that of a class at -inf")
    require_bounded(trial.truth.allowed("Z"))
    size = float(abs(trial.truth.enclosure("Z").midpoint).max()) * max(law.scale, 1.0)
    largest = max(size, 1.0) ** 2 * max(law.z_loss, 1.0) if law.z_loss else size
    require_bounded(np.where(8 * largest * p.L < p.precision.huge, 0.0, np.inf))


def _read(trial: Trial, nothing: Problem) -> Mapping[str, Reals]:
    """The gradients that it returns, by symbol."""
    given, due = gradients("gradients", trial.raw_gradients(nothing)), shapes(nothing)
    return {SYMBOLS[key]: as_reals(f"gradients[{key!r}]", given[key], due[key]) for key in SYMBOLS if key in given}


def _of_a_sum(trial: Trial, loss: float, slopes: Mapping[str, Reals]) -> Verdict:
    """Divided by a number that is not 0, if at all."""
    offered: Mapping[str, Reals] = slopes if trial.implementation.loss is None else {"ℒ": np.asarray(loss), **slopes}
    return _other(offered, lambda values: values != 0, SUM) or AGREED


def _of_a_mean(loss: float, slopes: Mapping[str, Reals]) -> Verdict:
    """Divided by 0."""
    wrong = _other({"ℒ": np.asarray(loss), **slopes}, lambda values: ~np.isnan(values) & (values != 0), MEAN)
    lost = [symbol for symbol, values in slopes.items() if np.isnan(values).any()]
    if wrong or not lost:
        return wrong or AGREED
    if loss == 0:
        return found(f"{WHERE}, {lost[0]} is NaN, and ℒ is 0, whose gradient is 0")
    named = f"{lost[0]} is" if len(lost) == 1 else f"{', '.join(lost[:-1])} and {lost[-1]} are"
    return Verdict(Outcome.INCONCLUSIVE, f"{WHERE}, {named} NaN, as 0/0 is: a step leaves weights of NaN")


def _other(offered: Mapping[str, Reals], wrong: Callable[[Reals], Array], why: str) -> Verdict | None:
    """The first number that is none of those that may be; None where there is none."""
    for symbol, values in offered.items():
        places = np.argwhere(wrong(values))
        if len(places):
            place = tuple(map(int, places[0]))
            return found(f"{WHERE}, {symbol}{list(place) or ''} is {values[place]:.6g}; {why}")
    return None
