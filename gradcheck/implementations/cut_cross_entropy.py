"""`cut-cross-entropy`: Apple's linear cross-entropy in Triton's interpreter, with ignore_index, and no filter of small gradients.

Its backward pass takes 16 bits alone. Two faults are known (docs/findings.md): under a soft cap, which is not posed, and where no
label counts, which it refuses. Its blocks are small here, so that few classes fill more than one.
"""

from gradcheck.implementations.kernels.made import from_kernel

implementation = from_kernel(
    "cut_cross_entropy.cce:cce_linear_cross_entropy",
    call="X, theta, Y, ignore_index, filter_eps=None",
    blocks={"BLOCK_B": 4, "BLOCK_V": 4, "BLOCK_D": 16},
    name="cut-cross-entropy",
    dtypes=("float16", "bfloat16"),
)
