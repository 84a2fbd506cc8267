"""No correct implementation exceeds its bound, and the bound is not loose: `python -m benchmarks.soundness`.

Poses problems of every dtype and regime, opt-in ones included, to correct built-in targets, and shows the test ratios that they
reach: the worst must be at most 1, and the median at least 0.01. Exits with 1 otherwise.
"""

import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from gradcheck import conformance, verify
from gradcheck.implementations import adapt, installed, load
from gradcheck.problem import Problem
from gradcheck.regimes import REGIMES
from gradcheck.verdict import Outcome

VALUES = ("logits", "softmax", "loss", "logits_gradient", "theta_gradient", "bias_gradient")
TARGETS = ("reference", "numpy", "scipy", "torch")
SHARD = 500
EDGES = (0.0, 1e-4, 1e-3, 1e-2, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, np.inf)


@dataclass
class Found:
    """Of one target and dtype: problems posed, verdicts, every problem's worst ratio, and the worst of each check."""

    problems: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    ratios: list[float] = field(default_factory=list)
    worst: dict[str, float] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def add(self, other: "Found") -> None:
        self.problems += other.problems
        self.outcomes += other.outcomes
        self.ratios += other.ratios
        self.failed += other.failed
        for name, ratio in other.worst.items():
            self.worst[name] = max(ratio, self.worst.get(name, 0.0))


def judge_shard(target: str, dtype: str, regime: str, seed: int) -> Found:
    implementation, found, number = adapt(load(target)), Found(), 0

    def body(problem: Problem) -> None:
        nonlocal number
        due = [check for check in verify.select(()) if check.due(number, problem)]
        number += 1
        verdicts = verify.judge(implementation, problem, due)
        found.problems += 1
        found.outcomes.update(verdict.outcome for verdict in verdicts.values())
        ratios = {name: v.ratio for name, v in verdicts.items() if v.ratio is not None}
        found.add(Found(worst=ratios))
        # what is exact by construction (ties, say) shows nothing of how loose a bound is
        found.ratios += [max((ratios[name] for name in VALUES if ratios.get(name)), default=np.nan)]
        found.failed += [
            f"{target} {dtype} {regime} seed {seed} {problem!r}: {name} {v}" for name, v in verdicts.items() if v.failed
        ]

    with conformance.quiet():
        conformance.pose(body, dtype=dtype, regimes=(regime,), seed=seed, count=SHARD, shrink=False)
    return found


def shards(targets: tuple[str, ...], problems: int) -> list[tuple[str, str, str, int]]:
    """Targets and dtypes in turn; every fourth shard poses an opt-in regime."""
    kinds = [(name, dtype) for name in targets for dtype in load(name).dtypes]
    opt_in = [name for name, regime in REGIMES.items() if regime.opt_in]
    rounds = -(-problems // (SHARD * len(kinds)))
    return [
        (*kind, opt_in[turn // 4 % len(opt_in)] if turn % 4 == 3 else "*", 10_000 + turn)
        for turn in range(rounds)
        for kind in kinds
    ]


def histogram(ratios: np.ndarray) -> Table:
    counts, _ = np.histogram(ratios, EDGES)
    table = Table(title="Worst test ratio of a problem's values and gradients", box=None)
    for column in ("from", "to", "problems", ""):
        table.add_column(column, justify="right" if column else "left")
    for low, high, count in zip(EDGES, EDGES[1:], counts, strict=False):
        table.add_row(f"{low:g}", f"{high:g}", str(count), "█" * round(40 * count / max(counts)))
    return table


@click.command()
@click.option("--problems", default=100_000, show_default=True)
@click.option("--target", "targets", multiple=True, default=[t for t in TARGETS if t in installed()], show_default=True)
@click.option("--workers", default=2, show_default=True)
def main(problems: int, targets: tuple[str, ...], workers: int) -> None:
    found: dict[tuple[str, str], Found] = {}
    work = shards(targets, problems)
    with ProcessPoolExecutor(workers) as pool:
        done = pool.map(judge_shard, *zip(*work, strict=True))
        for (target, dtype, *_), part in zip(work, track(done, total=len(work), transient=True), strict=True):
            found.setdefault((target, dtype), Found()).add(part)
    table = Table(title="Test ratios of correct implementations", box=None)
    for column in ("target", "dtype", "problems", "worst", "in", "median", "failed"):
        table.add_column(column, justify="left" if column in ("target", "dtype", "in") else "right")
    everything = Found()
    for (target, dtype), part in found.items():
        everything.add(part)
        name = max(part.worst, key=lambda key: part.worst[key])
        row = (f"{part.worst[name]:.3f}", name, f"{np.nanmedian(part.ratios):.3f}", str(len(part.failed)))
        table.add_row(target, dtype, str(part.problems), *row)
    console, ratios = Console(width=110), np.array(everything.ratios)
    console.print(table, histogram(ratios[~np.isnan(ratios)]))
    worst, median = max(everything.worst.values()), float(np.nanmedian(ratios))
    verdicts = ", ".join(f"{count} {outcome}" for outcome, count in everything.outcomes.most_common())
    console.print(f"{everything.problems} problems, worst {worst:.3f}, median {median:.3f}; verdicts: {verdicts}")
    for line in everything.failed[:20]:
        console.print(line)
    sys.exit(bool(everything.failed) or not worst <= 1 or not median >= 0.01)


if __name__ == "__main__":
    main()
