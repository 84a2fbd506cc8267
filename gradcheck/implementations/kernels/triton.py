"""Triton's interpreter, which runs kernels on NumPy. The only door to Triton.

What it lacks is put in its place, once in a process: functions of libdevice, which are stubs that return None; Python floats among
the arguments, which a launch hands over as float32; and arithmetic in bfloat16, which it does on the patterns of the bits.
"""

import os
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from gradcheck.errors import Unusable
from gradcheck.implementations.kernels import bfloat16, libdevice
from gradcheck.implementations.kernels.patched import Replaced

PACKAGE = "triton"
SWITCH = "TRITON_INTERPRET"
LATE = (
    f"was imported to be compiled, before gradcheck could set the interpreter up; set {SWITCH}=1 before Python starts, or name "
    "the kernel as module:function and let gradcheck import it"
)
CANNOT = "Triton's interpreter runs it, one program after the other, on NumPy"


def prepare() -> None:
    """Before a kernel is imported; `Unusable` where Triton was imported to compile, which it goes on doing."""
    before = {SWITCH: os.environ[SWITCH]} if SWITCH in os.environ else {}
    os.environ[SWITCH] = "1"
    import triton.language as tl
    from triton.runtime import interpreter

    if not interpreted(tl.standard.sum):
        del os.environ[SWITCH]
        os.environ.update(before)
        raise Unusable(f"triton {LATE}")
    if getattr(interpreter, "_gradcheck", False):
        return
    interpreter._gradcheck = True
    libdevice.fill(_libdevices(), lambda function: _called(function, interpreter, tl))
    _floats(interpreter, tl)
    bfloat16.widen(interpreter.InterpreterBuilder, interpreter.TensorHandle, tl)


def settle(modules: list[ModuleType]) -> Iterator[Replaced]:
    """After it has been imported: `Unusable` where some of it is compiled."""
    for module in modules:
        for name, value in list(vars(module).items()):
            if type(value).__name__ == "JITFunction":
                raise Unusable(f"{module.__name__}.{name} {LATE}")
    yield from ()


def interpreted(function: Any) -> bool:
    """Whether a function of Triton's is run, and not compiled."""
    return type(function).__name__ == "InterpretedFunction"


def _libdevices() -> list[ModuleType]:
    from triton.language.extra import libdevice as stubs

    return [
        stubs,
        *(sys.modules[f"triton.language.extra.{name}.libdevice"] for name in ("cuda", "hip") if _known(name)),
    ]


def _known(name: str) -> bool:
    return f"triton.language.extra.{name}.libdevice" in sys.modules


def _called(function: Any, interpreter: Any, tl: Any) -> Any:
    """A function of arrays as one of the interpreter's tensors."""

    def called(*given: Any, **_: Any) -> Any:
        first = next(each for each in given if isinstance(each, tl.tensor))
        arrays = [
            each.handle.data if isinstance(each, tl.tensor) else first.handle.data.dtype.type(each) for each in given
        ]
        found = function(*arrays).astype(first.handle.data.dtype)
        return tl.tensor(interpreter.TensorHandle(found, first.handle.dtype), first.type)

    return called


def _floats(interpreter: Any, tl: Any) -> None:
    """Arguments that are floats become float32, as a launch makes them."""
    import numpy as np

    own = interpreter._implicit_cvt

    def converted(argument: Any) -> Any:
        if isinstance(argument, float):
            return tl.tensor(interpreter.TensorHandle(np.array([argument], np.float32), tl.float32), tl.float32)
        return own(argument)

    interpreter._implicit_cvt = converted
