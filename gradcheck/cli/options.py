"""Options that several commands share."""

from collections.abc import Callable
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradcheck import arithmetic
from gradcheck.arithmetic import FIELDS as ROUNDING
from gradcheck.errors import Unusable
from gradcheck.implementations import CHOICES
from gradcheck.settings import LAYOUT, LONGEST_CALL, Target, configured, named

Command = Callable[..., Any]
if TYPE_CHECKING:
    _Typed = click.ParamType[Any]
else:
    _Typed = click.ParamType  # generic since click 8.3

WHAT = {
    "samples": "Samples are columns (d, n) or rows (n, d) of X, Y, Z.",
    "theta": "θ is (L, d) or (d, L).",
    "labels": "Y is one-hot (L, n) or class indices (n,).",
    "reduction": "Loss and gradients are means or sums over samples; none: losses (n,), and the gradients of their sum.",
    "memory": "C: it takes C-ordered, writable arrays alone.",
    "bias": "b is (L, 1), (L,), or not there; auto is flat with samples in rows.",
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
    return arithmetic_options(command)


Table = dict[str, dict[str, Any]]  # names of an option -> what click is told of it


class Parts(_Typed):
    """A number of parts, or L for every class."""

    name = "parts"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> int | str:
        if value == arithmetic.EVERY or (isinstance(value, str) and value.isdecimal() and len(value) < 16):
            return value if value == arithmetic.EVERY else int(value)
        self.fail(
            f"{value!r} is not a number of parts; expected one, or {arithmetic.EVERY} for every class", param, context
        )


class Amount(click.FloatRange):
    """A number in a range: NaN is in none, whatever it is compared with."""

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        found = super().convert(value, param, context)
        if not isfinite(found):
            self.fail(f"{value} is no finite number", param, context)
        return found


ARITHMETIC: Table = {
    "--inner": {"help": "A coarser precision that it computes in, inside; the bound follows."},
    "--accumulate": {"help": "The precision in which its sums are taken, where that is not that of its arrays."},
    "--stored": {"help": "A coarser precision in which it writes arrays down between two steps, as under autocast."},
    "--merged": {"type": Parts(), "metavar": "PARTS|L", "help": "Log-sum-exps merged from so many parts in a row."},
    "--pieces": {
        "type": click.IntRange(1),
        "metavar": "K",
        "help": "Gradients added over K pieces, each written down.",
    },
    "--subnormals": {"help": "Whether it takes subnormal numbers for zero. [kept]"},
    "--deterministic": {
        "type": click.BOOL,
        "metavar": "yes|no",
        "help": "no: two calls may differ by what rounding explains, as atomic additions do. [yes]",
    },
}
for _name, _choices in arithmetic.CHOICES.items():
    ARITHMETIC[f"--{_name}"]["type"] = click.Choice([choice for choice in _choices if choice])


def arithmetic_options(command: Command) -> Command:
    """How the target rounds, where its arrays do not show it; each field of `Arithmetic` has the option of its name."""
    return _options(command, ARITHMETIC)


RUN: Table = {
    "--dtype dtypes": {
        "multiple": True,
        "help": "float64, float32, float16 or bfloat16; several may be given. [float64]",
    },
    "--max-examples": {"type": click.IntRange(1), "help": "Problems for each dtype. [500]"},
    "--seed": {"default": 0, "type": click.IntRange(0), "help": "The same seed poses the same problems. [0]"},
    "--check checks": {"multiple": True, "metavar": "GLOB", "help": "Only these checks, such as '*gradient*'."},
    "--regime regimes": {
        "multiple": True,
        "metavar": "GLOB",
        "help": "Only problems of these regimes; opt-in ones too.",
    },
}
PROCESS: Table = {
    "--exec command": {"metavar": "COMMAND", "help": "Judge what this serves by the protocol of docs/protocol.md."},
    "--isolate": {"is_flag": True, "default": None, "help": "Call the target in a process of its own."},
    "--time-limit": {
        "type": Amount(0, LONGEST_CALL, min_open=True),
        "metavar": "SECONDS",
        "help": "For one call, with --isolate or --exec. [10]",
    },
    "--memory-limit": {"type": click.IntRange(0), "metavar": "MIB", "help": "For that process; 0 is none. [4096]"},
}


def run_options(command: Command) -> Command:
    """What is posed, and how much of it."""
    return _options(command, RUN)


def process_options(command: Command) -> Command:
    """`--isolate`, `--exec` and the limits of the process that they start."""
    return _options(command, PROCESS)


def _options(command: Command, table: Table) -> Command:
    for names, settings in reversed(table.items()):
        command = click.option(*names.split(), **settings)(command)
    return command


def chosen(name: str | None, given: dict[str, Any]) -> tuple[Target, ...]:
    """What is to be judged: the target or command given, or all that pyproject.toml names; options of the command line prevail."""
    said = {key: value for key, value in given.items() if value is not None}
    folder, command = Path.cwd(), said.pop("command", None)
    if name and command:
        raise Unusable(f"both a target, {name}, and a command, {command!r}, are given; expected one of them")
    if command:
        found: tuple[Target, ...] = (Target(command, exec=command),)
    else:
        found = (named(name, folder),) if name else tuple(configured(folder).values())
    if not found:
        raise Unusable(
            "no target is given, and no pyproject.toml here or above names any; `gradcheck verify --help` says how"
        )
    layout = {key: said.pop(key) for key in LAYOUT if key in said}
    rounds = {key: said.pop(key) for key in ROUNDING if key in said}
    return tuple(
        replace(target, layout={**target.layout, **layout}, arithmetic={**target.arithmetic, **rounds}, **said)
        for target in found
    )
