"""What a command says beside its reports: one line, whatever stands in it."""

import click

from gradcheck.printable import printable, unheeded


def say(line: object, *, err: bool = False) -> None:
    """Print a line. File names, messages and all that is foreign in it are made safe to show."""
    click.echo(unheeded(printable(str(line))), err=err)
