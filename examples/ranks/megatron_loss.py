"""Megatron-core's cross-entropy of logits whose vocabulary is shared out, as `gradcheck ranks` calls it.

    pip install torch; pip install --no-deps megatron-core
    gradcheck ranks examples/ranks/megatron_loss.py --ranks 2 --even --reduction none --dtype float32
    gradcheck ranks examples/ranks/megatron_loss.py:smoothed --ranks 2 --even --reduction none --dtype float32 \
        --smoothing 0.1 --smoothing-over others

Megatron's partitions are of one size: `--even`.
"""

import os
from functools import cache

os.environ["TORCHDYNAMO_DISABLE"] = "1"  # nothing is compiled: it would take minutes

import torch.distributed as dist
from megatron.core import parallel_state
from megatron.core.tensor_parallel.cross_entropy import vocab_parallel_cross_entropy


@cache
def prepared():
    parallel_state.initialize_model_parallel(dist.get_world_size())


def loss(Z, y):
    """Of each token. It subtracts from the logits that it is given, so it has a copy."""
    prepared()
    return vocab_parallel_cross_entropy(Z[:, None] * 1, y[:, None])[:, 0]


def smoothed(Z, y, *, label_smoothing):
    prepared()
    return vocab_parallel_cross_entropy(Z[:, None] * 1, y[:, None], label_smoothing)[:, 0]
