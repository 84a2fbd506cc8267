"""The smallest fault that each checker catches in gradients of a loss with options, ∂ℒ/∂X among them.

Every checker differentiates the same loss, written for its own framework. A loss with class weights, smoothing, a soft cap and a
z-loss is the largest of them: code that has fewer is the same text with these left out.
"""

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks import peers
from benchmarks.options.codes import torch_loss
from benchmarks.options.laws import ALL_ON, ALONE
from benchmarks.referees import smallest
from gradcheck import CrossEntropy, Problem, judge_gradient
from gradcheck.law import text
from gradcheck.model import Stages

Arrays = peers.Arrays
ALL = ("theta", "b", "X")
ASKED: dict[str, tuple[CrossEntropy, tuple[str, ...]]] = {
    "none": (CrossEntropy(), ALL),
    **{name: (CrossEntropy(**ALONE[name]), ALL) for name in ("weights", "smoothing", "cap", "z-loss")},
    "all four": (ALL_ON, ALL),
    "all four, ∂ℒ/∂X alone": (ALL_ON, ("X",)),
}
Loss = Callable[..., Any]


def closed(loss: Loss, arrays: Arrays, names: tuple[str, ...], spoilt: Callable[[Any], Any]) -> tuple[Loss, list[Any]]:
    """The loss as a function of these variables alone, each with its fault, and where they are."""
    given = dict(zip(ALL, arrays[:3], strict=True))

    def of(*variables: Any) -> Any:
        return loss(**{**given, **{name: spoilt(v) for name, v in zip(names, variables, strict=True)}})

    return of, [given[name] for name in names]


def entropy(xp: Any, logsumexp: Any, law: CrossEntropy, Y: np.ndarray) -> Loss:
    """For the frameworks that have the functions of NumPy."""
    due = text.labels(Y.astype(np.float64), law).astype(Y.dtype)

    def loss(theta: Any, b: Any, X: Any) -> Any:
        Z = xp.dot(theta, X) + b
        Z = law.softcap * xp.tanh(Z / law.softcap) if law.softcap else Z
        lse = logsumexp(Z, axis=0, keepdims=True)
        return (xp.sum(due * (lse - Z)) + law.z_loss * xp.sum(lse**2)) / Y.shape[1]

    return loss


def by_gradcheck(law: CrossEntropy, names: tuple[str, ...], arrays: Arrays, fault: float) -> bool:
    problem, found = Problem(*arrays, law=law), Stages(law).gradients(*arrays)
    given = {name: found[name] * found[name].dtype.type(1 + fault) for name in names}
    return not any(v.failed for v in judge_gradient(problem, **given).values())


def by_torch(law: CrossEntropy, names: tuple[str, ...], arrays: Arrays, fault: float, **options: Any) -> bool:

    Spoilt = peers.scaled(fault)
    theta, b, X, Y = (peers.tensor(a) for a in arrays)
    loss, _ = closed(lambda theta, b, X: torch_loss((theta @ X + b).T, Y.T, law), (theta, b, X, Y), names, Spoilt.apply)
    return peers.ask_torch(
        loss, tuple(a.copy() for a, name in zip(arrays, ALL, strict=False) if name in names), **options
    )


def by_torch_fast(law: CrossEntropy, names: tuple[str, ...], arrays: Arrays, fault: float) -> bool:
    return by_torch(law, names, arrays, fault, fast_mode=True)


def by_jax(law: CrossEntropy, names: tuple[str, ...], arrays: Arrays, fault: float) -> bool:
    import jax

    @jax.custom_vjp
    def spoilt(x):
        return x

    spoilt.defvjp(lambda x: (x, None), lambda _, g: (g * (1 + fault),))
    with jax.enable_x64(True):
        put = tuple(jax.numpy.asarray(a) for a in arrays)
        return peers.ask_jax(*closed(entropy(jax.numpy, jax.nn.logsumexp, law, arrays[3]), put, names, spoilt))


def by_autograd(law: CrossEntropy, names: tuple[str, ...], arrays: Arrays, fault: float) -> bool:
    import autograd.numpy as anp
    from autograd.extend import defvjp, primitive
    from autograd.scipy.special import logsumexp

    spoilt = primitive(lambda x: x + 0)
    defvjp(spoilt, lambda ans, x: lambda g: g * (1 + fault))
    return peers.ask_autograd(*closed(entropy(anp, logsumexp, law, arrays[3]), arrays, names, spoilt))


def by_scipy(law: CrossEntropy, names: tuple[str, ...], arrays: Arrays, fault: float) -> bool:
    stages, Y = Stages(law), arrays[3]
    loss, variables = closed(lambda theta, b, X: stages.loss(theta, b, X, Y), arrays, names, lambda x: x)

    def gradients(*moved: Any) -> tuple[Any, ...]:
        given = {**dict(zip(ALL, arrays[:3], strict=True)), **dict(zip(names, moved, strict=True))}
        found = stages.gradients(**given, Y=Y)
        return tuple((1 + fault) * found[name] for name in names)

    return peers.scipy_claim(peers.Claim("", tuple(variables), loss, gradients))


CHECKERS: dict[str, Callable[[CrossEntropy, tuple[str, ...], Arrays, float], bool]] = {
    "gradcheck": by_gradcheck,
    "torch, slow": by_torch,
    "torch, fast": by_torch_fast,
    "jax": by_jax,
    "autograd": by_autograd,
    "scipy": by_scipy,
}


def median_caught(name: str, asked: str, dtype: str, problems: int, faults: list[float]) -> str:
    """Of this many problems, as a word; a checker that refuses most right gradients has no such figure."""
    (law, names), check = ASKED[asked], CHECKERS[name]
    law, found = law.of_classes(3), []
    for seed in range(problems):
        arrays = peers.problem(3, 4, 6, seed, dtype)
        right = check(law, names, arrays, 0.0)
        found.append(smallest(faults, lambda e, a=arrays: not check(law, names, a, e)) if right else 0.0)
    if 2 * found.count(0.0) > problems:
        return "refuses"
    return f"{statistics.median(found):.0e}" + "*" * bool(found.count(0.0))


def show(problems: int, faults: list[float]) -> None:
    table = Table(title=f"Smallest relative fault caught, float64 / float32; median of {problems} problems, (3, 4, 6)")
    table.add_column("options")
    for name in CHECKERS:
        table.add_column(name, justify="right")
    for asked in ASKED:
        cells = (
            [median_caught(name, asked, dtype, problems, faults) for dtype in ("float64", "float32")]
            for name in CHECKERS
        )
        table.add_row(asked, *(" / ".join(pair) for pair in cells))
    Console(width=132).print(table)
    print("refuses: right gradients of the median problem. *: of some problems. numdifftools was not asked.")
