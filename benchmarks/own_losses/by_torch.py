"""The same losses in torch, as its users write them, and their gradients by autograd."""

import math
import os

import torch
from torch.nn import functional as F

DEVICE = os.environ.get("GRADCHECK_DEVICE", "cpu")


def _labels(Y):
    return Y.argmax(dim=0)


def focal(Z, Y):
    ce = F.cross_entropy(Z.T, Y.T, reduction="none")
    return ((1 - (Y * Z.softmax(dim=0)).sum(dim=0)) ** 2 * ce).mean()


def distillation(Z, Y):
    T = 2.0
    return (
        F.kl_div(
            F.log_softmax(Z.T / T, dim=1), F.log_softmax(Y.T * 3 / T, dim=1), log_target=True, reduction="batchmean"
        )
        * T
        * T
    )


def arcface(theta, X, Y):
    rows = theta / (theta.square().sum(dim=1, keepdim=True) + 1e-3).sqrt()
    columns = X / (X.square().sum(dim=0, keepdim=True) + 1e-3).sqrt()
    cosine = (rows @ columns).clamp(-0.99, 0.99)
    sine = (1 - cosine.square()).sqrt()
    turned = cosine * math.cos(0.5) - sine * math.sin(0.5)
    return F.cross_entropy(8 * torch.where(Y > 0, turned, cosine).T, Y.T)


def smoothed(Z, Y):
    L = len(Z)
    low = 0.125 / (L - 1)
    entropy = -((1 - 0.125) * math.log(1 - 0.125) + (L - 1) * low * math.log(low))
    return F.cross_entropy(Z.T, (Y * 0.875 + (1 - Y) * low).T) - entropy


def info_nce(theta, b, X, Y):
    K = theta @ X
    S = (K + b).T @ K / 0.5 + Y.T @ Y / 4
    return F.cross_entropy(S, torch.arange(len(S), device=S.device))


def ordinal(Z, Y):
    above = 1 - Y.cumsum(dim=0)[:-1]
    return F.binary_cross_entropy_with_logits(Z[:-1], above, reduction="none").sum(dim=0).mean()


def z_loss(Z, Y):
    return (F.cross_entropy(Z.T, Y.T, reduction="none") + 1e-3 * Z.logsumexp(dim=0).square()).mean()


def poly1(Z, Y):
    return (F.cross_entropy(Z.T, Y.T, reduction="none") + 2 * (1 - (Y * Z.softmax(dim=0)).sum(dim=0))).mean()


def hinge(Z, Y):
    others = Z.masked_fill(Y > 0, -math.inf).amax(dim=0)
    return F.relu(1 + others - (Y * Z).sum(dim=0)).mean()


def one_vs_rest(Z, Y):
    return F.binary_cross_entropy_with_logits(Z, Y, reduction="none").sum(dim=0).mean()


def tempered(theta, b, X, Y):
    return F.cross_entropy(((theta @ X + b) / 1.5).T, Y.T) + 0.0625 / 2 * theta.square().sum()


def tensor(array):
    """On `DEVICE`; also of bfloat16, which torch does not take from NumPy."""
    if array.dtype.name == "bfloat16":
        return torch.from_numpy(array.astype("float32")).to(DEVICE, torch.bfloat16)
    return torch.from_numpy(array.copy()).to(DEVICE)


def gradients(name, names, given):
    """The loss and its gradients by name, as float64."""
    loss = globals()[name]
    arrays = {key: tensor(a).requires_grad_(key != "Y") for key, a in zip(("theta", "b", "X", "Y"), given, strict=True)}
    if "Z" in names:
        arrays["Z"] = arrays["theta"] @ arrays["X"] + arrays["b"]
        arrays["Z"].retain_grad()
    value = loss(*(arrays[key] for key in names))
    value.backward()
    found = {key: a.grad for key, a in arrays.items() if key != "Y"}
    zeros = {key: torch.zeros_like(arrays[key]) for key in found}
    return float(value.detach()), {
        key: (zeros[key] if g is None else g).double().cpu().numpy() for key, g in found.items()
    }
