"""What is claimed of a loss of one's own: which checks do not apply, why, and in whose place the others stand.

One table, by check. A law is posed where it holds: where it is declared, or where it is found to hold, by the enclosures of a
problem and of the same one in other words.
"""

from collections.abc import Callable

import numpy as np

from gradcheck import bounds
from gradcheck.checks.reading import Skip
from gradcheck.checks.trial import Trial
from gradcheck.enclosure import U64, Enclosure, outward
from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy
from gradcheck.law.own import Loss

SOFTMAX = "{name} has no softmax of its own"
LAW = "a law of cross-entropy; it is not known to hold of {name}"
DIFFERENCES = "how {name} bends is not known, so that no step of a difference is"
NO_LOGITS = "{name} is no function of Z, and has no ∂ℒ/∂Z"
THROUGH = "{name} is not known to depend on {key} through Z alone"
USE = "posed for the cross-entropy: what it makes of {name} is not known"

REASONS: dict[str, tuple[str, ...]] = {
    SOFTMAX: (
        "softmax",
        "jacobian_diagonal",
        "jacobian_off_diagonal",
        "probabilities_gradient",
        "chain_rule",
        "central_difference_jacobian",
        "jacobian_of_its_own_softmax",
        "probabilities_sum_to_one",
        "probabilities_are_positive",
        "shift_invariance",
        "columns_do_not_mix",
        "jacobian_is_symmetric",
        "jacobian_rows_sum_to_zero",
        "jacobian_is_positive_semidefinite",
        "scipy_check_grad_jacobian",
    ),
    LAW: ("two_classes_are_logistic", "loss_is_not_negative", "loss_is_convex"),
    DIFFERENCES: (
        "central_difference_theta",
        "central_difference_b",
        "central_difference_Z",
        "central_difference_X",
        "forward_difference",
        "gradient_of_its_own_loss",
        "complex_step_of_its_own_loss",
        "scipy_check_grad_theta",
        "scipy_check_grad_b",
        "scipy_check_grad_Z",
        "scipy_check_grad_X",
    ),
    USE: (
        "batch_in_pieces",
        "mapped_over_samples",
        "gradient_through_a_kept_output",
        "gradient_of_labels",
        "upstream_gradients_of_samples",
    ),
}
BARRED = {check: reason for reason, checks in REASONS.items() for check in checks}
OF_Z = ("logits_gradient", "one_sample", "logits_gradient_sums_to_zero")
# Those of a loss of Z and Y alone, by the gradient that is made of that of Z.
OF_Z_ALONE = {
    "theta_gradient_from_logits_gradient": "θ",
    "bias_gradient_from_logits_gradient": "b",
    "data_gradient_from_logits_gradient": "X",
    "bias_is_a_weight": "b",
}
# What a check claims of a loss that it knows no formula of.
CLAIMS = {
    "loss": "The loss is {name}.",
    "logits_gradient": "∂ℒ/∂Z is that of {name}.",
    "theta_gradient": "∂ℒ/∂θ is that of {name}.",
    "bias_gradient": "∂ℒ/∂b is that of {name}.",
    "data_gradient": "∂ℒ/∂X is that of {name}.",
    "one_sample": "∂ℒ/∂Z of one sample alone is that of {name}.",
    "class_permutation": "Renaming the classes permutes the rows of every gradient, as it does those of {name}.",
    "duplicated_batch": "Every sample twice: ∂ℒ/∂θ and ∂ℒ/∂b are those of {name}, which are as they were.",
    "loss_of_a_duplicated_batch": "Every sample twice: the loss is {name}, which is as it was.",
    "theta_gradient_from_logits_gradient": "∂Z/∂θ = Xᵀ: its own ∂ℒ/∂θ is its own ∂ℒ/∂Z times Xᵀ.",
    "bias_gradient_from_logits_gradient": "Its own ∂ℒ/∂b is the row sums of its own ∂ℒ/∂Z.",
}


def barred(check: str, law: CrossEntropy) -> str:
    """Why a check judges no problem of a loss of one's own; empty where it may."""
    if not isinstance(law, Loss):
        return ""
    if check in BARRED:
        return BARRED[check].format(name=law.name)
    if law.takes is not None and check in OF_Z and not law.of_Z:
        return NO_LOGITS.format(name=law.name)
    if law.takes is not None and check in OF_Z_ALONE and not law.of_logits:
        return THROUGH.format(name=law.name, key=OF_Z_ALONE[check])
    return ""


def claim(check: str, said: str, law: CrossEntropy) -> str:
    """What a check claims of this loss."""
    return CLAIMS.get(check, said).format(name=law.name) if isinstance(law, Loss) else said


def require_law(trial: Trial, check: str, *pairs: Callable[[], tuple[Enclosure, Enclosure]]) -> None:
    """`Skip` where a law is not known to hold of one's own loss: each pair are two enclosures of what would be one truth.

    What is declared is posed; if it cannot hold, the declaration is wrong, and said to be.
    """
    law = trial.law
    if not isinstance(law, Loss):
        return
    declared = check in law.holds
    for pair in pairs:
        one, other = pair()
        if not one.meets(other):
            if declared:
                raise Unusable(law.line(f"does not have the law {check}, which its holds declares"))
            raise Skip(f"{law.name} does not have this law")
        if not declared and not _known(one, other):
            raise Skip(LAW.format(name=law.name))


def _known(one: Enclosure, other: Enclosure) -> bool:
    """Whether both are known well enough that what is one truth is no chance."""
    size = np.maximum(abs(one.midpoint).max(initial=0.0), abs(other.midpoint).max(initial=0.0))
    wide = one.radius + other.radius
    return bool((np.isfinite(wide) & (wide <= NEAR * size)).all())


NEAR = 2.0**-26  # of the largest entry: two numbers that are so near by chance are one of ten million


def sum_over_classes(value: Enclosure) -> tuple[Enclosure, Enclosure]:
    """The sums of the columns of an enclosure, in sizes of what is added up, and 0."""
    total, size = value.midpoint.sum(axis=0), abs(value.midpoint).sum(axis=0)
    own = bounds.spread(len(value.midpoint), U64) * size + value.radius.sum(axis=0)
    scale = np.where(size > 0, size, 1.0)
    return Enclosure(total / scale + 1, outward(own / scale + 4 * U64)), Enclosure(np.ones_like(total), 0 * total)
