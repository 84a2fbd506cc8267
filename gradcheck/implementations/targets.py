"""From the text that a user types to an Implementation: a built-in name, package.module:object, or path/to/file.py:object."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import ModuleType
from typing import Any

from gradcheck.errors import Missing, Unusable, like, near, raised
from gradcheck.implementations.built_in import BUILT_IN
from gradcheck.implementations.offered import below, functions, likely, offered
from gradcheck.implementations.record import Implementation


def load(target: str) -> Implementation:
    """The implementation that `target` names. Raises `Unusable` with one line: what was given, expected, and to be done."""
    if target in BUILT_IN:
        return _built_in(target)
    if target.startswith(KERNEL):
        return _kernel(target.removeprefix(KERNEL))
    module, found = looked_up(target)
    with _reported(target, "looked into"):
        return as_implementation(target, module if found is None else found)


def looked_up(word: str) -> tuple[ModuleType, Any]:
    """The module that a word names, and the object in it; None where it names none."""
    place, colon, name = word.rpartition(":")
    if not colon or (len(place) == 1 and place.isalpha() and not name.isidentifier()):  # C:\model.py has no object
        place, name = word, ""
    looks_like_file = place.endswith(".py") or "/" in place or "\\" in place
    module = _from_file(Path(place)) if looks_like_file else _from_name(place, bool(name))
    with _reported(word, "looked into"):
        return module, _attribute(module, place, name) if name else None


def as_implementation(name: str, found: Any) -> Implementation:
    """An Implementation as it is; a module, object or mapping by its functions; a bare function as `gradients`.

    A torch.nn.Module without them is taken by its parameters.
    """
    if isinstance(found, Implementation):
        return found
    torch = sys.modules.get("torch")  # whoever has such a module has imported it
    if torch is not None and isinstance(found, torch.nn.Module) and not offered(found):
        from gradcheck.implementations.torch_module import from_torch_module

        return from_torch_module(found, name=name)
    return Implementation(name, **functions(name, found), near=likely(found))


def _built_in(name: str) -> Implementation:
    target = BUILT_IN[name]
    if target.missing:
        raise Missing.package(f"target {name}", *target.missing)
    with _reported(f"target {name}"):
        module = importlib.import_module(f"gradcheck.implementations.{name.replace('-', '_')}")
    found: Implementation = module.implementation
    return found


KERNEL = "kernel:"  # before a word that names the wrapper of a kernel (`kernels.words`)


def _kernel(word: str) -> Implementation:
    from gradcheck.implementations.kernels.made import from_kernel  # it knows this module

    with _reported(f"kernel {word}", "looked into"):
        return from_kernel(word)


def _attribute(module: ModuleType, place: str, name: str) -> Any:
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            public = sorted(n for n in vars(module) if not n.startswith("_"))
            callables = [n for n in public if callable(vars(module)[n])]
            hint = near(part, public) or f"it has {', '.join(callables[:12]) or 'no functions'}"
            raise Unusable(f"{place} has no object {name!r}; {hint}")
        found = getattr(found, part)
    return found


def _from_name(name: str, has_object: bool) -> ModuleType:
    if name.endswith(".ipynb"):
        raise Unusable(f"{name} is a notebook; expected a Python file, or gradcheck.check(gradients) in a cell of it")
    if not all(part.isidentifier() for part in name.split(".")):
        raise Unusable(f"target {name!r} is not known; {_EXPECTED}")
    if os.getcwd() not in sys.path:  # as `python -m` has it
        sys.path.append(os.getcwd())
    with _reported(name.rpartition(".")[0] or name):  # what it is in is imported
        try:
            exists = importlib.util.find_spec(name) is not None
        except (ImportError, ValueError):
            exists = False
    if not exists:
        hint = "is it installed in this environment?" if has_object else near(name, BUILT_IN) or _EXPECTED
        raise Unusable(f"no module named {name!r}; {hint}")
    with _reported(name):
        return importlib.import_module(name)


_EXPECTED = f"expected a built-in target ({', '.join(BUILT_IN)}), package.module:object, or path/to/file.py:object"


_FOLDERS: dict[str, str] = {}  # module imported by a target file -> the folder that it was found in


def _from_file(path: Path) -> ModuleType:
    """The file as a module of its own. Its folder can be imported from, then and later, and no module is replaced by it."""
    if not os.path.isfile(path):  # Path.is_file raises where a name is too long for one
        raise Unusable("; ".join(filter(None, (f"no such file: {path}", _meant(path)))))
    name = f"gradcheck_target_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise Unusable(f"{path} is not a Python file; expected a name that ends in .py")
    module = importlib.util.module_from_spec(spec)
    folder = path.resolve().parent
    for neighbour, home in list(_FOLDERS.items()):  # of the same name as one of this file's, perhaps
        if home != str(folder):
            sys.modules.pop(neighbour, None)
            del _FOLDERS[neighbour]
    before = set(sys.modules)
    sys.modules[name] = module  # dataclasses and pickling look their module up
    with _searched(str(folder)), _reported(str(path)):
        spec.loader.exec_module(module)
    if str(folder) not in sys.path:  # for what is imported when it is called; last, so that it hides nothing
        sys.path.append(str(folder))
    _FOLDERS.update({new: str(folder) for new in set(sys.modules) - before - {name} if _lies_in(new, folder)})
    return module


def _meant(path: Path) -> str:
    """The Python file beside one that is not there that has nearly its name; the ending is no likeness."""
    try:
        beside = {one.stem: str(one) for one in sorted(path.parent.glob("*.py"))}
    except OSError:  # a name that no file can have
        return ""
    found = like(path.stem, beside)
    return found and f"did you mean {beside[found]}?"


@contextmanager
def _searched(folder: str) -> Iterator[None]:
    """A folder is searched first for what is imported. What a target adds stays, and what it takes away does not."""
    before = list(sys.path)
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        with suppress(ValueError):
            sys.path.remove(folder)
        sys.path += [place for place in before if place not in sys.path]


def _lies_in(name: str, folder: Path) -> bool:
    file = getattr(sys.modules.get(name), "__file__", None)
    return file is not None and below(file, folder)


@contextmanager
def _reported(what: str, done: str = "imported") -> Iterator[None]:
    """Whatever a target raises while it is imported becomes one line: its exception and its own place."""
    try:
        yield
    except KeyboardInterrupt:
        raise
    except BaseException as exception:  # SystemExit too
        if isinstance(exception, Unusable) and done != "imported":  # it is ours
            raise
        raise Unusable(f"{what} cannot be {done}: {raised(exception)}") from None
