"""The same losses in jax.numpy, and their gradients by jax.grad."""

import math
from functools import cache

import jax
import numpy as np
from jax import nn
from jax import numpy as jnp

from gradcheck.implementations.jax import compiled


def focal(Z, Y):
    p = nn.softmax(Z, axis=0)
    return -jnp.mean(jnp.sum(Y * jnp.square(1 - p) * nn.log_softmax(Z, axis=0), axis=0))


def distillation(Z, Y):
    T = 2.0
    t = nn.softmax(Y * 3 / T, axis=0)
    return T * T * jnp.mean(jnp.sum(t * (jnp.log(t) - nn.log_softmax(Z / T, axis=0)), axis=0))


def arcface(theta, X, Y):
    rows = theta * jax.lax.rsqrt(jnp.sum(theta**2, axis=1, keepdims=True) + 1e-3)
    columns = X / jnp.sqrt(jnp.sum(X**2, axis=0, keepdims=True) + 1e-3)
    cosine = jnp.clip(rows @ columns, -0.99, 0.99)
    turned = cosine * math.cos(0.5) - jnp.sqrt(1 - cosine**2) * math.sin(0.5)
    return -jnp.mean(jnp.sum(Y * nn.log_softmax(8 * jnp.where(Y > 0, turned, cosine), axis=0), axis=0))


def smoothed(Z, Y):
    L = len(Z)
    low = 0.125 / (L - 1)
    entropy = -((1 - 0.125) * math.log(1 - 0.125) + (L - 1) * low * math.log(low))
    return -jnp.mean(jnp.sum((Y * (1 - 0.125) + (1 - Y) * low) * nn.log_softmax(Z, axis=0), axis=0) + entropy)


def info_nce(theta, b, X, Y):
    K = theta @ X
    S = jnp.einsum("ki,kj->ij", K + b, K) / 0.5 + Y.T @ Y / 4
    return -jnp.mean(jnp.diagonal(nn.log_softmax(S, axis=1)))


def ordinal(Z, Y):
    # By -above log_sigmoid(Z) - (1 - above) log_sigmoid(-Z), another text, JAX's gradient is off by u |Z| where that of softplus(Z)
    # is not: jax.nn.log_sigmoid differentiates to exp(-Z - softplus(-Z)). It exceeds what is granted to the specification's text.
    above = 1 - jnp.cumsum(Y, axis=0)[:-1]
    return jnp.mean(jnp.sum(nn.softplus(Z[:-1]) - above * Z[:-1], axis=0))


def z_loss(Z, Y):
    return jnp.mean(-jnp.sum(Y * nn.log_softmax(Z, axis=0), axis=0) + 1e-3 * nn.logsumexp(Z, axis=0) ** 2)


def poly1(Z, Y):
    ce = -jnp.sum(Y * nn.log_softmax(Z, axis=0), axis=0)
    return jnp.mean(ce + 2 * (1 - jnp.sum(Y * nn.softmax(Z, axis=0), axis=0)))


def hinge(Z, Y):
    others = jnp.max(jnp.where(Y > 0, -jnp.inf, Z), axis=0)
    return jnp.mean(nn.relu(1 + others - jnp.sum(Y * Z, axis=0)))


def one_vs_rest(Z, Y):
    return jnp.mean(jnp.sum(nn.softplus(Z) - Y * Z, axis=0))


def tempered(theta, b, X, Y):
    log_p = nn.log_softmax((theta @ X + b) / 1.5, axis=0)
    return -jnp.mean(jnp.sum(Y * log_p, axis=0)) + 0.0625 / 2 * jnp.sum(theta**2)


@cache
def _compiled(name, names):
    loss = globals()[name]

    def of(theta, b, X, Y):
        if "Z" not in names:
            given = {"theta": theta, "b": b, "X": X, "Y": Y}
            return jax.value_and_grad(lambda p: loss(*({**given, **p}[key] for key in names)))(
                {"theta": theta, "b": b, "X": X}
            )
        Z, pull = jax.vjp(lambda theta, b, X: theta @ X + b, theta, b, X)
        value, D = jax.value_and_grad(loss)(Z, Y)
        return value, {**dict(zip(("theta", "b", "X"), pull(D), strict=True)), "Z": D}

    return compiled(of)


def gradients(name, names, arrays):
    """The loss and its gradients by name, as float64."""
    value, found = _compiled(name, names)(*arrays)
    return float(value), {key: np.asarray(g, dtype=np.float64) for key, g in found.items()}
