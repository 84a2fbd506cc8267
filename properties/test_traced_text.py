"""What stands in the text of a traced loss: plain numbers, what changes from call to call, a parameter np, keys."""

import random

import numpy as np
import pytest

import gradcheck
from gradcheck import Loss, Problem, conform
from gradcheck.referees import own

jax = pytest.importorskip("jax")
jnp = jax.numpy
halved = jax.jit(lambda Z, eps: Z * Z / (1 + eps))


def posed(law, dtype="float32"):
    draw = np.random.default_rng(7)
    arrays = (draw.normal(size=size) for size in ((3, 2), (3, 1), (2, 4)))
    return Problem(*(a.astype(dtype) for a in arrays), np.eye(3)[:, [0, 2, 1, 1]].astype(dtype), law=law)


def right(theta, b, X, Y):
    D = theta @ X + b - Y
    return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True)}


# A loss whose text has a number that a function of JAX is handed as it is: in jax.numpy, and in NumPy's notation.
HANDED = {
    "where": (
        lambda Z, Y: jnp.mean(jnp.where(Y > 0, 1.0, 2.0) * Z**2),
        lambda Z, Y, *, np: np.mean(np.where(Y > 0, 1.0, 2.0) * Z**2),
    ),
    "full": (lambda Z, Y: jnp.mean(jnp.full(Z.shape, 0.1) * Z**2), lambda Z, Y, *, np: np.mean(0.1 * Z**2)),
    "a function": (lambda Z, Y: jnp.mean(halved(Z, 0.1)), lambda Z, Y, *, np: np.mean(Z * Z / 1.1)),
}


@pytest.mark.parametrize("name", HANDED)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_numbers_of_python_are_of_the_precision_that_jax_takes_them_in(name, dtype):
    text, notation = HANDED[name]
    code = gradcheck.from_jax(text, logits=lambda theta, b, X: theta @ X + b, law=Loss.traced(text))
    run = conform(code, dtype=dtype, max_examples=8, checks=("loss", "*_gradient"))
    assert run.judged and not run.failed, run
    traced, written = (own.truth(posed(law, dtype)) for law in (Loss.traced(text), Loss(notation)))
    for quantity in ("loss", "theta"):
        one, other = (truth.enclosure(quantity) for truth in (traced, written))
        assert (abs(one.midpoint - other.midpoint) <= one.radius + other.radius).all()


CALLS = [0]


def counting(Z, Y):
    CALLS[0] += 1
    return jnp.sum((Z - Y) ** 2) * (0.5 if CALLS[0] < 3 else 0.6)


@pytest.mark.parametrize("function", [counting, lambda Z, Y: jnp.sum((Z - Y) ** 2) * random.random()])
def test_what_changes_from_call_to_call_is_told_before_code_is_blamed(function):
    with pytest.raises(gradcheck.Unusable, match="is no function of its arguments: read twice"):
        conform(right, law=Loss.traced(function), max_examples=6)


def test_a_text_may_be_written_for_both():
    """With a parameter np, which JAX's own is given."""

    def squares(Z, Y, *, np):
        return np.sum((Z - Y) ** 2) / 2

    for law in (Loss(squares), Loss.traced(squares)):
        run = conform(right, law=law, max_examples=8, checks=("theta_gradient",))
        assert run.judged and not run.failed, run


def test_what_draws_random_numbers_is_one_line():
    def noisy(Z, Y):
        return jnp.sum(Z * jax.random.bernoulli(jax.random.key(0), 0.5, Z.shape))

    with pytest.raises(gradcheck.Unusable, match=r"dtype key<fry> of a traced loss is not known; expected any of"):
        own.truth(posed(Loss.traced(noisy))).allowed("theta")


@pytest.mark.parametrize("given", ["text", None, 3])
def test_what_is_no_function_is_shown_as_it_was_given(given):
    with pytest.raises(gradcheck.Unusable, match=f"^a loss is {given!r}; expected a function of arrays"):
        Loss.traced(given)


def test_what_returns_no_number_is_one_line():
    law = Loss.traced(lambda Z, Y: {"loss": jnp.sum(Z)}, name="told")
    with pytest.raises(gradcheck.Unusable, match=r"^the loss told cannot be read: returns a dict; expected one number"):
        conform(right, law=law, max_examples=2)


def test_code_is_compiled_as_people_compile_it():
    """Without optimisation XLA computes the maximum anew, which then equals no entry: its gradient is infinite."""

    def loss(Z, Y):
        sums = jnp.sum(jnp.exp(Z - jnp.max(Z, axis=0, keepdims=True)), axis=0)
        return jnp.mean(jnp.log(sums + jnp.finfo(Z.dtype).eps) - jnp.sum(Z * Y, axis=0))

    theta, b = np.array([[0.479466], [1]], np.float32), np.array([[0.25], [0]], np.float32)
    X, Y = np.array([[-0.625]], np.float32), np.array([[1], [0]], np.float32)
    found = gradcheck.from_jax(loss, logits=lambda theta, b, X: theta @ X + b).gradients(theta, b, X, Y)
    assert all(np.isfinite(gradient).all() for gradient in found.values())
