"""Wrong implementations, and the checks that must catch each of them. Every check is named by one at least.

Most are mistakes of the package's table. The others here are wrong in a way that nobody is told of as a mistake of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import used

from gradcheck import CrossEntropy, Implementation, model
from gradcheck.mistakes import MISTAKES, Model
from gradcheck.problem import Array

RIGHT = Implementation(
    "right",
    model.gradients,
    model.loss,
    model.logits,
    model.softmax,
    model.softmax_jacobian,
    analytic=True,
    uses=used.uses(used.Right()),
    threads=True,
)

# Mistake -> the checks that must catch it.
CAUGHT_BY = {
    "missing_mean": (
        "logits_gradient",
        "theta_gradient",
        "bias_gradient",
        "duplicated_batch",
        "central_difference_theta",
    ),
    "flipped_sign": (
        "logits_gradient",
        "one_sample",
        "two_classes_are_logistic",
        "central_difference_theta",
        "central_difference_b",
        "central_difference_Z",
        "forward_difference",
        "gradient_of_its_own_loss",
        "scipy_check_grad_theta",
        "scipy_check_grad_b",
        "scipy_check_grad_Z",
        "complex_step_of_its_own_loss",
    ),
    "softmax_over_samples": (
        "softmax",
        "probabilities_sum_to_one",
        "columns_do_not_mix",
        "probabilities_gradient",
        "theta_gradient",
    ),
    "unshifted_softmax": ("softmax", "shift_invariance", "finite", "logits_gradient"),
    "maximum_over_the_whole_matrix": ("softmax", "finite"),
    "softmax_applied_twice": ("softmax", "probabilities_gradient", "chain_rule"),
    "forgotten_bias": ("logits",),
    "transposed_theta_gradient": (
        "shape_and_dtype",
        "theta_gradient",
        "theta_gradient_sums_to_zero",
        "bias_is_a_weight",
    ),
    "flat_bias_gradient": ("shape_and_dtype", "bias_gradient", "bias_gradient_sums_to_zero"),
    "labels_shifted_by_one": ("logits_gradient", "theta_gradient", "bias_gradient", "class_permutation"),
    "first_class_as_reference": (
        "logits_gradient_sums_to_zero",
        "theta_gradient_sums_to_zero",
        "bias_gradient_sums_to_zero",
        "class_permutation",
        "bias_is_a_weight",
    ),
    "first_sample_twice": ("sample_permutation", "duplicated_batch"),
    "theta_gradient_divided_twice": ("theta_gradient_from_logits_gradient", "bias_is_a_weight", "forward_difference"),
    "bias_gradient_divided_twice": ("bias_gradient_from_logits_gradient", "bias_gradient", "scipy_check_grad_b"),
    "integer_result": ("theta_gradient", "shape_and_dtype"),
    "divided_by_the_labelled_samples": ("logits_gradient", "theta_gradient"),
    "label_mass_taken_for_one": ("logits_gradient", "logits_gradient_sums_to_zero"),
    "logarithm_of_an_underflown_probability": ("loss", "finite"),
    "loss_of_the_first_sample": ("loss", "gradient_of_its_own_loss"),
    "loss_in_bits": ("loss", "gradient_of_its_own_loss"),
    "loss_summed": ("loss", "loss_of_a_duplicated_batch"),
    "loss_negated": ("loss", "loss_is_not_negative", "loss_is_convex"),
    "squared_error": ("loss", "loss_is_convex"),
    "clipped_loss": ("loss", "gradient_of_its_own_loss"),
    "clipped_probabilities_differentiated": ("loss", "logits_gradient"),
    "constant_in_the_logarithm": ("loss",),
    "jacobian_diagonal_only": (
        "central_difference_jacobian",
        "scipy_check_grad_jacobian",
        "jacobian_off_diagonal",
        "jacobian_rows_sum_to_zero",
        "chain_rule",
    ),
    "jacobian_by_broadcasting": ("jacobian_is_symmetric", "jacobian_off_diagonal"),
    "jacobian_without_its_diagonal": ("jacobian_diagonal", "jacobian_rows_sum_to_zero"),
    "jacobian_negated": (
        "jacobian_of_its_own_softmax",
        "jacobian_diagonal",
        "jacobian_is_positive_semidefinite",
        "chain_rule",
    ),
    "theta_reshaped_for_the_data": ("data_gradient", "data_gradient_from_logits_gradient", "central_difference_X"),
    "data_gradient_of_the_probabilities": ("data_gradient", "central_difference_X", "scipy_check_grad_X"),
    "labels_overwritten": ("inputs_unchanged",),
    "logits_overwritten": ("inputs_unchanged",),
    "reused_output_buffer": ("repeatable",),
    "gradient_accumulated": ("repeatable", "logits_gradient"),
    "dropout": ("repeatable",),
    "made_of_an_array_remembered": ("updated_in_place",),
    "remembered_by_some_arguments": ("updated_in_place",),
    "remembered_by_address": ("memory_given_again",),
    "left_by_an_exception": ("after_an_exception",),
    "one_array_for_all_threads": ("two_threads",),
    "float32_returned": ("shape_and_dtype",),
    "float32_inside": ("logits", "softmax", "loss", "theta_gradient", "bias_gradient", "logits_gradient"),
}


@dataclass(frozen=True)
class Wrong:
    """An implementation with one mistake, the checks that must catch it, and the regimes in which it shows.

    A check catches it by disagreeing; one of a wrong shape may also error. `build` makes it afresh, since some remember.
    """

    build: Callable[[], Implementation]
    caught_by: tuple[str, ...]
    regimes: tuple[str, ...] = ()


WRONG: dict[str, Wrong] = {
    name: Wrong(MISTAKES[name].implementation, checks, MISTAKES[name].regimes) for name, checks in CAUGHT_BY.items()
}


def _used(name: str, kind: type[used.Right], checks: tuple[str, ...]) -> Callable[[], Implementation]:
    if "upstream_gradients_of_samples" in checks:
        return lambda: replace(used.of_samples(kind, RIGHT), name=name)
    return lambda: replace(RIGHT, name=name, uses=used.uses(kind()))


SHOWN = {"gradient_of_logits_for_labels": ("soft-labels",)}  # where uses are wrong alone
WRONG |= {
    name: Wrong(_used(name, kind, checks), checks, SHOWN.get(name, ())) for name, (kind, checks) in used.USED.items()
}


def wrong(*caught_by: str) -> Callable[[Callable[[], dict[str, Any]]], None]:
    """Enter what the function returns, which replaces parts of `RIGHT`, under the function's name."""

    def enter(function: Callable[[], dict[str, Any]]) -> None:
        name = function.__name__
        WRONG[name] = Wrong(lambda: replace(RIGHT, name=name, **function()), caught_by)

    return enter


IGNORING = CrossEntropy(ignore=-100, reduction="sum")


class Averaged(Model):
    """A sum that is made of a mean: 0/0 times 0 where no sample counts."""

    def mean(self, found: Array, Y: Array) -> Array:
        count = found.dtype.type(Y.sum())
        return found / count * count


WRONG["sum_made_of_a_mean"] = Wrong(lambda: Averaged(IGNORING).implementation("averaged"), ("no_sample_counts",))


def from_logits_gradient(D: Callable[[Array, Array, Array, Array], Array]) -> dict[str, Any]:
    """All three gradients from a function that gives ∂ℒ/∂Z."""

    def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
        residual = D(theta, b, X, Y)
        return {"theta": residual @ X.T, "b": residual.sum(axis=1, keepdims=True), "Z": residual}

    return {"gradients": gradients}


def probabilities(theta: Array, b: Array, X: Array) -> Array:
    return model.softmax(model.logits(theta, b, X))


@wrong("theta_gradient", "bias_gradient", "logits_gradient", "gradient_of_its_own_loss")
def mean_over_samples_and_classes():
    """Divided by n L, as `np.mean` of a matrix does, beside a loss that is divided by n."""
    return from_logits_gradient(lambda theta, b, X, Y: (probabilities(theta, b, X) - Y) / (X.shape[1] * len(b)))


@wrong("logits_gradient", "theta_gradient", "bias_gradient")
def off_by_a_part_in_a_billion():
    """What every picked number of the peers lets pass."""
    return {
        "gradients": lambda *arrays: {key: g * (1 + 1e-9) for key, g in model.gradients(*arrays).items()},
    }


@wrong("probabilities_are_positive")
def small_probabilities_cut_to_zero():
    """Nothing below 1e-7 is kept."""
    return {"softmax": lambda Z: np.where(model.softmax(Z) < 1e-7, 0, model.softmax(Z))}


@wrong("finite", "logits_gradient")
def not_a_number():
    """A (1 - Y/A): 0/0 where A underflows."""

    def D(theta, b, X, Y):
        A = probabilities(theta, b, X)
        return A * (1 - Y / A) / X.shape[1]

    return from_logits_gradient(D)


@wrong("another_precision")
def weights_packed_once():
    """In float32, once they have been asked for in it."""
    return used.float32_weights_kept()
