"""What uses of gradients return (`gradcheck.implementations.uses`), and what it is held against."""

from collections.abc import Iterator, Mapping
from typing import Any

from gradcheck.checks.reading import Broken, Skip, as_reals, describe, guarded
from gradcheck.checks.relations import QUANTITY, SYMBOLS
from gradcheck.checks.trial import Trial
from gradcheck.enclosure import Enclosure, Reals
from gradcheck.implementations.returned import named, shapes
from gradcheck.problem import Problem
from gradcheck.verdict import Comparison, Verdict

Found = Iterator[Comparison | Verdict]
WRONG = "its gradient is wrong without that, which other checks say"


def gradients(use: str, raw: Any) -> Mapping[str, Any]:
    """Gradients by name, as a use returns them."""
    mapping = guarded(use, raw, named)
    if not isinstance(mapping, Mapping):
        raise Broken(f"{use} returned {describe(raw)}; expected gradients by name")
    return guarded(use, mapping, lambda m: {key: m[key] for key in (*SYMBOLS, "Y") if key in m})


def pair(use: str, raw: Any, count: int) -> tuple[Any, ...]:
    """As many results as a use returns at once."""
    if not isinstance(raw, tuple | list) or len(raw) != count:
        raise Broken(f"{use} returned {describe(raw)}; expected {count} results")
    return tuple(raw)


def require_right(trial: Trial) -> None:
    """`Skip` where the gradient itself is wrong, or there is none."""
    if not trial.remember("right", lambda: _right(trial)):
        raise Skip(WRONG)


def _right(trial: Trial) -> bool:
    try:
        return not any(item.verdict().failed for item in held(trial, "", "", trial.raw_gradients(), exact(trial)))
    except Broken:
        return False


Truths = Mapping[str, tuple[Enclosure, Reals]]


def held(trial: Trial, use: str, how: str, raw: Any, truths: Truths) -> Iterator[Comparison]:
    """Each gradient that a use returned, against its exact value, with what rounding may add."""
    given = gradients(use, raw)
    if not set(truths) & set(given):
        raise Skip(f"{use} returned no gradient that is judged here")
    due = shapes(trial.problem)
    for key in (key for key in truths if key in given):
        yield Comparison(f"{SYMBOLS[key]} {how}", as_reals(f"{use}[{key!r}]", given[key], due[key]), *truths[key])


def exact(trial: Trial, problem: Problem | None = None) -> Truths:
    """The gradients of a problem in the precision of this one, and what rounding may add to them."""
    truth = trial.truth if problem is None else trial.truth_of(problem)
    return {key: (truth.enclosure(QUANTITY[key]), truth.allowed(QUANTITY[key])) for key in SYMBOLS}


def without(truths: Truths, *keys: str) -> Truths:
    """The others."""
    return {key: value for key, value in truths.items() if key not in keys}
