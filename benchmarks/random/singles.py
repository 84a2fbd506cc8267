"""One primitive at a time: where its inputs may lie, and its text."""

from dataclasses import dataclass
from typing import Any

import numpy as np

DTYPES = ("float64", "float32", "float16", "bfloat16")
Array = Any


@dataclass(frozen=True)
class Single:
    """A text of x (and y), arrays (4, k), and where they lie."""

    text: str
    domain: str = "any"  # of x
    other: str = ""  # of y; empty where there is none

    @property
    def few(self) -> bool:
        """Whether a result is made of many entries."""
        return "few" in (self.domain, self.other)


def _each(names: str, **more: Any) -> dict[str, Single]:
    return {name: Single(f"np.{name}(x)", **more) for name in names.split()}


SINGLES: dict[str, Single] = {
    **_each("tanh sin cos arctan abs floor ceil relu sigmoid softplus log_sigmoid"),
    **_each("exp expm1 sinh cosh", domain="modest"),
    **_each("log sqrt", domain="positive"),
    "log1p": Single("np.log1p(x)", "above -1"),
    "arccos": Single("np.arccos(x)", "within 1"),
    "arcsin": Single("np.arcsin(x)", "within 1"),
    "add": Single("x + y", other="any"),
    "subtract": Single("x - y", other="any"),
    "multiply": Single("x * y", other="any"),
    "divide": Single("x / y", other="apart"),
    "reciprocal": Single("np.reciprocal(x)", "apart"),
    "negative": Single("-x"),
    "square": Single("np.square(x)"),
    "cube": Single("x ** 3"),
    "inverse square": Single("x ** -2", "apart"),
    "power": Single("x ** 1.7", "positive"),
    "root": Single("x ** -0.5", "positive"),
    "raise": Single("np.power(x, y)", "positive", "modest"),
    "maximum": Single("np.maximum(x, y)", other="any"),
    "minimum": Single("np.minimum(x, y)", other="any"),
    "clip": Single("np.clip(x, -0.5, 1.5)"),
    "where": Single("np.where(x > y, x, y)", other="any"),
    "logaddexp": Single("np.logaddexp(x, y)", other="any"),
    "sum": Single("np.sum(x, axis=0)"),
    "mean": Single("np.mean(x, axis=0)"),
    "max": Single("np.max(x, axis=0)"),
    "min": Single("np.min(x, axis=0)"),
    "norm": Single("np.norm(x, axis=0)", "modest"),
    "cumsum": Single("np.cumsum(x, axis=0)"),
    "round": Single("np.round(x * 0.7)"),
    "prod": Single("np.prod(x, axis=0)"),
    "sort": Single("np.sort(x, axis=0)"),
    "median": Single("np.median(x, axis=0)"),
    "softmax": Single("np.softmax(x, axis=0)", "modest"),
    "log_softmax": Single("np.log_softmax(x, axis=0)", "modest"),
    "logsumexp": Single("np.logsumexp(x, axis=0)", "modest"),
    "matmul": Single("np.matmul(np.transpose(x), y)", "few", "few"),
    "einsum": Single('np.einsum("ki,kj->ij", x, y)', "few", "few"),
    "index": Single("x[1:, ::2] * x[:-1, ::2]"),
    "take": Single("np.take(x, [0, 3, 3, 1], axis=0) * 2"),
    "concatenate": Single("np.concatenate([x, y]) * 3", other="any"),
    "reshape": Single("np.reshape(x, (2, -1)) * np.reshape(y, (2, -1))", other="any"),
    "broadcast": Single("x * y[:1]", other="any"),
    "three ways": Single("x * x + x * y + x", other="any"),
}

# Framework, dtype and text, where it is the framework that is off: docs/findings.md.
FAULTS = {("jax", "float64", "log1p"), *(("jax", dtype, "divide") for dtype in DTYPES)}


def drawn(rng: np.random.Generator, domain: str, shape: tuple[int, ...], dtype: np.dtype) -> Array:
    """Numbers of the dtype, of all sizes, 0, whole ones and equal ones among them."""
    kind = rng.random()
    x = rng.normal(size=shape)
    if kind < 0.3:
        x = rng.choice([-1.0, 1.0], size=shape) * 2.0 ** rng.uniform(-16, 6, size=shape)
    elif kind < 0.4:
        x = rng.integers(-3, 4, size=shape) / 2.0
    elif kind < 0.5 and domain not in ("few", "modest"):
        x = rng.choice([-1.0, 1.0], size=shape) * 2.0 ** rng.uniform(-140, 120, size=shape)
    elif kind < 0.6:
        x = x * 20
    x = DOMAINS[domain](x)
    with np.errstate(all="ignore"):
        return x.astype(dtype)


DOMAINS: dict[str, Any] = {
    "any": lambda x: x,
    "few": lambda x: x,
    "modest": lambda x: x,
    "positive": lambda x: abs(x) + 2.0**-24,
    "apart": lambda x: np.where(abs(x) < 2.0**-14, 1.0, x),
    "above -1": lambda x: np.where(x > -0.999, x, -x),
    "within 1": np.sin,
}


def erring(rng: np.random.Generator, x: Array, largest: float = 2.0**-2) -> tuple[Array, Array]:
    """How far an input may be off, by no more than so much of itself, and one that is: of its dtype."""
    kind, u = rng.random(), 2.0**-8 if x.dtype.itemsize == 2 else float(np.finfo(x.dtype).eps)
    exact = x.astype(np.float64)
    if kind < 0.4 or not largest:
        return np.zeros_like(exact), x
    scale = u * 2.0 ** rng.uniform(0, 4) if kind < 0.8 else largest * 2.0 ** rng.uniform(-6, 0)
    error = abs(exact) * scale * rng.random(x.shape)
    error = np.where(np.isfinite(exact), error, 0.0)
    with np.errstate(all="ignore"):
        moved = (exact + error * rng.choice([-1.0, 0.0, 1.0, 0.5], size=x.shape)).astype(x.dtype)
        inside = abs(moved.astype(np.float64) - exact) <= error
    return error, np.where(inside, moved, x)
