"""Pallas kernels of JAX, as `pallas_call(…, interpret=True)` runs them: the only door to Pallas."""

import sys
from collections.abc import Iterator
from functools import wraps
from types import ModuleType
from typing import Any

from gradcheck.implementations.kernels.patched import Replaced

PACKAGE = "jax"
SWITCH = ""  # it is told when it is called
HOME, CALL = "jax.experimental.pallas", "pallas_call"
CANNOT = "Pallas interprets it, one program of its grid after the other"


def prepare() -> None:
    """Nothing is to be done before a kernel is imported: it says how it runs when it is called."""


def settle(modules: list[ModuleType]) -> Iterator[Replaced]:
    """While it is called, every `pallas_call` interprets: of Pallas, and by the names that the kernel's modules have for it."""
    home = sys.modules.get(HOME)
    own = getattr(home, CALL, None)
    for module in (home, *modules) if home is not None else ():
        for name, value in list(vars(module).items()):
            if value is own:
                yield Replaced(module, name, _interpreting(own))


def _interpreting(own: Any) -> Any:
    @wraps(own)
    def called(*given: Any, **named: Any) -> Any:
        return own(*given, **{**named, "interpret": named.get("interpret") or True})

    return called
