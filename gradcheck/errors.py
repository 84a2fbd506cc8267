"""What a user is told when a command, a target or a file cannot be used."""

import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import Any

from gradcheck.printable import LONGEST, clipped, refusal

# Files of ours through which a target is called or imported; what it raises is told by its own place.
_OURS = (
    "checks/reading.py",
    "checks/trial.py",
    *(f"implementations/{name}.py" for name in ("home", "layout", "serve", "surroundings", "targets")),
    *(f"parallel/{name}.py" for name in ("forms", "plain", "rank", "step")),
)


class Unusable(Exception):
    """The request cannot be carried out; the message says what was given, what was expected, and what to do.

    The command line prints the message on one line and exits with status 2; the library raises it. What it quotes is foreign, and
    may be long or hostile: it is made safe to show here, whoever shows it.

        >>> import gradcheck
        >>> gradcheck.load("sciyp")
        Traceback (most recent call last):
        ...
        gradcheck.errors.Unusable: ...did you mean scipy?...
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(refusal(str(message)))


class Disagreement(AssertionError):
    """Something disagrees with the mathematics, or the target raised. The message is the report, `run` the run, if it was one.

    A notebook shows the message, and no frames of ours.

        >>> import gradcheck
        >>> try:
        ...     gradcheck.check(lambda theta, b, X, Y: {"theta": 0 * theta}, max_examples=20, cases=None)
        ... except gradcheck.Disagreement as found:
        ...     print(found.run.failed)
        True
    """

    __module__ = "gradcheck"  # by which users know it

    def __init__(self, message: str, run: Any = None) -> None:
        super().__init__(message)
        self.run = run

    def _render_traceback_(self) -> list[str]:
        return [f"{type(self).__name__}:", *str(self).splitlines()]


class DisagreementWarning(UserWarning):
    """Something that is watched disagrees with the mathematics.

    >>> import gradcheck, warnings
    >>> warnings.simplefilter("error", gradcheck.DisagreementWarning)  # so that it ends the step
    """

    __module__ = "gradcheck"

    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class UnusualWarning(UserWarning):
    """Something that is watched is further off than independent roundings lead, and correct code might be.

    >>> import gradcheck, warnings
    >>> warnings.simplefilter("ignore", gradcheck.UnusualWarning)  # of data that repeat
    """

    __module__ = "gradcheck"

    def __init__(self, message: str = "") -> None:
        super().__init__(message)


class ProblemError(Unusable, ValueError):
    """Arrays that do not make up a problem."""


class Missing(Unusable, ImportError):
    """An optional package is not installed; the message gives the exact `pip install`.

    >>> import gradcheck
    >>> issubclass(gradcheck.Missing, gradcheck.Unusable)
    True
    """

    @classmethod
    def package(cls, what: str, *packages: str) -> "Missing":
        """The message for `what`, which needs the first of these packages, as they are imported, and the others with it."""
        return cls(f"{what} needs {packages[0]}, which is not installed; {install(*packages)}")


DISTRIBUTED = {
    "sklearn": "scikit-learn",
    "paddle": "paddlepaddle",
    "mlx": "mlx[cpu]",
    "liger_kernel": "liger-kernel",
    "cut_cross_entropy": "cut-cross-entropy",
    "megatron": "megatron-core",
}  # packages whose name in the index is not that by which they are imported


def install(*packages: str) -> str:
    """The command that installs these packages. It names no extra of ours: whoever has our name in an index would be asked."""
    return " ".join(("pip install", *(DISTRIBUTED.get(package, package) for package in packages)))


def a(noun: str) -> str:
    """A noun, or the name of a type, with its article as it is said: an Embedding, an MSELoss, an ndarray, a UserDict."""
    by_letters = re.match("[A-Z]{2}|nd", noun)
    vowel = noun[:1] in "AEFHILMNORSXn" if by_letters else re.match("(?i)(?!uint|uni(?!n)|use|eu|one)[aeiou]", noun)
    return f"{'an' if vowel else 'a'} {noun}"


def typed(value: object) -> str:
    """What a value is one of: `an int`."""
    return a(kind(value))


def near(name: str, known: Iterable[str]) -> str:
    """`did you mean scipy?`, where something of a like name is known; empty where nothing is."""
    found = like(name, known)
    return f"did you mean {found}?" if found else ""


def like(name: str, known: Iterable[str]) -> str:
    """The nearest of these names; empty where none is near."""
    return next(iter(get_close_matches(name[:PLACE], list(known), 1, CLOSE)), "")


CLOSE = 0.6  # of difflib's ratio


def raised(exception: BaseException) -> str:
    """`ValueError: what it says (file.py:12)`, on one line: what a target raised, and its own line that did."""
    own = [place for place in _places(exception) if "importlib" not in place[0] and not _ours(place[0])]
    place = f" ({clipped(own[-1][0], PLACE)}:{own[-1][1]})" if own else ""
    if issubclass(type(exception), SyntaxError):
        place = f" ({text(exception, lambda wrong: f'{wrong.filename}:{wrong.lineno}')})"
    return f"{unplaced(exception)}{place}"


def unplaced(exception: BaseException) -> str:
    """`ValueError: what it says`, on one line: where no line of a target raised it."""
    return f"{kind(exception)}: {text(exception, str)}"


def _places(exception: BaseException) -> Iterator[tuple[str, int]]:
    """File and line of each call; no file is opened, whatever a target says that it was made from."""
    for frame, line in traceback.walk_tb(vars(BaseException)["__traceback__"].__get__(exception)):
        yield str.__str__(frame.f_code.co_filename), line


def _ours(file: str) -> bool:
    return file.replace("\\", "/").endswith(_OURS)


PLACE = 200  # characters of the name of a file


def kind(value: object) -> str:
    """The name of its type, which a metaclass may tell otherwise, or be unable to tell."""
    name: str = type.__dict__["__name__"].__get__(type(value))
    return clipped(name, 100)


def require_kind(name: str, given: object, expected: type) -> None:
    """`Unusable` where what is given by that name is no such class of ours."""
    if not isinstance(given, expected):
        raise Unusable(f"{name} is {text(given, repr):.60}; expected a gradcheck.{expected.__name__}")


def text(value: object, words: Callable[[Any], str]) -> str:
    """What an object says of itself, on one line and clipped; it may belong to a target, and do anything instead."""
    try:
        return _one_line(words(value))
    except KeyboardInterrupt:
        raise
    except BaseException as exception:
        return f"a {kind(value)} that raises {kind(exception)} when it is shown"


def _one_line(said: str) -> str:
    """The beginning of a text that may be very long, and of a type of the target's own."""
    begun = str.__getitem__(said, slice(4 * LONGEST))
    line, rest = " ".join(begun.split()), str.__len__(said) - len(begun)
    cut = clipped(line) if not rest else line[:LONGEST]
    return f"{cut}... ({rest + len(line) - len(cut)} more)" if rest else cut
