"""A loss of one's own beside what is known by hand: `python -m benchmarks.own --plain`, and `--rate`.

--plain reads the cross-entropy as if it were somebody's own: its allowances beside those of docs/bounds.md, in the median of all
entries, and its verdicts on the mistakes of docs/power.md beside those of the closed form. --rate says how many problems a second
are judged of the focal loss on one core, and how long a problem of (L, d, n) = (10, 20, 40) takes.
"""

import json
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from gradcheck import conformance, referees
from gradcheck.checks import CHECKS, Trial
from gradcheck.drawing import pose
from gradcheck.implementations import Implementation, adapt
from gradcheck.law import Loss
from gradcheck.mistakes import MISTAKES
from gradcheck.problem import Problem
from gradcheck.verdict import Outcome

POWER = Path(__file__).parents[1] / "docs" / "power.json"
QUANTITIES = ("loss", "D", "theta", "b", "X")
VALUES = (
    "loss",
    "logits",
    "logits_gradient",
    "theta_gradient",
    "bias_gradient",
    "data_gradient",
    "shape_and_dtype",
    "finite",
)
LARGEST = 4096  # numbers of an array


def cross_entropy(Z, Y, *, np):
    """The paper's loss, as somebody would write it down."""
    return -(Y * np.log_softmax(Z)).sum() / Y.shape[1]


def focal(Z, Y, *, np, gamma=2.0):
    """The mean focal loss."""
    log_A = np.log_softmax(Z)
    return -(Y * (1 - np.exp(log_A)) ** gamma * log_A).sum() / Y.shape[1]


PLAIN, FOCAL = Loss(cross_entropy), Loss(focal)


def drawn(dtype: str, count: int, seed: int = 0) -> list[Problem]:
    """Problems of a run that are not too large."""
    found: list[Problem] = []
    pose(found.append, dtype=dtype, regimes=("*",), seed=seed, count=2 * count, shrink=False)
    return [p for p in found if max(p.parameters, p.Y.size) <= LARGEST and not p.masked.any()][:count]


def allowances(dtype: str, count: int, seed: int = 0) -> dict[str, float]:
    """The allowance of the text beside the one by hand: of each problem the median of its entries, and of these the median."""
    shares: dict[str, list[float]] = {name: [] for name in QUANTITIES}
    for problem in drawn(dtype, count, seed):
        by_hand, own = referees.oracle(problem), referees.oracle(problem.with_law(PLAIN))
        with np.errstate(all="ignore"):
            for name in QUANTITIES:
                ratio = np.ravel(own.allowed(name) / by_hand.allowed(name))
                known = ratio[np.isfinite(ratio) & (ratio > 0)]
                shares[name] += [float(np.median(known))] if known.size else []
    return {name: statistics.median(found) for name, found in shares.items()}


def told(name: str, law: Loss | None, problems: list[Problem]) -> set[str]:
    """The checks of values that some problem fails, of a mistake that is made afresh."""
    it: Implementation = MISTAKES[name].implementation()
    it = adapt(it if law is None else replace(it, law=law))
    failed: set[str] = set()
    for problem in problems:
        trial = Trial(it, problem if law is None else problem.with_law(law))
        failed |= {
            check for check in VALUES if CHECKS[check].judge(trial).outcome in (Outcome.DISAGREE, Outcome.ERRORED)
        }
    return failed


def verdicts(dtype: str, count: int) -> Iterator[tuple[str, set[str], set[str]]]:
    """Of each mistake of docs/power.md: what fails by the closed form, and by the text."""
    problems = drawn(dtype, count)
    for name in json.loads(POWER.read_text())["mistakes"]:
        yield name, told(name, None, problems), told(name, PLAIN, problems)


def plain(count: int, posed: int) -> bool:
    """Prints both comparisons; whether the verdicts are the same."""
    for dtype in ("float64", "float32", "float16", "bfloat16"):
        found = allowances(dtype, count)
        click.echo(
            f"{dtype:<8} allowance of the text / by hand, median: "
            + ", ".join(f"{k} {v:.2f}" for k, v in found.items())
        )
    rows = list(verdicts("float64", posed))
    same = [name for name, one, other in rows if bool(one) == bool(other)]
    told_by_hand = sum(bool(one) for _, one, _ in rows)
    click.echo(
        f"{len(rows)} mistakes on {posed} problems: {told_by_hand} are told by their values; the text says the same of {len(same)}"
    )
    for name, one, other in rows:
        if one != other:
            click.echo(
                f"  {name}: by hand {sorted(one - other) or '-'}, by the text {sorted(other - one) or '-'} alone"
            )
    return len(same) == len(rows)


def kernel() -> Implementation:
    """The focal loss with a gradient written by hand."""

    def forward(theta, b, X):
        Z = theta @ X + b
        moved = Z - Z.max(axis=0, keepdims=True)
        log_A = moved - np.log(np.exp(moved).sum(axis=0, keepdims=True))
        return log_A, np.exp(log_A)

    def loss(theta, b, X, Y):
        log_A, A = forward(theta, b, X)
        return -(Y * (1 - A) ** 2 * log_A).sum() / theta.dtype.type(Y.shape[1])

    def gradients(theta, b, X, Y):
        log_A, A = forward(theta, b, X)
        rest = 1 - A
        G = Y * (2 * rest * A * log_A - rest * rest) / theta.dtype.type(Y.shape[1])
        D = G - A * G.sum(axis=0, keepdims=True)
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D, "X": theta.T @ D}

    return Implementation("focal", gradients, loss, lambda theta, b, X: theta @ X + b, law=FOCAL)


def rate(count: int, rounds: int) -> None:
    """Problems a second of processor time, beside the cross-entropy's closed form in turns."""
    from gradcheck.implementations import load

    targets = {"focal": kernel(), "cross-entropy": load("numpy")}
    for dtype in ("float64", "float32"):
        taken: dict[str, list[float]] = {name: [] for name in targets}
        for seed in range(rounds + 1):
            for name, it in targets.items():
                begun = time.process_time()
                conformance.conform(it, dtype=dtype, seed=seed, max_examples=count)
                taken[name].append(time.process_time() - begun)
        said = ", ".join(f"{name} {count / statistics.median(times[1:]):.0f}" for name, times in taken.items())
        click.echo(f"{dtype:<8} problems a second on one core: {said}")
    draw = np.random.default_rng(0)
    arrays = draw.standard_normal((10, 20)), draw.standard_normal((10, 1)), draw.standard_normal((20, 40))
    Y = np.eye(10)[:, draw.integers(0, 10, 40)]
    for dtype in ("float64", "float32"):
        problem = Problem(*(a.astype(dtype) for a in (*arrays, Y))).with_law(FOCAL)
        times = []
        for _ in range(5 * rounds):
            begun = time.process_time()
            trial = Trial(kernel(), problem)
            for check in VALUES:
                CHECKS[check].judge(trial)
            times.append(time.process_time() - begun)
        click.echo(f"{dtype:<8} (L, d, n) = (10, 20, 40): all values judged in {1e3 * statistics.median(times):.1f} ms")


@click.command()
@click.option("--plain", "is_plain", is_flag=True, help="The cross-entropy, read as one's own.")
@click.option("--rate", "is_rate", is_flag=True, help="Problems a second.")
@click.option("--problems", default=200, show_default=True)
@click.option("--posed", default=60, show_default=True, help="Problems that each mistake is judged on.")
@click.option("--rounds", default=5, show_default=True)
def main(*, is_plain: bool, is_rate: bool, problems: int, posed: int, rounds: int) -> None:
    if is_rate:
        rate(problems, rounds)
    if is_plain and not plain(problems, posed):
        sys.exit(1)


if __name__ == "__main__":
    main()
