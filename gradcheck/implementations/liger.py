"""`liger`: Liger's cross-entropy kernel in Triton's interpreter, with every option of the loss that it has.

Its mean is that of PyTorch, of the weights of the labels that count. Its z-loss is divided by their number instead, also where
classes have weights, as its source says: the two together are not posed. The kernel writes its gradient into the logits.
"""

from dataclasses import replace
from typing import Any

from gradcheck.implementations.kernels.made import from_kernel
from gradcheck.implementations.record import NotPosed
from gradcheck.law import CrossEntropy

OPTIONS = "weight, ignore_index, z_loss, label_smoothing, 'mean', softcap"
AGAIN = "a second backward multiplies the gradient that the first has multiplied already, in place"
LEFT = "the kernel writes the gradient into the logits that it is handed (linkedin/Liger-Kernel#272)"


def unweighted(function: Any) -> Any:
    """The wrapper, which declines weights beside a z-loss."""

    def called(*given: Any, weight: Any, z_loss: float, **options: Any) -> Any:
        if weight is not None and z_loss:
            raise NotPosed("its z-loss is a mean over labels where its loss is one over their weights")
        return function(*given, weight=weight, z_loss=z_loss, **options)

    return called


implementation = replace(
    from_kernel(
        "liger_kernel.ops.cross_entropy:LigerCrossEntropyFunction",
        call=f"Z, Y, {OPTIONS}",
        law=CrossEntropy(mean_of="weights"),
        name="liger",
    ),
    expected_failures={
        "backward_twice": AGAIN,
        "gradient_through_a_kept_output": LEFT,
        "logits_left_alone": LEFT,
    },
)
