"""What a command says beside its reports: one line, whatever stands in it."""

from contextlib import nullcontext, suppress

import click

from gradcheck.printable import printable, unheeded


def say(line: object, *, err: bool = False) -> None:
    """Print a line. File names, messages and all that is foreign in it are made safe to show.

    Where standard error takes nothing, the exit status says it.
    """
    with suppress(OSError) if err else nullcontext():
        click.echo(unheeded(printable(str(line))), err=err)
