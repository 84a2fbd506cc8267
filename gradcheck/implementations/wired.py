"""Uses of gradients (`gradcheck.implementations.uses`) on their way to another process, and what they return on its way back."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck.errors import text
from gradcheck.implementations.peer import Peer
from gradcheck.implementations.record import TargetFailed
from gradcheck.implementations.returned import named
from gradcheck.implementations.uses import KEYS
from gradcheck.law.options import PLAIN, CrossEntropy
from gradcheck.problem import Array

AGAIN, REFUSED = "again:", "refused"
PLACES = ("before", "after", "end")  # of the logits, that `left` returns
# What a use takes after theta, b, X and Y: arrays by name, and entries of the line.
ARRAYS = {"upstream": ("upstream",), "again": ("upstream",), "pieces": ("upstream", "X2", "Y2", "upstream2")}
ENTRIES = {"some": "names", "mapped": "axes"}


# ---- the side that asks ----


def asking(peer: Peer, use: str) -> Callable[..., Any]:
    """One use of a process, in its layout."""

    def call(*given: Any, law: CrossEntropy = PLAIN) -> Any:
        entries = {ENTRIES[use]: list(given[-1])} if use in ENTRIES else {}
        arrays = given[:-1] if entries else given
        last = ARRAYS.get(use, ())
        names = ("theta", "b", "X", "Y") if len(arrays) == 4 + len(last) else ("theta", "X", "Y")
        dtype = arrays[0].dtype.name
        found = peer.call(use, dtype, dict(zip((*names, *last), arrays, strict=True)), law, entries)
        return unpacked(use, found)

    return call


def unpacked(use: str, found: Mapping[str, Any]) -> Any:
    """What a use returns, of the arrays of an answer."""
    results = {key: value for key, value in found.items() if not key.startswith(("input:", "previous:"))}
    if use == "left":
        missing = [place for place in PLACES if place not in results]
        if missing:
            raise TargetFailed(f"returned no array {missing[0]}; expected {', '.join(PLACES)}")
        return tuple(results[place] for place in PLACES)
    if use != "again":
        return results
    second = {key.removeprefix(AGAIN): value for key, value in results.items() if key.startswith(AGAIN)}
    first = {key: value for key, value in results.items() if not key.startswith(AGAIN) and key != REFUSED}
    return first, text(results[REFUSED], str) if REFUSED in results else second


# ---- the side that answers ----


def more(use: str, asked: Mapping[str, Any]) -> tuple[Any, ...]:
    """What a use takes beside arrays."""
    return (tuple(asked[ENTRIES[use]]),) if use in ENTRIES else ()


def packed(use: str, raw: Any) -> tuple[dict[str, str], dict[str, Array]]:
    """What a use returned as entries of the line and arrays; raises whatever a type of the target's own does."""
    if use == "left":
        return {}, {place: np.asarray(each) for place, each in zip(PLACES, raw, strict=True)}
    if use != "again":
        return {}, _arrays(raw)
    first, second = raw
    if isinstance(second, str):
        return {REFUSED: second}, _arrays(first)
    return {}, {**_arrays(first), **{AGAIN + key: value for key, value in _arrays(second).items()}}


def _arrays(raw: Any) -> dict[str, Array]:
    found = named(raw)
    return {key: np.asarray(found[key]) for key in KEYS if key in found}


def laid(array: Array, memory: str) -> Array:
    """An upstream gradient with the strides that it had: 2, or 0 where one number stands for all."""
    if memory == "expanded":
        return np.broadcast_to(array[:1], array.shape)
    if memory != "strided":
        return array.copy()
    base = np.zeros(2 * len(array), dtype=array.dtype)[::2]
    base[:] = array
    return base
