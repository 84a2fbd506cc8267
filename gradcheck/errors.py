"""What a user is told when a command, a target or a file cannot be used."""

import traceback
from collections.abc import Callable

# Files of ours through which a target is called or imported; what it raises is told by its own place.
_OURS = (
    "checks/reading.py",
    "checks/trial.py",
    *(f"implementations/{name}.py" for name in ("home", "layout", "serve", "surroundings", "targets")),
)


class Unusable(Exception):
    """The request cannot be carried out; the message says what was given, what was expected, and what to do.

    The command line prints the message on one line and exits with status 2; the library raises it.
    """


class ProblemError(Unusable, ValueError):
    """Arrays that do not make up a problem."""


class Missing(Unusable, ImportError):
    """An optional package is not installed; the message gives the exact `pip install`."""

    @classmethod
    def extra(cls, what: str, package: str, extra: str) -> "Missing":
        """The message for `what`, which needs `package` from the extra of that name."""
        return cls(f'{what} needs {package}, which is not installed; pip install "gradcheck[{extra}]"')


def raised(exception: BaseException) -> str:
    """`ValueError: what it says (file.py:12)`, on one line: what a target raised, and its own line that did."""
    frames = traceback.extract_tb(exception.__traceback__)
    own = [f for f in frames if "importlib" not in f.filename and not f.filename.replace("\\", "/").endswith(_OURS)]
    place = f" ({own[-1].filename}:{own[-1].lineno})" if own else ""
    if isinstance(exception, SyntaxError):
        place = f" ({exception.filename}:{exception.lineno})"
    return f"{type(exception).__name__}: {text(exception, str)}{place}"


def text(value: object, words: Callable[[object], str]) -> str:
    """What an object says of itself, on one line; it may belong to a target, and do anything instead."""
    try:
        return " ".join(words(value).split())
    except KeyboardInterrupt:
        raise
    except BaseException as exception:
        return f"a {type(value).__name__} that raises {type(exception).__name__} when it is shown"
