"""Right code of any loss, twice: the closed forms by hand, and PyTorch's own functions under its autograd.

They share nothing but what the options are called.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck import CrossEntropy, Implementation, Layout
from gradcheck.mistakes import Model

DTYPES = ("float64", "float32", "float16", "bfloat16")


class ByHand(Model):
    """The closed forms; a sample of the class that does not count has no label."""

    def unlabelled(self, Y: Any) -> Any:
        k = self.law.ignore
        return Y if k is None or not 0 <= k < len(Y) else np.where(Y[k] > 0, np.zeros_like(Y), Y)

    def loss(self, theta: Any, b: Any, X: Any, Y: Any) -> Any:
        return super().loss(theta, b, X, self.unlabelled(Y))

    def gradients(self, theta: Any, b: Any, X: Any, Y: Any) -> dict[str, Any]:
        return super().gradients(theta, b, X, self.unlabelled(Y))


def by_hand(law: CrossEntropy) -> Implementation:
    return ByHand(law).implementation("by hand")


# ---- PyTorch ----


def bent(Z: Any, law: CrossEntropy) -> Any:
    Z = Z * law.scale if law.scaled == "before" else Z
    Z = law.softcap * (Z / law.softcap).tanh() if law.softcap else Z
    return Z * law.scale if law.scaled == "after" else Z


def distribution(Y: Any, counted: Any, law: CrossEntropy) -> Any:
    """Labels (n, L) smoothed over the other classes, which PyTorch has no word for."""
    rest = (1 - Y) * law.smoothing / (Y.shape[1] - 1)
    return (Y * (1 - law.smoothing) + rest) * counted[:, None].to(Y.dtype)


def entropies(Z: Any, Y: Any, counted: Any, law: CrossEntropy, reduction: str) -> Any:
    """F.cross_entropy, with each option in its own argument where there is one: of each sample, or their sum or mean."""
    from torch.nn.functional import cross_entropy

    weight = Z.new_tensor(law.class_weight[: Z.shape[1]]) if law.class_weight else None
    options = {"weight": weight, "label_smoothing": law.smoothing}
    by_label = law.smoothing > 0 and law.smoothing_weight == "label" and weight is not None
    if by_label:
        options["weight"] = None
    if law.smoothing and law.smoothing_over == "others":
        target, options["label_smoothing"] = distribution(Y, counted, law), 0.0
    elif bool((((Y == 0) | (Y == 1)).all(1) & (Y.sum(1) == 1) | ~counted).all()):
        absent = -100 if law.ignore is None else law.ignore
        target, options["ignore_index"] = Y.argmax(1).masked_fill(~counted, absent), absent
    else:
        target = Y
    if not by_label and "ignore_index" in options:
        return cross_entropy(Z, target, reduction=reduction, **options)
    each = cross_entropy(Z, target, reduction="none", **options).masked_fill(~counted, 0)
    each = each * (Y @ weight) if by_label else each
    return each if reduction == "none" else each.sum()


def divisor(Y: Any, counted: Any, law: CrossEntropy) -> Any:
    if law.counted == "weights":
        return (Y[counted] @ Y.new_tensor(law.class_weight[: Y.shape[1]] or (1.0,) * Y.shape[1])).sum()
    return {"samples": len(Y), "labelled": int(counted.sum())}.get(law.counted, law.counted)


def own_mean(Y: Any, law: CrossEntropy) -> bool:
    """Whether the mean is PyTorch's own: of what counts, weighed as it weighs."""
    one_hot = bool((Y.sum(1) <= 1).all() and ((Y == 0) | (Y == 1)).all())
    usual = law.smoothing_over == "all" and law.smoothing_weight == "class"
    return law.counted == ("weights" if law.class_weight else "labelled") and one_hot and usual


def torch_loss(Z: Any, Y: Any, law: CrossEntropy) -> Any:
    Y = Y.to(Z.dtype)
    ignored = law.ignore is not None and 0 <= law.ignore < Y.shape[1]
    counted = (Y.sum(1) > 0) & ~(Y[:, law.ignore] > 0) if ignored else Y.sum(1) > 0
    Z = bent(Z, law)
    fused = own_mean(Y, law)
    how = "none" if law.reduction == "none" else "mean" if fused else "sum"
    N = divisor(Y, counted, law)
    found = entropies(Z, Y, counted, law, how)
    found = found if fused and how == "mean" else found / N
    if law.z_loss:
        squares = law.z_loss * Z.logsumexp(1) ** 2
        squares = squares if law.z_over == "samples" else squares.masked_fill(~counted, 0)
        found = found + (squares if how == "none" else squares.sum()) / N
    return found


def by_torch(law: CrossEntropy) -> Implementation:
    """With `l2` the loss is one of the parameters, and has no gradient of Z alone."""
    from gradcheck.implementations.torch import from_torch, linear

    def penalised(theta: Any, b: Any, X: Any, Y: Any) -> Any:
        penalty = law.l2 / 2 * ((theta**2).sum() + ((b**2).sum() if law.l2_bias else 0))
        return torch_loss(linear(theta, b, X), Y, law).sum() + penalty

    common: dict[str, Any] = {"layout": Layout(samples="rows"), "law": law, "name": "torch", "dtypes": DTYPES}
    if law.l2:
        return from_torch(penalised, **common)
    return from_torch(lambda Z, Y: torch_loss(Z, Y, law), logits=linear, **common)


CODES: dict[str, Callable[[CrossEntropy], Implementation]] = {"by hand": by_hand, "torch": by_torch}
