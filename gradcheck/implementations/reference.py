"""`reference`: the closed forms of the paper (gradcheck.model), in float64."""

from gradcheck import model
from gradcheck.implementations.record import Implementation

implementation = Implementation(
    "reference",
    gradients=model.gradients,
    loss=model.loss,
    logits=model.logits,
    softmax=model.softmax,
    softmax_jacobian=model.softmax_jacobian,
    dtypes=("float64",),
    analytic=True,
    threads=True,
)
