"""`python -m benchmarks.own_losses --problems 10000 --dtype float64`: correct gradients by torch and JAX are not refused.

With --peers the same wrong gradients are shown to us and to the checkers of torch, JAX and autograd. Exits with 1 where a correct
gradient is refused.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import click

from benchmarks.own_losses.asked import ask
from benchmarks.own_losses.judged import FRAMEWORKS, measure
from benchmarks.own_losses.specs import SPECS

DTYPES = ("float64", "float32", "float16", "bfloat16")


@click.command()
@click.option("--problems", default=1000, show_default=True, help="Of each loss, dtype and framework.")
@click.option(
    "--dtype", "dtypes", multiple=True, type=click.Choice(DTYPES), default=("float64", "float32"), show_default=True
)
@click.option(
    "--loss", "losses", multiple=True, type=click.Choice(list(SPECS)), help="All of them, unless some are named."
)
@click.option("--framework", "frameworks", multiple=True, type=click.Choice(FRAMEWORKS), default=FRAMEWORKS)
@click.option("--peers", default=0, show_default=True, help="Problems that the peers are asked about, too.")
@click.option("--seed", default=0, show_default=True)
@click.option("--workers", default=1, show_default=True)
def main(*, problems, dtypes, losses, frameworks, peers, seed, workers):
    names = losses or tuple(SPECS)
    refused = 0
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        tasks = [(name, dtype, framework) for dtype in dtypes for name in names for framework in frameworks]
        for row in (
            pool.map(measure, *zip(*tasks, strict=True), [problems] * len(tasks), [seed] * len(tasks))
            if problems
            else ()
        ):
            click.echo(str(row))
            for line in row.refused[:3]:
                click.echo(f"  {line}")
            refused += len(row.refused)
        asked = [(name, dtype) for dtype in dtypes for name in names]
        for lines in (
            pool.map(ask, *zip(*asked, strict=True), [peers] * len(asked), [seed] * len(asked)) if peers else ()
        ):
            for line in lines:
                click.echo(line)
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()
