"""An implementation of any layout, presented in the paper's: transposed views on the way in and on the way out.

What can be handed over as a view is, so that what the implementation does to its inputs is seen; what cannot (index labels, a
bias among the weights) is compared after the call. What comes back is passed on as it is where it is no array: the checks judge it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck import model
from gradcheck.implementations import handing
from gradcheck.implementations.labels import indices, lacks_class, with_class
from gradcheck.implementations.record import Function, Implementation, Layout, Placeless
from gradcheck.implementations.returned import KEYS, as_array, in_columns, named, turned, turned_matrix, with_bias
from gradcheck.implementations.told import calling
from gradcheck.law import CrossEntropy
from gradcheck.problem import Array


def adapt(implementation: Implementation) -> Implementation:
    """The same implementation, to be called with the paper's arrays and returning the paper's arrays.

    Its loss and gradients take the law of a problem by keyword; without it, it is the one declared.
    """
    layout = implementation.layout
    plain = layout == Layout() and implementation.law.plain and not implementation.takes.options
    if implementation.adapted or plain:
        return implementation
    wrapped: dict[str, Any] = {
        name: WRAPPERS[name](implementation) for name in WRAPPERS if name in implementation.offers
    }
    if implementation.uses:
        from gradcheck.implementations.uses import laid  # it lays arrays out as this file does

        wrapped["uses"] = laid(implementation)
    return replace(implementation, layout=Layout(), declared=layout, adapted=True, told=True, **wrapped)


# ---- the arrays of a call ----


@dataclass(frozen=True, eq=False)
class Handed:
    """Arguments as the implementation takes them. Where they are no views of the arrays given, `written` carries changes back."""

    arguments: tuple[Array, ...]
    copies: tuple[tuple[Array, Array, Array], ...]  # what was made, a copy of that, and the array given

    def written(self) -> None:
        """Spoil what was given wherever what was made of it has been written to, so that it is seen."""
        for made, before, given in self.copies:
            if made.tobytes() != before.tobytes() and given.flags.writeable:
                given[...] = np.where(given == 0, 1, 0)


def hand(implementation: Implementation, law: CrossEntropy, theta: Array, b: Array, X: Array, *rest: Array) -> Handed:
    """theta, b, X and perhaps Y, in its layout; samples that do not count carry the label that `law` has for them."""
    layout = implementation.layout
    copies: list[tuple[Array, Array, Array]] = []
    now = handing.now()

    def made(array: Array, given: Array) -> Array:
        array = now.made((len(rest), len(copies)), array)
        copies.append((array, array.copy(), given))
        return array

    if layout.pinned is not None:
        theta, b = made(_unpinned(layout, theta), theta), made(_unpinned(layout, b), b)
    if layout.bias == "absent":
        if np.isneginf(b).any():
            raise Placeless("code without a bias has no masked class")
        ones = np.ones((1, X.shape[1]), dtype=X.dtype)
        theta, X = made(np.concatenate([theta, b], axis=1), theta), made(np.concatenate([X, ones]), X)
    weights = theta.T if layout.theta == "features-first" else theta
    bias = () if layout.bias == "absent" else (b[:, 0] if layout.flat_bias else b,)
    data = in_columns(layout, X)
    if layout.labels == "index":
        labels = tuple(made(indices(Y, law.ignore, implementation.takes.labels), Y) for Y in rest)
    else:
        labels = tuple(
            in_columns(layout, made(with_class(Y, law.ignore), Y) if lacks_class(Y, law.ignore) else Y) for Y in rest
        )
    arguments = (weights, *bias, data, *labels)
    if layout.memory == "C":  # copies, unless they are of that order and can be written to
        arguments = tuple(_plain(array, made) for array in arguments)
    return Handed(now.passed((len(rest),), arguments), tuple(copies))


def _plain(array: Array, made: Callable[[Array, Array], Array]) -> Array:
    """In C order and writable, as code takes it that knows no other; what is written to it is carried back.

    NumPy says of any stride along an axis of one entry that it is of C order, frameworks do not of a negative one.
    """
    if array.strides == np.ndarray(array.shape, array.dtype).strides and array.flags.writeable:
        return array
    return made(np.array(array, order="C"), array)


def _unpinned(layout: Layout, array: Array) -> Array:
    """Without the row of the pinned class, which must be 0."""
    k = layout.pinned
    if k is None:
        return array
    if k >= len(array) or array[k].any():
        raise Placeless(f"the logit of class {k} is 0 by convention")
    return np.delete(array, k, axis=0)


# ---- the functions ----


def _gradients(implementation: Implementation) -> Function:
    layout, function = implementation.layout, calling(implementation, "gradients")

    def gradients(theta: Array, b: Array, X: Array, Y: Array, *, law: CrossEntropy = implementation.law) -> Any:
        handed = hand(implementation, law, theta, b, X, Y)
        gradients.raw = function(law, *handed.arguments)  # type: ignore[attr-defined]
        raw = named(gradients.raw)  # type: ignore[attr-defined]
        handed.written()
        offered = {key: raw[key] for key in KEYS if key in raw} if isinstance(raw, Mapping) else {}
        if not offered:  # others are not looked at: there may be millions
            return raw
        found = {key: turned(layout, key, value) for key, value in offered.items()}
        if layout.bias == "absent":
            found = with_bias(found, theta.shape[1])
        if layout.pinned is None:
            return found
        return _with_pinned(layout.pinned, found, model.Stages(law).gradients(theta, b, X, Y))

    return gradients


def _with_pinned(k: int, found: dict[str, Any], whole: dict[str, Array]) -> dict[str, Any]:
    """With the row that this code does not compute, from the closed form: it is there for shape, and proves nothing."""
    return {
        key: value if key not in whole or key == "X" else _inserted(k, value, whole[key])
        for key, value in found.items()
    }


def _inserted(k: int, rows: Any, whole: Array) -> Any:
    if not isinstance(rows, np.ndarray) or rows.shape != (len(whole) - 1, *whole.shape[1:]):
        return rows
    return np.insert(rows, k, whole[k].astype(rows.dtype), axis=0)


def _loss(implementation: Implementation) -> Function:
    function = calling(implementation, "loss")

    def loss(theta: Array, b: Array, X: Array, Y: Array, *, law: CrossEntropy = implementation.law) -> Any:
        handed = hand(implementation, law, theta, b, X, Y)
        raw = function(law, *handed.arguments)
        handed.written()
        if law.reduction == "none" and np.shape(raw) == (X.shape[1],):
            return np.asarray(raw).astype(float).sum()  # in float64, whatever the precision of the terms
        return raw

    return loss


def _logits(implementation: Implementation) -> Function:
    layout, function = implementation.layout, implementation.logits
    assert function is not None

    def logits(theta: Array, b: Array, X: Array) -> Any:
        handed = hand(implementation, implementation.law, theta, b, X)
        raw = turned_matrix(as_array(function(*handed.arguments)), lambda array: in_columns(layout, array))
        handed.written()
        k = layout.pinned
        without = k is not None and getattr(raw, "shape", ()) == (len(theta) - 1, X.shape[1])
        return np.insert(raw, k, 0, axis=0) if k is not None and without else raw

    return logits


def _softmax(implementation: Implementation) -> Function:
    layout, function = implementation.layout, implementation.softmax
    assert function is not None

    def softmax(Z: Array) -> Any:
        given, now = in_columns(layout, Z), handing.now()
        given = now.made(("softmax",), np.array(given, order="C")) if layout.memory == "C" else given
        return turned_matrix(as_array(function(*now.passed(("softmax",), (given,)))), lambda a: in_columns(layout, a))

    return softmax


WRAPPERS: dict[str, Callable[[Implementation], Function]] = {
    "gradients": _gradients,
    "loss": _loss,
    "logits": _logits,
    "softmax": _softmax,
}
