"""Problems a second that `verify` judges on one core, beside what Hypothesis needs to draw them: `python -m benchmarks.rate`.

All checks on a problem count as one. Both rates come from one run, in turns; the figure that does not depend on the machine
is their ratio. The second part is how long `import gradcheck` and `gradcheck --help` take, beside `python -c pass`, and an empty
pytest session with and without our plugin, in turns. With --options, losses that have some beside the paper's; with
--before, another tree beside this one.
"""

import statistics
import subprocess
import sys
import tempfile
import time

import click

from benchmarks.options.rate import beside, of_options
from gradcheck import conformance
from gradcheck.implementations import load

EMPTY = tempfile.mkdtemp()
COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "import gradcheck": ("-c", "import gradcheck"),
    "gradcheck --help": ("-m", "gradcheck", "--help"),
    "pytest": ("-m", "pytest", "-q", "--rootdir", EMPTY, EMPTY),
    "pytest -p no:gradcheck": ("-m", "pytest", "-q", "--rootdir", EMPTY, EMPTY, "-p", "no:gradcheck"),
}


def seconds(work) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@click.command()
@click.option("--target", default="numpy", show_default=True)
@click.option("--dtype", default="float64", show_default=True)
@click.option("--problems", default=1000, show_default=True)
@click.option("--rounds", default=7, show_default=True)
@click.option("--options", is_flag=True, help="Closed forms of losses with options beside the plain one.")
@click.option("--before", metavar="TREE", help="Another tree of this project, judging the same target in turns.")
def main(*, target: str, dtype: str, problems: int, rounds: int, options: bool, before: str | None) -> None:
    if options:
        return of_options(dtype, problems, rounds)
    if before:
        return beside(before, target, dtype, problems, rounds)
    implementation = load(target)
    drawn, judged = [], []
    for seed in range(rounds + 1):
        options = {"dtype": dtype, "seed": seed}
        drawn.append(
            seconds(
                lambda o=options: conformance.pose(lambda p: None, regimes=("*",), count=problems, shrink=False, **o)
            )
        )
        judged.append(
            seconds(lambda o=options: conformance.conform(implementation, max_examples=problems, **o)),
        )
    draw, judge = (problems / statistics.median(times[1:]) for times in (drawn, judged))  # the first round warms up
    click.echo(f"drawn alone       {draw:6.0f} problems a second")
    click.echo(f"drawn and judged  {judge:6.0f} problems a second, {judge / draw:.2f} of the rate of drawing alone")
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(2 * rounds):
        for name, arguments in COMMANDS.items():
            words = (sys.executable, *arguments)
            times[name].append(seconds(lambda w=words: subprocess.run(w, check=False, stdout=subprocess.DEVNULL)))
    for name, taken in times.items():
        click.echo(f"{name:<23} {1e3 * statistics.median(taken):6.0f} ms")


if __name__ == "__main__":
    main()
