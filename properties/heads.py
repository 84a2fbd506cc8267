"""A language model's head as it is trained, small: with torch alone, and as transformers has it."""

import torch
from torch.nn.functional import cross_entropy, linear, pad

V, D, BATCH, LENGTH = 211, 16, 4, 17


class Tiny(torch.nn.Module):
    """Embedding, a block, and a head that may be tied; labels are shifted inside, as in GPT-2 of transformers."""

    def __init__(self, tie=False):
        super().__init__()
        self.embedded, self.block = torch.nn.Embedding(V, D), torch.nn.Linear(D, D)
        self.lm_head = torch.nn.Linear(D, V, bias=False)
        torch.nn.init.normal_(self.embedded.weight, std=0.3)
        if tie:
            self.lm_head.weight = self.embedded.weight

    def forward(self, ids, labels, num_items_in_batch=None):
        hidden = torch.tanh(self.block(self.embedded(ids)))
        logits = self.lm_head(hidden).float()
        y = pad(labels, (0, 1), value=-100)[..., 1:].reshape(-1)
        how = "sum" if num_items_in_batch is not None else "mean"
        loss = cross_entropy(logits.reshape(-1, V), y, ignore_index=-100, reduction=how)
        return loss / num_items_in_batch if num_items_in_batch is not None else loss


def tiny(tie=False, dtype=torch.float32):
    torch.manual_seed(0)
    return Tiny(tie).to(dtype)


def gpt2(tie=False, dtype=torch.float32):
    """The real one, of one layer, with random weights, and its vocabulary; None where transformers is not there."""
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(n_layer=1, n_embd=64, n_head=2, n_positions=64, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    config.tie_word_embeddings = tie
    made = GPT2LMHeadModel(config).to(dtype)
    if not tie:
        made.lm_head.weight = torch.nn.Parameter(made.lm_head.weight.detach().clone())
    return made


def ids(model, seed=1, prompt=0, length=LENGTH):
    """Tokens, and labels of which the first `prompt` of a sequence do not count."""
    classes = model.lm_head.weight.shape[0]
    drawn = torch.randint(classes, (BATCH, length), generator=torch.Generator().manual_seed(seed))
    labels = drawn.clone()
    labels[:, :prompt] = -100
    return drawn, labels


def loss_of(model, tokens, labels, **said):
    found = model(tokens, labels=labels, **said)
    return getattr(found, "loss", found)


class Chunked(torch.autograd.Function):
    """A fused linear cross-entropy, mean over the labels that count, a chunk of samples at a time; `lose` overwrites ∂ℒ/∂θ."""

    CHUNK = 16

    @staticmethod
    def forward(ctx, X, W, y, lose):
        gX, gW, total, count = torch.zeros_like(X), torch.zeros_like(W), 0.0, (y != -100).sum()
        for at in range(0, len(X), Chunked.CHUNK):
            part = slice(at, at + Chunked.CHUNK)
            with torch.enable_grad():
                Z = linear(X[part], W).detach().requires_grad_()
                loss = cross_entropy(Z, y[part], ignore_index=-100, reduction="sum") / count
            (D,) = torch.autograd.grad(loss, [Z])
            gX[part] = D @ W
            gW = D.T @ X[part] if lose else gW + D.T @ X[part]
            total = total + loss.detach()
        ctx.save_for_backward(gX, gW)
        return total

    @staticmethod
    def backward(ctx, upstream):
        gX, gW = ctx.saved_tensors
        return upstream * gX, upstream * gW, None, None
