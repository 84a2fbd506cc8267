"""`torch-chunked`: F.linear_cross_entropy in chunks of two samples, with weight and ignore_index, which problems vary.

It forms logits of one chunk at a time, never all of them, and adds up gradients of theta and b in its forward pass; that of X is
what its users want. Its mean is that of `torch-options`. In chunks it takes class indices, and no label_smoothing. Sums are in
float32 where arrays are of 16 bits. Of one fault we know, and do not pose it: an ignored sample stands as one of class 0 (or of
its own), of weight 0, and where that class is masked the loss is NaN (PyTorch 2.13); without chunks it is right.
"""

import torch

from gradcheck.errors import Unusable
from gradcheck.implementations.record import Layout, NotPosed
from gradcheck.implementations.torch import F, from_torch
from gradcheck.law import CrossEntropy

if not hasattr(F, "linear_cross_entropy"):
    raise Unusable(f"PyTorch {torch.__version__} has no linear_cross_entropy; install 2.13 or later")
CHUNKS = torch.nn.LinearCrossEntropyOptions(batch_chunk_size=2)


def _linear_cross_entropy(
    theta: torch.Tensor, b: torch.Tensor, X: torch.Tensor, y: torch.Tensor, *, weight: torch.Tensor, ignore_index: int
) -> torch.Tensor:
    placeholder = ignore_index if 0 <= ignore_index < len(b) else 0
    if b[placeholder].isneginf() and (y == ignore_index).any():
        raise NotPosed("in chunks an ignored sample has a class, and 0 times its logit of -inf is NaN")
    return F.linear_cross_entropy(
        X.to(theta.dtype), theta, y, linear_bias=b, weight=weight, ignore_index=ignore_index, options=CHUNKS
    )


implementation = from_torch(
    _linear_cross_entropy,
    layout=Layout(samples="rows", labels="index"),
    law=CrossEntropy(mean_of="weights"),
    name="torch-chunked",
    dtypes=("float64", "float32", "float16", "bfloat16"),
)
