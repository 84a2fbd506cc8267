"""One step of a language model's output layer, dumped for `gradcheck audit`: right, and with a fused loss that loses its last chunk.

Needs PyTorch: pip install torch
"""

import torch
from torch.nn.functional import cross_entropy

import gradcheck

L, d, n, CHUNK = 5000, 64, 1000, 256


class Chunked(torch.autograd.Function):
    """Linear layer and cross-entropy at once, a chunk of samples at a time, so that the logits are never held together."""

    @staticmethod
    def forward(ctx, X, theta, b, labels):
        with torch.enable_grad():
            given = [theta.detach().requires_grad_(), b.detach().requires_grad_()]
            losses = 0.0
            for at in range(0, len(X) - CHUNK + 1, CHUNK):  # the mistake: what is left over is no whole chunk
                logits = torch.nn.functional.linear(X[at : at + CHUNK], *given)
                losses = losses + cross_entropy(logits, labels[at : at + CHUNK], reduction="sum")
            ctx.save_for_backward(*torch.autograd.grad(losses / len(X), given))
        return losses.detach() / len(X)

    @staticmethod
    def backward(ctx, upstream):
        theta, b = ctx.saved_tensors
        return None, upstream * theta, upstream * b, None


torch.manual_seed(0)
X, labels = torch.randn(n, d), torch.randint(L, (n,))

# Right: two lines around a step.
layer = torch.nn.Linear(d, L)
step = gradcheck.capture(layer, "right")
loss = cross_entropy(layer(X), labels)
loss.backward()
step.write(labels, loss)

# A fused loss never calls the layer: its arrays are written as they are.
layer.zero_grad()
loss = Chunked.apply(X, layer.weight, layer.bias, labels)
loss.backward()
arrays = {"theta": layer.weight, "b": layer.bias, "X": X, "Y": labels, "loss": loss}
arrays |= {"grad_theta": layer.weight.grad, "grad_b": layer.bias.grad}
gradcheck.capture(arrays, "wrong", samples="rows")
