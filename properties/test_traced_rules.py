"""Every equation that a traced loss may be made of: the value and the gradient that JAX computes lie within those of its truth."""

import numpy as np
import pytest

from gradcheck.law.own import Loss
from gradcheck.problem import Problem
from gradcheck.readings.jaxpr.rules import RULES
from gradcheck.referees import own

jax = pytest.importorskip("jax")
jnp, lax = jax.numpy, jax.lax
W = np.array([[1.0, -2.0, 0.5, 3.0], [0.25, 1.5, -1.0, 2.0], [4.0, 0.125, 2.5, -0.5]])
AT = np.array([2, 0, 1])


def weighed(x):
    """Each entry with a weight of its own, so that none can take the place of another."""
    flat = jnp.ravel(x)
    return jnp.sum(flat * jnp.asarray(1.5 ** np.arange(flat.size), x.dtype))


# what is read of Z (3, 4), of which every row, column and entry is another number
VALUES = {
    "exp": jnp.exp,
    "exp2": jnp.exp2,
    "expm1": jnp.expm1,
    "tanh": jnp.tanh,
    "sin": jnp.sin,
    "cos": jnp.cos,
    "logistic": jax.nn.sigmoid,
    "neg": lambda z: -z,
    "abs": jnp.abs,
    "sign": lambda z: jnp.sign(z) * z,
    "square": lax.square,
    "log": lambda z: jnp.log(z * z + 1),
    "log1p": lambda z: jnp.log1p(z * z),
    "sqrt": lambda z: jnp.sqrt(z * z + 1),
    "rsqrt": lambda z: lax.rsqrt(z * z + 1),
    "acos": lambda z: jnp.arccos(z / 8),
    "integer_pow": lambda z: z**3,
    "pow": lambda z: (z * z + 1) ** 1.5,
    "pow of pow": lambda z: 2.0 ** (z / 2),
    "div": lambda z: W / (z * z + 2),
    "sub": lambda z: W - 2 * z,
    "reduce_sum": lambda z: jnp.sum(z, axis=0),
    "reduce_max": lambda z: jnp.max(z, axis=1),
    "reduce_min": lambda z: jnp.min(z, axis=0),
    "both axes": lambda z: jnp.max(z * W, axis=(0, 1)),
    "asin": lambda z: jnp.arcsin(z / 8),
    "atan": jnp.arctan,
    "sinh": jnp.sinh,
    "cosh": jnp.cosh,
    "floor": lambda z: jnp.floor(z * 1.3) * z,
    "ceil": lambda z: jnp.ceil(z * 1.3) * z,
    "round": lambda z: jnp.round(z * 1.3) * z,
    "reduce_prod": lambda z: jnp.prod(z, axis=0),
    "prod of both": lambda z: jnp.prod(z, axis=(0, 1)) + jnp.prod(z * W, axis=1, keepdims=True),
    "cumprod": lambda z: jnp.cumprod(z, axis=1),
    "cumprod from the end": lambda z: lax.cumprod(z, 0, reverse=True),
    "cummax": lambda z: lax.cummax(z, 0),
    "cummin": lambda z: lax.cummin(z, 1, reverse=True),
    "reduce_or": lambda z: jnp.where(jnp.any(z > 1.1, axis=0), z, 2 * z),
    "reduce_and": lambda z: jnp.where(jnp.all(z < 1.5, axis=0), z, 2 * z),
    "cumsum": lambda z: jnp.cumsum(z, axis=1),
    "from the end": lambda z: lax.cumsum(z, 0, reverse=True),
    "dot_general": lambda z: z.T @ W[:, :2],
    "matrices": lambda z: W @ z.T,
    "batched": lambda z: jnp.einsum("ki,kj->kij", z, W),
    "contracted": lambda z: jnp.einsum("ki,kj->ij", z, z * W),
    "stacks": lambda z: jnp.einsum("kij,kjl->kil", jnp.stack([z, 2 * z]), jnp.stack([W.T, z.T])),
    "max": lambda z: jnp.maximum(z, W),
    "min": lambda z: jnp.minimum(W, z),
    "of nothing": lambda z: jnp.maximum(z, -jnp.inf) + jnp.minimum(jnp.inf, z),
    "clamp": lambda z: lax.clamp(jnp.asarray(-0.7, z.dtype), z, jnp.asarray(0.7, z.dtype)),
    "where": lambda z: jnp.where(W > 0.3, z, 2 * z),
    "eq": lambda z: jnp.where(z == z, z, 7),  # noqa: PLR0124
    "ne": lambda z: jnp.where(z != z, 7, z),  # noqa: PLR0124
    "the largest": lambda z: jnp.where(z == jnp.max(z, axis=0), z, 3 * z),
    "the least": lambda z: jnp.where(z != jnp.min(z, axis=1, keepdims=True), z, 3 * z),
    "one of two": lambda z: jnp.where(z == jnp.maximum(z, W), z, W * z),
    "lt": lambda z: jnp.where(z < W, z, 2 * z),
    "le": lambda z: jnp.where(z <= W, z, 2 * z),
    "gt": lambda z: jnp.where(z > W, z, 2 * z),
    "ge": lambda z: jnp.where(z >= W, z, 2 * z),
    "and": lambda z: jnp.where((z > -0.9) & (z < 0.9), z, 2 * z),
    "or": lambda z: jnp.where((z < -1) | (W > 0), z, 2 * z),
    "not": lambda z: jnp.where(~(z < 0), z, 2 * z),
    "alike": lambda z: jnp.where((z > 0) == (W > 0), z, 2 * z),
    "unlike": lambda z: jnp.where((z > 0) != (W > 0), z, 2 * z),
    "is_finite": lambda z: jnp.where(jnp.isfinite(z), z, 7),
    "argmax": lambda z: z[jnp.argmax(jnp.asarray(W), axis=0), jnp.arange(4)],
    "argmin": lambda z: z[jnp.argmin(jnp.asarray(W), axis=0), jnp.arange(4)],
    "stop_gradient": lambda z: lax.stop_gradient(z) * z,
    "broadcast_in_dim": lambda z: jnp.broadcast_to(z[:, None, :1], (3, 2, 4)),
    "reshape": lambda z: z.reshape(2, 6),
    "squeeze": lambda z: jnp.squeeze(z[:1], 0),
    "expand_dims": lambda z: jnp.expand_dims(z, (0, 2)),
    "transpose": lambda z: jnp.transpose(jnp.stack([z, 2 * z]), (2, 0, 1)),
    "slice": lambda z: lax.slice(z, (1, 0), (3, 4), (1, 2)),
    "rev": lambda z: jnp.flip(z, 1),
    "split": lambda z: jnp.split(z, [1, 3], axis=1)[1],
    "last of split": lambda z: lax.split(z, (1, 2), 0)[1],
    "concatenate": lambda z: jnp.concatenate([z, W, 2 * z], axis=1),
    "pad": lambda z: lax.pad(z, jnp.asarray(0.5, z.dtype), ((1, 0, 1), (0, -1, 0))),
    "gather": lambda z: z[AT, jnp.array([3, 0, 1])],
    "rows": lambda z: z[AT],
    "dynamic_slice": lambda z: lax.dynamic_slice(z, (1, 7), (2, 3)),
    "dynamic_update_slice": lambda z: lax.dynamic_update_slice(z, 2 * z[:2, :2], (5, 1)),
    "scatter-add": lambda z: z.at[AT].add(2 * z),
    "the same place": lambda z: z.at[jnp.array([0, 0])].add(z[1:]),
    "scatter": lambda z: z.at[AT[:2], jnp.array([3, 1])].set(2 * z[:2, 0]),
    "beyond the end": lambda z: z.at[jnp.array([1, 7])].set(2 * z[:2]).at[jnp.array([5, 2])].add(z[1:]),
    "one number": lambda z: z.at[jnp.array([1, 1]), 2].set(0.25) * W,
    "scatter-mul": lambda z: z.at[AT[:2]].multiply(z[:2], unique_indices=True),
    "of a mask": lambda z: jnp.where((z > 0.1).at[0].set(True), z, 2 * z),
    "a mask moved": lambda z: jnp.where((z > 0.1).T, z.T, 2 * z.T),
    "sort": lambda z: jnp.sort(z * W, axis=0),
    "argsort": lambda z: z[jnp.argsort(z[:, 2])],
    "by given ones": lambda z: z[jnp.argsort(jnp.asarray(W[:, 1]))],
    "by several": lambda z: z[jnp.lexsort((jnp.array([0, 1, 0]), jnp.array([1, 0, 1])))],
    "top_k": lambda z: lax.top_k(z, 2)[0],
    "of the top": lambda z: jnp.asarray(W)[0, lax.top_k(z, 2)[1]] * lax.top_k(z, 2)[0],
    "median of": lambda z: jnp.median(z, axis=1),
    "quantile": lambda z: jnp.quantile(z, 0.3, axis=0),
    "select": lambda z: jnp.select([z > 1.1, z > 0.1], [z, W * z], 3 * z),
    "of three": lambda z: lax.select_n(jnp.asarray(np.arange(12).reshape(3, 4) % 3), z, 2 * z, W * z),
    "the largest row": lambda z: z[jnp.argmax(z, axis=0), jnp.arange(4)] * 3,
    "the least row": lambda z: z[jnp.argmin(z, axis=0), jnp.arange(4)] * 3,
    "iota": lambda z: z * jnp.arange(4),
    "copy": jnp.copy,
    "optimization_barrier": lambda z: lax.optimization_barrier((z, 2 * z))[1],
    "scan": lambda z: lax.scan(lambda total, row: (total + row * total, total), z[0], z)[1],
    "scan from the end": lambda z: lax.scan(lambda c, x: (c + x * c, c), z[0], z, reverse=True)[1],
    "cond": lambda z: lax.cond(True, lambda x: x, lambda x: 2 * x, z),
    "softmax": lambda z: jax.nn.softmax(z, axis=0),
    "log_softmax": lambda z: jax.nn.log_softmax(z, axis=1),
    "logsumexp": lambda z: jax.nn.logsumexp(z, axis=0),
    "one_hot": lambda z: z[:, :3] * jax.nn.one_hot(AT, 3),
    "median": lambda z: jnp.take_along_axis(z, jnp.asarray([[1, 2, 0, 1]]), axis=0),
    "stack": lambda z: jnp.stack([z, W], axis=1),
    "of a list": lambda z: jnp.array([z[0, 1], z[2, 3], 2.0]),
    "roll": lambda z: jnp.roll(z, (1, 2), (0, 1)),
}


def problem(law):
    theta = np.array([[0.5, -1.25], [1.75, 0.375], [-0.625, 0.875]])
    X = np.array([[0.5, -1.0, 1.5, 0.25], [1.0, 0.75, -0.5, -1.25]])
    return Problem(theta, np.array([[0.0625], [-0.3125], [0.4375]]), X, np.eye(3)[:, [0, 2, 1, 1]], law=law)


COARSE = {  # each with what it may be off by, relative to the largest
    "convert_element_type": (lambda z: z.astype(jnp.float32).astype(z.dtype), 1e-5),
    "reduce_precision": (lambda z: lax.reduce_precision(z, 8, 7), 0.1),
}
GROUPS = [list(VALUES)[k::3] for k in range(3)]  # one program is cheaper than many


def together(functions):
    return lambda z: sum(1.25**k * weighed(function(z)) for k, function in enumerate(functions))


def held(function, off):
    p = problem(Loss.traced(lambda Z, Y: function(Z), name="it"))
    with jax.enable_x64(True):
        due = jax.jit(jax.value_and_grad(function))(jnp.asarray(p.theta @ p.X + p.b))
    truth = own.truth(p)
    for quantity, value in zip(("loss", "D"), map(np.asarray, due), strict=True):
        found, allowed = truth.enclosure(quantity), truth.allowed(quantity)
        assert (allowed <= off * (1 + abs(value).max())).all(), quantity
        assert (abs(value - found.midpoint) <= found.radius + allowed).all(), quantity


@pytest.mark.parametrize("names", GROUPS, ids=range(len(GROUPS)))
def test_values_and_gradients_are_those_of_jax(names):
    held(together([VALUES[name] for name in names]), 1e-9)


@pytest.mark.parametrize("name", COARSE)
def test_what_is_rounded_in_the_text_is_as_coarse_as_that(name):
    function, off = COARSE[name]
    held(together([function]), off)


# what JAX makes by itself, in programs of others, or by other rules
BESIDE = {"name", "copy_p", "empty", "empty2", "platform_index", "unstack", "add_any", "expand_dims"}


def test_no_rule_is_left_out():
    functions = [*VALUES.values(), *(function for function, _ in COARSE.values())]
    with jax.enable_x64(True):
        program = str(jax.make_jaxpr(together(functions))(jnp.asarray(W)))
    assert {name for name in RULES if f" {name}[" not in program and f" {name} " not in program} <= BESIDE
