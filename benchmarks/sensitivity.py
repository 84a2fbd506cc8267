"""The smallest relative fault e in g (1 + e) that each checker catches: `python -m benchmarks.sensitivity`.

Every checker judges the same problems at its defaults. A fault counts as caught where the median problem catches it. A checker
that rejects the correct gradient of the median problem has no such figure: that is a false alarm. With --referees, the smallest
fault in one entry of each identity that each of our own referees catches. With --options, of a loss that has some.
"""

import statistics
import warnings

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.options.sensitivity import show
from benchmarks.peers import CHECKERS, problem
from benchmarks.referees import smallest
from benchmarks.referees import table as referees_table
from gradcheck import Problem

FAULTS = [float(f"{m}e-{k}") for k in range(16, 0, -1) for m in (1, 2, 5)]


def smallest_caught(checker, arrays) -> float:
    """Of the list of faults; 0 where the correct gradient is rejected."""
    return smallest(FAULTS, lambda e: not checker(arrays, e)) if checker(arrays, 0.0) else 0.0


@click.command()
@click.option("--problems", default=11, help="How many problems each checker judges.")
@click.option("--referees", is_flag=True, help="Our own referees, for each identity of the paper; no peer is asked.")
@click.option("--options", is_flag=True, help="Of a loss with weights, smoothing, a cap and a z-loss, and ∂ℒ/∂X.")
def main(problems: int, referees: bool, options: bool) -> None:
    warnings.simplefilter("ignore")
    if options:
        show(problems, FAULTS)
        return
    if referees:
        posed = [Problem(*problem(3, 2, 4, seed)) for seed in range(problems)]
        Console(width=110).print(referees_table(posed, FAULTS))
        return
    table = Table(title=f"Smallest relative fault caught; median of {problems} problems, (L, d, n) = (3, 4, 6)")
    table.add_column("checker")
    for dtype in ("float64", "float32"):
        table.add_column(dtype, justify="right")
    for name, checker in CHECKERS.items():
        row = []
        for dtype in ("float64", "float32"):
            found = [smallest_caught(checker, problem(3, 4, 6, seed, dtype)) for seed in range(problems)]
            alarms = sum(value == 0 for value in found)
            median = statistics.median(found)
            row.append(
                "rejects correct code"
                if 2 * alarms > problems
                else f"{median:.0e}" + f" ({alarms} false alarms)" * bool(alarms)
            )
        table.add_row(name, *row)
    Console(width=100).print(table)


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
