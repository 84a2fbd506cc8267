"""`liger`: Liger's cross-entropy kernel in Triton's interpreter, with every option of the loss that it has.

Its mean is that of PyTorch, of the weights of the labels that count. Its z-loss is divided by their number instead, also where
classes have weights, as its source says: the two together are not posed. The kernel writes its gradient into the logits.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gradcheck.implementations.kernels import triton
from gradcheck.implementations.kernels.made import from_kernel
from gradcheck.implementations.record import NotPosed
from gradcheck.law import CrossEntropy

triton.prepare()

from liger_kernel.ops.cross_entropy import LigerCrossEntropyFunction  # noqa: E402 - interpreted from now on

OPTIONS = "weight, ignore_index, z_loss, label_smoothing, 'mean', softcap"
WEIGHED = CrossEntropy(mean_of="weights")
AGAIN = "a second backward multiplies the gradient that the first has multiplied already, in place"
LEFT = "the kernel writes the gradient into the logits that it is handed (linkedin/Liger-Kernel#272)"


def weighed(function: Any, arrays: int) -> Callable[..., Any]:
    """The loss of so many arrays and the options: weights beside a z-loss are declined."""

    def loss(*given: Any) -> Any:
        weight, _, z_loss, *_ = given[arrays:]
        if weight is not None and bool((weight != 1).any()) and z_loss:
            raise NotPosed("its z-loss is a mean over labels, and its loss one over their weights")
        return function.apply(*given)

    return loss


implementation = replace(
    from_kernel(weighed(LigerCrossEntropyFunction, arrays=2), call=f"Z, Y, {OPTIONS}", law=WEIGHED, name="liger"),
    expected_failures={
        "backward_twice": AGAIN,
        "gradient_through_a_kept_output": LEFT,
        "logits_left_alone": LEFT,
    },
)
