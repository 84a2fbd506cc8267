"""Arithmetic in bfloat16 of Triton's interpreter, which holds such numbers as patterns of bits, by way of float32.

A GPU rounds each sum, product and quotient of bfloat16 numbers once: so does float32, rounded to bfloat16, since 24 bits are
enough of 2 x 8 + 2. A float32 number becomes the nearest one, where the interpreter cuts its last bits off. Knows no Triton: its
builder of operations is handed over.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPERATIONS = ("binary_op", "unary_op", "ternary_op", "create_dot", "create_fma", "create_clampf")


def widened(bits: NDArray[np.uint16]) -> NDArray[np.float32]:
    """The numbers that these patterns stand for."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def narrowed(values: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The patterns of the nearest bfloat16 numbers, ties to even; NaN stays one."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + ((bits >> 16) & np.uint32(1))) >> 16
    return np.where(np.isnan(values), np.uint32(0x7FC0), rounded).astype(np.uint16)


def widen(builder: Any, handle: Callable[[Any, Any], Any], tl: Any) -> None:
    """Every operation of the builder that takes such numbers, in the place of its own."""
    for name in OPERATIONS:
        if hasattr(builder, name):
            setattr(builder, name, _through(getattr(builder, name), handle, tl))
    builder.cast_impl = _cast(builder.cast_impl, handle, tl)
    for name in ("create_fp_ext", "create_fp_trunc"):
        setattr(builder, name, builder.cast_impl)


def _cast(cast: Callable[..., Any], handle: Callable[[Any, Any], Any], tl: Any) -> Callable[..., Any]:
    """From float32 to the nearest such number, and back."""

    @wraps(cast)
    def called(self: Any, source: Any, kind: Any) -> Any:
        pair = source.dtype.scalar, kind.scalar
        if pair == (tl.float32, tl.bfloat16):
            return handle(narrowed(source.data), tl.bfloat16)
        if pair == (tl.bfloat16, tl.float32):
            return handle(widened(source.data), tl.float32)
        return cast(self, source, kind)

    return called


def _through(operation: Callable[..., Any], handle: Callable[[Any, Any], Any], tl: Any) -> Callable[..., Any]:
    def short(given: Any) -> bool:
        return getattr(getattr(given, "dtype", None), "scalar", None) is not None and given.dtype.scalar == tl.bfloat16

    @wraps(operation)
    def called(self: Any, *given: Any, **named: Any) -> Any:
        if not any(map(short, given)):
            return operation(self, *given, **named)
        wide = [handle(widened(each.data), tl.float32) if short(each) else each for each in given]
        found = operation(self, *wide, **named)
        if found.data.dtype == np.float32 and _all_short(given, short):
            return handle(narrowed(found.data), tl.bfloat16)
        return found

    return called


def _all_short(given: tuple[Any, ...], short: Callable[[Any], bool]) -> bool:
    """Whether the result is one, too: a sum of products has the precision of what it is added to, which stands last."""
    values = [each for each in given if hasattr(each, "data") and hasattr(each, "dtype")]
    return short(values[-1])
