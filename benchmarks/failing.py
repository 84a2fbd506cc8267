"""What a failing run costs beside a right one: `python -m benchmarks.failing PATH/wrong.py`.

The file holds wrong implementations in a table `ALL`, and right ones, whose `kind` is "control". Each wrong one is judged on as
many problems as a right one with the same functions, right before it, in one process: the first of the file, or the built-in
target where it is written in torch or jax. The figure is the ratio of their CPU times, imports left out, with what shrinking
and the diagnosis take of it. Exits with 1 where the median, the ninth tenth or the largest ratio is above 1.5, 3 or 6.
"""

import runpy
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from gradcheck import conformance, diagnosis, explaining, layouts
from gradcheck.implementations import Implementation, load
from gradcheck.implementations.record import FUNCTIONS
from gradcheck.verify import Run

LIMITS = {"median": 1.5, "p90": 3.0, "largest": 6.0}
STAGES = {
    "shrinking": (explaining, "shrunken"),
    "layouts": (layouts, "meant"),
    "arithmetics": (layouts, "rounds"),
    "diagnosis": (diagnosis, "diagnose"),
}


def timed(function: Callable[..., Any], spent: dict[str, float], stage: str) -> Callable[..., Any]:
    """The same function; what it takes is added up."""

    def call(*given: Any, **named: Any) -> Any:
        begin = time.process_time()
        try:
            return function(*given, **named)
        finally:
            spent[stage] = spent.get(stage, 0.0) + time.process_time() - begin

    return call


def judged(implementation: Implementation, dtype: str, problems: int) -> tuple[Run, float]:
    """A run, and its CPU seconds."""
    begin = time.process_time()
    run = conformance.conform(implementation, dtype=dtype, max_examples=problems)
    return run, time.process_time() - begin


def alike(right: Implementation, wrong: Implementation) -> Implementation:
    """The right code, with the functions of the wrong one alone."""
    return replace(right, **{name: None for name in FUNCTIONS if name not in wrong.offers})  # type: ignore[arg-type]


def beside(what: str, plain: Implementation) -> Implementation:
    """The right code that a wrong one is held against: of the framework that its description begins with, if it is one."""
    framework = what.split(maxsplit=1)[0].rstrip(":")
    return load(framework) if framework in ("torch", "jax") else plain


@click.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.argument("names", nargs=-1)
@click.option("--dtype", default="float64", show_default=True)
@click.option("--problems", default=500, show_default=True)
@click.option("--every", default=1, show_default=True, help="Each of so many implementations.")
def main(path: Path, names: tuple[str, ...], dtype: str, problems: int, every: int) -> None:
    conformance.homeless()
    table = runpy.run_path(str(path))["ALL"]
    kinds = {name: kind for name, (_, _, kind) in table.items()}
    found = {name: load(f"{path}:{name}") for name in kinds}
    plain = found[next(name for name, kind in kinds.items() if kind == "control")]
    rights = {name: beside(what, plain) for name, (what, _, _) in table.items()}
    asked = names or [name for name, kind in kinds.items() if kind != "control"][::every]
    spent: dict[str, float] = {}
    for stage, (home, name) in STAGES.items():
        setattr(home, name, timed(getattr(home, name), spent, stage))
    for right in {right.name: right for right in map(rights.__getitem__, asked)}.values():
        judged(right, dtype, 20)  # imports are not what is measured
    shown = Table("", "right s", "wrong s", "ratio", *STAGES, "checks", box=None)
    ratios: list[float] = []
    for name in asked:
        whole = judged(alike(rights[name], found[name]), dtype, problems)[1]
        spent.clear()
        run, took = judged(found[name], dtype, problems)
        if run.failed:
            ratios.append(took / whole)
            parts = (f"{spent.get(stage, 0.0):.2f}" for stage in STAGES)
            shown.add_row(name, f"{whole:.2f}", f"{took:.2f}", f"{ratios[-1]:.2f}", *parts, str(len(run.failures)))
            print(f"{name} {ratios[-1]:.2f}", file=sys.stderr, flush=True)
    Console(width=120).print(shown)
    ratios.sort()
    figures = {"median": statistics.median(ratios), "p90": ratios[(9 * len(ratios)) // 10], "largest": ratios[-1]}
    print(f"{len(ratios)} of {len(asked)} fail; " + ", ".join(f"{name} {value:.2f}" for name, value in figures.items()))
    sys.exit(any(value > LIMITS[name] for name, value in figures.items()))


if __name__ == "__main__":
    main()
