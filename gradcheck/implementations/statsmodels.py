"""`statsmodels`: MNLogit.loglike and score, with the opposite sign. The only door to statsmodels.

Samples in rows, indicator columns as labels, sums over samples; the logit of class 0 is 0, and the bias is the coefficient of a
constant among the data. Parameters are one vector, class by class.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from statsmodels.discrete.discrete_model import MNLogit

from gradcheck.implementations.labels import require_unit_mass
from gradcheck.implementations.record import Implementation, Layout
from gradcheck.law import CrossEntropy

Array = NDArray[Any]


def _model(X: Array, Y: Array) -> Any:
    require_unit_mass(Y)
    return MNLogit(Y, X, check_rank=False)


def logits(theta: Array, X: Array) -> Array:
    """(n, L), the column of class 0 included; the labels say how many classes there are, and nothing more."""
    return np.asarray(_model(X, np.eye(1, len(theta) + 1).repeat(len(X), axis=0)).predict(theta.T, which="linear"))


def loss(theta: Array, X: Array, Y: Array) -> float:
    """The sum over samples."""
    return -float(_model(X, Y).loglike(theta.ravel()))


def gradients(theta: Array, X: Array, Y: Array) -> dict[str, Array]:
    """theta (L - 1, d + 1)."""
    return {"theta": -_model(X, Y).score(theta.ravel()).reshape(theta.shape)}


EXPONENTIATED = (
    "MNLogit.cdf exponentiates logits as they are, and loglike takes the logarithm of probabilities: above 709 exp overflows, "
    "and where a probability underflows 0 log 0 is NaN (statsmodels/statsmodels#3635)"
)

implementation = Implementation(
    "statsmodels",
    gradients,
    loss,
    logits,
    dtypes=("float64",),
    layout=Layout(samples="rows", bias="absent", pinned=0),
    law=CrossEntropy(reduction="sum"),
    expected_failures=dict.fromkeys(
        (
            "loss",
            "theta_gradient",
            "bias_gradient",
            "theta_gradient_sums_to_zero",
            "bias_gradient_sums_to_zero",
            "sample_permutation",
            "duplicated_batch",
            "bias_is_a_weight",
            "two_classes_are_logistic",
            "loss_is_not_negative",
            "loss_of_a_duplicated_batch",
            "central_difference_theta",
            "central_difference_b",
            "forward_difference",
            "finite",
        ),
        EXPONENTIATED,
    ),
)
