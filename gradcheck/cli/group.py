"""The `gradcheck` command itself: its exit statuses, and how it refuses."""

import contextlib
import io
import sys
from collections.abc import Iterator
from typing import Any

import click

from gradcheck.cli.say import say
from gradcheck.errors import Unusable
from gradcheck.printable import refusal

STATUS = """\b
Exit status: 0  everything judged agrees
             1  something disagrees, or the target raised or returned something unusable
             2  the command, the target or a file cannot be used
             3  nothing could be judged
             130  interrupted; what had been judged by then is shown"""
INTERRUPTED = 130


class Refused(click.ClickException):
    """One line on standard error, and exit status 2."""

    exit_code = 2

    def show(self, file: Any = None) -> None:
        say(f"gradcheck: {self.message}", err=True)


@contextlib.contextmanager
def _plain() -> Iterator[None]:
    """What click says of words that it does not know quotes them."""
    try:
        yield
    except click.ClickException as problem:
        vars(problem)["message"] = refusal(problem.message)
        raise


class Refusing(click.Group):
    """A group whose commands refuse by raising `Unusable`."""

    def make_context(self, *given: Any, **settings: Any) -> click.Context:
        with _plain():
            return super().make_context(*given, **settings)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            with _plain():
                return super().invoke(ctx)
        except Unusable as problem:
            raise Refused(str(problem)) from None
        except BrokenPipeError:  # nobody reads on, which click knows how to end
            raise
        except OSError as problem:  # a name that no file can have, a disk that is full, a folder that is gone
            where = f"{problem.filename}: " if problem.filename is not None else ""
            raise Refused(refusal(f"{where}{problem.strerror or problem}")) from None
        except KeyboardInterrupt:
            say("gradcheck: interrupted", err=True)
            ctx.exit(INTERRUPTED)


@click.group(
    cls=Refusing, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}, epilog=STATUS
)
@click.version_option(package_name="gradcheck")
def main() -> None:
    """Gradient verification for softmax classifiers: can float precision explain what your code computes?

    The answer follows from the data. There is no step size and nothing to tune.
    """
    for stream in (sys.stdout, sys.stderr):  # a terminal that has no θ shows a question mark
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
