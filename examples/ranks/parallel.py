"""Losses that several ranks compute together, each with its share: right ones, and one that is wrong.

gradcheck ranks examples/ranks/parallel.py:vocabulary --ranks 2,3,4 --smoothing 0.1
gradcheck ranks examples/ranks/parallel.py:own_classes --ranks 2 --smoothing 0.1
gradcheck ranks examples/ranks/parallel.py:samples --ranks 2,3,4 --split samples --ignore -100 --mean-of labelled
"""

import torch
import torch.distributed as dist
from torch.nn.functional import cross_entropy


class Vocabulary(torch.autograd.Function):
    """Cross-entropy of logits whose classes are shared out over the ranks."""

    @staticmethod
    def forward(ctx, Z, y, first, classes, smoothing, over):
        rows = torch.arange(len(y))
        m = Z.max(dim=1).values
        dist.all_reduce(m, dist.ReduceOp.MAX)
        powers = torch.exp(Z - m[:, None])
        inside = (y >= first) & (y < first + Z.shape[1])
        at = torch.where(inside, y - first, 0)
        sums = torch.stack([powers.sum(1), torch.where(inside, Z[rows, at] - m, 0), (Z - m[:, None]).sum(1)])
        own = sums[2] / Z.shape[1]
        dist.all_reduce(sums)
        mean = own if over != classes else sums[2] / classes
        loss = (sums[0].log() - (1 - smoothing) * sums[1] - smoothing * mean).mean()
        D = powers / sums[0][:, None] - smoothing / over
        D[rows, at] -= (1 - smoothing) * inside.to(D.dtype)  # or it is float32
        ctx.save_for_backward(D / len(y))
        return loss

    @staticmethod
    def backward(ctx, upstream):
        return upstream * ctx.saved_tensors[0], None, None, None, None, None


def vocabulary(Z, y, *, first, classes, label_smoothing=0.0):
    """Right: smoothed over all classes."""
    return Vocabulary.apply(Z, y, first, classes, label_smoothing, classes)


def own_classes(Z, y, *, first, classes, label_smoothing=0.0):
    """Wrong: each rank smooths over its own classes, as code does that asks its own logits how many there are."""
    return Vocabulary.apply(Z, y, first, classes, label_smoothing, Z.shape[1])


def samples(Z, y, *, tokens):
    """Right: each rank's part of the mean over all samples that count."""
    return cross_entropy(Z, y, reduction="sum") / tokens
