"""What to type: the command that repeats a case, and the options that would explain every failure."""

import shlex

from gradcheck.arithmetic import options, said
from gradcheck.printable import pasted, printable
from gradcheck.verify import Failure, Run


def repeat(failure: Failure, run: Run) -> str:
    """The command that judges this case again, or a sentence where there is none."""
    return printable(failure.again) or pasted(("gradcheck", "replay", failure.case or "CASE", *command(run)))


def command(run: Run) -> tuple[str, ...]:
    """The words that name the target and its layout on a command line."""
    declared = {**said(run.layout), **run.law.said, **run.arithmetic.said}
    return run.command or (run.target, *options(declared))


def meant(run: Run) -> str:
    """The layout, or the arithmetic, that would explain every failure; nothing where there is none."""
    if run.rounds is not None:
        declared = shlex.join(options(run.rounds.said))
        return f"Did you mean {declared}? Everything that failed agrees under that arithmetic."
    if run.meant is None:
        return ""
    law = run.meant_law or run.law
    shown = shlex.join(options({**said(run.meant), **law.said})) or "the default"
    dropped = shlex.join(options({name: value for name, value in run.law.said.items() if name not in law.said}))
    if dropped:
        shown = f"{shown}, without {dropped}"
    if only_memory(run):
        return f"Did you mean {shown}? It cannot take every order of memory; everything that failed agrees on arrays in C order."
    what = "layout" if run.meant_law in (None, run.law) else "loss"
    return f"Did you mean {shown}? Everything that failed agrees under that {what}."


def only_memory(run: Run) -> bool:
    """Whether everything that failed agrees where arrays are in C order and can be written to."""
    return run.meant is not None and run.meant.memory != run.layout.memory
