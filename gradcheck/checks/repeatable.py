"""Whether an implementation gives the same when it is asked again: bit for bit, or, where it is declared, within rounding."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

import numpy as np

from gradcheck.checks.conduct import allowed
from gradcheck.checks.reading import Broken, Skip, as_array, as_numbers, guarded
from gradcheck.checks.table import AGREED, check, found
from gradcheck.checks.trial import ARGUMENTS, Trial
from gradcheck.enclosure import Enclosure
from gradcheck.implementations.returned import named
from gradcheck.problem import Array
from gradcheck.verdict import Comparison, Outcome, Verdict

Found = Iterator[Comparison | Verdict]

PARTS = 64  # of one result that are compared
SHARED = "a later call of {} changed the result of an earlier one: both live in one buffer"
ANOTHER = "a second call of {} with the same arguments gave another result"
WITHIN = ANOTHER + ", within rounding: --deterministic no declares that"


def elsewhere(trial: Trial) -> Trial:
    """Another problem of the same shape, with other values: theta and b negated, and every sample in the place of the next."""
    p = trial.problem
    b = np.where(p.masked[:, np.newaxis], p.b, -p.b).astype(p.b.dtype)
    other = p.with_arrays(-p.theta, b, np.roll(p.X, 1, axis=1), np.roll(p.Y, 1, axis=1))
    return Trial(trial.implementation, other)


def snapshot(result: Any) -> dict[str, Array]:
    """A copy of everything numerical in a result, by name: of what has more, the first `PARTS`."""
    found = guarded("a function", result, named)
    parts = guarded("a function", found, _parts) if isinstance(found, Mapping) else {"": found}
    return {str(key): as_array(f"entry {str(key)!r}", value).copy() for key, value in parts.items()}


def _parts(found: Mapping[Any, Any]) -> dict[Any, Any]:
    return {key: found[key] for key in islice(found, PARTS)}


def litter(results: Mapping[str, Array], number: float) -> None:
    """Free memory of the size of these results, full of this number: who returns what lies there returns another each time."""
    with np.errstate(all="ignore"):
        for array in results.values():
            held = [np.full(array.shape, number, dtype=array.dtype) for _ in range(LITTER)]
            held.clear()


def among_litter(trial: Trial, name: str, results: Mapping[str, Array], number: float) -> Any:
    """A call, right after that memory was freed."""
    arguments = ARGUMENTS[name](trial)
    litter(results, number)
    return trial.call(name, *arguments)


LITTER = 8  # arrays: so many of one size are given again


def identical(left: Array, right: Array) -> bool:
    """Of one shape, and bit for bit the same, NaN included."""
    return left.shape == right.shape and left.tobytes() == right.tobytes()


def same(left: dict[str, Array], right: dict[str, Array]) -> bool:
    """The same for results with several parts."""
    return left.keys() == right.keys() and all(identical(left[key], right[key]) for key in left)


def apart(trial: Trial, name: str, one: dict[str, Array], other: dict[str, Array]) -> Verdict:
    """Whether two results differ by no more than rounding explains: both lie within one bound of the exact value."""
    worst = [_apart(trial, name if not key else f"{name}[{key!r}]", one[key], other.get(key)) for key in one]
    failed = [verdict for verdict in worst if verdict.outcome is Outcome.DISAGREE]
    return max(failed, key=lambda verdict: verdict.ratio or np.inf) if failed else worst[0]


def _apart(trial: Trial, name: str, one: Array, other: Array | None) -> Verdict:
    try:
        bound = allowed(trial, name)
        left, right = (as_numbers(name, part) for part in (one, other))
    except (Broken, Skip):
        return found(ANOTHER.format(name))
    if bound is None or not left.shape == right.shape == bound.shape:
        return found(ANOTHER.format(name))
    return Comparison(
        f"{name} of a second call", right, Enclosure(left, 0 * bound), 2 * bound, bound + np.inf
    ).verdict()


@check(needs=(), turns=(3,))
def repeatable(trial: Trial) -> Found:
    """A second call gives the same bits, and a call with other numbers in between leaves the first result alone."""
    other = elsewhere(trial)
    for name in trial.implementation.offers:
        first = trial.call(name, *ARGUMENTS[name](trial))
        raw = getattr(
            trial.function(name), "raw", first
        )  # as the code returned it, where a layout has converted it since
        kept, kept_raw = snapshot(first), snapshot(raw)
        trial.call(name, *ARGUMENTS[name](other))
        if not same(snapshot(first), kept) or not same(snapshot(raw), kept_raw):
            yield found(SHARED.format(name))
            continue
        # after the other call, and at once: the second of these shows what alternates
        again = [snapshot(trial.call(name, *ARGUMENTS[name](trial)))]
        again.append(snapshot(among_litter(trial, name, kept, 3.0)))
        yield from (_another(trial, name, kept, result) for result in again if not same(kept, result))
        trial.call(
            name, *ARGUMENTS[name](other)
        )  # the fifth: where two or four buffers are used in turn, in the first of them
        if not same(snapshot(first), kept) or not same(snapshot(raw), kept_raw):
            yield found(SHARED.format(name))
    yield AGREED


def _another(trial: Trial, name: str, kept: dict[str, Array], result: dict[str, Array]) -> Verdict:
    """Of a result that is not the same bits: what is declared decides, and what could be is named."""
    verdict = apart(trial, name, kept, result)
    if verdict.failed:
        return verdict if not trial.implementation.arithmetic.deterministic else found(ANOTHER.format(name))
    if not trial.implementation.arithmetic.deterministic:
        return AGREED
    return Verdict(Outcome.DISAGREE, WITHIN.format(name), verdict.ratio)
