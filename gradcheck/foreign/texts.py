"""JSON of others, by size and depth; and the entries of its objects, by type."""

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from gradcheck.errors import Unusable, typed

DEEPEST = 64  # no file of ours is nested a tenth as deeply
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_OTHER = re.compile(r"[^\[\]{}]+")


def parsed(found: str | bytes, where: str, kind: str = "JSON") -> Any:
    """What a JSON text says; `Unusable` where it is none, is nested too deeply, or holds a number that is none."""
    try:
        words = found if isinstance(found, str) else found.decode("utf-8")
        if _depth(words) > DEEPEST:
            raise Unusable(f"{where} is not {kind}: it is nested more than {DEEPEST} deep")
        return json.loads(words, parse_constant=_refused, object_pairs_hook=_once)
    except Unusable:
        raise
    except (ValueError, RecursionError) as problem:  # no UTF-8, no JSON, a number of thousands of digits
        raise Unusable(f"{where} is not {kind}: {' '.join(str(problem)[:200].split())}") from None


def _depth(words: str) -> int:
    """How deeply brackets are nested, at most, outside of texts."""
    depth = most = 0
    for bracket in _OTHER.sub("", _STRINGS.sub("", words)):
        depth += 1 if bracket in "[{" else -1
        most = max(most, depth)
    return most


def require_shallow(value: Any, where: str) -> None:
    """`Unusable` for lists and tables within each other that are too deep to be shown, or walked through."""
    level: list[Any] = [value]
    for _ in range(DEEPEST):
        nested = [part.values() if isinstance(part, dict) else part for part in level if isinstance(part, dict | list)]
        level = [entry for entries in nested for entry in entries]
        if not level:
            return
    raise Unusable(f"{where} is nested more than {DEEPEST} deep")


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number of JSON")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object that says something twice says nothing."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has an entry twice")
    return found


def record(given: Any, kinds: Mapping[str, type | tuple[type, ...]], where: str) -> dict[str, Any]:
    """The entries of a JSON object that are named, each of its type: `Unusable` for what is missing or is of another.

    A truth value is no number.
    """
    if not isinstance(given, dict):
        raise Unusable(f"{where} is {typed(given)}; expected an object")
    for name, kind in kinds.items():
        value = given.get(name)
        allowed = kind if isinstance(kind, tuple) else (kind,)
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            said = "is missing" if name not in given else f"is {typed(value)}"
            raise Unusable(f"{where}: entry {name!r} {said}; expected {' or '.join(k.__name__ for k in allowed)}")
    return {name: given[name] for name in kinds}
