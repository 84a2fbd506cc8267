"""Numba's simulator of CUDA, which runs kernels as threads of Python: the only door to Numba."""

import os
import sys
from collections.abc import Iterator
from types import ModuleType

from gradcheck.errors import Unusable
from gradcheck.implementations.kernels.patched import Replaced

PACKAGE = "numba"
SWITCH = "NUMBA_ENABLE_CUDASIM"
CANNOT = "Numba's CUDA simulator runs it, in threads of Python"


def prepare() -> None:
    """Before a kernel is imported: Numba reads it when it is imported, and is not imported for it; `Unusable` where that was."""
    numba = sys.modules.get(PACKAGE)
    if numba is not None and not numba.config.ENABLE_CUDASIM:
        raise Unusable(
            f"numba was imported before gradcheck could set its simulator up; set {SWITCH}=1 before Python starts, or name the "
            "kernel as module:function and let gradcheck import it"
        )
    os.environ[SWITCH] = "1"


def settle(modules: list[ModuleType]) -> Iterator[Replaced]:
    """Nothing is replaced while a kernel is called."""
    yield from ()
