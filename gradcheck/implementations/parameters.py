"""Whether a loss can be called with the arrays that it would be handed; asked before any problem is posed."""

import inspect
from collections.abc import Callable
from typing import Any

from gradcheck.errors import Unusable
from gradcheck.printable import clipped

POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
LOGITS = "of a loss of logits say logits=lambda theta, b, X: X @ theta.T + b as well (samples in rows)"
OBJECT = "of a class hand over an object of it"


def require_called(loss: Callable[..., Any], names: tuple[str, ...]) -> None:
    """`Unusable` where a loss does not take so many arrays; nothing is said of one that does not say what it takes."""
    if isinstance(loss, type):
        raise Unusable(f"{loss.__name__} is a class; expected a loss that takes ({', '.join(names)}); {OBJECT}")
    try:
        found = inspect.signature(getattr(loss, "forward", loss)).parameters.values()
    except (TypeError, ValueError):  # of what is not written in Python
        return
    taken = [p.name for p in found if p.kind in POSITIONAL]
    least = sum(p.kind in POSITIONAL and p.default is p.empty for p in found)
    most = float("inf") if any(p.kind is p.VAR_POSITIONAL for p in found) else len(taken)
    if not least <= len(names) <= most:
        name = getattr(loss, "__name__", type(loss).__name__)
        advice = LOGITS if len(names) > 2 else "without logits= it is handed (theta, b, X, Y)"
        raise Unusable(
            clipped(f"{name} takes ({', '.join(taken)}), and would be called with ({', '.join(names)}); {advice}", 400)
        )
