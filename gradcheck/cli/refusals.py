"""What click refuses, in our voice: one line, with what was meant where that can be told."""

import click

from gradcheck.printable import refusal

# What other checkers ask for, and this one has no place for.
TUNED = ("--eps", "--epsilon", "--rtol", "--atol", "--tol", "--tolerance", "--step", "--delta", "--h")
NONE = "there is none, and no step and no tolerance to choose: the bound follows from your data (docs/bounds.md)"


def line(problem: click.ClickException) -> str:
    """`No such option '--rtol': …; see gradcheck verify --help`."""
    said = refusal(problem.format_message()).rstrip(".")
    if not isinstance(problem, click.UsageError):
        return said
    if isinstance(problem, click.NoSuchOption) and problem.option_name in TUNED:
        return f"No such option {problem.option_name!r}: {NONE}"
    path = problem.ctx.command_path if problem.ctx else "gradcheck"
    given = _mistaken_for_a_command(problem)
    hint = f"`gradcheck verify {given}` judges it" if given else f"see `{path} --help`"
    return f"{said} {hint.capitalize()}" if said.endswith("?") else f"{said}; {hint}"


def _mistaken_for_a_command(problem: click.UsageError) -> str:
    """A target that stands where a command is expected."""
    _, quote, rest = problem.message.partition("No such command '")
    name = rest.partition("'")[0] if quote else ""
    return name if ".py" in name or ":" in name else ""
