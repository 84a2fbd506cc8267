"""Small wrong implementations, and the checks that must catch each of them. Every check is named by one at least.

Each is built from pieces of `gradcheck.model`, and wrong in one way only.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck import Implementation, model
from gradcheck.problem import Array

Gradient = Callable[[Array, Array, Array, Array], Array]

RIGHT = Implementation(
    "right", model.gradients, model.loss, model.logits, model.softmax, model.softmax_jacobian, analytic=True
)


@dataclass(frozen=True)
class Wrong:
    """An implementation with one mistake, the checks that must catch it, and the regimes in which it shows.

    A check catches it by disagreeing; one of a wrong shape may also error. `build` makes it afresh, since some remember.
    """

    build: Callable[[], Implementation]
    caught_by: tuple[str, ...]
    regimes: tuple[str, ...] = ()


WRONG: dict[str, Wrong] = {}


def wrong(*caught_by: str, regimes: tuple[str, ...] = ()) -> Callable[[Callable[[], dict[str, Any]]], None]:
    """Enter what the function returns, which replaces parts of `RIGHT`, under the function's name."""

    def enter(function: Callable[[], dict[str, Any]]) -> None:
        name = function.__name__
        WRONG[name] = Wrong(lambda: replace(RIGHT, name=name, **function()), caught_by, regimes)

    return enter


# ---- pieces ----


def from_logits_gradient(D: Gradient) -> Callable[..., dict[str, Array]]:
    """All three gradients from a function that gives ∂ℒ/∂Z."""

    def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
        residual = D(theta, b, X, Y)
        return {"theta": residual @ X.T, "b": residual.sum(axis=1, keepdims=True), "Z": residual}

    return gradients


def from_softmax(softmax: Callable[[Array], Array]) -> dict[str, Any]:
    """Gradients and loss as well, all with this softmax."""

    def D(theta: Array, b: Array, X: Array, Y: Array) -> Array:
        return (softmax(model.logits(theta, b, X)) - Y) / X.shape[1]

    def loss(theta: Array, b: Array, X: Array, Y: Array) -> Array:
        return cross_entropy(softmax(model.logits(theta, b, X)), Y)

    return {"softmax": softmax, "gradients": from_logits_gradient(D), "loss": loss, "analytic": False}


def cross_entropy(A: Array, Y: Array) -> Array:
    """Eq. 2 as it is printed: 0 log 0 is NaN."""
    return -(Y * np.log(A)).sum() / Y.shape[1]


def probabilities(theta: Array, b: Array, X: Array) -> Array:
    return model.softmax(model.logits(theta, b, X))


def changed(**changes: Callable[..., Array]) -> dict[str, Any]:
    """The right gradients, some of which are then changed by a function of the gradient and X."""

    def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
        right = model.gradients(theta, b, X, Y)
        return {key: changes[key](value, X) if key in changes else value for key, value in right.items()}

    return {"gradients": gradients}


def everywhere(change: Callable[..., Array]) -> dict[str, Any]:
    return changed(theta=change, b=change, Z=change)


# ---- the mean, the sign, the axis ----


@wrong("logits_gradient", "theta_gradient", "bias_gradient", "duplicated_batch", "central_difference")
def missing_mean():
    """Summed over the batch: not divided by n."""
    return everywhere(lambda g, X: g * X.shape[1])


@wrong("theta_gradient", "bias_gradient", "logits_gradient", "gradient_of_its_own_loss")
def mean_over_samples_and_classes():
    """Divided by n L, as `np.mean` of a matrix does."""
    return {
        "gradients": from_logits_gradient(
            lambda theta, b, X, Y: (probabilities(theta, b, X) - Y) / (X.shape[1] * len(b))
        )
    }


@wrong("logits_gradient", "theta_gradient", "bias_gradient")
def off_by_a_part_in_a_billion():
    """What every picked number of the peers lets pass."""
    return everywhere(lambda g, X: g * (1 + 1e-9))


@wrong(
    "logits_gradient",
    "one_sample",
    "two_classes_are_logistic",
    "central_difference",
    "forward_difference",
    "gradient_of_its_own_loss",
    "scipy_check_grad_theta",
    "scipy_check_grad_b",
    "scipy_check_grad_Z",
    "complex_step_of_its_own_loss",
)
def flipped_sign():
    """(Y - A)/n."""
    return everywhere(lambda g, X: -g)


@wrong("softmax", "probabilities_sum_to_one", "columns_do_not_mix", "probabilities_gradient", "theta_gradient")
def softmax_over_the_wrong_axis():
    """Rows of Z sum to 1."""
    return from_softmax(lambda Z: model.softmax(Z.T).T)


@wrong("softmax", "shift_invariance", "finite", "logits_gradient")
def unshifted_softmax():
    """exp overflows and underflows."""
    return from_softmax(lambda Z: np.exp(Z) / np.exp(Z).sum(axis=0))


@wrong("softmax", "finite")
def maximum_over_the_whole_matrix():
    """One shift for all columns: those far below it underflow to 0/0."""

    def softmax(Z):
        powers = np.exp(Z - Z.max())
        return powers / powers.sum(axis=0)

    return from_softmax(softmax)


@wrong("softmax", "probabilities_gradient", "chain_rule")
def softmax_applied_twice():
    """A classifier that ends in softmax, and a loss that begins with one."""
    return from_softmax(lambda Z: model.softmax(model.softmax(Z)))


@wrong("probabilities_are_positive")
def small_probabilities_cut_to_zero():
    """Nothing below 1e-7 is kept."""
    return {"softmax": lambda Z: np.where(model.softmax(Z) < 1e-7, 0, model.softmax(Z))}


@wrong("logits")
def forgotten_bias():
    """Z = theta X."""
    return {"logits": lambda theta, b, X: theta @ X}


# ---- one gradient ----


@wrong("shape_and_dtype", "theta_gradient", "theta_gradient_sums_to_zero", "bias_is_a_weight")
def transposed_theta_gradient():
    """X (A - Y)^T/n, of the other convention."""
    return changed(theta=lambda g, X: g.T)


@wrong("shape_and_dtype", "bias_gradient", "bias_gradient_sums_to_zero")
def flat_bias_gradient():
    """Shape (L,): no keepdims."""
    return changed(b=lambda g, X: g[:, 0])


@wrong("logits_gradient", "theta_gradient", "bias_gradient", "class_permutation")
def labels_shifted_by_one():
    """Classes counted from 1."""
    return {"gradients": lambda theta, b, X, Y: model.gradients(theta, b, X, np.roll(Y, 1, axis=0))}


def _without_first_class(gradient: Array, X: Array) -> Array:
    gradient = gradient.copy()
    gradient[0] = 0
    return gradient


@wrong(
    "logits_gradient_sums_to_zero",
    "theta_gradient_sums_to_zero",
    "bias_gradient_sums_to_zero",
    "class_permutation",
    "bias_is_a_weight",
)
def first_class_as_reference():
    """The gradient of a model in which the first class is fixed at 0."""
    return everywhere(_without_first_class)


@wrong("sample_permutation", "duplicated_batch")
def first_sample_twice():
    """A loop over the batch that begins one sample early."""

    def D(theta, b, X, Y):
        right = model.logits_gradient(theta, b, X, Y)
        right[:, 0] *= 2
        return right

    return {"gradients": from_logits_gradient(D)}


@wrong("theta_gradient_from_logits_gradient", "bias_is_a_weight", "forward_difference")
def theta_gradient_divided_twice():
    """Divided by n in ∂ℒ/∂Z and once more in ∂ℒ/∂θ."""
    return changed(theta=lambda g, X: g / X.shape[1])


@wrong("bias_gradient_from_logits_gradient", "bias_gradient", "scipy_check_grad_b")
def bias_gradient_divided_twice():
    """The mean of columns that are divided by n already."""
    return changed(b=lambda g, X: g / X.shape[1])


@wrong("theta_gradient", "shape_and_dtype")
def integer_truncation():
    """Written into an array of whole numbers."""
    return changed(theta=lambda g, X: g.astype(int))


@wrong("logits_gradient", "theta_gradient", regimes=("label-mass",))
def divided_by_the_labelled_samples():
    """The mean over samples that have a label, in place of all n."""

    def D(theta, b, X, Y):
        return model.logits_gradient(theta, b, X, Y) * X.shape[1] / max(1, (Y.sum(axis=0) > 0).sum())

    return {"gradients": from_logits_gradient(D)}


@wrong("logits_gradient", "logits_gradient_sums_to_zero", regimes=("label-mass",))
def label_mass_taken_for_one():
    """(A - Y)/n, whatever the columns of Y sum to."""
    return {
        "gradients": from_logits_gradient(lambda theta, b, X, Y: (probabilities(theta, b, X) - Y) / X.shape[1]),
    }


# ---- the loss ----


@wrong("loss", "finite")
def logarithm_of_an_underflown_probability():
    """0 log 0 is NaN, and log 0 infinite."""
    return {"loss": lambda theta, b, X, Y: cross_entropy(probabilities(theta, b, X), Y)}


@wrong("loss", "gradient_of_its_own_loss")
def loss_of_the_first_sample():
    """The right gradient of another loss: a loop that returns too early."""
    return {"loss": lambda theta, b, X, Y: model.loss(theta, b, X[:, :1], Y[:, :1])}


@wrong("loss", "gradient_of_its_own_loss")
def loss_scaled():
    """In bits rather than nats."""
    return {"loss": lambda *arrays: model.loss(*arrays) / np.log(2)}


@wrong("loss", "loss_of_a_duplicated_batch")
def loss_summed():
    """Not divided by n."""
    return {"loss": lambda theta, b, X, Y: model.loss(theta, b, X, Y) * X.shape[1]}


@wrong("loss", "loss_is_not_negative", "loss_is_convex")
def loss_negated():
    """The log-likelihood: to be maximised."""
    return {"loss": lambda *arrays: -model.loss(*arrays)}


@wrong("loss", "loss_is_convex")
def squared_error():
    """Not the cross-entropy, and not convex."""
    return {"loss": lambda theta, b, X, Y: ((probabilities(theta, b, X) - Y) ** 2).sum() / X.shape[1]}


def _clipped(theta: Array, b: Array, X: Array) -> Array:
    return np.clip(probabilities(theta, b, X), 1e-7, 1 - 1e-7)


def _clipped_loss(theta: Array, b: Array, X: Array, Y: Array) -> Array:
    return cross_entropy(_clipped(theta, b, X), Y)


@wrong("loss", "gradient_of_its_own_loss")
def clipped_probabilities():
    """The loss is clipped, and its gradient does not know."""
    return {"loss": _clipped_loss, "analytic": False}


@wrong("loss", "logits_gradient")
def clipped_probabilities_differentiated():
    """The loss is clipped, and its gradient is 0 there."""

    def D(theta, b, X, Y):
        A = probabilities(theta, b, X)
        kept = np.where(_clipped(theta, b, X) == A, Y, 0)
        return (A * kept.sum(axis=0) - kept) / X.shape[1]

    return {"loss": _clipped_loss, "gradients": from_logits_gradient(D), "analytic": False}


@wrong("loss")
def logarithm_of_a_little_more():
    """log(A + 1e-8)."""
    return {"loss": lambda theta, b, X, Y: cross_entropy(probabilities(theta, b, X) + 1e-8, Y), "analytic": False}


# ---- the Jacobian ----


@wrong("jacobian_off_diagonal", "jacobian_rows_sum_to_zero", "chain_rule")
def jacobian_diagonal_only():
    """A_l (1 - A_l), as for the logistic function."""
    return {"softmax_jacobian": lambda z: np.diag(model.softmax_jacobian(z).diagonal())}


@wrong("jacobian_is_symmetric", "jacobian_off_diagonal")
def jacobian_by_broadcasting():
    """diag(a) - a a, where the second a is no row: every entry of a row is the same but one."""

    def jacobian(z):
        a = model.softmax(z[:, np.newaxis])
        return a * (np.eye(len(z)) - a)

    return {"softmax_jacobian": jacobian}


@wrong("jacobian_diagonal", "jacobian_rows_sum_to_zero")
def jacobian_without_its_diagonal():
    """-a a^T, which holds for l' ≠ l only."""

    def jacobian(z):
        a = model.softmax(z[:, np.newaxis])
        return -a @ a.T

    return {"softmax_jacobian": jacobian}


@wrong("jacobian_diagonal", "jacobian_is_positive_semidefinite", "chain_rule")
def jacobian_negated():
    """a a^T - diag(a)."""
    return {"softmax_jacobian": lambda z: -model.softmax_jacobian(z)}


# ---- conduct ----


@wrong("inputs_unchanged")
def input_overwritten():
    """Y becomes the residual: one array saved."""

    def gradients(theta, b, X, Y):
        found = model.gradients(theta, b, X, Y)
        Y -= probabilities(theta, b, X)
        return found

    return {"gradients": gradients}


@wrong("inputs_unchanged")
def logits_overwritten():
    """The maximum is subtracted in place."""

    def softmax(Z):
        Z -= Z.max(axis=0)
        return model.softmax(Z)

    return {"softmax": softmax}


@wrong("repeatable")
def reused_output_buffer():
    """Results of one shape live in one array: each call changes what the one before it returned."""
    buffers: dict[tuple[int, ...], Array] = {}

    def gradients(theta, b, X, Y):
        found = model.gradients(theta, b, X, Y)
        buffer = buffers.setdefault(Y.shape, np.zeros(Y.shape))
        buffer[...] = found["Z"]
        return {**found, "Z": buffer}

    return {"gradients": gradients}


@wrong("repeatable", "logits_gradient")
def gradient_accumulated():
    """Added to what the call before left: no zero_grad."""
    buffers: dict[tuple[int, ...], Array] = {}

    def gradients(theta, b, X, Y):
        buffer = buffers.setdefault(Y.shape, np.zeros(Y.shape))
        buffer += model.logits_gradient(theta, b, X, Y)
        return {"Z": buffer}

    return {"gradients": gradients}


@wrong("repeatable")
def dropout():
    """Every call leaves out other entries of X."""
    rng = np.random.default_rng(0)

    def gradients(theta, b, X, Y):
        return model.gradients(theta, b, X * rng.integers(0, 2, X.shape), Y)

    return {"gradients": gradients}


@wrong("finite", "logits_gradient")
def not_a_number():
    """A (1 - Y/A): 0/0 where A underflows."""

    def D(theta, b, X, Y):
        A = probabilities(theta, b, X)
        return A * (1 - Y / A) / X.shape[1]

    return {"gradients": from_logits_gradient(D)}


@wrong("shape_and_dtype")
def float32_returned():
    """The right values in another dtype."""
    return everywhere(lambda g, X: g.astype("float32"))


def _in_float32(function: Callable[..., Any]) -> Callable[..., Any]:
    def inside(*arrays: Array) -> Any:
        found = function(*(array.astype("float32") for array in arrays))
        if isinstance(found, dict):
            return {key: value.astype(arrays[0].dtype) for key, value in found.items()}
        return found.astype(arrays[0].dtype)

    return inside


@wrong("logits", "softmax", "loss", "theta_gradient", "bias_gradient", "logits_gradient")
def float32_inside():
    """float64 in, float64 out, float32 between."""
    names = ("gradients", "loss", "logits", "softmax", "softmax_jacobian")
    return {name: _in_float32(getattr(RIGHT, name)) for name in names}
