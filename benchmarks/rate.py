"""Problems a second that `verify` judges on one core, beside what Hypothesis needs to draw them: `python -m benchmarks.rate`.

All checks on a problem count as one. Both rates come from one run, in turns; the figure that does not depend on the machine
is their ratio. The second part is how long `import gradcheck` and `gradcheck --help` take, beside `python -c pass`.
"""

import statistics
import subprocess
import sys
import time

import click

from gradcheck import conformance
from gradcheck.implementations import load

COMMANDS = {
    "python -c pass": ("-c", "pass"),
    "import gradcheck": ("-c", "import gradcheck"),
    "gradcheck --help": ("-m", "gradcheck", "--help"),
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
def main(target: str, dtype: str, problems: int, rounds: int) -> None:
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
    for name, arguments in COMMANDS.items():
        times = [
            seconds(lambda a=arguments: subprocess.run((sys.executable, *a), check=True, stdout=subprocess.DEVNULL))
            for _ in range(rounds)
        ]
        click.echo(f"{name:<17} {1e3 * statistics.median(times):6.0f} ms")


if __name__ == "__main__":
    main()
