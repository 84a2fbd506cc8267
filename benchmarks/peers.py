"""The peers, each called as its documentation says, at its default step and tolerances. Each answers whether it accepts.

They are asked in two ways. A `Claim` is code of any origin, which the peer sees as a function and its derivative. The functions
of `CHECKERS` judge a softmax classifier written for the peer's own framework, with a fault g (1 + fault) planted in the gradient.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray
Arrays = tuple[Array, Array, Array, Array]
SCIPY_ACCEPTS = (
    1e-6  # SciPy returns a number and leaves the verdict to its user; its documentation shows about 1e-8 to 1e-6
)


@dataclass(frozen=True)
class Claim:
    """`jacobian(*variables)` is the derivative of `value(*variables)`: for each variable, an array of shape value + variable."""

    name: str
    variables: tuple[Array, ...]
    value: Callable[..., Any]
    jacobian: Callable[..., tuple[Array, ...]]


def returned(claim: Claim, variables: tuple[Array, ...]) -> Array:
    """The value as an array, and the same memory where it is one; a plain number takes the dtype of the variables."""
    value = claim.value(*variables)
    return np.asarray(value) if hasattr(value, "dtype") else np.asarray(value, dtype=variables[0].dtype)


def pulled(claim: Claim, variables: tuple[Array, ...], cotangent: Array) -> tuple[Array, ...]:
    """The cotangent times the Jacobian, for each variable; of a scalar, its gradient in whatever shape it came."""
    axes = cotangent.ndim
    return tuple(np.asarray(np.tensordot(cotangent, J, axes)) for J in claim.jacobian(*variables))


# ---- each peer, asked ----


def ask_torch(function: Callable[..., Any], arrays: tuple[Array, ...], **options: Any) -> bool:
    import torch

    torch.manual_seed(0)  # the fast mode projects on random vectors
    inputs = tuple(tensor(a).requires_grad_() for a in arrays)
    return torch.autograd.gradcheck(function, inputs, raise_exception=False, **options)


def tensor(array: Array) -> Any:
    """The same memory, where torch can have it."""
    import torch

    plain = array.flags.writeable and all(stride > 0 for stride in array.strides)
    return torch.from_numpy(array if plain else array.copy())


def ask_jax(function: Callable[..., Any], arrays: tuple[Array, ...]) -> bool:
    from jax.test_util import check_grads

    try:
        check_grads(function, arrays, order=1, modes=("rev",))
    except AssertionError:
        return False
    return True


def ask_autograd(function: Callable[..., Any], arrays: tuple[Array, ...]) -> bool:
    from autograd.test_util import check_grads

    np.random.seed(0)  # it draws its direction from NumPy's global generator
    try:
        check_grads(function, tuple(range(len(arrays))), modes=["rev"], order=1)(*arrays)
    except AssertionError:
        return False
    return True


def ask_scipy(function: Callable[[Array], Any], gradient: Callable[[Array], Array], flat: Array) -> bool:
    from scipy.optimize import check_grad

    return bool(check_grad(function, gradient, flat) < SCIPY_ACCEPTS)


def ask_numdifftools(function: Callable[[Array], Any], gradient: Callable[[Array], Array], flat: Array) -> bool:
    """Its documentation compares by np.allclose at its defaults."""
    import numdifftools

    exact = gradient(flat)
    derivative = numdifftools.Gradient if exact.ndim == 1 else numdifftools.Jacobian
    return bool(np.allclose(derivative(function)(flat), exact))


# ---- claims ----


def torch_claim(claim: Claim, **options: Any) -> bool:
    import torch

    class Hosted(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *tensors):
            ctx.save_for_backward(*tensors)
            return torch.from_numpy(returned(claim, tuple(t.detach().numpy() for t in tensors)))

        @staticmethod
        def backward(ctx, g):
            variables = tuple(t.detach().numpy() for t in ctx.saved_tensors)
            return tuple(torch.from_numpy(J) for J in pulled(claim, variables, g.numpy()))

    return ask_torch(Hosted.apply, claim.variables, **options)


def torch_fast_claim(claim: Claim) -> bool:
    return torch_claim(claim, fast_mode=True)


def jax_claim(claim: Claim) -> bool:
    import jax

    def host(arrays):
        return tuple(np.asarray(a) for a in arrays)

    @jax.custom_vjp
    def hosted(*arrays):
        return jax.numpy.asarray(returned(claim, host(arrays)))

    def forward(*arrays):
        return hosted(*arrays), arrays

    def backward(arrays, g):
        return tuple(jax.numpy.asarray(J) for J in pulled(claim, host(arrays), np.asarray(g)))

    hosted.defvjp(forward, backward)
    with jax.enable_x64(True):
        return ask_jax(hosted, tuple(jax.numpy.asarray(a) for a in claim.variables))


def autograd_claim(claim: Claim) -> bool:
    from autograd.extend import defvjp_argnums, primitive

    hosted = primitive(lambda *variables: returned(claim, variables))

    def pull(argnums, ans, variables, kwargs):
        return lambda g: tuple(pulled(claim, variables, np.asarray(g))[k] for k in argnums)

    defvjp_argnums(hosted, pull)
    return ask_autograd(hosted, claim.variables)


def flattened(claim: Claim) -> tuple[Callable[[Array], Any], Callable[[Array], Array], Array]:
    """Function, gradient and point, for those who know vectors only: a matrix is filled row by row."""
    ends = [0, *itertools.accumulate(v.size for v in claim.variables)]
    places = [
        (slice(*pair), v.shape, v.dtype) for pair, v in zip(itertools.pairwise(ends), claim.variables, strict=True)
    ]

    def unpacked(flat):
        return tuple(flat[place].reshape(shape).astype(dtype, copy=False) for place, shape, dtype in places)

    def function(flat):
        value = returned(claim, unpacked(flat))
        return float(value) if value.ndim == 0 else value.ravel()

    def gradient(flat):
        variables = unpacked(flat)
        value, found = returned(claim, variables), claim.jacobian(*variables)
        rows = () if value.ndim == 0 else (value.size,)
        return np.concatenate([J.reshape(*rows, -1) for J in found], axis=-1)

    return function, gradient, np.concatenate([v.ravel() for v in claim.variables])


def scipy_claim(claim: Claim) -> bool:
    return ask_scipy(*flattened(claim))


def numdifftools_claim(claim: Claim) -> bool:
    return ask_numdifftools(*flattened(claim))


PEERS: dict[str, Callable[[Claim], bool]] = {
    "torch gradcheck, slow": torch_claim,
    "torch gradcheck, fast": torch_fast_claim,
    "jax check_grads": jax_claim,
    "autograd check_grads": autograd_claim,
    "scipy check_grad": scipy_claim,
    "numdifftools": numdifftools_claim,
}


# ---- the classifier of each framework ----


def numpy_loss(theta, b, X, Y):
    Z = theta @ X + b
    S = Z - Z.max(axis=0)
    return float((Y * (np.log(np.exp(S).sum(axis=0)) - S)).sum() / X.shape[1])


def numpy_gradients(theta, b, X, Y):
    Z = theta @ X + b
    E = np.exp(Z - Z.max(axis=0))
    D = (E / E.sum(axis=0) - Y) / np.asarray(X.shape[1], dtype=X.dtype)
    return D @ X.T, D.sum(axis=1, keepdims=True)


def scaled(fault: float) -> type[Any]:
    """The identity of torch, whose gradient is off by this much of itself."""
    import torch

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g * (1 + fault)

    return Scaled


def torch_slow(arrays: Arrays, fault: float = 0.0, **options: Any) -> bool:
    import torch

    Scaled = scaled(fault)
    X, Y = (tensor(a) for a in arrays[2:])
    labels = Y.argmax(dim=0) if bool(((Y == 0) | (Y == 1)).all()) else Y.T

    def loss(theta, b):
        if fault:
            theta, b = Scaled.apply(theta), Scaled.apply(b)
        return torch.nn.functional.cross_entropy((theta @ X + b).T, labels)

    return ask_torch(loss, tuple(a.copy() for a in arrays[:2]), **options)


def torch_fast(arrays: Arrays, fault: float = 0.0) -> bool:
    return torch_slow(arrays, fault, fast_mode=True)


def jax_check_grads(arrays: Arrays, fault: float = 0.0) -> bool:
    import jax

    @jax.custom_vjp
    def scaled(x):
        return x

    scaled.defvjp(lambda x: (x, None), lambda _, g: (g * (1 + fault),))

    def loss(theta, b):
        if fault:
            theta, b = scaled(theta), scaled(b)
        return -(Y * jax.nn.log_softmax(theta @ X + b, axis=0)).sum() / X.shape[1]

    with jax.enable_x64(True):
        theta, b, X, Y = (jax.numpy.asarray(a) for a in arrays)
        return ask_jax(loss, (theta, b))


def autograd_check_grads(arrays: Arrays, fault: float = 0.0) -> bool:
    import autograd.numpy as anp
    from autograd.extend import defvjp, primitive
    from autograd.scipy.special import logsumexp

    theta, b, X, Y = arrays
    scaled = primitive(lambda x: x + 0)
    defvjp(scaled, lambda ans, x: lambda g: g * (1 + fault))

    def loss(theta, b):
        if fault:
            theta, b = scaled(theta), scaled(b)
        Z = anp.dot(theta, X) + b
        return anp.sum(Y * (logsumexp(Z, axis=0, keepdims=True) - Z)) / X.shape[1]

    return ask_autograd(loss, (theta, b))


def scipy_check_grad(arrays: Arrays, fault: float = 0.0) -> bool:
    theta, b, X, Y = arrays

    def gradients(theta, b):
        return tuple((1 + fault) * g for g in numpy_gradients(theta, b, X, Y))

    return scipy_claim(Claim("theta, b", (theta, b), lambda theta, b: numpy_loss(theta, b, X, Y), gradients))


def gradcheck_judge(arrays: Arrays, fault: float = 0.0) -> bool:
    from gradcheck import Problem, judge_gradient

    gradients = numpy_gradients(*arrays)
    theta, b = (g * g.dtype.type(1 + fault) for g in gradients)
    return not any(v.failed for v in judge_gradient(Problem(*arrays), theta=theta, b=b).values())


CHECKERS = {
    "gradcheck": gradcheck_judge,
    "torch gradcheck, slow": torch_slow,
    "torch gradcheck, fast": torch_fast,
    "jax check_grads": jax_check_grads,
    "autograd check_grads": autograd_check_grads,
    "scipy check_grad": scipy_check_grad,
}


def problem(L: int, d: int, n: int, seed: int, dtype: str = "float64") -> Arrays:
    """The usual single random input: N(0, 1) data and weights, one-hot labels."""
    rng = np.random.default_rng(seed)
    Y = np.eye(L)[:, rng.integers(0, L, n)]
    arrays = (rng.normal(size=(L, d)), rng.normal(size=(L, 1)), rng.normal(size=(d, n)), Y)
    return tuple(np.ascontiguousarray(a.astype(dtype)) for a in arrays)
