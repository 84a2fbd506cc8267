"""`gradcheck ranks SCRIPT`."""

from pathlib import Path
from typing import Any

import click

from gradcheck.cli.files import asked_for, cases_option, report_options, written
from gradcheck.cli.group import STATUS, leave, main
from gradcheck.cli.losses import law_options
from gradcheck.cli.options import arithmetic_options, said_of
from gradcheck.cli.tables import Amount, Typed
from gradcheck.law.options import FIELDS as LAW
from gradcheck.settings import LONGEST_CALL
from gradcheck.supervisor import INTERRUPTED

RESULTS = click.Choice(["sum", "shared", "mean"])


class Counts(Typed):
    """Whole numbers with commas between them."""

    name = "counts"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[int, ...]:
        """As numbers."""
        words = value.split(",") if isinstance(value, str) else value
        if not words or not all(str(word).isdecimal() and 0 < len(str(word)) < 6 and int(word) > 0 for word in words):
            self.fail(f"{value!r:.60} is no list of numbers of ranks; expected such as 2,3,4", param, context)
        return tuple(int(word) for word in words)


@main.command(epilog=STATUS)
@click.argument("script", metavar="SCRIPT[:FUNCTION]")
@click.option("--ranks", type=Counts(), default="2,3", show_default=True, metavar="K,K", help="Numbers of processes.")
@click.option(
    "--split", type=click.Choice(["classes", "samples", "sequence"]), default="classes", show_default=True,
    help="What each rank has a share of; a sequence is cut along its positions.",
)  # fmt: skip
@click.option(
    "--loss-is", "loss", type=RESULTS, help="What a rank's loss is: a part of the sum, the whole, a mean of its own."
    " [classes: shared; otherwise sum]",
)  # fmt: skip
@click.option("--gradients-are", "gradients", type=RESULTS, help="The same of what ranks do not have apart. [sum]")
@click.option("--even", is_flag=True, help="Pose only sizes that the ranks divide.")
@click.option("--alone/--no-alone", default=True, show_default=True, help="Judge it in one process first.")
@click.option("--dtype", default="float64", show_default=True, help="float64, float32, float16 or bfloat16.")
@click.option("--max-examples", type=click.IntRange(1), default=60, show_default=True, help="Problems for each K.")
@click.option("--seed", default=0, type=click.IntRange(0), help="The same seed poses the same problems. [0]")
@click.option(
    "--time-limit", type=Amount(0, LONGEST_CALL, min_open=True), default=10.0, metavar="SECONDS",
    help="For one call of all ranks. [10]",
)  # fmt: skip
@click.option("--memory-limit", type=click.IntRange(0), default=4096, metavar="MIB", help="For each; 0 is none. [4096]")
@click.option(
    "--scheduler", metavar="ADDRESS", help="A Dask scheduler, such as tcp://host:8786, whose workers see SCRIPT."
)
@arithmetic_options
@law_options
@cases_option
@report_options
def ranks(*, script: str, ranks: tuple[int, ...], folder: Path, **given: Any) -> None:
    """Judge a loss that several processes compute together.

    SCRIPT is path/to/file.py or package.module, and FUNCTION, by default loss, one of torch tensors: loss(Z, y) or
    loss(theta, b, X, y); or, annotated so, of NumPy arrays. It is called in K local processes, in a process group of gloo and with
    the environment that torchrun gives, each with its share of a problem. What they return together is held against one process
    and against the truth. What fails is saved as cases, which gradcheck replay CASE SCRIPT judges again. See docs/ranks.md.
    """
    from gradcheck import cases, conformance, reports
    from gradcheck.arithmetic import FIELDS, Arithmetic
    from gradcheck.cli.progress import progress
    from gradcheck.law import CrossEntropy
    from gradcheck.parallel import run, telling

    conformance.homeless()
    files = asked_for(given)
    cases.prepare(folder)
    law, rounds = said_of(LAW, given), said_of(FIELDS, given)
    pieces = rounds.pop("pieces", 1)
    with progress(script, given["max_examples"]) as bar:
        found = run.ranks(
            script, ranks=ranks, law=CrossEntropy(**law), arithmetic=Arithmetic(**rounds), pieces=pieces,
            progress=bar, cases=folder, **given,
        )  # fmt: skip
    out = reports.console(quiet=Path("-") in files.values())
    telling.show(found, out)
    told = written(files, found.runs, folder)
    if told:
        out.print(told)
    leave(INTERRUPTED if found.interrupted else found.status)
