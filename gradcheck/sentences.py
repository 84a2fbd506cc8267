"""The first line of a docstring, which is data here: what a check claims, and what a mistake computes.

`python -OO` keeps no docstrings; the line is then read from the source, so that a report says the same.
"""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

_NAMED = (ast.FunctionDef, ast.ClassDef)


def first(of: Any) -> str:
    """The first line of what a function or a class of a module says of itself; nothing where it says nothing."""
    said = of.__doc__ or _written(of.__module__).get(of.__qualname__, "")
    return str(said).strip().split("\n")[0]


@cache
def _written(module: str) -> dict[str, str]:
    """The docstrings that stand in the file of a module, by qualified name."""
    file = getattr(sys.modules.get(module), "__file__", None)
    try:
        tree = ast.parse(Path(file).read_bytes()) if file else ast.Module([], [])
    except (OSError, SyntaxError, ValueError):  # a module without its source
        return {}
    return dict(_docstrings(tree, ""))


def _docstrings(inside: ast.AST, prefix: str) -> Iterator[tuple[str, str]]:
    for node in ast.iter_child_nodes(inside):
        if isinstance(node, _NAMED):
            yield prefix + node.name, ast.get_docstring(node) or ""
            if isinstance(node, ast.ClassDef):
                yield from _docstrings(node, f"{prefix}{node.name}.")
