"""Value and error of a result, and what one rounding adds: where it may overflow, and where it is certain."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache
from threading import RLock
from typing import Any, NamedTuple

import numpy as np

from gradcheck import bounds, precision
from gradcheck.enclosure import ETA64, U64, Reals, margin, outward
from gradcheck.precision import Precision

FLOAT64 = np.dtype(np.float64)

# Whole numbers are added and multiplied without rounding.
_WHOLE = Precision("int64", np.dtype(np.int64), 0.0, 0.0, 0.0, np.inf)


class Parts(NamedTuple):
    """`value` +- `error`, float64 arrays."""

    value: Any
    error: Any


class Ordinary(Parts):
    """Finite throughout."""

    __slots__ = ()


class _Precisions(dict[Any, Precision]):
    """Of each dtype, the precision in which its arrays are computed with: NumPy's, unless another is granted."""

    def __missing__(self, dtype: np.dtype) -> Precision:
        found = self[dtype] = precision.of(dtype) if dtype.name in precision.NAMES else _WHOLE
        return found


_PRECISIONS = _Precisions()
arithmetic = _PRECISIONS.__getitem__
_ONE = RLock()  # what is granted is so for the whole process
QUIET = ContextVar(
    "QUIET", default=False
)  # whether NumPy has been told to warn of nothing, so that it need not be told again


@contextmanager
def quiet() -> Iterator[None]:
    """Within it, what overflows or is NaN is seen in errors, and NumPy warns of none of it."""
    with np.errstate(all="ignore"):
        before = QUIET.set(True)
        try:
            yield
        finally:
            QUIET.reset(before)


@contextmanager
def granted(dtype: np.dtype, p: Precision, *more: np.dtype) -> Iterator[None]:
    """Within it, arrays of these dtypes are computed with in a precision that is declared, and the truth lies within errors, too.

    Where something overflows then, nothing is known: code that computes the same in another order may not. Of several threads,
    one at a time is granted anything.
    """
    with _ONE:
        before = {one: arithmetic(one) for one in (dtype, *more)}
        _PRECISIONS.update(dict.fromkeys(before, p.true))
        try:
            yield
        finally:
            _PRECISIONS.update(before)


def together(p: Precision, operations: int, additions: int) -> float:
    """The relative error of so many operations and additions within a sum, theirs and our own, and of what is written down."""
    if p.plain and not p.chain:
        return _plain(p.u, operations + additions)
    return _declared(p, operations, additions)


@lru_cache(maxsize=64)
def unkept(p: Precision) -> Precision:
    """The same, where nothing is written down in a coarser one than it is computed in."""
    return replace(p, kept=0.0) if p.kept else p


@lru_cache(maxsize=4096)
def _plain(u: float, roundings: int) -> float:
    return bounds.spread(roundings, u + U64)


@lru_cache(maxsize=4096)
def _declared(p: Precision, operations: int, additions: int) -> float:
    # in any order, whatever is declared: terms that are 0 are not counted, and blocks are of all
    theirs = bounds.roundings(replace(p, block=0), operations, additions, writings=1, readings=1)
    return bounds.together(theirs + (operations + additions) * bounds.lam(U64))


def underflows(p: Precision, count: int) -> float:
    """What a sum of so many terms may lose to underflow: nothing, unless operands are read, or flushed."""
    return 0.0 if p.plain else (count + 2) * p.eta


def floored(x: Parts) -> Parts:
    """Where nothing is known the error is infinite, never NaN."""
    unknown = np.isnan(x.error)
    return Parts(x.value, np.where(unknown, np.inf, x.error)) if np.count_nonzero(unknown) else x


def known(x: Parts) -> int:
    """How many entries have no error: all of what is given, and mostly none of what is computed."""
    return x.error.size - np.count_nonzero(x.error)  # the quickest question that NumPy answers


def grown(error: Reals) -> Reals:
    """Safe against the rounding of its own evaluation; what has no error keeps none."""
    found = outward(error, 16)
    return found if np.count_nonzero(error) == np.size(error) else np.where(error == 0, 0.0, found)


def highest(reach: Any) -> float:
    """The largest of numbers that are not negative; NaN where one is."""
    return float(_HIGHEST(reach, axis=None, initial=0.0))


_HIGHEST = np.maximum.reduce


def in_any_order(error: Any, value: Any, size: Any, p: Precision) -> Any:
    """The error of a sum, `size` that of its terms together: nothing is known where a partial sum may overflow, and it does not."""
    reach = size + error
    if highest(reach) <= p.huge:
        return error
    return np.where((reach > p.huge) & (abs(value) <= p.huge), np.inf, error)


def ordinary(value: Any, error: Any, p: Precision) -> Parts | None:
    """As nearly always: a result that nowhere may overflow, of inputs with finite errors; None where it is another."""
    if np.shape(value) == np.shape(error) and highest(abs(value) + error) <= p.most:  # never with NaN
        return Ordinary(np.asarray(value), np.asarray(grown(error)))
    return None


def settled(value: Reals, error: Reals, known: Any, p: Precision) -> Parts:
    """A result of inputs with finite errors where `known`: infinities and NaN made of such inputs are certain.

    Where a finite result may overflow in this precision nothing is known; where it must, it is infinite.
    """
    usual = ordinary(value, error, p) if np.all(known) else None
    if usual is not None:
        return usual
    over = abs(value) - error > p.huge * (1 + 4 * U64)
    doubtful = ~over & (abs(value) + error > p.huge)
    overflown = np.where(over & np.isfinite(value), np.sign(value) * np.inf, value)
    certain = known & (over | ~np.isfinite(value))
    kept = np.where(certain, 0.0, np.where(doubtful | ~known | np.isnan(error), np.inf, grown(error)))
    return Parts(overflown, kept)


def truthful(found: Parts, operands: Iterable[Parts]) -> Parts:
    """Of what is infinite though it is made of finite numbers, nothing is known."""
    if type(found) is Ordinary:
        return found
    infinite = ~np.isfinite(found.value)
    if not infinite.any():
        return found
    for x in operands:
        if x.value.ndim <= infinite.ndim and all(
            one in (1, other) for one, other in zip(x.value.shape[::-1], infinite.shape[::-1], strict=False)
        ):
            infinite = infinite & np.isfinite(x.value)
    return Parts(found.value, np.where(infinite, np.inf, found.error))


SAFE, SAFE_ETA = margin(16)


def rounded(value: Any, error: Any, p: Precision, *, certain: Any = False) -> Parts:
    """After one more rounding to nearest; `certain` marks infinities and NaN of which there is no doubt.

    It may be a function, that is called where a result is not an ordinary one.
    """
    once, least = p.unit + U64, p.least + ETA64
    value = np.asarray(value)
    reach = abs(value) + error
    if reach.shape == value.shape and highest(reach) * (1 + 2 * once) + 2 * least <= p.most:
        reach *= once
        reach += error
        reach += least
        reach *= SAFE  # outward(reach, 16), in place: all have an error
        reach += SAFE_ETA
        return Ordinary(value, np.asarray(reach))
    more = error + once * reach + least
    usual = ordinary(value, more, p)
    if usual is not None:
        return usual
    certain = certain() if callable(certain) else certain
    known = np.isfinite(error)
    if certain is False:
        return settled(np.asarray(value), np.asarray(more), known, p)
    found = settled(np.asarray(value), np.asarray(more), known | certain, p)
    np.copyto(found.error, 0.0, where=certain)
    return found


def exactly(x: Parts, y: Parts) -> Any:
    """Where both inputs are infinite or NaN beyond doubt, or of known error: a result that is not finite is certain."""
    return (~np.isfinite(x.value) | ~np.isfinite(y.value)) & np.isfinite(x.error) & np.isfinite(y.error)
