"""The functions that a loss of one's own is written in: those of NumPy of the same names, and some that losses are made of.

They take variables, balls, arrays that carry errors, and arrays of NumPy alike. Columns are samples: theta (L, d), b (L, 1),
X (d, n), Y and Z (L, n). What is not in `__all__` a loss cannot be written in; operators, comparisons, indices of constants, and
the methods that arrays have of these names can be used, too.

    def focal(Z, Y, *, np, gamma=2):
        log_p = np.log_softmax(Z)
        return -np.mean(np.sum(Y * (1 - np.exp(log_p)) ** gamma * log_p, axis=0))
"""

import numpy as _numpy
from numpy import e as e
from numpy import float32 as float32
from numpy import float64 as float64
from numpy import inf as inf
from numpy import newaxis as newaxis
from numpy import pi as pi

from gradcheck.numpy import angles, arranged, choices, entries, made, ordered, products, shapes, statistics, sums
from gradcheck.readings import operators as _operators
from gradcheck.readings.primitives import table as _table

_GIVEN = (
    "e",
    "float32",
    "float64",
    "inf",
    "newaxis",
    "pi",
)  # made of numbers
_LIKE = ("ones_like", "zeros_like")
_MADE = {
    name: function
    for module in (angles, arranged, choices, entries, made, ordered, products, shapes, statistics, sums)
    for name, function in vars(module).items()
    if getattr(function, "__module__", "") == module.__name__ and not name.startswith("_")
}
METHODS = (
    *("argmax", "argmin", "argsort", "clip", "copy", "cumsum", "diagonal", "dot", "flatten", "prod", "repeat"),
    *("round", "squeeze", "std", "swapaxes", "take", "trace", "transpose", "var"),
)  # of arrays, beside those that they have themselves
globals().update(_MADE)
ones_like, zeros_like = _numpy.ones_like, _numpy.zeros_like  # of arrays of any reading

__all__ = sorted({"linalg", *_GIVEN, *_LIKE, *_MADE})  # noqa: PLE0605

_table.CALLS.update(
    {getattr(_numpy, name): function for name, function in _MADE.items() if callable(getattr(_numpy, name, None))}
)
linalg = sums.linalg
_table.CALLS[_numpy.linalg.norm] = linalg.norm
_operators.METHODS.update({name: _MADE[name] for name in METHODS})
_operators.METHODS["transpose"] = lambda x, *axes: shapes.transpose(x, axes[0] if len(axes) == 1 else axes or None)


def __getattr__(name: str) -> object:
    raise AttributeError(
        f"np.{name} is not among the functions that a loss may be written in (gradcheck.numpy lists them)"
    )
