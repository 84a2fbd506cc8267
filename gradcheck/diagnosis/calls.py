"""What depends on the calls before: a function is called again and again, and its results are held against one another.

Right code returns the same numbers whenever it is given the same arguments. Where it does not, relations between the results of
successive calls say what it keeps: each is a theorem about the results, within the bounds of `Running`.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise

import numpy as np

from gradcheck.checks import Trial
from gradcheck.checks.reading import Broken, Skip, as_array, as_numbers
from gradcheck.checks.repeatable import among_litter, elsewhere, identical
from gradcheck.diagnosis.description import Diagnosis, Part
from gradcheck.diagnosis.series import CALLS, OF_CROSS_ENTROPY, RELATIONS, Series
from gradcheck.diagnosis.series import fits as _fits
from gradcheck.diagnosis.series import kept as _kept
from gradcheck.diagnosis.views import GRADIENTS, QUANTITIES, View, symbols
from gradcheck.implementations import Implementation
from gradcheck.mistakes import MISTAKES
from gradcheck.problem import Array, Problem
from gradcheck.readings.running import Running

LOOKED = 16  # failing problems on which it is tried


# ---- the search ----


def diagnose(implementation: Implementation, problems: list[Problem]) -> Diagnosis | None:
    """What a function keeps from one call to the next; None where its results depend on its arguments alone."""
    series = [s for problem in (*_unseen(problems), *problems[:LOOKED]) for s in _series(implementation, problem)]
    impure = {s.name for s in series if not s.pure}
    stuck = {name for name in QUANTITIES if _stuck([s for s in series if s.name == name and s.apart])}
    if not (impure or stuck):
        return None
    examined = frozenset(problem.digest for problem in problems[:LOOKED])
    named: dict[str, list[str]] = {}
    own = implementation.law.own
    relations = {m: holds for m, holds in RELATIONS.items() if not (own and m in OF_CROSS_ENTROPY)}
    for name in sorted(impure | stuck, key=list(QUANTITIES).index):
        told = next((m for m, holds in relations.items() if _holds(holds, [s for s in series if s.name == name])), "")
        named.setdefault(told, []).append(name)
    followed = named.pop("", []) if _consequences(named) else []
    if "" in named:
        said = "; ".join(_described(series, impure))
        return Diagnosis((Part(said, frozenset(impure | stuck), exact=False, state=True),), examined=examined)
    parts = (
        Part(
            MISTAKES[m].what,
            frozenset((*where, *followed)),
            MISTAKES[m].fix,
            (m,),
            where=f", in {symbols(where)}",
            state=True,
        )
        for m, where in named.items()
    )
    return Diagnosis(tuple(parts), examined, examined)


def _consequences(named: dict[str, list[str]]) -> bool:
    """Whether what is not told follows from what is: the other gradients are made of ∂ℒ/∂Z."""
    return "saved_probabilities_overwritten" in named and set(named.get("", ())) <= set(GRADIENTS)


def _stuck(series: list[Series]) -> bool:
    """Whether results never change, and were right for the first call."""
    return all(map(_kept, series)) and any(_fits(s.returned[0], s.right[0]) for s in series)


def _holds(relation: Callable[[Series], bool], series: list[Series]) -> bool:
    """On every problem, or on every one on which the quantity misbehaves, and with different right results on one at least."""
    wrong = [s for s in series if not s.pure] or [s for s in series if s.apart]
    return any(s.apart for s in wrong) and all(s.shaped and relation(s) for s in wrong)


def _described(series: list[Series], impure: set[str]) -> Iterator[str]:
    """What can be said of functions whose results depend on more than their arguments, where no relation holds."""
    functions = dict.fromkeys(QUANTITIES[name][0] for name in QUANTITIES if name in impure)
    yield f"{', '.join(functions)}: the same arguments give other results from call to call"
    for name in (name for name in QUANTITIES if name in impure):
        again = [s.returned[:4] for s in series if s.name == name]
        spread = max(float(np.ptp(np.stack(r).astype(np.float64), axis=0).max()) for r in again)
        fresh = all(not identical(a, b) for r in again for a, b in pairwise(r))
        yield f"{symbols({name})} by up to {spread:.2g}, {'each time' if fresh else 'now and then'}"


def _unseen(problems: list[Problem]) -> Iterable[Problem]:
    """A problem of a shape that no run has posed by chance: what is kept by shape has nothing kept there."""
    if not problems:
        return ()
    dtype, draw = problems[0].theta.dtype, np.random.default_rng(0).standard_normal
    L, d, n = 43, 23, 29
    theta, b, X, Y = (
        array.astype(dtype) for array in (draw((L, d)), draw((L, 1)), draw((d, n)), np.eye(L)[:, np.arange(n) % L])
    )
    return (Problem(theta, b, X, Y),)


def _series(implementation: Implementation, problem: Problem) -> Iterator[Series]:
    """Of every quantity whose function can be called so."""
    first = Trial(implementation, problem)
    trials = (first, elsewhere(first))
    views = [View(trial.implementation, trial.problem) for trial in trials]
    labels = [Running.exact(view.problem.Y) for view in views]
    for function in implementation.offers:
        try:
            yield from _of(function, trials, views, labels)
        except (Skip, Broken, KeyError):  # a result that cannot be had, or comes and goes
            continue


def _of(function: str, trials: tuple[Trial, Trial], views: list[View], labels: list[Running]) -> Iterator[Series]:
    returned: list[dict[str, Array]] = []
    kept: list[dict[str, Array]] = []
    for number, which in enumerate(CALLS):
        last = kept[-1] if kept else {}
        returned.append(_results(function, trials[which], last, 3.0 + number))
        kept.append({name: array.copy() for name, array in returned[-1].items()})
    right = [dict(view.predicted(view.model, returned[0])) for view in views]
    for name in returned[0]:
        yield Series(
            name,
            tuple(call[name] for call in kept),
            tuple(call[name].copy() for call in returned),
            tuple(right[which][name] for which in CALLS),
            tuple(labels[which] for which in CALLS),
        )


def _results(function: str, trial: Trial, last: dict[str, Array], number: float) -> dict[str, Array]:
    """What one call returns, by quantity; where memory like that of the last one is free, and holds this number."""
    it = Trial(trial.implementation, trial.problem)
    raw = it.remember(function, lambda: among_litter(trial, function, last, number))
    found = it.raw_gradients() if function == "gradients" else {function: raw}
    for name, value in found.items():
        as_numbers(name, value)
    return {name: as_array(name, value) for name, value in found.items()}
