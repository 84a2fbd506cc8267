"""A fused softmax cross-entropy as a torch.autograd.Function with a backward of its own, and one with a mistake in it.

Needs PyTorch (pip install torch). Samples are rows, labels are class numbers, as PyTorch has them.

    gradcheck verify cross_entropy.py:right
    gradcheck verify cross_entropy.py:wrong
"""

import torch

import gradcheck


class CrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, Z, labels):
        log_A = torch.log_softmax(Z, dim=1)
        ctx.save_for_backward(log_A, labels)
        return -log_A.gather(1, labels[:, None]).mean()

    @staticmethod
    def backward(ctx, upstream):
        log_A, labels = ctx.saved_tensors
        D = log_A.exp()
        D[torch.arange(len(labels)), labels] -= 1
        return upstream * D / len(labels), None


class Mistaken(CrossEntropy):
    """Divides by the number of entries of Z, not by the number of samples."""

    @staticmethod
    def backward(ctx, upstream):
        gradient, _ = CrossEntropy.backward(ctx, upstream)
        return gradient / gradient.shape[1], None


def logits(theta, b, X):
    return torch.nn.functional.linear(X.to(theta.dtype), theta, b)


layout = gradcheck.Layout(samples="rows", labels="index")
right = gradcheck.from_torch(CrossEntropy.apply, logits=logits, layout=layout, name="CrossEntropy")
wrong = gradcheck.from_torch(Mistaken.apply, logits=logits, layout=layout, name="Mistaken")
