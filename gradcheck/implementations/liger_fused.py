"""`liger-fused`: Liger's fused linear cross-entropy, which never holds all logits, in Triton's interpreter; options as `liger`."""

from dataclasses import replace

from gradcheck.implementations.kernels.made import from_kernel
from gradcheck.implementations.liger import AGAIN, OPTIONS
from gradcheck.law import CrossEntropy

implementation = replace(
    from_kernel(
        "liger_kernel.ops.fused_linear_cross_entropy:LigerFusedLinearCrossEntropyFunction",
        call=f"X, theta, Y, b, {OPTIONS}",
        law=CrossEntropy(mean_of="weights"),
        name="liger-fused",
    ),
    expected_failures={"backward_twice": AGAIN},
)
