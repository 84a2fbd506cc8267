"""Every correct target agrees, seed after seed: `python -m benchmarks.agreement --max-examples 2000 --target numpy`.

What `gradcheck verify TARGET --dtype … --seed …` says, for five seeds and every dtype that each target is made for; exits with 1
where any run fails.
"""

import sys
from concurrent.futures import ProcessPoolExecutor

import click
from rich.console import Console
from rich.table import Table

from gradcheck import conformance, load
from gradcheck.implementations import installed
from gradcheck.reports import words


def judged(target: str, dtype: str, count: int, seed: int) -> tuple[bool, str]:
    run = conformance.conform(load(target), dtype=dtype, max_examples=count, seed=seed)
    return run.failed, words.summary(run)


@click.command()
@click.option("--target", "targets", multiple=True, help="Built-in targets. [all that are installed]")
@click.option("--dtype", "dtypes", multiple=True, help="[every dtype that a target is made for]")
@click.option("--max-examples", default=500, show_default=True)
@click.option("--seeds", default=5, show_default=True)
@click.option("--workers", default=2, show_default=True)
def main(targets: tuple[str, ...], dtypes: tuple[str, ...], max_examples: int, seeds: int, workers: int) -> None:
    kinds = [(t, d) for t in targets or installed() for d in load(t).dtypes if not dtypes or d in dtypes]
    work = [(*kind, max_examples, seed) for kind in kinds for seed in range(seeds)]
    table = Table("target", "dtype", "seeds", "failed", "last", box=None)
    with ProcessPoolExecutor(workers) as pool:
        found = list(pool.map(judged, *zip(*work, strict=True)))
    for target, dtype in kinds:
        mine = [f for w, f in zip(work, found, strict=True) if w[:2] == (target, dtype)]
        table.add_row(target, dtype, str(len(mine)), str(sum(failed for failed, _ in mine)), mine[-1][1])
    Console(width=140).print(table)
    sys.exit(any(failed for failed, _ in found))


if __name__ == "__main__":
    main()
