"""Equations that repeat and branch: unrolled where it is known how often and where."""

from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.readings.jaxpr.kinds import each_part, whole
from gradcheck.readings.jaxpr.moves import plain, stacked
from gradcheck.readings.places import places
from gradcheck.readings.primitives.moving import PICK

MOST = 64  # steps of a loop


def _closed(jaxpr: Any) -> tuple[Any, list[Any]]:
    return (jaxpr.jaxpr, jaxpr.consts) if hasattr(jaxpr, "jaxpr") else (jaxpr, [])


def branched(do: Any, equation: Any, operands: list[Any]) -> list[Any]:
    """The branch of a number that is known."""
    which, *rest = operands
    branches = equation.params["branches"]
    place = int(np.clip(int(whole(which, "lax.cond")), 0, len(branches) - 1))
    return list(do.run(*_closed(branches[place]), rest))


def scanned(do: Any, equation: Any, operands: list[Any]) -> list[Any]:
    """One step after the other, over the leading axis."""
    p = equation.params
    if p["length"] > MOST:
        raise Unusable(f"lax.scan of {p['length']} steps is longer than a traced loss may be; expected at most {MOST}")
    held, state = p["num_consts"], p["num_consts"] + p["num_carry"]
    carried, every = operands[held:state], []
    order = range(p["length"])[:: -1 if p["reverse"] else 1]
    for k in order:
        found = do.run(*_closed(p["jaxpr"]), [*operands[:held], *carried, *(_row(x, k) for x in operands[state:])])
        carried = found[: p["num_carry"]]
        every.append(found[p["num_carry"] :])
    rows = every[:: -1 if p["reverse"] else 1]
    return [*carried, *(stacked(list(column)) for column in zip(*rows, strict=True))]


def _row(x: Any, k: int) -> Any:
    return each_part(x, lambda a: a[k]) if plain(x) else PICK(x, places=places(tuple(x.shape))[k])


def repeated(do: Any, equation: Any, operands: list[Any]) -> list[Any]:
    """As long as what is asked is known to hold."""
    p = equation.params
    asked, held = p["cond_nconsts"], p["cond_nconsts"] + p["body_nconsts"]
    carried = operands[held:]
    for _ in range(MOST + 1):
        (goes_on,) = do.run(*_closed(p["cond_jaxpr"]), [*operands[:asked], *carried])
        if not bool(whole(goes_on, "lax.while_loop")):
            return list(carried)
        carried = do.run(*_closed(p["body_jaxpr"]), [*operands[asked:held], *carried])
    raise Unusable(f"lax.while_loop takes more steps than a traced loss may; expected at most {MOST}")


RULES: dict[str, Callable[..., list[Any]]] = {"cond": branched, "scan": scanned, "while": repeated}
