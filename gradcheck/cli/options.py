"""Options that several commands share."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from gradcheck.implementations import CHOICES, Implementation, load

Command = Callable[..., Any]

WHAT = {
    "samples": "Samples are columns (d, n) or rows (n, d) of X, Y, Z.",
    "theta": "θ is (L, d) or (d, L).",
    "labels": "Y is one-hot (L, n) or class indices (n,).",
    "reduction": "Loss and gradients are means or sums over samples; none: losses (n,), and the gradients of their sum.",
    "bias": "b is (L, 1), (L,), or not there; auto is flat with samples in rows.",
    "inner": "A coarser precision that it computes in, inside; the bound follows.",
    "subnormals": "Whether it takes subnormal numbers for zero.",
}


def layout_options(command: Command) -> Command:
    """`--samples`, `--theta`, `--labels`, `--reduction`, `--bias` and `--pinned`: how the target lays its arrays out."""
    pinned = click.option(
        "--pinned", type=click.IntRange(0), metavar="CLASS", help="A class whose logit is 0 by convention."
    )
    command = pinned(command)
    for name, choices in reversed(CHOICES.items()):
        shown = f" [{choices[0]}]" if choices[0] else ""
        offered = click.Choice([choice for choice in choices if choice])
        command = click.option(f"--{name}", type=offered, help=WHAT[name] + shown)(command)
    return command


def target(name: str, layout: dict[str, Any]) -> Implementation:
    """The implementation that a user named, with the layout that the command line declares."""
    found = load(name)
    declared = {key: value for key, value in layout.items() if value is not None}
    return replace(found, layout=replace(found.layout, **declared)) if declared else found
