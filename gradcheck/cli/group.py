"""The `gradcheck` command itself: its exit statuses, and how it refuses."""

import contextlib
import io
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import click

from gradcheck.cli import refusals
from gradcheck.cli.say import say
from gradcheck.errors import Unusable, raised
from gradcheck.printable import refusal
from gradcheck.supervisor import INTERRUPTED, so_far

STATUS = """\b
Exit status: 0  everything judged agrees
             1  something disagrees, or the target raised or returned
                something unusable
             2  the command, the target or a file cannot be used
             3  nothing could be judged
             130  interrupted; what had been judged by then is shown"""


LONGEST = 1000  # characters of a sentence that says what a command does

TRACEBACK = "GRADCHECK_TRACEBACK"  # set, it shows where a fault of our own happened


class Left(SystemExit):
    """The end of a command of ours; any other `SystemExit` is somebody else's."""


def leave(status: int) -> NoReturn:
    """End the command with this exit status. `sys.exit` may not be ours any longer."""
    raise Left(status)


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

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Each command with the whole of its sentence, on as many lines as that takes."""
        commands = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, command.get_short_help_str(LONGEST)) for name, command in commands if command is not None]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

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
        except OSError as problem:
            raise Refused(_of_system(problem)) from None
        except KeyboardInterrupt:
            say(f"gradcheck: interrupted{so_far()}", err=True)
            leave(INTERRUPTED)


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


def run(given: list[str]) -> int:
    """The exit status of a command line. Whatever a target raises, it is no way to end the command."""
    for name in ("stdout", "stderr"):  # a shell may have closed it: then nobody hears
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - as long as this process
    if not os.environ.get(TRACEBACK):  # what its threads and its `__del__` raise is no line of ours
        sys.unraisablehook = threading.excepthook = _unheard
    try:
        return main.main(args=given, prog_name="gradcheck", standalone_mode=False) or 0
    except click.exceptions.NoArgsIsHelpError as asked:
        asked.show()
        return asked.exit_code
    except click.ClickException as refused:
        say(f"gradcheck: {refusals.line(refused)}", err=True)
        return refused.exit_code
    except click.Abort:
        return INTERRUPTED
    except (SystemExit, Exception) as ended:
        return _ended(ended)


def _of_system(problem: OSError) -> str:
    """A name that no file can have, a disk that is full, a folder that is gone."""
    where = f"{problem.filename}: " if problem.filename is not None else "cannot read or write: "
    return refusal(f"{where}{problem.strerror or problem}")


def _unheard(by: object) -> None:
    """Say nothing."""


def _ended(by: BaseException) -> int:
    """The exit status after what has come through every command."""
    if isinstance(by, Left):
        return int(str(by))
    if isinstance(by, SystemExit):
        if not isinstance(by.__context__, BrokenPipeError):  # rich's way to end where nobody reads any longer
            say(f"gradcheck: the target ended the run: {raised(by)}", err=True)
        return 1
    if isinstance(by, OSError) and not isinstance(by, BrokenPipeError):  # a full disk, say, behind standard output
        say(f"gradcheck: {_of_system(by)}", err=True)
        return Refused.exit_code
    # the last net: what no reader and no check has foreseen is one line, too
    if os.environ.get(TRACEBACK):
        raise by
    say(f"gradcheck: a fault of its own: {raised(by)}; please report it, with what {TRACEBACK}=1 shows", err=True)
    return Refused.exit_code
