"""What a target returns, read with suspicion: its own types may do anything, and whatever they do becomes `Broken`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck import precision, tensors
from gradcheck.enclosure import Reals
from gradcheck.errors import raised, text
from gradcheck.problem import Array


class Skip(Exception):
    """This check does not apply to this problem, or the implementation does not offer what it needs."""


def require_bounded(*allowed: Reals) -> None:
    """`Skip` where a rounding bound is infinite: what may overflow may be inf or NaN, of which no law holds."""
    if not all(np.isfinite(bound).all() for bound in allowed):
        raise Skip("sums of this size may overflow in this precision")


class Broken(Exception):
    """The implementation raised, or returned something that cannot be read as the result. `fatal`: its process is gone."""

    def __init__(self, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal


MOST = 2**26  # numbers that are looked at in a result


class Anew(Broken):
    """What is called has been moved to a process of its own in the middle of a problem: to be judged anew."""


def describe(value: object) -> str:
    """What a target returned, in a few words."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} with shape {value.shape}"
    shown = text(value, repr)
    return f"{type(value).__name__} {shown if len(shown) <= 60 else shown[:57] + '...'}"


def as_array(name: str, raw: object) -> Array:
    """A returned value, a tensor among others, as the array that it is, or `Broken`: a target's own type may do anything there."""
    array: Array = guarded(name, raw, tensors.array)
    if array.size > MOST:  # a view may be far larger than what it is a view of
        raise Broken(f"{name} returned an array of shape {array.shape}, more than is looked at")
    return array


def guarded(name: str, raw: Any, read: Callable[[Any], Any]) -> Any:
    """`read(raw)`, where `raw` comes from the target and may raise anything; an interrupt alone goes through."""
    try:
        return read(raw)
    except KeyboardInterrupt:
        raise
    except BaseException as exception:
        raise Broken(f"{name} returned {type(raw).__name__}, which raised {raised(exception)}") from None


def as_numbers(name: str, raw: object, expected: str = "real numbers") -> Reals:
    """A returned value as float64 (exact), of any shape, or `Broken` with what was returned and what was expected."""
    return _converted(name, as_array(name, raw), raw, expected)


def _converted(name: str, array: Array, raw: object, expected: str) -> Reals:
    if array.dtype.kind not in "fiu" and array.dtype.name not in precision.NAMES:
        raise Broken(f"{name} returned {describe(raw)}; expected {expected}")
    return array.astype(np.float64)


def as_reals(name: str, raw: object, shape: tuple[int, ...]) -> Reals:
    """The same for a result of this shape."""
    array = _converted(name, as_array(name, raw), raw, f"real numbers of shape {shape}")
    if array.shape != shape:
        swapped = f"; it is the transpose{_suggestion(name)}" if array.shape == shape[::-1] != shape else ""
        raise Broken(f"{name} returned shape {array.shape}; expected {shape}{swapped}")
    return array


def _suggestion(name: str) -> str:
    flag = "--theta features-first" if "theta" in name else "--samples rows"
    return f": did you mean {flag}?"
