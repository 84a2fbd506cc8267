"""`megatron`: the vocab-parallel cross-entropy of Megatron-core in a group of one process, where every class is its own.

It writes into the logits that it is handed, so that they are copied for it, and computes in float32. It returns a loss for each
token. What more ranks do is asked by `gradcheck ranks`.
"""

import os
import warnings
from dataclasses import replace

import torch
import torch.distributed as dist

from gradcheck.implementations.record import Layout, NotPosed
from gradcheck.implementations.torch import from_torch, linear
from gradcheck.law import CrossEntropy

os.environ.setdefault("TORCHDYNAMO_DISABLE", "1")  # it compiles for a minute where it fuses

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what else might be installed
    from megatron.core import parallel_state
    from megatron.core.tensor_parallel import vocab_parallel_cross_entropy

if not dist.is_initialized():
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
if not parallel_state.model_parallel_is_initialized():
    parallel_state.initialize_model_parallel(1)

UNDERFLOW = "where labels are smoothed it takes the logarithm of a softmax that underflows (NVIDIA/Megatron-LM#7464)"


def _cross_entropy(Z: torch.Tensor, y: torch.Tensor, *, label_smoothing: float) -> torch.Tensor:
    """Of logits (n, L), which are [sequence, batch, classes] there."""
    if label_smoothing == 1:
        raise NotPosed("it takes a smoothing below 1")
    return vocab_parallel_cross_entropy(Z[:, None] * 1, y[:, None], label_smoothing)[:, 0]


implementation = replace(
    from_torch(
        _cross_entropy,
        logits=linear,
        layout=Layout(samples="rows", labels="index"),
        law=CrossEntropy(reduction="none", smoothing_over="others"),
        name="megatron",
        dtypes=("float32", "float16", "bfloat16"),
    ),
    expected_failures=dict.fromkeys(("loss", "finite", "loss_of_a_duplicated_batch"), UNDERFLOW),
)
