"""What targets are called that are handed over as they are, and where the file of one lies that is named."""

import os
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck.printable import clipped

LONGEST = 100  # characters of a name that somebody else chose


def titled(found: Any) -> str:
    """What to call it: `module:function` where that names this very function elsewhere, too; else its own name."""
    if isinstance(found, ModuleType):
        return clipped(str(found.__name__), LONGEST)
    own = getattr(found, "__qualname__", None)
    if not isinstance(own, str):
        name = getattr(found, "name", None)
        return clipped(name if isinstance(name, str) and name else type(found).__name__, LONGEST)
    home = getattr(found, "__module__", None)
    return clipped(f"{home}:{own}" if _leads_to(home, own, found) else own, LONGEST)


def _leads_to(home: Any, own: str, found: Any) -> bool:
    """Whether a fresh process would find it there: not what a script or a notebook defines, nor a function's local one."""
    place = sys.modules.get(home) if isinstance(home, str) and home not in ("__main__", "builtins") else None
    for part in own.split("."):
        place = getattr(place, part, None)
    return place is found


def located(target: str, folders: Iterable[Path]) -> str:
    """`file.py:object` with the file where the first of these folders has it; as it is where none has, or where it is no file."""
    file, ending, rest = target.partition(".py")
    if not ending or rest[:1] not in ("", ":") or os.path.isabs(file):
        return target
    for folder in folders:
        path = folder / f"{file}.py"
        if os.path.isfile(path):  # Path.is_file raises where a name is too long for one
            return os.path.relpath(path) + rest
    return target


# What code calls the functions that are looked for, beside words that are nearly the same.
LIKE = {
    "gradients": (
        "gradient",
        "grads",
        "grad",
        "dtheta",
        "backward",
        "backwards",
        "grad_fn",
        "compute_gradients",
        "dloss",
    ),
    "loss": (
        "loss_fn",
        "cross_entropy",
        "losses",
        "cost",
        "nll",
        "nll_loss",
        "objective",
        "criterion",
        "ce_loss",
        "forward",
    ),
    "logits": ("logit", "scores", "linear", "predict_logits", "decision_function"),
    "softmax": ("soft_max", "probabilities", "probs", "predict_proba"),
    "softmax_jacobian": ("jacobian", "softmax_jac", "dsoftmax", "softmax_grad", "softmax_derivative"),
}
CLOSE = 0.85  # of difflib's ratio


def resembling(name: str, theirs: Iterable[str]) -> str:
    """The one of these names that is likely meant by a function that is looked for as `name`; empty where none is."""
    plain = {theirs_.lower().replace("_", ""): theirs_ for theirs_ in reversed(list(theirs))}
    known = (each.replace("_", "") for each in (name, *LIKE[name]))
    found = next((plain[each] for each in known if each in plain), "")
    return found or next((plain[each] for each in get_close_matches(name, list(plain), 1, CLOSE)), "")
