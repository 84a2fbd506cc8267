"""What is said of wrong code. Pairs of ten common mistakes, 45 in all, caught and explained: `python -m benchmarks.diagnosis`.

With `--inputs FILE` every implementation of a file of wrong ones (its `ALL` holds what its author says of each) is judged, and
what is said of it stands beside that; `--page` writes the table, as in docs/diagnosis.md.

A pair is one piece of code with both mistakes. It counts as exact where what is named fits every failing problem within bounds;
a mistake that is a factor may be named as that factor. Exits with 1 where one is not caught.
"""

import runpy
import sys
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from time import process_time

import click
from rich.console import Console
from rich.table import Table

from gradcheck import layouts
from gradcheck.diagnosis import SMALL, Diagnosis, diagnose
from gradcheck.drawing import pose
from gradcheck.implementations import adapt
from gradcheck.implementations.loading import load
from gradcheck.implementations.quiet import quiet
from gradcheck.judging import Judging
from gradcheck.mistakes import MISTAKES
from gradcheck.problem import Problem
from gradcheck.verify import parted, select, settle

COMMON = (
    "missing_mean",
    "gradient_doubled",
    "flipped_sign",
    "transposed_theta_gradient",
    "bias_gradient_over_classes",
    "labels_shifted_by_one",
    "softmax_applied_twice",
    "last_sample_left_out",
    "penalty_on_theta",
    "loss_summed",
)
CHECKED = ("*_gradient", "loss", "softmax", "logits", "shape_and_dtype")


def pairs(problems: int, seed: int) -> bool:
    """Whether every pair is caught."""
    posed: list[Problem] = []
    pose(posed.append, dtype="float64", regimes=("*",), seed=seed, count=problems, shrink=False)
    table = Table("first", "second", "what is said", box=None)
    caught = exact = 0
    for first, second in combinations(COMMON, 2):
        both = MISTAKES[first].and_(MISTAKES[second])().implementation("both")
        with quiet():
            failing, passing = parted(both, (p for p in posed if p.Y.size <= SMALL), select(CHECKED))
            found = diagnose(both, failing, passing)
        caught += bool(failing)
        exact += bool(found and found.exact and found.explained == found.examined)
        table.add_row(first, second, found.likely if found else "nothing")
    Console(width=160).print(table)
    count = len(COMMON) * (len(COMMON) - 1) // 2
    print(f"{caught} of {count} pairs caught, {exact} explained exactly")
    return caught == count


# ---- a file of wrong implementations ----


@dataclass(frozen=True)
class Said:
    """Of one implementation: what its author says, what is said here, of which kind that is, and how many problems failed."""

    name: str
    fault: str
    when: str
    kind: str
    text: str
    failed: int
    judged: float
    diagnosed: float


KINDS = {
    "named": "named as what it is",
    "near": "named as near to it",
    "described": "described: which entries, or where",
    "nothing": "nothing useful",
    "passes": "passes here",
}


def said(path: Path, name: str, author: tuple[str, str], problems: int, seed: int) -> Said:
    """Judged as a run does it, without shrinking."""
    original = load(f"{path}:{name}")
    implementation, start = adapt(original), process_time()
    judging = Judging(implementation, select(()), "float64")

    def body(problem: Problem) -> None:
        judging.judge(problem)

    with quiet():
        pose(
            body,
            dtype="float64",
            regimes=("*",),
            seed=seed,
            count=problems,
            shrink=False,
            implementation=original,
        )
        settle(judging.tallies, judging.done)
        between = process_time()
        bad = [tally for tally in judging.tallies.values() if tally.failed]
        failing = [problem for tally in bad for problem in tally.failing]
        meant = layouts.meant(original, judging.tallies.values(), judging.passing) if bad else None
        found = diagnose(implementation, failing, judging.passing, record=judging.record) if bad else None
    kind, text = _kind(bool(bad), found)
    if meant and meant[1] != original.law:
        kind, text = "named", "as if this loss were meant: " + ", ".join(f"{k} {v}" for k, v in meant[1].said.items())
    count = len({problem.digest for problem in failing})
    return Said(name, *author, kind, text, count, between - start, process_time() - between)


def _kind(failed: bool, found: Diagnosis | None) -> tuple[str, str]:
    if found is None:
        return ("nothing", "nothing") if failed else ("passes", "–")
    if found.exact:
        return "named", found.likely
    if found.mistakes:
        return "near", found.likely
    title = found.likely.partition(";")[0]
    telling = any(
        word in title
        for word in (
            " where ",
            " only",
            " in ",
            "times",
            "factor",
            " call",
            " now ",
            "larger problems",
            "sign",
            " is 0",
        )
    )
    return ("described" if telling or "bits are right" in found.likely else "nothing"), found.likely


def table(rows: list[Said], problems: int, seed: int) -> str:
    """As a page."""
    counts = {words: sum(row.kind == kind for row in rows) for kind, words in KINDS.items()}
    lines = [
        "<!-- Generated by `python -m benchmarks.diagnosis --inputs FILE --page docs/diagnosis.md`; do not edit. -->",
        "",
        "# What is said of wrong code",
        "",
        f"{len(rows)} implementations, wrong or right (controls); float64, {problems} problems, seed {seed}, no shrinking.",
        "",
        "Many of the mistakes that are named were entered with this file in view: it shows that each is told from all others, not",
        "what is said of a mistake that nobody has thought of. *Described* is what has a word for a place or a manner in its first",
        "clause; whether that helps, a reader judges.",
        "",
        *(f"- {words}: {count}" for words, count in counts.items()),
        "",
        "| | what its author says | wrong when | failed | | what is said |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = (row.name, row.fault, row.when, str(row.failed), row.kind, row.text)
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def wrong(path: Path, names: tuple[str, ...], problems: int, seed: int, page: Path | None) -> None:
    """Every implementation of a file, or those that are named."""
    authors = runpy.run_path(str(path))["ALL"]
    rows = []
    for name in names or authors:
        rows.append(said(path, name, authors[name][:2], problems, seed))
        row = rows[-1]
        print(f"{name} [{row.when}] {row.fault}\n    {row.failed} failed, {row.judged:.1f} s + {row.diagnosed:.1f} s")
        print(f"    {row.kind.upper()}: {row.text}", flush=True)
    if page:
        page.write_text(table(rows, problems, seed), encoding="utf-8")
    print(", ".join(f"{words}: {sum(row.kind == kind for row in rows)}" for kind, words in KINDS.items()))


@click.command()
@click.option("--problems", type=int, help="40 for pairs, 100 for a file.")
@click.option("--seed", default=0, show_default=True)
@click.option("--inputs", type=click.Path(path_type=Path), help="A file of wrong implementations.")
@click.option("--page", type=click.Path(path_type=Path), help="Where the table is written.")
@click.argument("names", nargs=-1)
def main(problems: int | None, seed: int, inputs: Path | None, page: Path | None, names: tuple[str, ...]) -> None:
    if inputs:
        wrong(inputs, names, problems or 100, seed, page)
    else:
        sys.exit(not pairs(problems or 40, seed))


if __name__ == "__main__":
    main()
