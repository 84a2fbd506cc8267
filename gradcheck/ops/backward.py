"""nll, and the backward operators of PyTorch, judged by what they are given: the output that a forward has left, right or not."""

from functools import partial
from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.ops import forms
from gradcheck.ops.description import Op
from gradcheck.ops.plain import along, expected, made
from gradcheck.ops.programs import Form, Text, at_labels, judged
from gradcheck.ops.targets import Targets
from gradcheck.ops.views import View, ignored, numbers, read
from gradcheck.problem import Array


def _of_output(name: str, given: tuple[Form, ...], g: Any, output: Any, axis: int) -> Op:
    found = read("output", output)
    view, c = along("output", found, axis), expected("grad_output", g, found.shape)
    inputs = {"grad_output": c, "output": found}
    text = Text(given, {"g": view.rows(c), "A": view.rows(found)}, by_row=True)
    return made(name, inputs, {"": view}, text, inner=view.whole[1])


def softmax_backward_data(grad_output: Any, output: Any, axis: int = -1) -> Op:
    """A (g - Σ g A), of the A that it is given."""
    return _of_output("softmax_backward_data", forms.SOFTMAX_BACKWARD, grad_output, output, axis)


def log_softmax_backward_data(grad_output: Any, output: Any, axis: int = -1) -> Op:
    """g - exp(log A) Σ g, of the log A that it is given."""
    return _of_output("log_softmax_backward_data", forms.LOG_SOFTMAX_BACKWARD, grad_output, output, axis)


def nll(
    log_A: Any, Y: Any, *, weight: Any = None, ignore_index: int = -100, reduction: str = "mean", upstream: Any = None
) -> Op:
    """-Σ w_y (log A)_y over Σ w_y, of any numbers (..., L) in the place of log A, and its gradient with respect to these."""
    found, view, targets, w = _labelled(log_A, Y, weight, ignore_index, reduction)
    n, index = view.whole[0], np.where(targets.counts, targets.given, 0)
    used, each = targets.counts, reduction == "none"
    kept = slice(None) if each else used
    arrays = {"x": view.rows(found)[np.arange(n), index][kept, None], "w": w[kept, None]}
    text = Text(forms.nll_value(each, _divisor(w, weight, reduction)), arrays)
    value = Op("nll", {"log_A": found}, {"": View(found.shape[:-1]) if each else View(())}, partial(judged, text=text))
    shared = nll_loss_backward(
        1.0 if upstream is None else upstream, log_A, Y, weight=weight, ignore_index=ignore_index, reduction=reduction
    )

    def judge(op: Op, wrt: str, g: Any) -> Any:
        return (shared if wrt else value).judge(op if not wrt else shared, "", g)

    views = {**value.views, "log_A": view}
    return Op("nll", {"log_A": found}, views, judge, about={"reduction": reduction}, inner=n, labels=targets.given)


def nll_loss_backward(
    grad_output: Any, log_A: Any, Y: Any, *, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Op:
    """-w_y g / Σ w_y at each label, 0 elsewhere."""
    found, view, targets, w = _labelled(log_A, Y, weight, ignore_index, reduction)
    n = view.whole[0]
    c = numbers("grad_output", grad_output)
    if c.size not in (1, n):
        raise Unusable(f"grad_output has shape {c.shape}; expected one number, or one for each of {n} samples")
    arrays = {"w": w[:, None], "c": np.broadcast_to(c.reshape(-1, 1), (n, 1))}
    share = Text(forms.nll_share(_divisor(w, weight, reduction)), arrays)
    index = np.where(targets.counts, targets.given, 0)

    def judge(op: Op, wrt: str, g: Any) -> Any:
        return at_labels(g, share, index, targets.counts, view.whole[1])

    return Op(
        "nll_loss_backward", {"log_A": found}, {"": view}, judge, about={"reduction": reduction}, labels=targets.given
    )


def _labelled(x: Any, Y: Any, weight: Any, ignore: int, reduction: str) -> tuple[Array, View, Targets, Array]:
    """The array, its view, labels, and the weight of each sample (n,), 0 where it does not count."""
    if reduction not in ("mean", "sum", "none"):
        raise Unusable(f"reduction is {reduction!r:.60}; expected mean, sum or none")
    found = read("log_A", x)
    view = along("log_A", found, -1)
    targets = Targets.read(Y, view, ignored(ignore))
    if not targets.index:
        raise Unusable("nll takes class indices, one for each sample")
    L = view.whole[1]
    weights = np.ones(L, dtype=found.dtype) if weight is None else expected("weight", weight, (L,))
    w = weights[np.where(targets.counts, targets.given, 0)]
    return found, view, targets, np.where(targets.counts, w, np.zeros_like(w))


def _divisor(w: Array, weight: Any, reduction: str) -> Form | None:
    """What a mean divides by: a count, exactly, or a sum of weights."""
    if reduction != "mean":
        return None
    if weight is not None:
        return forms.weights
    N = float(np.count_nonzero(w))
    return lambda np, w: N
