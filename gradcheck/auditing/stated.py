"""What a dump says of itself beside its arrays, the loss and how it rounds; `Unusable` where nobody knows it."""

from typing import Any

from gradcheck.errors import Unusable

SHARED = ("grad_theta", "grad_b")  # gradients of parameters, which others may use, too


def factor_of(given: Any, source: str) -> float:
    """What the loss was multiplied by; `Unusable` where that is no positive number."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not 2.0**-100 <= given <= 2.0**100:
        raise Unusable(f"{source}: factor={given!r:.60}; expected a positive number: what the loss was multiplied by")
    return float(given)


def shared_of(given: Any, source: str) -> tuple[str, ...]:
    """The gradients that are of this use of a parameter alone, where its .grad has more; `Unusable` where it is no list of them."""
    if not isinstance(given, list | tuple) or not all(one in SHARED for one in given):
        raise Unusable(f"{source}: shared={given!r:.60}; expected a list of any of {', '.join(SHARED)}")
    return tuple(given)
