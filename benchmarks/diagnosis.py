"""Pairs of ten common mistakes, 45 in all, caught and explained exactly: `python -m benchmarks.diagnosis`.

A pair is one piece of code with both mistakes. It counts as exact where what is named fits every failing problem within bounds;
a mistake that is a factor may be named as that factor. Exits with 1 where one is not caught.
"""

import sys
from itertools import combinations

import click
from rich.console import Console
from rich.table import Table

from gradcheck.conformance import pose
from gradcheck.diagnosis import SMALL, diagnose
from gradcheck.implementations.quiet import quiet
from gradcheck.mistakes import MISTAKES
from gradcheck.problem import Problem
from gradcheck.verify import parted, select

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


@click.command()
@click.option("--problems", default=40, show_default=True)
@click.option("--seed", default=0, show_default=True)
def main(problems: int, seed: int) -> None:
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
    sys.exit(caught < count)


if __name__ == "__main__":
    main()
