"""What a campaign costs and finds: `python -m benchmarks.fuzz guidance|rates|kills`.

guidance  problems and time to the first catch of mistakes that hide at N(0, 1), with and without `hypothesis.target` on the
          logarithm of each check's test ratio: medians over seeds, both in turns in one run
rates     problems a second of a campaign on 1 and 2 workers, beside `gradcheck verify` and beside bare generation, in turns
kills     kill -9 of a campaign at random moments, with its workers: what the corpus holds afterwards
"""

import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import click
import numpy as np
from hypothesis import HealthCheck, Phase, Verbosity, given, settings, target
from hypothesis import seed as seeded

from gradcheck import cases, conformance, corpus, verify
from gradcheck.campaign import Budget, Campaign, Job
from gradcheck.campaign.workers import Processes
from gradcheck.implementations import load
from gradcheck.implementations.quiet import quiet
from gradcheck.mistakes import MISTAKES
from gradcheck.settings import Target
from gradcheck.strategies import problems

# The entries of the table that a central difference at one N(0, 1) problem does not see.
HIDDEN = (
    *(
        "clipped_probabilities_differentiated",
        "clipped_loss",
        "constant_in_the_logarithm",
        "constant_in_the_denominator",
    ),
    *("unshifted_softmax", "maximum_over_the_whole_matrix", "minimum_subtracted", "mean_subtracted", "logits_clipped"),
    *("small_probabilities_dropped", "logarithm_of_an_underflown_probability", "saved_probabilities_overwritten"),
    *("reused_output_buffer", "divided_by_the_labelled_samples", "array_like_integer_samples"),
)
GUIDED = {False: (Phase.generate,), True: (Phase.generate, Phase.target)}
MOST = 2000  # problems after which a search is given up


class Caught(Exception):
    """The first failure: there is nothing more to measure."""


def steer(verdicts: dict) -> None:
    """Towards larger test ratios: log2 of each, the infinite ones apart."""
    for name, verdict in verdicts.items():
        if verdict.ratio is not None and 0 < verdict.ratio < np.inf:
            target(float(np.log2(verdict.ratio)), label=name)


def first_catch(name: str, seed: int, guided: bool) -> tuple[int, float]:
    """Problems and seconds until a check fails."""
    mistake = MISTAKES[name]
    implementation, count, start = mistake.implementation(), 0, time.perf_counter()

    @settings(
        max_examples=MOST,
        derandomize=False,
        database=None,
        deadline=None,
        phases=GUIDED[guided],
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.quiet,
    )
    @seeded(seed)
    @given(problems(regimes=mistake.regimes or ("*",)))
    def posed(problem) -> None:
        nonlocal count
        count += 1
        due = [check for check in verify.select(()) if check.due(count - 1, problem)]
        verdicts = verify.judge(implementation, problem, due)
        if any(verdict.failed for verdict in verdicts.values()):
            raise Caught
        if guided:
            steer(verdicts)

    try:
        posed()
    except Caught:
        pass
    except BaseException:  # Hypothesis runs a failure again; some of these mistakes remember, and do not fail twice
        pass
    return count, time.perf_counter() - start


@click.group()
def main() -> None:
    """Campaigns, measured."""


@main.command()
@click.option("--seeds", default=20, show_default=True)
def guidance(seeds: int) -> None:
    """Guided against unguided."""
    click.echo(
        f"median of {seeds} seeds: problems (ms) to the first catch\n\n{'mistake':<42}{'unguided':>16}{'guided':>16}"
    )
    totals = {guided: [] for guided in GUIDED}
    with quiet():
        for name in HIDDEN:
            found = {guided: [] for guided in GUIDED}
            for seed in range(seeds):
                for guided in GUIDED:
                    found[guided].append(first_catch(name, seed, guided))
            cells = []
            for guided, results in found.items():
                count, seconds = (statistics.median(column) for column in zip(*results, strict=True))
                totals[guided] += [count for count, _ in results]
                cells.append(f"{count:g} ({1e3 * seconds:.0f})")
            print(f"{name:<42}" + "".join(f"{cell:>16}" for cell in cells), file=sys.__stdout__, flush=True)
    means = "".join(f"{statistics.mean(totals[guided]):>16.1f}" for guided in GUIDED)
    click.echo(f"{'mean number of problems':<42}{means}")


def rate(work, count: int) -> float:
    start = time.perf_counter()
    work()
    return count / (time.perf_counter() - start)


def campaign_rate(name: str, workers: int, count: int, size: int, seed: int) -> float:
    """Problems a second from the first shard that is done to the last, so that the start of processes is left out."""
    moments: list[tuple[float, int]] = []

    def watch(outcome) -> None:
        if outcome.problems and (not moments or moments[-1][1] != outcome.problems):
            moments.append((time.perf_counter(), outcome.problems))

    with tempfile.TemporaryDirectory() as folder:
        job = Job(Target(name, name), seed=seed, size=size)
        Campaign(job, Processes(workers), Path(folder), watch).run(Budget(problems=count))
    (start, before), (end, after) = moments[0], moments[-1]
    return (after - before) / (end - start)


@main.command()
@click.option("--target", "name", default="numpy", show_default=True)
@click.option("--problems", "count", default=4000, show_default=True)
@click.option("--rounds", default=5, show_default=True)
def rates(name: str, count: int, rounds: int) -> None:
    """A campaign beside verify and bare generation, in turns."""
    implementation = load(name)
    posing = {"dtype": "float64", "regimes": ("*",), "count": count, "shrink": False}
    work = {
        "bare generation": lambda seed: rate(lambda: conformance.pose(lambda p: None, seed=seed, **posing), count),
        "gradcheck verify": lambda seed: rate(
            lambda: conformance.conform(implementation, max_examples=count, seed=seed), count
        ),
        "campaign, 1 worker": lambda seed: campaign_rate(name, 1, count, 200, seed),
        "campaign, 2 workers": lambda seed: campaign_rate(name, 2, 2 * count, 200, seed),
    }
    found = {what: [] for what in work}
    for seed in range(rounds):
        for what, measured in work.items():
            found[what].append(measured(seed))
    medians = {what: statistics.median(values) for what, values in found.items()}
    for what, value in medians.items():
        click.echo(f"{what:<22}{value:8.0f} problems a second")
    one, two = medians["campaign, 1 worker"], medians["campaign, 2 workers"]
    click.echo(f"2 workers are {two / one:.2f} times 1 worker")
    click.echo(
        f"1 worker is {one / medians['gradcheck verify']:.2f} of verify, {one / medians['bare generation']:.2f} of bare"
    )


WRONG = """
import numpy as np

def gradients(theta, b, X, Y):
    E = np.exp(theta @ X + b)
    return {"b": (E / E.sum(axis=0) - Y).sum(axis=1, keepdims=True)}
"""


@main.command()
@click.option("--times", default=20, show_default=True)
@click.option("--seed", default=0, show_default=True)
def kills(times: int, seed: int) -> None:
    """kill -9 of run and workers at random moments, each time on the same corpus; then the campaign is let finish."""
    moments = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "model.py").write_text(WRONG, encoding="utf-8")
        words = (sys.executable, "-m", "gradcheck", "fuzz", "model.py", "--workers", "2", "--check", "bias_gradient")
        start = partial(
            subprocess.Popen, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
        held: set[str] = set()
        for _ in range(times):
            process = start((*words, "--max-examples", "20000"))
            time.sleep(moments.uniform(0.5, 6))
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            now = set(checked(folder / "corpus"))
            if not held <= now:
                raise SystemExit(f"lost: {sorted(held - now)}")
            held = now
        out, _ = start((*words, "--max-examples", "20000")).communicate()
        if not held <= set(checked(folder / "corpus")):
            raise SystemExit("a finding was lost")
        click.echo(f"{times} kills, {len(held)} cases and findings held, every file whole")
        click.echo(out.decode().splitlines()[-1])


def checked(folder: Path) -> list[str]:
    """The files of a corpus; each must be read as what it is."""
    for path in [*(folder / corpus.CASES).glob("*.json"), *(folder / corpus.PENDING).glob("*/*.json")]:
        cases.load(path)
    for path in (folder / corpus.FINDINGS).glob("*.json"):
        cases.parsed(path, "finding", 1)
    return [
        str(p.relative_to(folder)) for kind in (corpus.CASES, corpus.FINDINGS) for p in (folder / kind).glob("*.json")
    ]


if __name__ == "__main__":
    main()
