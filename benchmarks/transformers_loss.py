"""transformers' loss of causal language models, as a target: `gradcheck verify benchmarks/transformers_loss.py:mean`, or `:items`.

It shifts the labels by one by itself, so that they are handed over moved back, behind a first one that does not count. `items` is
divided by num_items_in_batch, as the Trainer does it where gradients are accumulated.
"""

import torch
from transformers.loss.loss_utils import ForCausalLMLoss

from gradcheck import CrossEntropy, Implementation, Layout, from_torch

ITEMS = 8


def _made(name: str, law: CrossEntropy, **more: torch.Tensor) -> Implementation:
    def loss(Z: torch.Tensor, y: torch.Tensor, *, ignore_index: int) -> torch.Tensor:
        labels = torch.cat((torch.full((1,), ignore_index), y))
        logits = torch.cat((Z, Z.new_zeros(1, Z.shape[1])))  # the last has no label
        return ForCausalLMLoss(logits[None], labels[None], Z.shape[1], ignore_index=ignore_index, **more)

    def linear(theta: torch.Tensor, b: torch.Tensor, X: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.linear(X.to(theta.dtype), theta, b)

    layout, dtypes = Layout(samples="rows", labels="index"), ("float32", "float16", "bfloat16")
    return from_torch(loss, logits=linear, layout=layout, law=law, name=name, dtypes=dtypes)


mean = _made("ForCausalLMLoss", CrossEntropy(mean_of="labelled"))
items = _made("ForCausalLMLoss of items", CrossEntropy(mean_of=ITEMS), num_items_in_batch=torch.tensor(ITEMS))
