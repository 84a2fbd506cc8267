"""Functions of libdevice that kernels call, as NumPy and SciPy have them. Knows no Triton: stubs are handed over."""

from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

import numpy as np

Wrap = Callable[[Callable[..., Any]], Callable[..., Any]]


def _special(name: str) -> Callable[..., Any]:
    """A function of scipy.special, which is imported when it is called."""

    def called(*arrays: Any) -> Any:
        from scipy import special

        return getattr(special, name)(*arrays)

    return called


def _fma(a: Any, b: Any, c: Any) -> Any:
    """One rounding: a product of float32 is exact in float64, and rounded twice it is off by a rare half of a unit."""
    return np.asarray(a, np.float64) * b + c


SAME = (
    *("abs", "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sqrt", "cbrt", "floor", "ceil", "trunc", "rint"),
    *("sin", "cos", "tan", "sinh", "cosh", "tanh", "asin", "acos", "atan", "atan2", "asinh", "acosh", "atanh", "hypot"),
    *("copysign", "fmod", "nextafter", "isnan", "isinf", "signbit"),
)
FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: getattr(np, name) for name in SAME if hasattr(np, name)},
    "fabs": np.abs,
    "pow": np.power,
    "fmax": np.fmax,
    "fmin": np.fmin,
    "rsqrt": lambda a: 1 / np.sqrt(a),
    "exp10": lambda a: np.power(10.0, a),
    "erf": _special("erf"),
    "erfc": _special("erfc"),
    "lgamma": _special("gammaln"),
    "tgamma": _special("gamma"),
    "fma": _fma,
    "fast_expf": np.exp,
    "fast_logf": np.log,
    "fast_tanhf": np.tanh,
    "fast_powf": np.power,
    "fast_dividef": np.divide,
    "div_rn": np.divide,
    "mul_rn": np.multiply,
    "add_rn": np.add,
    "sub_rn": np.subtract,
}


def fill(modules: Iterable[ModuleType], wrap: Wrap) -> None:
    """Each stub is what NumPy has in its place; one that has none says so when it is called, where it would return None."""
    for module in modules:
        for name, value in list(vars(module).items()):
            if callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == module.__name__:
                setattr(module, name, wrap(FUNCTIONS[name]) if name in FUNCTIONS else _unknown(name))


def _unknown(name: str) -> Callable[..., Any]:
    def called(*given: Any, **_: Any) -> Any:
        raise NotImplementedError(f"libdevice.{name} is not interpreted")

    return called
