"""`liger-fused`: Liger's fused linear cross-entropy, which never holds all logits, in Triton's interpreter; options as `liger`."""

from dataclasses import replace

from gradcheck.implementations.kernels import triton
from gradcheck.implementations.kernels.made import from_kernel
from gradcheck.implementations.liger import AGAIN, OPTIONS, WEIGHED, weighed

triton.prepare()

from liger_kernel.ops.fused_linear_cross_entropy import LigerFusedLinearCrossEntropyFunction  # noqa: E402 - as `liger`

FROZEN = "theta and b have no gradient where X needs none, as above layers that are frozen"

implementation = replace(
    from_kernel(
        weighed(LigerFusedLinearCrossEntropyFunction, arrays=4),
        call=f"X, theta, Y, b, {OPTIONS}",
        law=WEIGHED,
        name="liger-fused",
    ),
    expected_failures={"backward_twice": AGAIN, "inputs_without_gradient": FROZEN},
)
