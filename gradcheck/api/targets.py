"""Whatever names or is a target, as an implementation: what the command line takes, and the thing itself."""

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradcheck import places
from gradcheck.arithmetic import Arithmetic, said
from gradcheck.errors import Unusable
from gradcheck.implementations import Implementation, Layout, Takes
from gradcheck.implementations.naming import located, titled
from gradcheck.implementations.targets import as_implementation
from gradcheck.law import CrossEntropy, Loss
from gradcheck.settings import Target, named


def load(
    target: Any,
    *,
    layout: Layout | None = None,
    law: CrossEntropy | None = None,
    arithmetic: Arithmetic | None = None,
    takes: Takes | None = None,
) -> Implementation:
    """The implementation that `target` is or names.

    `target` is a function, taken as `gradients(theta, b, X, Y)`; a module, an object or a mapping with any of gradients, loss,
    logits, softmax and softmax_jacobian; an `Implementation`; or what `gradcheck verify` takes: a path, `file.py:object`,
    `package.module:object`, a built-in name or one of pyproject.toml. `layout`, `law`, `arithmetic` and `takes` say how it lays
    arrays out, what it computes, how it rounds and which problems it takes; they prevail over what it declares.

        >>> import gradcheck
        >>> def gradients(theta, b, X, Y): ...
        >>> gradcheck.load(gradients).offers
        ('gradients',)
        >>> gradcheck.load("numpy").offers
        ('gradients', 'loss', 'logits', 'softmax', 'softmax_jacobian')

    Raises `Unusable` with one line: what was given, what was expected, and what to do.
    """
    return given(target, layout=layout, law=law, arithmetic=arithmetic, takes=takes)[1]


def given(
    target: Any,
    *,
    layout: Layout | None = None,
    law: CrossEntropy | None = None,
    arithmetic: Arithmetic | None = None,
    takes: Takes | None = None,
    folders: Iterable[Path] = (),
) -> tuple[Target, Implementation]:
    """What is said of it, and the implementation. A file, or a pyproject.toml, is looked for here, then in `folders`."""
    if isinstance(target, str | os.PathLike):
        asked = _asked(os.fspath(target), (Path.cwd(), *places.FOLDERS, *folders))
        found = asked.load()
    elif isinstance(target, Target):
        asked, found = target, target.load()
    else:
        found = _taken(target)
        declares: dict[str, Any] = {
            "layout": said(found.layout),
            "arithmetic": said(found.arithmetic),
            "law": said(found.law),
            "takes": found.takes.said,
            **_worded(found.law),
        }
        asked = Target(found.name, found.name, **declares)
    changes: dict[str, Any] = {"layout": layout, "law": law, "arithmetic": arithmetic, "takes": takes}
    changes = {name: value for name, value in changes.items() if value is not None}
    if takes is not None:  # the options of the loss are the target's, where nothing else is said
        changes["takes"] = replace(takes, options=takes.options or found.takes.options)
    if not changes:
        return asked, found
    declared: dict[str, Any] = {
        name: value.said if isinstance(value, Takes) else said(value) for name, value in changes.items()
    }
    if law is not None:
        declared |= _worded(law)
    return replace(asked, **declared), replace(found, **changes)


def _worded(law: CrossEntropy) -> dict[str, Any]:
    """How a loss of one's own is named on a command line, where its file has it."""
    if not isinstance(law, Loss):
        return {"loss": "", "loss_options": {}}
    return {"loss": law.word, "loss_options": law.chosen if law.word else {}, "law": {}}


def _taken(target: Any) -> Implementation:
    """What is handed over as it is."""
    try:
        return as_implementation(titled(target), target)
    except Unusable as problem:
        raise Unusable(f"{problem}; a target is a function, a module, an Implementation, a path or a name") from None


def _asked(name: str | bytes, folders: tuple[Path, ...]) -> Target:
    """The target of that name: of the first pyproject.toml that has it, or a file of the first folder that has it, or the name."""
    if not isinstance(name, str) or not name:
        raise Unusable(f"target {name!r} is not known; expected a path or a name")
    for folder in folders:
        known = named(name, folder)
        if known.configured:
            return known
    return Target(name, located(name, folders))
