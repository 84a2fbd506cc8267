"""What it costs to judge one gradient, beside the peers, in one run: `python -m benchmarks.cost`.

The order of the checkers rotates from round to round, so that a slow spell of the machine meets all of them. The figure
that does not depend on the machine is the ratio to gradcheck. Every checker has one thread, since two that wait for each other
on a busy machine measure the machine.
"""

import os
import statistics
import time

for library in ("OMP", "OPENBLAS", "MKL"):  # before NumPy and the frameworks are loaded
    os.environ[f"{library}_NUM_THREADS"] = "1"

import click
from rich.console import Console
from rich.table import Table

from benchmarks.peers import CHECKERS, problem

SIZES = {"P = 210": (10, 20, 40), "P = 10,050": (50, 200, 256)}
SLOW = {"torch gradcheck, slow", "scipy check_grad"}  # seconds each at the larger size


def measure(size: tuple[int, int, int], rounds: int) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in CHECKERS}
    names = list(CHECKERS)
    for name in names:  # imports, compilation and warm-up are not what is measured
        CHECKERS[name](problem(3, 2, 4, seed=0))
    for turn in range(rounds):
        arrays = problem(*size, seed=turn)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            if name in SLOW and turn >= max(3, rounds // 10):
                continue
            start = time.perf_counter()
            CHECKERS[name](arrays)
            times[name].append(time.perf_counter() - start)
    return times


@click.command()
@click.option("--rounds", default=30, help="How often each checker judges (slow ones: a tenth of it).")
def main(rounds: int) -> None:
    for title, size in SIZES.items():
        times = measure(size, rounds)
        table = Table(title=f"{title}: (L, d, n) = {size}, median of up to {rounds} rounds")
        for column in ("checker", "median ms", "ratio to gradcheck", "rounds"):
            table.add_column(column, justify="left" if column == "checker" else "right")
        ours = statistics.median(times["gradcheck"])
        for name, taken in sorted(times.items(), key=lambda item: statistics.median(item[1])):
            median = statistics.median(taken)
            table.add_row(name, f"{1e3 * median:.2f}", f"{median / ours:.2f}", str(len(taken)))
        Console(width=100).print(table)


if __name__ == "__main__":
    main()
