"""Every mistake × every checker, in one run, and their false alarms: `python -m benchmarks.power` writes docs/power.md and .json.

A mistake is caught where a checker refuses it and accepts the right code on the same problem, claim by claim. All of the
figures but the times are the same at each run.
"""

import json
import multiprocessing
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress

from benchmarks import peers, power_page
from benchmarks.checkers import CHECKERS, LARGEST, RIGHT, Answer, Posed, in_peace, of_right_code, posed, usual
from gradcheck.implementations import load
from gradcheck.mistakes import MISTAKES, added, bent, data, ignored, smoothed, weighted

DOCS = Path(__file__).parents[1] / "docs"
PACKAGES = ("gradcheck", "numpy", "torch", "jax", "autograd", "scipy", "numdifftools")
PIECE = 12  # mistakes of one task
REGIMES = {"general": "*", "saturated": "saturated", "offset": "offset", "ties": "ties"}
DTYPES = ("float64", "float32")
# The framework whose own form of the same loss each checker is asked about, beside the NumPy one
OWN = {
    "torch gradcheck, slow": ("torch",),
    "torch gradcheck, fast": ("torch",),
    "jax check_grads": ("jax",),
    "autograd check_grads": ("autograd",),
    "gradcheck": ("reference", "torch", "jax", "autograd"),
}


# ---- what is caught ----


@dataclass
class Cell:
    """Of one mistake, by one checker. `caught` is the number of the first test case that tells it from right code, from 1.

    `seconds` is the time until then, or for all; `refused` the first test case that it refused at all; `unjudged` counts
    those on which it raised on right code as well.
    """

    caught: int | None = None
    seconds: float = 0.0
    claim: str = ""
    raised: str = ""
    refused: int | None = None
    unjudged: int = 0

    def written(self) -> dict[str, Any]:
        """For the JSON: `caught` and `seconds`, and of the others those that say something."""
        return {key: value for key, value in asdict(self).items() if value or key in ("caught", "seconds")}


def told_apart(answers: Iterable[Answer], right: dict[str, Answer], cell: Cell, case: int) -> Answer | None:
    """The first answer that refuses a claim of which the right code is accepted; notes in the cell what is no evidence."""
    for answer in answers:
        if not answer.accepts and cell.refused is None:
            cell.refused = case
        if not answer.accepts and right[answer.claim].accepts:
            return answer
        if answer.raised and right[answer.claim].raised:
            cell.unjudged += 1
    return None


def hunt(checker: str, mistake: str, questions: tuple[Posed, ...]) -> Cell:
    """Test case after test case, to one and the same implementation, until it is caught."""
    it, cell = MISTAKES[mistake].implementation(), Cell()
    for question in questions:
        of_right_code(checker, question)  # also compiles what the peer compiles for each shape, off the clock
    for case, question in enumerate(questions, 1):
        begun = time.perf_counter()
        found = told_apart(CHECKERS[checker](it, question), of_right_code(checker, question), cell, case)
        cell.seconds += time.perf_counter() - begun
        if found:
            cell.caught, cell.claim, cell.raised = case, found.claim, found.raised
            break
    return cell


def cells(checker: str, names: tuple[str, ...], seed: int, cases: int) -> dict[str, Any]:
    """Both columns of each of these mistakes: the usual single input, and our problems."""
    return {
        name: {
            "single": hunt(checker, name, usual(seed)).written(),
            "posed": hunt(checker, name, posed(MISTAKES[name].regimes, "float64", seed, cases)).written(),
        }
        for name in names
    }


# ---- what is refused of correct code ----


def own_form(checker: str, form: str, question: Posed) -> list[Answer]:
    """The classifier written for the peer's own framework; gradcheck judges the built-in target of that name."""
    if checker == "gradcheck":
        return list(CHECKERS[checker](load(form), question))
    try:
        return [Answer("theta, b", peers.CHECKERS[checker](question.problem.arrays()))]
    except Exception as raised:
        return [Answer("theta, b", False, type(raised).__name__)]


def alarms(place: dict[str, str], seed: int, cases: int) -> dict[str, Any]:
    """Of how many problems a checker refuses the right code, and on how many it raises; a place is a row's first four columns."""
    checker, form = place["checker"], place["form"]
    refused = raised = 0
    for question in posed((REGIMES[place["regime"]],), place["dtype"], seed, cases):
        hosted = form == "numpy"
        found = list(CHECKERS[checker](load("numpy"), question)) if hosted else own_form(checker, form, question)
        refused += any(not answer.accepts and not answer.raised for answer in found)
        raised += any(bool(answer.raised) for answer in found)
    return {**place, "problems": cases, "refused": refused, "raised": raised}


def pace(seed: int, cases: int) -> dict[str, Any]:
    """Median seconds for one problem, right code, all checkers side by side; and as a multiple of gradcheck's on the same."""
    questions, taken = posed((), "float64", seed, cases), {name: [] for name in CHECKERS}
    for question in questions:
        for name in CHECKERS:
            of_right_code(name, question)
    for question in questions:
        for name, checker in CHECKERS.items():
            begun = time.perf_counter()
            list(checker(RIGHT, question))
            taken[name].append(time.perf_counter() - begun)
    ours = np.array(taken["gradcheck"])
    return {
        name: {"seconds": statistics.median(each), "ratio": float(np.median(np.array(each) / ours))}
        for name, each in taken.items()
    }


# Of the paper's loss, and of its gradients with respect to theta, b and Z: no peer is asked for options of the loss.
POSED = {
    name: mistake
    for name, mistake in MISTAKES.items()
    if mistake.model.__module__ not in {module.__name__ for module in (smoothed, ignored, weighted, bent, added, data)}
}


# ---- the run ----


def tasks(seed: int, cases: int, problems: int) -> Iterator[tuple[str, Callable[..., Any], tuple[Any, ...]]]:
    """(kind, function, arguments), the slow peers first, so that the workers end together."""
    names = tuple(POSED)
    for checker in reversed(CHECKERS):
        for start in range(0, len(names), PIECE):
            yield checker, cells, (checker, names[start : start + PIECE], seed, cases)
        for place in places(checker):
            yield "alarms", alarms, (place, seed, problems)


def places(checker: str) -> Iterator[dict[str, str]]:
    """Where its false alarms are counted."""
    for form, regime, dtype in product(("numpy", *OWN.get(checker, ())), REGIMES, DTYPES):
        yield {"checker": checker, "form": form, "regime": regime, "dtype": dtype}


def measured(workers: int, seed: int, cases: int, problems: int) -> dict[str, Any]:
    """All cells, all alarms, and the pace of each checker, which is taken alone."""
    found: dict[str, Any] = {"mistakes": {name: {} for name in POSED}, "alarms": []}
    spawned = multiprocessing.get_context("spawn")  # threads of a framework do not survive a fork
    with (
        ProcessPoolExecutor(workers, mp_context=spawned, initializer=in_peace) as pool,
        Progress(console=Console(stderr=True), transient=True) as progress,
    ):
        work = {pool.submit(function, *arguments): kind for kind, function, arguments in tasks(seed, cases, problems)}
        bar = progress.add_task("judging", total=len(work))
        for done in as_completed(work):
            kind, result = work[done], done.result()
            if kind == "alarms":
                found["alarms"].append(result)
            else:
                for name, both in result.items():
                    found["mistakes"][name][kind] = both
            progress.advance(bar)
        found["pace"] = pool.submit(pace, seed, cases).result()
    return found


def in_order(found: dict[str, Any]) -> dict[str, Any]:
    """As the tables have it, whichever worker was first."""
    order = {name: k for k, name in enumerate(CHECKERS)}
    mistakes = {
        name: {"group": MISTAKES[name].group, "cells": {checker: each[checker] for checker in CHECKERS}}
        for name, each in found["mistakes"].items()
    }
    rows = sorted(found["alarms"], key=lambda row: (order[row["checker"]], row["form"], row["dtype"], row["regime"]))
    return {"pace": found["pace"], "alarms": rows, "mistakes": mistakes}


def rounded(value: Any) -> Any:
    """Times to three digits: more is noise."""
    if isinstance(value, dict):
        return {key: rounded(each) for key, each in value.items()}
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return float(f"{value:.3g}") if isinstance(value, float) else value


def versions() -> dict[str, str]:
    """Of everything that has a say; whoever lacks one of them is told how to get it."""
    try:
        return {name: version(name) for name in PACKAGES}
    except PackageNotFoundError as missing:
        raise click.UsageError(
            f"{missing.name} is not installed, and every checker is asked; pip install 'gradcheck[torch,jax,autograd]' numdifftools"
        ) from None


@click.command()
@click.option("--workers", default=2, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--cases", default=100, show_default=True, help="Test cases of our problems, at most, for each mistake.")
@click.option("--problems", default=100, show_default=True, help="Problems of each regime, for false alarms.")
@click.option("--folder", default=DOCS, show_default="docs", type=click.Path(file_okay=False, path_type=Path))
def main(workers: int, seed: int, cases: int, problems: int, folder: Path) -> None:
    os.environ |= {"OMP_NUM_THREADS": "1", "JAX_PLATFORMS": "cpu"}  # for the workers, which are yet to start
    begun = time.perf_counter()
    head = {
        "schema": 1,
        "command": "python -m benchmarks.power",
        "python": platform.python_version(),
        "versions": versions(),
        "settings": {"seed": seed, "cases": cases, "problems": problems, "workers": workers, "largest": LARGEST},
        "checkers": {name: {"call": call, "defaults": defaults} for name, (call, defaults) in power_page.CALLS.items()},
    }
    data = rounded(head | in_order(measured(workers, seed, cases, problems)))
    data["seconds"] = round(time.perf_counter() - begun)
    (folder / "power.json").write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "power.md").write_text(power_page.page(data), encoding="utf-8")
    print(power_page.summary(data))


if __name__ == "__main__":
    main()
