"""The peers, each called on a softmax classifier as its documentation says, with its default step and tolerances.

A fault g (1 + fault) can be planted in the gradient that each of them judges; 0 plants none. Each function answers whether
the peer accepts the gradient.
"""

import numpy as np

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def numpy_loss(theta, b, X, Y):
    Z = theta @ X + b
    S = Z - Z.max(axis=0)
    return float((Y * (np.log(np.exp(S).sum(axis=0)) - S)).sum() / X.shape[1])


def numpy_gradients(theta, b, X, Y):
    Z = theta @ X + b
    E = np.exp(Z - Z.max(axis=0))
    D = (E / E.sum(axis=0) - Y) / np.asarray(X.shape[1], dtype=X.dtype)
    return D @ X.T, D.sum(axis=1, keepdims=True)


def _torch(arrays: Arrays, fault: float, **options) -> bool:
    import torch

    class Scaled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x.clone()

        @staticmethod
        def backward(ctx, g):
            return g * (1 + fault)

    theta, b, X, Y = (torch.from_numpy(a.copy()) for a in arrays)
    labels = Y.argmax(dim=0)

    def loss(theta, b):
        if fault:
            theta, b = Scaled.apply(theta), Scaled.apply(b)
        return torch.nn.functional.cross_entropy((theta @ X + b).T, labels)

    inputs = (theta.requires_grad_(), b.requires_grad_())
    return torch.autograd.gradcheck(loss, inputs, raise_exception=False, **options)


def torch_slow(arrays: Arrays, fault: float = 0.0) -> bool:
    return _torch(arrays, fault)


def torch_fast(arrays: Arrays, fault: float = 0.0) -> bool:
    return _torch(arrays, fault, fast_mode=True)


def jax_check_grads(arrays: Arrays, fault: float = 0.0) -> bool:
    import jax

    jax.config.update("jax_enable_x64", True)
    from jax.test_util import check_grads

    theta, b, X, Y = (jax.numpy.asarray(a) for a in arrays)

    @jax.custom_vjp
    def scaled(x):
        return x

    scaled.defvjp(lambda x: (x, None), lambda _, g: (g * (1 + fault),))

    def loss(theta, b):
        if fault:
            theta, b = scaled(theta), scaled(b)
        return -(Y * jax.nn.log_softmax(theta @ X + b, axis=0)).sum() / X.shape[1]

    try:
        check_grads(loss, (theta, b), order=1, modes=("rev",))
    except AssertionError:
        return False
    return True


def autograd_check_grads(arrays: Arrays, fault: float = 0.0) -> bool:
    import autograd.numpy as anp
    from autograd.extend import defvjp, primitive
    from autograd.scipy.special import logsumexp
    from autograd.test_util import check_grads

    _, _, X, Y = arrays
    scaled = primitive(lambda x: x + 0)
    defvjp(scaled, lambda ans, x: lambda g: g * (1 + fault))

    def loss(theta, b):
        if fault:
            theta, b = scaled(theta), scaled(b)
        Z = anp.dot(theta, X) + b
        return anp.sum(Y * (logsumexp(Z, axis=0, keepdims=True) - Z)) / X.shape[1]

    try:
        check_grads(loss, modes=["rev"], order=1)(arrays[0], arrays[1])
    except AssertionError:
        return False
    return True


def scipy_check_grad(arrays: Arrays, fault: float = 0.0) -> bool:
    from scipy.optimize import check_grad

    theta, b, X, Y = arrays
    split = theta.size

    def unpack(flat):
        return flat[:split].reshape(theta.shape).astype(theta.dtype), flat[split:].reshape(b.shape).astype(b.dtype)

    def loss(flat):
        return numpy_loss(*unpack(flat), X, Y)

    def gradient(flat):
        return (1 + fault) * np.concatenate([g.ravel() for g in numpy_gradients(*unpack(flat), X, Y)])

    # SciPy returns a number and leaves the verdict to its user; its documentation shows values about 1e-8 to 1e-6
    return check_grad(loss, gradient, np.concatenate([theta.ravel(), b.ravel()])) < 1e-6


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
