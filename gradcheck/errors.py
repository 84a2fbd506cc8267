"""What a user is told when a command, a target or a file cannot be used."""


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
