"""A loss with one forward pass and many backward ones, in NumPy, right and wrong: what checks of use are asked of."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck import CrossEntropy, Implementation, model
from gradcheck.problem import Array


class Right:
    """The mean over the samples, or with `none` the losses of samples; each use of `gradcheck.implementations.uses`."""

    def __init__(self, *, none: bool = False) -> None:
        self.none = none

    # ---- forward and backward: what mistakes are made in ----

    def forward(self, Z: Array, Y: Array) -> dict[str, Array]:
        """What backward is made of."""
        n = Z.dtype.type(1 if self.none else Z.shape[1])
        return {"D": (model.softmax(Z) * Y.sum(axis=0, dtype=Z.dtype) - Y) / n}

    def backward(self, saved: dict[str, Array], c: Array) -> Array:
        """The gradient of c times the loss with respect to Z."""
        return saved["D"] * c

    def labels(self, Z: Array, Y: Array) -> Array | None:
        """The gradient with respect to Y."""
        return None

    # ---- uses ----

    def chain(self, D: Array, theta: Array, X: Array) -> dict[str, Array]:
        D = D.astype(theta.dtype)
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D, "X": theta.T @ D}

    def upstream(self, theta, b, X, Y, c):
        return self.chain(self.backward(self.forward(model.logits(theta, b, X), Y), c), theta, X)

    def again(self, theta, b, X, Y, c):
        saved = self.forward(model.logits(theta, b, X), Y)
        first = self.chain(np.array(self.backward(saved, c)), theta, X)
        return first, self.chain(self.backward(saved, c), theta, X)

    def through(self, theta, b, X, Y):
        T = np.tanh(model.logits(theta, b, X))
        D = self.backward(self.forward(T, Y), T.dtype.type(1))
        return self.chain(D * (1 - T * T), theta, X)

    def left(self, theta, b, X, Y):
        Z = model.logits(theta, b, X)
        before = Z.copy()
        saved = self.forward(Z, Y)
        after = Z.copy()
        self.backward(saved, Z.dtype.type(1))
        return before, after, Z

    def some(self, theta, b, X, Y, names):
        found = self.upstream(theta, b, X, Y, theta.dtype.type(1))
        given = {key: found[key] for key in names if key in found}
        labels = self.labels(model.logits(theta, b, X), Y) if "Y" in names else None
        return given if labels is None else {**given, "Y": labels}

    def pieces(self, theta, b, *data):
        both = [(self.forward(model.logits(theta, b, X), Y), X, c) for X, Y, c in (data[:3], data[3:])]
        one, other = (self.chain(self.backward(saved, c), theta, X) for saved, X, c in both)
        return {key: one[key] + other[key] for key in ("theta", "b")}

    def functional(self, theta, b, X, Y):
        return self.upstream(theta, b, X, Y, theta.dtype.type(1))

    def mapped(self, theta, b, X, Y, axes):
        own = Right(none=True)
        return own.upstream(theta, b, X, Y, theta.dtype.type(1))


NAMES = ("upstream", "again", "through", "left", "some", "pieces", "functional", "mapped")


def uses(of: Right) -> dict[str, Callable[..., Any]]:
    return {name: getattr(of, name) for name in NAMES}


# ---- mistakes, and the checks that must catch each ----

USED: dict[str, tuple[type[Right], tuple[str, ...]]] = {}


def misused(*caught_by: str) -> Callable[[type[Right]], None]:
    def enter(kind: type[Right]) -> None:
        USED[kind.__name__] = kind, caught_by

    return enter


@misused("upstream_gradient")
class upstream_ignored(Right):
    """What backward is handed is not used: right where that is 1."""

    def backward(self, saved, c):
        return saved["D"]


@misused("upstream_gradient")
class upstream_in_sixteen_bits(Right):
    """Rounded to bfloat16, which powers of two do not show."""

    def backward(self, saved, c):
        short = (np.asarray(c, dtype="float32").view("uint32") & np.uint32(0xFFFF0000)).view("float32")
        return saved["D"] * short.astype(saved["D"].dtype)


@misused("upstream_gradients_of_samples")
class upstream_of_the_first_sample(Right):
    """A vector that is taken for one number: right where a sum or a mean has been expanded."""

    def backward(self, saved, c):
        return saved["D"] * np.asarray(c).flat[0]


@misused("upstream_gradients_of_samples")
class upstream_stride_ignored(Right):
    """A view that is read as if its numbers stood side by side."""

    def backward(self, saved, c):
        base, n = getattr(c, "base", None), saved["D"].shape[1]
        read = c if base is None or np.ndim(c) == 0 or base.size < n else np.ascontiguousarray(base).ravel()[:n]
        return saved["D"] * read


@misused("upstream_gradients_of_samples")
class upstream_expanded_read_beyond(Right):
    """A stride of 0 that is taken for 1: what stands behind the one number is read."""

    def backward(self, saved, c):
        expanded = np.ndim(c) and c.strides[0] == 0
        return saved["D"] * (np.where(np.arange(len(c)) == 0, c, 0).astype(c.dtype) if expanded else c)


@misused("backward_twice")
class saved_gradient_multiplied_in_place(Right):
    """What forward has saved is multiplied by the upstream gradient where it lies, each time."""

    def backward(self, saved, c):
        saved["D"] *= c
        return saved["D"]


@misused("backward_twice")
class saved_gradient_freed(Right):
    """After the first backward, zeros are left."""

    def backward(self, saved, c):
        found = saved["D"] * c
        saved["D"] = 0 * saved["D"]
        return found


@misused("gradient_through_a_kept_output", "logits_left_alone")
class logits_overwritten_by_the_gradient(Right):
    """Forward stores ∂ℒ/∂Z in the place of the logits, as kernels that spare memory do."""

    def forward(self, Z, Y):
        saved = super().forward(Z, Y)
        Z[...] = saved["D"]
        return saved


@misused("gradient_through_a_kept_output", "logits_left_alone")
class logits_overwritten_in_backward(Right):
    """Backward does, which leaves the logits alone until then."""

    def forward(self, Z, Y):
        return {**super().forward(Z, Y), "Z": Z}

    def backward(self, saved, c):
        saved["Z"][...] = saved["D"] * c
        return saved["Z"].copy()


@misused("inputs_without_gradient")
class gradients_only_where_data_need_one(Right):
    """The gradient of θ is made together with that of X, or not at all."""

    def some(self, theta, b, X, Y, names):
        return super().some(theta, b, X, Y, names) if "X" in names else {}


@misused("inputs_without_gradient")
class labels_given_a_gradient(Right):
    """Labels that need none."""

    def some(self, theta, b, X, Y, names):
        found = super().some(theta, b, X, Y, names)
        return found if "Y" in names else {**found, "Y": 0 * Y}


@misused("gradient_of_labels")
class gradient_of_logits_for_labels(Right):
    """∂ℒ/∂Z is handed to the labels, too."""

    def labels(self, Z, Y):
        return self.forward(Z, Y)["D"]


@misused("batch_in_pieces")
class saved_in_one_place(Right):
    """What forward saves is kept by the module, and not by the pass: the second pass overwrites it."""

    def forward(self, Z, Y):
        self.kept = getattr(self, "kept", {})
        self.kept.update(super().forward(Z, Y))
        return self.kept

    def pieces(self, theta, b, *data):
        X, Y, c, X2, Y2, c2 = data
        m = min(X.shape[1], X2.shape[1])  # of one shape, so that nothing but numbers is wrong
        return super().pieces(theta, b, X[:, :m], Y[:, :m], c, X2[:, :m], Y2[:, :m], c2)


@misused("functional_gradient")
class function_without_the_mean(Right):
    """Another path, whose gradients are those of the sum."""

    def functional(self, theta, b, X, Y):
        return self.upstream(theta, b, X, Y, theta.dtype.type(2 * X.shape[1]))


@misused("mapped_over_samples")
class mapped_with_the_labels_of_the_next(Right):
    """Samples and labels are mapped out of step."""

    def mapped(self, theta, b, X, Y, axes):
        return super().mapped(theta, b, X, np.roll(Y, 1, axis=1), axes)


# ---- another precision ----


def float32_weights_kept() -> Mapping[str, Any]:
    """Weights that are converted to float32 where they are asked for in it, and stay so."""
    packed: dict[bytes, Array] = {}

    def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
        key = np.asarray(theta, dtype="float32").tobytes()
        if theta.dtype == np.float32:
            packed[key] = theta.copy()
        return model.gradients(packed.get(key, theta).astype(theta.dtype), b, X, Y)

    return {"gradients": gradients}


def of_samples(kind: type[Right], right: Implementation) -> Implementation:
    """Of losses of samples: their sum, and each alone."""

    def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
        own = Right(none=True)
        return own.upstream(theta, b, X, Y, theta.dtype.type(1))

    def loss(theta: Array, b: Array, X: Array, Y: Array) -> Any:
        return model.loss(theta, b, X, Y) * theta.dtype.type(X.shape[1])

    law = CrossEntropy(reduction="none")
    return replace(right, gradients=gradients, loss=loss, law=law, uses=uses(kind(none=True)), analytic=False)
