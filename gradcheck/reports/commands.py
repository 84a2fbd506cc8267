"""What to type: the command that repeats a case, and the options that would explain every failure."""

import shlex

from gradcheck.arithmetic import options, said
from gradcheck.printable import pasted
from gradcheck.verify import Failure, Run


def repeat(failure: Failure, run: Run) -> str:
    """The command that judges this case again."""
    return pasted(("gradcheck", "replay", failure.case or "CASE", *command(run)))


def command(run: Run) -> tuple[str, ...]:
    """The words that name the target and its layout on a command line."""
    declared = {**said(run.layout), **run.law.said, **run.arithmetic.said}
    return run.command or (run.target, *options(declared))


def suggested(run: Run) -> str:
    """The options under which everything that failed agrees; nothing where there are none."""
    if run.rounds is not None:
        return shlex.join(options(run.rounds.said))
    if run.meant is None:
        return ""
    law = run.meant_law or run.law
    shown = shlex.join(options({**said(run.meant), **law.said})) or "the default"
    dropped = shlex.join(options({name: value for name, value in run.law.said.items() if name not in law.said}))
    return f"{shown}, without {dropped}" if dropped else shown


def meant(run: Run) -> str:
    """The layout, the loss or the arithmetic that would explain every failure, as a sentence; nothing where there is none."""
    shown = suggested(run)
    if not shown:
        return ""
    if only_memory(run):
        return f"Did you mean {shown}? It cannot take every order of memory; everything that failed agrees on arrays in C order."
    return f"Did you mean {shown}? Everything that failed agrees under that {declared(run)}."


def declared(run: Run) -> str:
    """What would have to be declared otherwise: layout, loss or arithmetic."""
    if run.rounds is not None:
        return "arithmetic"
    return "layout" if run.meant_law in (None, run.law) else "loss"


def only_memory(run: Run) -> bool:
    """Whether everything that failed agrees where arrays are in C order and can be written to."""
    return run.meant is not None and run.meant.memory != run.layout.memory


def only_in_order(run: Run) -> list[str]:
    """A word on what is at fault where that is the order of memory."""
    return ["it cannot take every order of memory; everything agrees on arrays in C order"] if only_memory(run) else []
