"""Cross-entropies as torch.autograd.Functions, right and wrong in how their gradients are used: for test_uses alone."""

from collections.abc import Callable
from typing import Any

import torch

import gradcheck

ROWS = gradcheck.Layout(samples="rows")
NONE = gradcheck.CrossEntropy(reduction="none")


class Right(torch.autograd.Function):
    """What forward saves is not written to; labels get -log A/n where they need a gradient, of which the mean is no part."""

    @staticmethod
    def losses(Z, Y):
        return -torch.where(Y > 0, Y * torch.log_softmax(Z, 1), 0).sum(1)

    @staticmethod
    def slope(Z, Y):
        return torch.softmax(Z, 1) * Y.sum(1, keepdim=True) - Y

    @classmethod
    def forward(cls, ctx, Z, Y):
        ctx.save_for_backward(cls.slope(Z, Y) / len(Z), torch.log_softmax(Z, 1))
        return cls.losses(Z, Y).mean()

    @staticmethod
    def backward(ctx, c):
        D, log_A = ctx.saved_tensors
        return c * D, -c * log_A / len(D) if ctx.needs_input_grad[1] else None


class Unnormalised(Right):
    """Labels get -Z/n: what a distribution is, it tells as well."""

    @classmethod
    def forward(cls, ctx, Z, Y):
        ctx.save_for_backward(cls.slope(Z, Y) / len(Z), Z.clone())
        return cls.losses(Z, Y).mean()


class Refusing(Right):
    """A second backward is refused."""

    @staticmethod
    def backward(ctx, c):
        if getattr(ctx, "spent", False):
            raise RuntimeError("backward once, please")
        ctx.spent = True
        return c * ctx.saved_tensors[0], None


class Ignoring(Right):
    @staticmethod
    def backward(ctx, c):
        return ctx.saved_tensors[0].clone(), None


class InPlace(Right):
    """As Liger's: element-wise, in place."""

    @classmethod
    def forward(cls, ctx, Z, Y):
        ctx.D = cls.slope(Z, Y) / len(Z)
        return cls.losses(Z, Y).mean()

    @staticmethod
    def backward(ctx, c):
        ctx.D.mul_(c)
        return ctx.D, None


class Freed(InPlace):
    @staticmethod
    def backward(ctx, c):
        found, ctx.D = c * ctx.D, torch.zeros_like(ctx.D)
        return found, None


class Writing(Right):
    """∂ℒ/∂Z in the place of the logits, unseen by autograd, as a kernel writes."""

    @classmethod
    def forward(cls, ctx, Z, Y):
        loss = Right.forward.__func__(cls, ctx, Z, Y)
        Z.data.copy_(cls.slope(Z, Y) / len(Z))
        return loss


class WritingLate(Right):
    @classmethod
    def forward(cls, ctx, Z, Y):
        ctx.Z = Z
        return Right.forward.__func__(cls, ctx, Z, Y)

    @staticmethod
    def backward(ctx, c):
        ctx.Z.data.copy_(c * ctx.saved_tensors[0])
        return ctx.Z.data.clone(), None


class Leaking(Right):
    @staticmethod
    def backward(ctx, c):
        D = c * ctx.saved_tensors[0]
        return D, -D if ctx.needs_input_grad[1] else None


class GivingLabels(Right):
    """Labels are given a gradient by hand."""

    @classmethod
    def forward(cls, ctx, Z, Y):
        Y.grad = torch.zeros_like(Y)
        return Right.forward.__func__(cls, ctx, Z, Y)


class InOnePlace(Right):
    """What is saved is kept by the class, by shape."""

    @classmethod
    def forward(cls, ctx, Z, Y):
        cls.kept = {len(Z): cls.slope(Z, Y) / len(Z)}
        ctx.n = len(Z)
        return cls.losses(Z, Y).mean()

    @staticmethod
    def backward(ctx, c):
        found = InOnePlace.kept.get(ctx.n, next(iter(InOnePlace.kept.values())))
        return c * torch.cat([found, found])[: ctx.n], None


class OfSamples(Right):
    """A loss for each sample."""

    @classmethod
    def forward(cls, ctx, Z, Y):
        ctx.save_for_backward(cls.slope(Z, Y), torch.log_softmax(Z, 1))
        return cls.losses(Z, Y)

    @staticmethod
    def backward(ctx, c):
        return ctx.saved_tensors[0] * c[:, None], None


class Strided(OfSamples):
    """The memory of the upstream gradient from its first number on, whatever its strides."""

    @staticmethod
    def backward(ctx, c):
        memory = torch.empty(0, dtype=c.dtype).set_(c.untyped_storage())
        return ctx.saved_tensors[0] * memory[torch.arange(len(c)) % len(memory)][:, None], None


class FirstAlone(OfSamples):
    @staticmethod
    def backward(ctx, c):
        return ctx.saved_tensors[0] * c[0], None


class WhereDataNeedOne(torch.autograd.Function):
    """All gradients in forward, where X needs one; otherwise none."""

    @staticmethod
    def forward(ctx, theta, b, X, Y):
        Z = X @ theta.T + b
        D = Right.slope(Z, Y) / len(Z)
        ctx.save_for_backward(D.T @ X, D.sum(0), D @ theta)
        ctx.needed = X.requires_grad
        return Right.losses(Z, Y).mean()

    @staticmethod
    def backward(ctx, c):
        return (*(c * each if ctx.needed else None for each in ctx.saved_tensors), None)


def linear(theta: Any, b: Any, X: Any) -> Any:
    return X.to(theta.dtype) @ theta.T + b


def of(function: Any, **options: Any) -> gradcheck.Implementation:
    """The target that is made of one of these."""

    def loss(Z: Any, Y: Any) -> Any:
        return function.apply(Z, Y.to(Z.dtype))

    law = NONE if issubclass(function, OfSamples) else gradcheck.CrossEntropy()
    return gradcheck.from_torch(loss, logits=linear, layout=ROWS, law=law, name=function.__name__, **options)


def fused(function: Any) -> gradcheck.Implementation:
    """The same of one that forms logits itself."""

    def loss(theta: Any, b: Any, X: Any, Y: Any) -> Any:
        return function.apply(theta, b, X.to(theta.dtype), Y.to(theta.dtype))

    return gradcheck.from_torch(loss, layout=ROWS, name=function.__name__)


KEPT = ("gradient_through_a_kept_output", "logits_left_alone")
WRONG: dict[str, tuple[Callable[[], gradcheck.Implementation], tuple[str, ...]]] = {
    "ignoring": (lambda: of(Ignoring), ("upstream_gradient",)),
    "in place": (lambda: of(InPlace), ("backward_twice",)),
    "freed": (lambda: of(Freed), ("backward_twice",)),
    "writing": (lambda: of(Writing), KEPT),
    "writing late": (lambda: of(WritingLate), KEPT),
    "leaking": (lambda: of(Leaking), ("gradient_of_labels",)),
    "giving labels": (lambda: of(GivingLabels), ("inputs_without_gradient",)),
    "in one place": (lambda: of(InOnePlace), ("batch_in_pieces",)),
    "strided": (lambda: of(Strided), ("upstream_gradients_of_samples",)),
    "the first alone": (lambda: of(FirstAlone), ("upstream_gradients_of_samples",)),
    "where data need one": (lambda: fused(WhereDataNeedOne), ("inputs_without_gradient",)),
}
RIGHT = {"right": Right, "unnormalised": Unnormalised, "refusing": Refusing, "of samples": OfSamples}
