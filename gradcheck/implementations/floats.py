"""Whether floating-point numbers still behave in this thread as IEEE 754 has it, and how that is had back where they do not.

A library that is linked with -ffast-math, or a call such as `torch.set_flush_denormal`, makes zero of every subnormal number for
all code of the thread; `fesetround` turns its rounding. Our own arithmetic is of that thread.
"""

import ctypes
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.problem import Array

FLUSHED = "subnormal numbers are flushed to zero"
TURNED = "results are not rounded to nearest"
REPEATED = 5  # 35 entries: more than two of the widest registers, and a rest that is no whole one


def _subnormal(bits: Any, p: int) -> list[tuple[float, float, float]]:
    """x, y and xy: the smallest number and half the smallest normal one, which no arithmetic makes here."""
    tiny, normal, half = bits(1), bits(1 << (p - 1)), bits(1 << (p - 2))
    return [(tiny, bits.one, tiny), (-tiny, bits.one, -tiny), (normal, bits.one / 2, half)]


def _rounded(bits: Any, p: int) -> list[tuple[float, float, float]]:
    """x, y and xy, which lies a quarter and three quarters of an ulp above a number, and below its opposite."""
    one, ulp = bits.one, bits.one / 2 ** (p - 1)
    a, b = one / 2 ** ((p + 1) // 2), one / 2 ** (p + 1 - (p + 1) // 2)
    up = [(one + a, one + b, one + a + b), (one + a, one + 3 * b, one + a + 3 * b + ulp)]
    return [*up, *((-x, y, -z) for x, y, z in up)]


class _Bits:
    """Numbers of a format from their bits."""

    def __init__(self, real: type, whole: type) -> None:
        self.real, self.whole, self.one = real, whole, real(1)

    def __call__(self, pattern: int) -> Any:
        return np.array([pattern], dtype=self.whole).view(self.real)[0]


FORMATS = {53: _Bits(np.float64, np.uint64), 24: _Bits(np.float32, np.uint32)}
KINDS: dict[str, Callable[[Any, int], list[tuple[float, float, float]]]] = {FLUSHED: _subnormal, TURNED: _rounded}


def _products(kinds: tuple[str, ...], p: int) -> tuple[Array, Array, bytes]:
    x: Array
    y: Array
    z: Array
    rows = [row for kind in kinds for row in KINDS[kind](FORMATS[p], p)]
    x, y, z = (np.array(column * REPEATED, dtype=FORMATS[p].real) for column in zip(*rows, strict=True))
    return x, y, z.tobytes()


_X, _Y, _Z = _products(tuple(KINDS), 53)
_X32, _Y32, _Z32 = _products(tuple(KINDS), 24)
_EACH = {kind: [_products((kind,), p) for p in FORMATS] for kind in KINDS}
_TINY, _ONE = float(_X[0]), 1.0
changed = False  # whether a target has, at any time in this process


def steady() -> bool:
    """Whether products of scalars and of arrays are what they should be. It is asked after each call of a target, in a µs."""
    try:
        return bool(_TINY * _ONE) and (_X * _Y).tobytes() == _Z
    except FloatingPointError:  # a product that is exact has underflowed, where NumPy is told to raise then
        return False


def steady_in_short() -> bool:
    """The same for float32, which obeys the same register: asked less often."""
    try:
        return (_X32 * _Y32).tobytes() == _Z32
    except FloatingPointError:
        return False


def how() -> str:
    """What is different, in words."""
    with np.errstate(all="ignore"):
        wrong = [kind for kind, each in _EACH.items() if any((x * y).tobytes() != z for x, y, z in each)]
    return " and ".join(wrong) or "scalars behave otherwise than arrays"


def mend() -> bool:
    """Set the environment of this thread to the default; whether that has helped."""
    default = DEFAULTS.get(sys.platform)
    if default is not None:
        libm = ctypes.CDLL(None)
        libm.fesetenv.argtypes = [ctypes.c_void_p]
        libm.fesetenv(default(libm))
    return steady() and steady_in_short()


# FE_DFL_ENV of each system's fenv.h.
DEFAULTS: dict[str, Callable[[ctypes.CDLL], ctypes.c_void_p]] = {
    "linux": lambda libm: ctypes.c_void_p(-1),
    "darwin": lambda libm: ctypes.c_void_p(ctypes.addressof(ctypes.c_byte.in_dll(libm, "_FE_DFL_ENV"))),
}
