"""What a module, an object or a mapping offers: its functions, and what it has by nearly the name of one that it lacks."""

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from gradcheck.errors import Unusable, typed
from gradcheck.implementations.naming import resembling
from gradcheck.implementations.record import FUNCTIONS, PARAMETERS, USES


def functions(name: str, found: Any) -> dict[str, Any]:
    """The functions of a module, an object or a mapping that is called so, by their names; a bare function as `gradients`."""
    some = offered(found)
    if isinstance(found, type) and any(_of_an_object(key, function) for key, function in some.items()):
        raise Unusable(f"{name} is a class, whose functions are of its objects; {CLASS}")
    if not some and callable(found) and not isinstance(found, type):
        some = {"gradients": found}
    if not some:
        like = "".join(f"; it has {theirs!r}: rename it to {ours}" for ours, theirs in likely(found).items())
        told = like or _named(name, found)
        raise Unusable(
            f"{name} is {_kind(found)} with none of the functions {', '.join(FUNCTIONS)}; "
            f"expected at least one of them{told}{_advice(found) or ('' if told else _made(found))}"
        )
    _require_parameters(name, some)
    return {**some, **_uses(found)}


LOGITS = ("logits", "input", "inputs", "pred", "preds", "predictions", "output", "outputs", "scores", "y_pred")


def _require_parameters(name: str, some: Mapping[str, Any]) -> None:
    """`Unusable` where a loss, or what stands for one, is of logits and labels, as those of frameworks are."""
    for key in ("gradients", "loss"):
        code = getattr(some.get(key), "__code__", None)
        if code is None:
            continue
        names = code.co_varnames[: code.co_argcount]
        if len(names) == 2 and names[0].lower() in LOGITS and not code.co_flags & VARIADIC:
            word = name if ":" in name else f"{name}:{key}"
            raise Unusable(
                f"{word} is a function of {' and '.join(names)}, and is called with theta, b, X and Y; a loss of logits and labels "
                f"is verified by gradcheck verify --kernel '{word}', or made a target by gradcheck.from_torch(loss, ...)"
            )


def _of_an_object(name: str, function: Any) -> bool:
    """Whether a function of a class needs one argument more than it is called with: `self`."""
    code = getattr(function, "__code__", None)
    needed = code.co_argcount - len(function.__defaults__ or ()) if code is not None else 0
    return isinstance(function, FunctionType) and needed > len(PARAMETERS[name])


def _named(name: str, found: Any) -> str:
    """What a module has that may be named as a target, and otherwise the functions that it has."""
    if not _is_module(found):
        return ""
    public = [(key, value) for key, value in islice(vars(found).items(), MANY) if not key.startswith("_")]
    targets = [key for key, value in public if _offers(value)]
    if targets:
        return f"; it has {', '.join(targets[:FEW])}: {name}:{targets[0]}"
    own = [key for key, value in public if isinstance(value, FunctionType) and value.__module__ == found.__name__]
    return f"; it has {', '.join(own[:FEW])}: a function of theta, b, X, Y is named as {name}:{own[0]}" if own else ""


def _offers(value: Any) -> bool:
    """Whether an object of a module is likely a target; it is looked at, and nothing of it runs."""
    if isinstance(value, ModuleType | type):
        return False
    has: Callable[..., Any] = value.get if type(value) is dict else partial(inspect.getattr_static, value)
    return any(callable(has(key, None)) for key in FUNCTIONS)


CLASS = "of a class write a function gradients(theta, b, X, Y) that makes one and calls it"
TENSORS = "a loss of tensors is made a target by gradcheck.from_torch(loss, ...), and named as FILE.py:NAME"


def _advice(found: Any) -> str:
    """What to do with a class, with one of PyTorch's, and with a module that imports PyTorch."""
    if isinstance(found, type):
        return f"; {TENSORS if any(base.__module__.startswith('torch.') for base in found.__mro__) else CLASS}"
    return f"; {TENSORS}" if _is_module(found) and _is_module(vars(found).get("torch")) else ""


def _made(found: Any) -> str:
    """What to do with a module that has nothing but a class of such functions."""
    own = [value for value in vars(found).values() if isinstance(value, type)] if _is_module(found) else []
    return f"; {CLASS}" if any(offered(one) for one in own if one.__module__ == found.__name__) else ""


def _is_module(found: Any) -> bool:
    return isinstance(found, ModuleType)


def _uses(found: Any) -> dict[str, Any]:
    """Functions that say what becomes of its gradients, by name, where it has such a table."""
    uses = _getter(found)("uses")
    return {"uses": uses} if isinstance(uses, Mapping) and uses and set(uses) <= set(USES) else {}


def likely(found: Any) -> dict[str, str]:
    """Of the functions that a module, an object or a mapping does not have, those that it has by a like name."""
    if callable(found):
        return {}
    has: Callable[[str], Any] = found.get if isinstance(found, Mapping) else partial(inspect.getattr_static, found)
    names = islice(found if isinstance(found, Mapping) else dir(found), MANY)
    public = [name for name in names if isinstance(name, str) and len(name) < LONGEST and not name.startswith("_")]
    theirs = [name for name in public if name not in FUNCTIONS and callable(has(name)) and _own(found, name, has(name))]
    missing = [name for name in FUNCTIONS if name not in public]
    fits = {name: [one for one in theirs if _takes(has(one), len(PARAMETERS[name]))] for name in missing}
    return {name: like for name in missing if (like := resembling(name, fits[name]))}


def _takes(function: Any, arguments: int) -> bool:
    """Whether it can be called with so many arguments, one less where there is no bias, or one more for the object."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    return code is None or bool(code.co_flags & VARIADIC) or abs(code.co_argcount - arguments) <= (arguments > 2)


VARIADIC = 0x04  # the flag of code that takes *arguments
MANY, LONGEST = 1000, 60  # names of a module that are looked at, and characters of one
FEW = 12  # names that are told


def offered(found: Any) -> dict[str, Any]:
    """Those functions that a module, an object or a mapping has of its own."""
    get = _getter(found)
    return {key: get(key) for key in FUNCTIONS if callable(get(key)) and _own(found, key, get(key))}


def _getter(found: Any) -> Callable[[str], Any]:
    return found.get if isinstance(found, Mapping) else lambda key: getattr(found, key, None)


def _own(found: Any, key: str, function: Any) -> bool:
    """Whether a function of a module is its own: what it only imports, scipy's softmax say, is a tool and no claim."""
    if not _is_module(found) or key in getattr(found, "__all__", ()):
        return True
    home = getattr(function, "__module__", None) or found.__name__
    if home.split(".")[0] in (found.__name__.split(".")[0], "functools"):
        return True
    file, folder = getattr(sys.modules.get(home), "__file__", None), getattr(found, "__file__", None)
    return file is not None and folder is not None and below(file, Path(folder).resolve().parent)


def _kind(found: Any) -> str:
    return "a module" if _is_module(found) else "a class" if isinstance(found, type) else typed(found)


def below(file: str, folder: Path) -> bool:
    """Whether a module's file is a neighbour, and not of an environment that lies in the same folder."""
    return Path(file).resolve().is_relative_to(folder) and "site-packages" not in file
