"""How fast problems are judged where the loss has options, beside the paper's loss, and this tree beside another one.

Time is that of the processor, so that a busy machine does not count; what is compared runs in turns, and the figure is the median
of the ratios of each turn.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import click

from benchmarks.options.codes import by_hand
from benchmarks.options.laws import WEIGHT
from gradcheck import CrossEntropy, conformance
from gradcheck.implementations import Implementation, load

LAWS = {
    "plain": CrossEntropy(),
    "smoothing": CrossEntropy(smoothing=0.1),
    "class weights": CrossEntropy(**WEIGHT),
    "cap and z-loss": CrossEntropy(softcap=30.0, z_loss=1e-4),
    "all of them": CrossEntropy(**WEIGHT, smoothing=0.1, softcap=30.0, z_loss=1e-4),
}
# What another tree is asked, which may know of no options.
ONE_TURN = """
import sys, time
from gradcheck import conformance
from gradcheck.implementations import load
from benchmarks import own
target, dtype, problems = own.kernel() if sys.argv[1] == "focal" else load(sys.argv[1]), sys.argv[2], int(sys.argv[3])
conformance.conform(target, dtype=dtype, max_examples=100, seed=1000)
for line in sys.stdin:
    start = time.process_time()
    conformance.conform(target, dtype=dtype, max_examples=problems, seed=int(line))
    print(time.process_time() - start, flush=True)
"""


def seconds(implementation: Implementation, dtype: str, problems: int, seed: int) -> float:
    start = time.process_time()
    run = conformance.conform(implementation, dtype=dtype, max_examples=problems, seed=seed)
    taken = time.process_time() - start
    assert not run.failed, [failure.check.name for failure in run.failures]
    return taken


def in_turns(timed: dict[str, Callable[[int], float]], rounds: int) -> dict[str, list[float]]:
    """The seconds of each, in an order that rotates; the first round warms up."""
    names, found = list(timed), {name: list[float]() for name in timed}
    for turn in range(rounds + 1):
        k = turn % len(names)
        for name in names[k:] + names[:k]:
            found[name].append(timed[name](turn))
    return {name: taken[1:] for name, taken in found.items()}


def show(found: dict[str, list[float]], problems: int) -> None:
    first, *_ = found.values()
    for name, taken in found.items():
        ratio = statistics.median(a / b for a, b in zip(first, taken, strict=True))
        click.echo(f"{name:<16} {problems / statistics.median(taken):6.0f} problems a second, {ratio:.2f} of the first")


def of_options(dtype: str, problems: int, rounds: int) -> None:
    codes = {name: by_hand(law) for name, law in LAWS.items()}
    timed = {name: lambda seed, code=code: seconds(code, dtype, problems, seed) for name, code in codes.items()}
    show(in_turns(timed, rounds), problems)


def beside(tree: str, target: str, dtype: str, problems: int, rounds: int) -> None:
    """The same target in another tree first, then in this one, each in a process of its own: `focal` is that of benchmarks.own."""
    command = (sys.executable, "-c", ONE_TURN, target, dtype, str(problems))
    there, here = (
        subprocess.Popen(command, cwd=place, env=environment(place), text=True, stdin=-1, stdout=-1)
        for place in (tree, ".")
    )

    def asked(process: subprocess.Popen[str], seed: int) -> float:
        process.stdin.write(f"{seed}\n")
        process.stdin.flush()
        return float(process.stdout.readline())

    if target != "focal":
        load(target)
    show(in_turns({"there": lambda s: asked(there, s), "here": lambda s: asked(here, s)}, rounds), problems)
    for process in (there, here):
        process.stdin.close()
        process.wait()


def environment(place: str) -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": os.path.abspath(place), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
