"""The softmax as the bounds know it, whichever of the usual formulas it is computed by: column by column, of logits in float64."""

from functools import lru_cache

import numpy as np

from gradcheck import bounds
from gradcheck.law import functions
from gradcheck.precision import Precision
from gradcheck.readings.running.elementary import vanishes
from gradcheck.readings.running.parts import Parts, floored

LARGE = 1024  # logits of which nothing is kept


def softmax(Z: Parts, p: Precision) -> Parts:
    """(L, n). Where it must underflow it is 0, without an error: that is what is computed, and no longer the truth."""
    found = _errors(Z, p)
    if p.truthful:
        return floored(Parts(found.value.copy(), found.A.copy()))
    with np.errstate(all="ignore"):
        below = Z.value - Z.value.max(axis=0, keepdims=True) + 2 * Z.error.max(axis=0, keepdims=True)
        gone = vanishes(below, p)
    if not gone.any():
        return floored(Parts(found.value.copy(), found.A.copy()))
    known = floored(Parts(np.where(gone, 0.0, found.value), found.A))
    return Parts(known.value, np.where(gone, 0.0, known.error))


def log_softmax(Z: Parts, p: Precision) -> Parts:
    """Its logarithm (L, n), never by the logarithm of what underflows."""
    with np.errstate(all="ignore"):
        value = functions.log_softmax(Z.value)
    return floored(Parts(value, _errors(Z, p).log_A.copy()))


def log_sum_exp(Z: Parts, p: Precision) -> Parts:
    """(1, n), shifted by the maximum, or merged from parts."""
    with np.errstate(all="ignore"):
        value = functions.log_sum_exp(Z.value)
    return floored(Parts(value, _errors(Z, p).lse_error.copy()))


def _errors(Z: Parts, p: Precision) -> bounds.Together:
    """The float64 value, and the bounds of the target's rounding and of our own together. Not to be written to.

    Most mistakes come after the logits, which are the same for all of these: what is made of them is kept.
    """
    if Z.value.size > LARGE:
        return _made(Z, p)
    value, error = np.ascontiguousarray(Z.value), np.ascontiguousarray(Z.error)
    return _kept(value.tobytes(), error.tobytes(), value.shape, p)


@lru_cache(maxsize=64)
def _kept(value: bytes, error: bytes, shape: tuple[int, ...], p: Precision) -> bounds.Together:
    return _made(Parts(*(np.frombuffer(part, dtype=np.float64).reshape(shape) for part in (value, error))), p)


def _made(Z: Parts, p: Precision) -> bounds.Together:
    """What is masked, -inf beyond doubt, has a probability of 0 and nothing of any sum, however these are computed."""
    with np.errstate(all="ignore"):
        masked = np.isneginf(Z.value) & (Z.error == 0)
        if not masked.any():
            return bounds.softmax_together(Z.value, Z.error, p)  # ours is relative to the smallest probability, too
        top = Z.value.max(axis=0)
        masked &= np.isfinite(top)
        found = bounds.softmax_together(np.where(masked, top - bounds.BELOW, Z.value), Z.error, p)
        value, log_A, A = (np.where(masked, 0.0, part) for part in found[:3])
        return bounds.Together(value, log_A, A, found.lse_error)
