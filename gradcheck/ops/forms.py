"""The texts: each a function of NumPy's notation over primitives, in all forms that code has it in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.law import Loss
from gradcheck.ops.programs import Form, Text
from gradcheck.ops.views import View
from gradcheck.problem import Array
from gradcheck.readings.program import PARAMETERS, called
from gradcheck.readings.running import Running
from gradcheck.readings.running.arithmetic import count
from gradcheck.readings.running.parts import arithmetic, together


@dataclass(frozen=True)
class Normalised:
    """Along the last axis; `gone` where that is no more, and what a class at -inf has."""

    forms: tuple[Form, ...]
    gone: bool = False
    flow: tuple[Form, ...] = ()
    minus_infinity: float = 0.0


def _of_its_value(np: Any, Z: Any, upstream: Any) -> Any:
    """exp(Z - lse), of a log-sum-exp that is written down."""
    return upstream * np.exp(Z - np.logsumexp(Z, axis=-1, keepdims=True) * 1.0)


NORMALISED = {
    "softmax": Normalised((lambda np, Z: np.softmax(Z, axis=-1),)),
    "log_softmax": Normalised((lambda np, Z: np.log_softmax(Z, axis=-1),), minus_infinity=-np.inf),
    "logsumexp": Normalised((lambda np, Z: np.logsumexp(Z, axis=-1, keepdims=True),), gone=True, flow=(_of_its_value,)),
}


def _mean(np: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    return np.mean(x, axis=axis, keepdims=keepdims)


def _mean_of_shares(np: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    return np.sum(x * (1.0 / count(x.shape, axis)), axis=axis, keepdims=keepdims)


REDUCED: dict[str, tuple[Form, ...]] = {
    "sum": (lambda np, x, axis, keepdims: np.sum(x, axis=axis, keepdims=keepdims),),
    "mean": (_mean, _mean_of_shares),
}


def product(np: Any, a: Any, b: Any) -> Any:
    """a b."""
    return np.matmul(a, b)


def _added(np: Any, c: Any, a: Any, b: Any, *, beta: float, alpha: float) -> Any:
    found = np.matmul(a, b)
    found = found if alpha == 1 else found * alpha
    return found + (c if beta == 1 else c * beta) if beta else found


def _scaled_first(np: Any, c: Any, a: Any, b: Any, *, beta: float, alpha: float) -> Any:
    return _added(np, c, a if alpha == 1 else a * alpha, b, beta=beta, alpha=1.0)


def _accumulated(np: Any, c: Any, a: Any, b: Any, *, beta: float, alpha: float) -> Any:
    """β c as a term of the sum, in any order: it may be the first, and meet every rounding."""
    found = _added(np, c, a, b, beta=beta, alpha=alpha)
    if not (isinstance(found, Running) and isinstance(c, Running)):
        return found  # what flows back meets none of that
    p = arithmetic(a.dtype)
    most = abs(beta) * (abs(c.value) + c.error) * together(p, 2, count(a.shape, -1))
    return Running(found.value, found.error + most, found.dtype)


ADDED: tuple[Form, ...] = (_added, _scaled_first, _accumulated)


# ---- backward, of what they are given ----


def _softmax_backward(np: Any, g: Any, A: Any) -> Any:
    return A * (g - np.sum(g * A, axis=-1, keepdims=True))


def _softmax_backward_of_products(np: Any, g: Any, A: Any) -> Any:
    gA = g * A
    return gA - A * np.sum(gA, axis=-1, keepdims=True)


SOFTMAX_BACKWARD: tuple[Form, ...] = (_softmax_backward, _softmax_backward_of_products)
LOG_SOFTMAX_BACKWARD: tuple[Form, ...] = (lambda np, g, A: g - np.exp(A) * np.sum(g, axis=-1, keepdims=True),)


# ---- nll ----


def nll_value(each: bool, N: Form | None) -> tuple[Form, ...]:
    """-Σ w_i x_i / N, of what is picked, (n, 1); or one of each sample. `N` of w, where there is a mean."""
    if each:
        return (lambda np, x, w: -(x * w),)
    if N is None:
        return (lambda np, x, w: -np.sum(x * w),)
    return (lambda np, x, w: -(np.sum(x * w) / N(np, w)), lambda np, x, w: -np.sum(x * (w / N(np, w))))


def nll_share(N: Form | None) -> tuple[Form, ...]:
    """-w_i c / N at each label."""
    if N is None:
        return (lambda np, w, c: -(w * c),)
    return (
        lambda np, w, c: -(w * c) / N(np, w),
        lambda np, w, c: -(w * (c / N(np, w))),
        lambda np, w, c: -(w / N(np, w)) * c,
    )


def weights(np: Any, w: Any) -> Any:
    """N, of a mean by weights."""
    return np.sum(w)


# ---- a loss of one's own ----


def own(of: Loss, arrays: Mapping[str, Array], made: Callable[..., Any]) -> Any:
    """Of its arrays by name."""
    if not isinstance(of, Loss):
        raise Unusable(f"ops.loss takes a gradcheck.Loss; given {of!r:.60}")
    if of.differentiated:
        raise Unusable(
            "a loss that JAX has traced is judged by gradcheck.check; write it in NumPy's notation for ops.loss"
        )
    if set(arrays) != set(of.takes.arrays):
        raise Unusable(f"the loss {of.name} takes {', '.join(of.takes.arrays)}; given {', '.join(arrays) or 'nothing'}")

    def form(np: Any, **given: Any) -> Any:
        return called(of, given, next(g.numbers for g in given.values() if hasattr(g, "numbers")) if given else None)

    views = {"": View(()), **{name: View(a.shape) for name, a in arrays.items() if name in PARAMETERS}}
    text = Text((form,), arrays)
    most = max((a.size for a in arrays.values()), default=0)
    return made(of.name, dict(arrays), views, text, inner=most, **of.options)
