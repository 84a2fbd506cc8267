"""One of two ranks of gloo, in a process of its own: python gloo_ranks.py RANK FOLDER. Writes classes, own and samples there."""

import sys
from pathlib import Path

import torch
import torch.distributed as dist
from torch.nn.functional import cross_entropy

import gradcheck

V, D, N, CUTS, SMOOTHING = 70, 12, 50, (0, 40, 70), 0.1


class Parallel(torch.autograd.Function):
    """Cross-entropy of logits whose classes are shared out; `own`: smoothed over its own classes alone."""

    @staticmethod
    def forward(ctx, Z, y, start, own):
        m, rows = Z.max(1).values, torch.arange(len(y))
        dist.all_reduce(m, dist.ReduceOp.MAX)
        powers = torch.exp(Z - m[:, None])
        inside = (y >= start) & (y < start + Z.shape[1])
        at = torch.where(inside, y - start, 0)
        sums = torch.stack([powers.sum(1), torch.where(inside, Z[rows, at], 0), Z.sum(1)])
        mine = sums[2] / Z.shape[1]
        dist.all_reduce(sums)
        mean, classes = (mine, Z.shape[1]) if own else (sums[2] / V, V)
        loss = (m + sums[0].log() - (1 - SMOOTHING) * sums[1] - SMOOTHING * mean).mean()
        D = powers / sums[0][:, None] - SMOOTHING / classes
        D[rows, at] -= (1 - SMOOTHING) * inside
        ctx.save_for_backward(D / len(y))
        return loss

    @staticmethod
    def backward(ctx, upstream):
        return upstream * ctx.saved_tensors[0], None, None, None


def main(rank: int, folder: Path) -> None:
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=2)
    torch.manual_seed(0)
    whole, X, y = torch.nn.Linear(D, V), torch.randn(N, D), torch.randint(V, (N,))
    rows = slice(CUTS[rank], CUTS[rank + 1])
    for name in ("classes", "own"):
        layer = torch.nn.Linear(D, rows.stop - rows.start)
        layer.load_state_dict({key: value[rows] for key, value in whole.state_dict().items()})
        step = gradcheck.capture(layer, folder / name, smoothing=SMOOTHING, ranks="classes")
        loss = Parallel.apply(layer(X.clone().requires_grad_()), y, rows.start, name == "own" and rank == 1)
        loss.backward()
        step.write(y, loss)
    part = slice(0, 20) if rank == 0 else slice(20, N)
    y[3] = -100  # in one of the ranks
    step = gradcheck.capture(whole, folder / "samples", ranks="samples")
    loss = cross_entropy(whole(X[part].clone().requires_grad_()), y[part], reduction="sum") / (N - 1)
    loss.backward()
    step.write(y[part], loss, num_items=N - 1)
    dist.barrier()
    dist.destroy_process_group()


main(int(sys.argv[1]), Path(sys.argv[2]))
