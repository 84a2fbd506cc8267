"""Losses of several ranks, for tests: right ones, and each mistake that is recognised."""

import torch
import torch.distributed as dist
from torch.nn.functional import cross_entropy

MAX, SUM = dist.ReduceOp.MAX, dist.ReduceOp.SUM


def total(x):
    """Added up over the ranks."""
    y = x.clone()
    dist.all_reduce(y)
    return y


class _Parallel(torch.autograd.Function):
    """Of logits of which each rank has its classes; `how` names one mistake."""

    @staticmethod
    def forward(ctx, Z, y, first, how):
        m, rows = Z.max(1).values, torch.arange(len(y))
        if how != "maximum":
            dist.all_reduce(m, MAX)
        powers = torch.exp(Z - m[:, None])
        first = 0 if how == "labels" else first
        inside = (y >= first) & (y < first + Z.shape[1])
        at = torch.where(inside, y - first, 0)
        sums, label = powers.sum(1), torch.where(inside, Z[rows, at] - m, 0)
        if how != "softmax":
            sums = total(sums)
        loss = (sums.log() - total(label)).mean()
        D = powers / sums[:, None]
        D[rows, at] -= inside.to(D.dtype)
        ctx.save_for_backward(D / len(y))
        return loss

    @staticmethod
    def backward(ctx, upstream):
        return upstream * ctx.saved_tensors[0], None, None, None


def classes(Z, y, *, first):
    return _Parallel.apply(Z, y, first, "")


def softmax(Z, y, *, first):
    return _Parallel.apply(Z, y, first, "softmax")


def maximum(Z, y, *, first):
    return _Parallel.apply(Z, y, first, "maximum")


def labels(Z, y, *, first):
    return _Parallel.apply(Z, y, first, "labels")


def _step(theta, b, X, loss):
    loss.backward()
    return {"loss": loss, "theta": theta.grad, "b": b.grad, "X": X.grad}


def samples(Z, y, *, tokens):
    return cross_entropy(Z, y, reduction="sum") / tokens


def means(Z, y):
    """Each rank's own mean, of which the mean is taken."""
    return cross_entropy(Z, y) if (y >= 0).any() else Z.sum() * 0


def pieces(Z, y, *, tokens):
    return samples(Z, y, tokens=tokens)


def all_reduced(theta, b, X, y, *, tokens, how=""):
    """A step that adds its gradients up over the ranks."""
    loss = cross_entropy(X.reshape(-1, X.shape[-1]) @ theta.T + b, y.reshape(-1), reduction="sum") / tokens
    loss.backward()
    left = how == "left" and dist.get_rank() == 1
    add = (lambda g: g) if how == "kept" else (lambda g: total(g * (not left)))
    G, g = add(theta.grad), add(b.grad)  # and theta.grad stays as it is
    if how == "twice":
        G, g = total(G), total(g)
    return {"loss": total(loss.detach()), "theta": G, "b": g, "X": X.grad}


def kept(theta, b, X, y, *, tokens):
    return all_reduced(theta, b, X, y, tokens=tokens, how="kept")


def twice(theta, b, X, y, *, tokens):
    return all_reduced(theta, b, X, y, tokens=tokens, how="twice")


def left(theta, b, X, y, *, tokens):
    return all_reduced(theta, b, X, y, tokens=tokens, how="left")


def idle(theta, b, X, y, *, tokens):
    """A rank of whose samples none counts computes nothing."""
    return samples(X @ theta.T + b, y, tokens=tokens) if (y >= 0).any() else theta.sum() * 0


def detached(theta, b, X, y, *, tokens):
    """No rank has a gradient of theta."""
    return samples(X @ theta.detach().T + b, y, tokens=tokens)


def buffers(theta, b, X, y, *, tokens, kept={}):  # noqa: B006 - between calls
    """Gradients in buffers that are written to again; a loss that is coarser than all else."""
    loss = samples(X @ theta.T + b, y, tokens=tokens)
    loss.backward()
    found = {"loss": loss.detach(), "theta": theta.grad, "b": b.grad}
    for name, each in found.items():
        kept.setdefault((name, each.shape, each.dtype), torch.empty_like(each)).copy_(each)
    written = {name: kept[name, each.shape, each.dtype] for name, each in found.items()}
    return {**written, "loss": written["loss"].bfloat16()}
