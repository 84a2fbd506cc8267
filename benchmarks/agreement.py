"""Every correct target agrees, seed after seed: `python -m benchmarks.agreement --max-examples 2000 --target numpy`.

What `gradcheck verify TARGET --dtype … --seed …` says, for five seeds and every dtype that each target is made for; exits with 1
where any run fails. The campaign of 200,000 problems: `python -m benchmarks.agreement --max-examples 2000 --target reference
--target numpy --target scipy --target torch --target jax --target autograd --target sklearn`. With --options, right code of every
loss instead, by hand and by PyTorch: `python -m benchmarks.agreement --options --problems 20000`.
"""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.options.agreement import run as with_options
from gradcheck import conformance, load
from gradcheck.implementations import BUILT_IN, installed
from gradcheck.reports import words


def judged(target: str, dtype: str, count: int, seed: int) -> tuple[int, bool, str]:
    """How many problems were judged, whether any check failed, and what the run says."""
    run = conformance.conform(load(target), dtype=dtype, max_examples=count, seed=seed)
    return run.problems, run.failed, words.summary(run)


@click.command()
@click.option("--target", "targets", multiple=True, help="Built-in targets. [all that are installed]")
@click.option("--extra", "extras", multiple=True, help="All that need this extra.")
@click.option("--dtype", "dtypes", multiple=True, help="[every dtype that a target is made for]")
@click.option("--max-examples", default=500, show_default=True)
@click.option("--seeds", default=5, show_default=True)
@click.option("--workers", default=2, show_default=True)
@click.option("--options", is_flag=True, help="Every option of the loss, alone and in pairs.")
@click.option("--problems", default=20_000, show_default=True, help="With --options, in all.")
@click.option("--seed", default=0, show_default=True, help="With --options.")
def main(
    *,
    targets: tuple[str, ...],
    extras: tuple[str, ...],
    dtypes: tuple[str, ...],
    max_examples: int,
    seeds: int,
    workers: int,
    options: bool,
    problems: int,
    seed: int,
) -> None:
    if options:
        sys.exit(with_options(problems, seed, workers))
    targets += tuple(name for name, target in BUILT_IN.items() if target.extra in extras)
    kinds = [(t, d) for t in targets or installed() for d in load(t).dtypes if not dtypes or d in dtypes]
    work = [(*kind, max_examples, seed) for kind in kinds for seed in range(seeds)]
    table = Table("target", "dtype", "seeds", "problems", "failed", "last", box=None)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        results = pool.map(judged, *zip(*work, strict=True))
        found = list(track(results, "judging", len(work), console=Console(stderr=True)))
    for target, dtype in kinds:
        mine = [f for w, f in zip(work, found, strict=True) if w[:2] == (target, dtype)]
        counts = (len(mine), sum(problems for problems, _, _ in mine), sum(failed for _, failed, _ in mine))
        table.add_row(target, dtype, *map(str, counts), mine[-1][2])
    Console(width=140).print(table)
    print(f"{sum(p for p, _, _ in found)} problems, {sum(f for _, f, _ in found)} of {len(found)} runs failed")
    sys.exit(any(failed for _, failed, _ in found))


if __name__ == "__main__":
    main()
