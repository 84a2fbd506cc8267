"""softmax and what goes with it, sums, means and products of matrices, and a loss of one's own."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.law import Loss
from gradcheck.ops import forms, products
from gradcheck.ops.description import Op
from gradcheck.ops.programs import Text, judged
from gradcheck.ops.views import View, read
from gradcheck.problem import Array


def made(name: str, inputs: dict[str, Array], views: dict[str, View], text: Text, *, inner: int, **about: Any) -> Op:
    """An operator that is a text."""
    shown = {key: value for key, value in about.items() if value is not None}
    return Op(name, inputs, views, partial(judged, text=text), about=shown, inner=inner)


def _normalised(name: str, Z: Any, upstream: Any, axis: int) -> Op:
    """Of one axis of logits; with what flows back to it, its gradient, too."""
    found = read("Z", Z)
    view = along("Z", found, axis)
    form = forms.NORMALISED[name]
    value = View(view.shape[: axis % found.ndim] + view.shape[axis % found.ndim + 1 :]) if form.gone else view
    c = None if upstream is None else expected("upstream", upstream, value.shape)
    rows = None if c is None else (c.reshape(-1, 1) if form.gone else view.rows(c))
    text = Text(
        form.forms,
        {"Z": view.rows(found)},
        by_row=True,
        logits="Z",
        upstream=rows,
        minus_infinity=form.minus_infinity,
        flow=form.flow,
    )
    views = {"": value, **({} if c is None else {"Z": view})}
    return made(name, {"Z": found}, views, text, inner=view.whole[1], axis=axis if axis != -1 else None)


def softmax(Z: Any, axis: int = -1, *, upstream: Any = None) -> Op:
    """Of logits along an axis. `upstream` is what flows back to it, for its gradient with respect to Z."""
    return _normalised("softmax", Z, upstream, axis)


def log_softmax(Z: Any, axis: int = -1, *, upstream: Any = None) -> Op:
    """Its logarithm."""
    return _normalised("log_softmax", Z, upstream, axis)


def logsumexp(Z: Any, axis: int = -1, *, upstream: Any = None) -> Op:
    """log Σ exp Z along an axis, which is gone."""
    return _normalised("logsumexp", Z, upstream, axis)


def along(name: str, array: Array, axis: int) -> View:
    """An array seen along one of its axes."""
    if isinstance(axis, bool) or not isinstance(axis, int) or not array.size or not -array.ndim <= axis < array.ndim:
        raise Unusable(f"{name} has shape {array.shape}, which has no axis {axis!r:.20} with entries")
    return View(array.shape, axis if axis < 0 else axis - array.ndim)


def expected(name: str, given: Any, shape: tuple[int, ...]) -> Array:
    """An array of that shape."""
    found = read(name, given)
    if found.shape != shape:
        raise Unusable(f"{name} has shape {found.shape}; expected {shape}")
    return found


def _reduced(name: str, x: Any, axis: Any, keepdims: bool, upstream: Any) -> Op:
    found = read("x", x)
    axis = tuple(axis) if isinstance(axis, list) else axis
    try:
        shape = np.empty(found.shape, dtype=bool).any(axis=axis, keepdims=keepdims).shape
    except (TypeError, ValueError) as wrong:
        raise Unusable(f"{name}: axis={axis!r:.60} does not fit an array of shape {found.shape}: {wrong}") from None
    if not found.size:
        raise Unusable(f"{name} of nothing; expected an array with entries")
    c = None if upstream is None else expected("upstream", upstream, shape)
    given = tuple(partial(form, axis=axis, keepdims=keepdims) for form in forms.REDUCED[name])
    text = Text(given, {"x": found}, upstream=c)
    views = {"": View(shape), **({"x": View(found.shape)} if c is not None or shape == () else {})}
    return made(name, {"x": found}, views, text, inner=found.size // max(1, int(np.prod(shape))), axis=axis)


def sum(x: Any, axis: Any = None, *, keepdims: bool = False, upstream: Any = None) -> Op:
    """Over all entries, or along an axis or several."""
    return _reduced("sum", x, axis, keepdims, upstream)


def mean(x: Any, axis: Any = None, *, keepdims: bool = False, upstream: Any = None) -> Op:
    """The same over the number of its terms."""
    return _reduced("mean", x, axis, keepdims, upstream)


def matmul(a: Any, b: Any, *, upstream: Any = None) -> Op:
    """(..., k, m) by (..., m, n), or vectors."""
    left, right = read("a", a), read("b", b)
    shape = _product("matmul", left, right)
    c = None if upstream is None else expected("upstream", upstream, shape)
    text = Text((forms.product,), {"a": left, "b": right}, upstream=c)
    return _of_matrices("matmul", {"a": left, "b": right}, shape, text, partial(products.plain, left, right, c))


def addmm(c: Any, a: Any, b: Any, *, beta: float = 1.0, alpha: float = 1.0, upstream: Any = None) -> Op:
    """β c + α a b, of matrices; c may be broadcast."""
    added, left, right = read("c", c), read("a", a), read("b", b)
    shape = _product("addmm", left, right)
    try:
        fits = np.broadcast_shapes(added.shape, shape) == shape and left.ndim == right.ndim == 2
    except ValueError:
        fits = False
    if not fits:
        raise Unusable(
            f"addmm: shapes {added.shape}, {left.shape}, {right.shape} do not fit; expected (n, m), (n, k), (k, m)"
        )
    for name, value in (("beta", beta), ("alpha", alpha)):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise Unusable(f"addmm: {name} is {value!r:.60}; expected a number")
    given = tuple(partial(form, beta=float(beta), alpha=float(alpha)) for form in forms.ADDED)
    used = added if beta else np.zeros_like(added)  # as in BLAS: it is not read, whatever it holds
    found = None if upstream is None else expected("upstream", upstream, shape)
    text = Text(given, {"c": used, "a": left, "b": right}, upstream=found)
    inputs = {"c": added, "a": left, "b": right}
    plainly = beta == alpha == 1
    probed = partial(products.added, used, left, right) if plainly else lambda wrt: None
    return _of_matrices("addmm", inputs, shape, text, probed, beta=beta, alpha=alpha)


def _of_matrices(
    name: str, inputs: dict[str, Array], shape: tuple[int, ...], text: Text, probed: Any, **about: Any
) -> Op:
    """Its value of this shape and, of what is upstream, its gradients, each seen in rows."""
    shapes = {"": shape} | ({} if text.upstream is None else {key: array.shape for key, array in inputs.items()})
    views = {key: View(given, -1 if given else None) for key, given in shapes.items()}
    terms = inputs["a"].shape[-1] + len(inputs) - 2
    return replace(made(name, inputs, views, text, inner=terms, **about), probed=probed)


def _product(name: str, a: Array, b: Array) -> tuple[int, ...]:
    """The shape of a b."""
    rows, inner, columns = a.shape[-2:-1], a.shape[-1:], b.shape[-1:] if b.ndim > 1 else ()
    try:
        if not inner or inner != (b.shape[-2:-1] if b.ndim > 1 else b.shape):
            raise ValueError("of another length")
        shape = (*np.broadcast_shapes(a.shape[:-2], b.shape[:-2]), *rows, *columns)
    except ValueError:
        raise Unusable(f"{name}: shapes {a.shape} and {b.shape} do not fit; expected (n, k) and (k, m)") from None
    if not (a.size and b.size):
        raise Unusable(f"{name} of nothing: shapes {a.shape} and {b.shape}; expected arrays with entries")
    return shape


def loss(of: Loss, **arrays: Any) -> Op:
    """A loss of one's own of its arrays by name: Z and Y (L, n), or any of theta, b, X and Y; columns are samples, as in its text.

    ops.loss(gradcheck.Loss(focal, gamma=3), Z=Z.T, Y=onehot.T)
    """
    return forms.own(of, {name: read(name, array) for name, array in arrays.items()}, made)
