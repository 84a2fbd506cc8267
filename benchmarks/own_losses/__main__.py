"""`python -m benchmarks.own_losses --problems 10000 --dtype float64`: correct gradients by torch and JAX are not refused.

Beside them is what is told of the plain cross-entropy by hand. With --traced they are judged by what JAX traces of the same losses.
With --peers the same wrong gradients are shown to us and to the checkers of torch, JAX and autograd. Torch computes where
GRADCHECK_DEVICE says, such as cuda. Exits with 1 where a correct gradient is refused.
"""

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from multiprocessing import get_context

import click

from benchmarks.own_losses.asked import ask
from benchmarks.own_losses.judged import FRAMEWORKS, by_hand, measure
from benchmarks.own_losses.specs import SPECS

DTYPES = ("float64", "float32", "float16", "bfloat16")


@click.command()
@click.option("--problems", default=1000, show_default=True, help="Of each loss, dtype and framework.")
@click.option(
    "--dtype", "dtypes", multiple=True, type=click.Choice(DTYPES), default=("float64", "float32"), show_default=True
)
@click.option("--loss", "losses", multiple=True, type=click.Choice(list(SPECS)), help="Otherwise all of them.")
@click.option("--framework", "frameworks", multiple=True, type=click.Choice(FRAMEWORKS), default=FRAMEWORKS)
@click.option("--traced", is_flag=True, help="By the losses that JAX has traced, and not by those in NumPy's notation.")
@click.option("--peers", default=0, show_default=True, help="Problems that the peers are asked about, too.")
@click.option("--seed", default=0, show_default=True)
@click.option("--workers", default=1, show_default=True)
def main(*, problems, dtypes, losses, frameworks, traced, peers, seed, workers):
    names, refused = losses or tuple(SPECS), 0
    judged = list(product(dtypes, names, frameworks)) if problems else []
    asked = list(product(dtypes, names)) if peers else []
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for row in pool.map(partial(measure, traced=traced, count=problems, seed=seed), judged):
            click.echo(str(row))
            for line in row.refused[:3]:
                click.echo(f"  {line}")
            refused += len(row.refused)
        for row in pool.map(partial(by_hand, count=problems, seed=seed), dtypes if problems else ()):
            click.echo(f"{row.loss:<13} {row.dtype:<8} {row.tells()}, by the bounds of docs/bounds.md")
        for lines in pool.map(partial(ask, count=peers, seed=seed), asked):
            click.echo("\n".join(lines))
    sys.exit(1 if refused else 0)


if __name__ == "__main__":
    main()
