"""How many additions a term of a sum meets in a row, as libraries add, and what a declared depth of sums is worth.

    python -m benchmarks.depth trees  [n]       the depth of the summation trees of NumPy, torch and JAX, found out from outside
    python -m benchmarks.depth honest [SEEDS [LIBRARY …]]   honest steps at several sizes and precisions, audited with --sums
    python -m benchmarks.depth sharper [n …]    limits of ∂ℒ/∂θ with --sums blocked:256 and without

A tree is found as FPRev does: of terms that are 1 but for M at i and -M at j, what is left of the sum counts those
outside of the subtree in which i and j meet, since M takes in every 1. As many different counts as j can bring is the depth of i.
"""

import sys
from functools import cache

import numpy as np

import gradcheck
from benchmarks.posed import posed
from gradcheck import Arithmetic

DECLARED = Arithmetic(sums="blocked:256")
SIZES = ((64, 32, 1024), (100, 48, 4096), (1000, 64, 512))
DTYPES = ("float64", "float32", "float16", "bfloat16")


# ---- what libraries do ----


def masks(n, i, dtype):
    """(n, n): a row for each j, with M at i and -M at j; of j = i nothing is asked."""
    M = 2.0**40 if dtype == "float32" else 2.0**70
    found = np.ones((n, n), dtype)
    found[:, i] = M
    found[np.arange(n), np.arange(n)] = -M
    return found


def sums_of(d):
    """Sums over the rows of an array (n, n), in the ways of each library, of a product those of a column."""
    import jax
    import jax.numpy as jnp
    import torch

    jax.config.update("jax_enable_x64", True)

    def ones(x, k=d):
        return np.ones((x.shape[1], k), x.dtype)

    return {
        "NumPy  D @ Xᵀ": lambda x: (x @ ones(x))[:, 0],
        "NumPy  sum(axis=1)": lambda x: x.sum(axis=1),
        "NumPy  sum(axis=0)": lambda x: np.ascontiguousarray(x.T).sum(axis=0),
        "torch  D @ Xᵀ": lambda x: (torch.from_numpy(x) @ torch.from_numpy(ones(x))).numpy()[:, 0],
        "torch  D @ x": lambda x: (torch.from_numpy(x) @ torch.from_numpy(ones(x)[:, 0].copy())).numpy(),
        "torch  sum(dim=1)": lambda x: torch.from_numpy(x).sum(dim=1).numpy(),
        "torch  sum(dim=0)": lambda x: torch.from_numpy(np.ascontiguousarray(x.T)).sum(dim=0).numpy(),
        "JAX    D @ Xᵀ": lambda x: np.asarray(jax.jit(jnp.matmul)(x, ones(x)))[:, 0],
        "JAX    D @ x": lambda x: np.asarray(jax.jit(jnp.matmul)(x, ones(x)[:, 0])),
        "JAX    sum(axis=1)": lambda x: np.asarray(jax.jit(lambda a: a.sum(axis=1))(x)),
        "JAX    sum(axis=0)": lambda x: np.asarray(jax.jit(lambda a: a.sum(axis=0))(np.ascontiguousarray(x.T))),
        "in a row": lambda x: np.add.accumulate(x, axis=1)[:, -1],
    }


def depth(summed, n, dtype):
    """The most of a few terms."""
    found = 0
    for i in (0, 1, n // 2, n - 1):
        sizes = n - summed(masks(n, i, dtype)).astype(np.float64)
        found = max(found, len(set(np.delete(sizes, i).tolist())))
    return found


def trees(n="4096"):
    print(f"additions in a row of {n} terms")
    for dtype in ("float32", "float64"):
        for name, summed in sums_of(64).items():
            print(f"{dtype:8} {name:20} {depth(summed, int(n), dtype):6}", flush=True)


# ---- honest steps ----


def learned(size, seed, dtype):
    """A classifier that has learned a little."""
    return posed(size, seed, dtype, bias=1 / 8, sharp=2.0)


def numpy_step(theta, b, X, y):
    if theta.dtype.itemsize == 2:
        return None  # which NumPy adds up in 16 bits
    Z = theta @ X + b[:, None]
    E = np.exp(Z - Z.max(axis=0))
    D = E / E.sum(axis=0)
    n = len(y)
    D[y, np.arange(n)] -= 1
    D /= D.dtype.type(n)
    return {"Z": Z, "grad_theta": D @ X.T, "grad_b": D.sum(axis=1), "grad_X": theta.T @ D}


def torch_step(theta, b, X, y):
    import torch

    from gradcheck.tensors import array

    kind = getattr(torch, theta.dtype.name)
    given = [torch.from_numpy(a.astype(np.float64)).to(kind).requires_grad_() for a in (theta, b, X.T)]
    Z = torch.nn.functional.linear(given[2], given[0], given[1])
    loss = torch.nn.functional.cross_entropy(Z, torch.from_numpy(y))
    loss.backward()
    gradients = [array(t.grad) for t in given]
    return {
        "Z": array(Z.detach()).T, "loss": array(loss.detach()),
        "grad_theta": gradients[0], "grad_b": gradients[1], "grad_X": gradients[2].T,
    }  # fmt: skip


@cache
def jax_gradients():
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)

    def loss(theta, b, X, y):
        Z = X @ theta.T + b
        return -jnp.take_along_axis(jax.nn.log_softmax(Z), y[:, None], axis=1).mean()

    return jax.jit(jax.value_and_grad(loss, (0, 1, 2)))


def jax_step(theta, b, X, y):
    value, found = jax_gradients()(theta, b, np.ascontiguousarray(X.T), y)
    G, g, H = map(np.asarray, found)
    return {"loss": np.asarray(value), "grad_theta": G, "grad_b": g, "grad_X": H.T}


STEPS = {"NumPy": numpy_step, "torch": torch_step, "JAX": jax_step}


def honest(seeds="20", *libraries):
    """None may disagree."""
    print(f"{'':6} {'dtype':9} {'(L, d, n)':18} steps, disagree, worst ratio")
    for library, step in STEPS.items():
        if libraries and library not in libraries:
            continue
        for dtype in DTYPES:
            for size in SIZES:
                ratios, wrong = [], 0
                for seed in range(int(seeds)):
                    theta, b, X, y = learned(size, seed, dtype)
                    arrays = step(theta, b, X, y)
                    if arrays is None:
                        continue
                    found = gradcheck.audit(theta=theta, b=b, X=X, Y=y, **arrays, arithmetic=DECLARED, probes=8)
                    wrong += found.status == 1
                    ratios += [f.verdict.ratio for f in found.findings if f.verdict.ratio is not None]
                if ratios:
                    print(f"{library:6} {dtype:9} {size!s:18} {seeds}, {wrong}, {max(ratios):.2g}", flush=True)


def sharper(*sizes):
    """The same entries against both; κ is what a sum of n terms alone is granted."""
    from gradcheck.auditing.dump import of
    from gradcheck.auditing.plan import error_model

    print("n, κ without / with; (L, d), quantity, worst ratio without, with, quotient")
    for n in map(int, sizes or ("4096", "16384")):
        for L, d in ((10, 32), (64, 32), (1000, 64)):
            theta, b, X, y = learned((L, d, n), 0, "float32")
            given = {"theta": theta, "b": b, "X": X, "Y": y, **numpy_step(theta, b, X, y), "Z": theta @ X + b[:, None]}
            models = [error_model(of(given), arithmetic).gradient(n) for arithmetic in (Arithmetic(), DECLARED)]
            found = [gradcheck.audit(**given, arithmetic=arithmetic) for arithmetic in (Arithmetic(), DECLARED)]
            for one, other in zip(*(f.findings for f in found), strict=True):
                if one.quantity in {"grad_theta", "grad_b"}:
                    ratios = one.verdict.ratio, other.verdict.ratio
                    print(
                        f"{n:6} {models[0] / models[1]:5.1f} {(L, d)!s:10} {one.quantity:10} {ratios[0]:.2g} {ratios[1]:.2g} "
                        f"{ratios[1] / ratios[0]:5.1f}",
                        flush=True,
                    )


if __name__ == "__main__":
    {"trees": trees, "honest": honest, "sharper": sharper}[sys.argv[1]](*sys.argv[2:])
