"""Sums, means, largest and smallest, along axes; the softmax and what goes with it."""

from typing import Any

import numpy

from gradcheck.errors import Unusable
from gradcheck.law.functions import Values
from gradcheck.numpy.shapes import squeeze
from gradcheck.readings.places import Axis
from gradcheck.readings.primitives.choices import ABSOLUTE, MAX
from gradcheck.readings.primitives.choices import where as _where
from gradcheck.readings.primitives.elementary import ROOT
from gradcheck.readings.primitives.normalised import LOG_SOFTMAX, LOG_SUM_EXP, SOFTMAX
from gradcheck.readings.primitives.powers import power
from gradcheck.readings.primitives.sums import CUMSUM, SUM
from gradcheck.readings.running.arithmetic import count


def sum(x: Values, axis: Axis = None, keepdims: bool = False, where: Any = None) -> Values:
    """Added up in any order: all, or along an axis or several; of those alone of which a condition holds, if one is given.

    >>> np.sum(np.ones((2, 3)), axis=0)
    array([2., 2., 2.])
    """
    return SUM(x if where is None else _where(where, x, 0), axis=axis, keepdims=keepdims)


def mean(x: Values, axis: Axis = None, keepdims: bool = False) -> Values:
    """A sum over the number of its terms.

    >>> np.mean(np.ones((2, 3)), axis=(0, 1), keepdims=True)
    array([[1.]])
    """
    return SUM(x, axis=axis, keepdims=keepdims) / count(x.shape, axis)


def max(x: Values, axis: Axis = None, keepdims: bool = False) -> Values:
    """The largest: of all, or along an axis or several.

    >>> np.max(np.eye(2), axis=0)
    array([1., 1.])
    """
    return MAX(x, axis=axis, keepdims=keepdims)


def min(x: Values, axis: Axis = None, keepdims: bool = False) -> Values:
    """The smallest: of all, or along an axis or several.

    >>> np.min(np.ones((2, 2)), axis=0)
    array([1., 1.])
    """
    return -MAX(-x, axis=axis, keepdims=keepdims)


amax, amin = max, min


def cumsum(x: Values, axis: int | None = None) -> Values:
    """Running sums along an axis, of the shape of x; of all entries in rows without one.

    >>> np.cumsum(np.ones(3))
    array([1., 2., 3.])
    """
    return CUMSUM(x.reshape(-1), axis=0) if axis is None else CUMSUM(x, axis=axis)


def norm(x: Values, axis: Axis = None, keepdims: bool = False) -> Values:
    """The square root of the sum of squares: of all, or along an axis or several.

    >>> np.norm(np.array([[3.0], [4.0]]), axis=0)
    array([5.])
    """
    return ROOT(SUM(power(x, 2), axis=axis, keepdims=keepdims))


def _norm(x: Values, ord: Any = None, axis: Axis = None, keepdims: bool = False) -> Values:
    """As `numpy.linalg` has it: of vectors their length, the sum of sizes (1), or the largest (inf); of a matrix that of all."""
    one = (axis is not None and not isinstance(axis, tuple)) or x.ndim == 1
    if ord is None or (ord == 2 and one):
        return norm(x, axis, keepdims)
    if ord in (1, numpy.inf) and one:
        return (SUM if ord == 1 else MAX)(ABSOLUTE(x), axis=axis, keepdims=keepdims)
    raise Unusable(
        f"norm(ord={ord!r:.20}) of {'vectors' if one else 'a matrix'} is not known; expected 1, 2 or inf, of vectors"
    )


class _Linalg:
    """What there is of `numpy.linalg`.

    >>> np.linalg.norm(np.array([[3.0], [4.0]]), axis=0)
    array([5.])
    """

    norm = staticmethod(_norm)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"np.linalg.{name} is not among the functions that a loss may be written in; np.linalg.norm is"
        )


linalg = _Linalg()


def softmax(x: Values, axis: int = 0) -> Values:
    """e^x over its sum along an axis: column by column, (L, n), unless another axis is given.

    >>> np.softmax(np.zeros((2, 1)))
    array([[0.5],
           [0.5]])
    """
    return SOFTMAX(x, axis=axis)


def log_softmax(x: Values, axis: int = 0) -> Values:
    """The logarithm of the softmax, never by the logarithm of what underflows: of the shape of x.

    >>> np.log_softmax(np.zeros((1, 2)))
    array([[0., 0.]])
    """
    return LOG_SOFTMAX(x, axis=axis)


def logsumexp(x: Values, axis: int = 0, keepdims: bool = False) -> Values:
    """The logarithm of the sum of e^x along an axis: column by column, unless another axis is given.

    >>> np.logsumexp(np.array([[2.0], [-np.inf]]))
    array([2.])
    """
    found = LOG_SUM_EXP(x, axis=axis)
    return found if keepdims else squeeze(found, axis)
