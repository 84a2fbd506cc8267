"""Options that several commands share."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gradcheck import arithmetic
from gradcheck.arithmetic import FIELDS as ROUNDING
from gradcheck.cli.losses import law_options, own_loss, own_options
from gradcheck.cli.tables import Amount, Command, Table, Typed, offering
from gradcheck.cli.taking import taken, takes_options
from gradcheck.errors import Unusable
from gradcheck.implementations import CHOICES
from gradcheck.implementations.targets import KERNEL
from gradcheck.law.options import FIELDS as LAW
from gradcheck.settings import LAYOUT, LONGEST_CALL, Target, configured, named

WHAT = {
    "samples": "Samples are columns (d, n) or rows (n, d) of X, Y, Z.",
    "theta": "θ is (L, d) or (d, L).",
    "labels": "Y is one-hot (L, n) or class indices (n,).",
    "memory": "C: it takes C-ordered, writable arrays alone.",
    "bias": "b is (L, 1), (L,), or not there; auto is flat with samples in rows.",
}


def layout_options(command: Command) -> Command:
    """How the target lays its arrays out (`--samples`, `--theta`, `--labels`, `--bias`, `--pinned`), what it computes, how, and
    what it takes.
    """
    pinned = click.option(
        "--pinned", type=click.IntRange(0), metavar="CLASS", help="A class whose logit is 0 by convention."
    )
    command = pinned(command)
    for name, choices in reversed(CHOICES.items()):
        shown = f" [{choices[0]}]" if choices[0] else ""
        offered = click.Choice([choice for choice in choices if choice])
        command = click.option(f"--{name}", type=offered, help=WHAT[name] + shown)(command)
    return own_options(law_options(arithmetic_options(takes_options(command))))


class Parts(Typed):
    """A number of parts, or L for every class."""

    name = "parts"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> int | str:
        if value == arithmetic.EVERY or (isinstance(value, str) and value.isdecimal() and len(value) < 16):
            return value if value == arithmetic.EVERY else int(value)
        self.fail(
            f"{value!r} is not a number of parts; expected one, or {arithmetic.EVERY} for every class", param, context
        )


class Sums(Typed):
    """In which order sums are taken."""

    name = "sums"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> str:
        """What is written, if it is known."""
        try:
            return arithmetic.Arithmetic(sums=str(value)).sums
        except Unusable as problem:
            self.fail(str(problem), param, context)


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
    "--sums": {
        "type": Sums(),
        "metavar": "blocked:B|chain:K",
        "help": "Sums are taken in blocks of at most B terms, then of blocks; or no term goes through more than K additions; "
        "without, in any order.",
    },
}
for _name, _choices in arithmetic.CHOICES.items():
    ARITHMETIC[f"--{_name}"]["type"] = click.Choice([choice for choice in _choices if choice])


def arithmetic_options(command: Command) -> Command:
    """How the target rounds, where its arrays do not show it; each field of `Arithmetic` has the option of its name."""
    return offering(command, ARITHMETIC)


def said_of(names: tuple[str, ...], given: dict[str, Any]) -> dict[str, Any]:
    """The options of these names that are given, taken out of `given`."""
    found = {name: given.pop(name) for name in names if name in given}
    return {name: value for name, value in found.items() if value is not None}


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


class Names(Typed):
    """Names with commas between them."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[str, ...]:
        """What they require, once they are known."""
        from gradcheck.verify import required

        try:
            return required(value.split(",") if isinstance(value, str) else value)
        except Unusable as problem:
            self.fail(str(problem), param, context)


REQUIRE: Table = {
    "--require": {
        "type": Names(),
        "multiple": True,
        "metavar": "NAME,…",
        "help": "Functions, such as gradients,loss, or checks: exit status 3 where they could not be judged.",
    },
}
PROCESS: Table = {
    "--threads": {"is_flag": True, "default": None, "help": "It may be called from several threads at once."},
    "--exec command": {"metavar": "COMMAND", "help": "Judge what this serves by the protocol of docs/protocol.md."},
    "--kernel": {
        "metavar": "WORD",
        "help": "Judge a GPU kernel's wrapper in an interpreter: module:function(Z, Y, label_smoothing), docs/kernels.md.",
    },
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
    return offering(command, RUN)


def require_options(command: Command) -> Command:
    """`--require`, of commands whose exit status says what was judged."""
    return offering(command, REQUIRE)


def process_options(command: Command) -> Command:
    """`--kernel`, `--isolate`, `--exec` and the limits of the process that they start."""
    return offering(command, PROCESS)


def chosen(name: str | None, given: dict[str, Any]) -> tuple[Target, ...]:
    """What is to be judged: the target or command given, or all that pyproject.toml names; options of the command line prevail."""
    said = {key: value for key, value in given.items() if value is not None}
    folder, command, kernel = Path.cwd(), said.pop("command", None), said.pop("kernel", None)
    several = {"a target": name, "a command": command, "a kernel": kernel}
    if len(both := [f"{what}, {word!r}" for what, word in several.items() if word]) > 1:
        raise Unusable(f"both {' and '.join(both)} are given; expected one of them")
    name = name or (kernel and KERNEL + kernel)
    if command:
        found: tuple[Target, ...] = (Target(command, exec=command),)
    else:
        found = (named(name, folder),) if name else tuple(configured(folder).values())
    if not found:
        raise Unusable(
            "no target is given, and no pyproject.toml here or above names any; `gradcheck verify --help` says how"
        )
    own = own_loss(said)
    layout, rounds, loss = (said_of(names, said) for names in (LAYOUT, ROUNDING, LAW))
    takes = taken(said)
    return tuple(
        declaring(target, layout=layout, arithmetic=rounds, law=loss, takes=takes, **own, **said) for target in found
    )


def declaring(
    target: Target,
    *,
    law: dict[str, Any],
    arithmetic: dict[str, Any],
    takes: dict[str, Any],
    layout: dict[str, Any] | None = None,
    loss_options: dict[str, Any] | None = None,
    **said: Any,
) -> Target:
    """The target with what the command line says of it, which prevails."""
    return replace(
        target,
        loss_options={**target.loss_options, **(loss_options or {})},
        layout={**target.layout, **(layout or {})},
        arithmetic={**target.arithmetic, **arithmetic},
        law={**target.law, **law},
        takes={**target.takes, **takes},
        **said,
    )
