"""By which name other processes find a function."""

import inspect
from typing import Any

from gradcheck.errors import Unusable, kind


def word(target: Any) -> str:
    """`file.py:function` or `package.module:function`, of a function that stands in a file."""
    if isinstance(target, str):
        if not target:
            raise Unusable("no script is given; expected file.py:function or package.module:function")
        return target if ":" in target else f"{target}:loss"
    name = getattr(target, "__qualname__", "")
    try:
        file = inspect.getsourcefile(target)
    except TypeError:
        file = None
    if not file or not name or "<" in name or file.startswith("<"):
        raise Unusable(
            f"a {kind(target)} {name!r:.60} cannot be found by other processes; expected a function of a file, or its name"
        )
    return f"{file}:{name}"
