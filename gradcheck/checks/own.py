"""What is claimed of a loss of one's own: which checks do not apply, why, and in whose place the others stand.

One table, by check. A law is posed where it holds: where it is declared, or where it is found to hold. Whatever is posed is judged
by a truth of its own, so that no verdict depends on a law.
"""

from typing import Any

from gradcheck.checks.reading import Skip
from gradcheck.checks.trial import Trial
from gradcheck.enclosure import Enclosure, Reals
from gradcheck.law import CrossEntropy
from gradcheck.law.own import Loss
from gradcheck.problem import Problem
from gradcheck.readings import sound
from gradcheck.referees import lawful
from gradcheck.referees import own as referee
from gradcheck.referees.own import Own

SOFTMAX = "{name} has no softmax of its own"
LAW = "a law of cross-entropy; it is not known to hold of {name}"
COMPLEX = "what rounding does to {name} of complex numbers is not derived"
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
        "columns_do_not_mix",
        "jacobian_is_symmetric",
        "jacobian_rows_sum_to_zero",
        "jacobian_is_positive_semidefinite",
        "scipy_check_grad_jacobian",
    ),
    LAW: ("two_classes_are_logistic", "loss_is_not_negative", "loss_is_convex"),
    COMPLEX: ("complex_step_of_its_own_loss",),
    USE: (
        "batch_in_pieces",
        "mapped_over_samples",
        "gradient_through_a_kept_output",
        "gradient_of_labels",
        "no_sample_counts",
        "upstream_gradients_of_samples",
    ),
}
BARRED = {check: reason for reason, checks in REASONS.items() for check in checks}
OF_Z = ("logits_gradient", "one_sample", "logits_gradient_sums_to_zero", "central_difference_Z")
# Those of a loss of Z and Y alone, by the gradient that is made of that of Z.
OF_Z_ALONE = {
    "theta_gradient_from_logits_gradient": "θ",
    "bias_gradient_from_logits_gradient": "b",
    "data_gradient_from_logits_gradient": "X",
    "bias_is_a_weight": "b",
    "scipy_check_grad_Z": "Z",
}
# What a check asks for, where of another loss it asks for something else.
NEEDS = {"shift_invariance": ("gradients",)}
# What a check claims of a loss that it knows no formula of.
CLAIMS = {
    "loss": "The loss is {name}.",
    "logits_gradient": "∂ℒ/∂Z is that of {name}.",
    "theta_gradient": "∂ℒ/∂θ is that of {name}.",
    "bias_gradient": "∂ℒ/∂b is that of {name}.",
    "data_gradient": "∂ℒ/∂X is that of {name}.",
    "one_sample": "∂ℒ/∂Z of one sample alone is that of {name}.",
    "class_permutation": "Renaming the classes permutes the rows of every gradient, as it does those of {name}.",
    "shift_invariance": "A constant added to all logits of a sample: gradients and loss are those of {name}, and as they were.",
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


def needs(check: str, law: CrossEntropy) -> tuple[str, ...]:
    """The functions that a check asks for of one's own loss; none where they are as ever."""
    return NEEDS.get(check, ()) if isinstance(law, Loss) else ()


def claim(check: str, said: str, law: CrossEntropy) -> str:
    """What a check claims of this loss."""
    return CLAIMS.get(check, said).format(name=law.name) if isinstance(law, Loss) else said


def require_sound(problem: Problem) -> None:
    """`Unusable` where a specification is none, with as many classes as this problem has."""
    if isinstance(problem.law, Loss):
        sound.require(problem.law, problem.L)


def require_steady(trial: Trial) -> None:
    """`Unusable` where a specification is read differently than it was: before code is blamed for it."""
    law = trial.law
    if not isinstance(law, Loss):
        return
    sound.again(law)
    first, now = (truth.computed("loss")[0].midpoint for truth in (trial.truth, referee.truth(trial.problem)))  # type: ignore[attr-defined]
    sound.require_same(law, float(first), float(now))


def require_law(trial: Trial, check: str) -> None:
    """`Skip` where a law is neither declared of one's own loss nor found to hold."""
    law = trial.law
    if isinstance(law, Loss) and check not in lawful.of(law):
        raise Skip(LAW.format(name=law.name))


def reworded(trial: Trial, check: str, quantity: str, other: Problem) -> tuple[Enclosure, Reals]:
    """What correct code may return of one's own loss for the same problem in other words: read of that problem itself."""
    require_law(trial, check)
    return of(trial, quantity, other, check.removeprefix("loss_of_a_"))


def permuted(
    trial: Trial, check: str, quantity: str, other: Problem, places: tuple[Any, ...]
) -> tuple[Enclosure, Reals]:
    """The same where that are the classes or the samples in another order: read anew only where it does not follow."""
    require_law(trial, check)
    truth = trial.truth
    assert isinstance(truth, Own)
    return truth.permuted(check, quantity, places) or reworded(trial, check, quantity, other)


def of(trial: Trial, quantity: str, other: Problem, key: str) -> tuple[Enclosure, Reals]:
    """The same of any problem that is made of this one, which is read once for each key."""
    truth = trial.remember(("reworded", key), lambda: trial.truth_of(other))
    assert isinstance(truth, Own)
    return truth.computed(quantity)
