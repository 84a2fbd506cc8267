"""No correct implementation exceeds its bound, and the bound is not loose: `python -m benchmarks.soundness`.

Poses problems of every dtype and regime, opt-in ones included, to correct built-in targets, and shows the test ratios that they
reach: the worst must be at most 1, and the median at least 0.01; and how often careful code would have lost fewer bits: never.
Exits with 1 otherwise.

With `--algorithms` they are posed to `benchmarks.algorithms` instead: other products, sums, softmaxes and losses, all of them
correct. Those that need a grant beyond docs/bounds.md are named with it.
"""

import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace

import click
import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.algorithms import ALGORITHMS
from gradcheck import conformance, verify
from gradcheck.arithmetic import Arithmetic
from gradcheck.implementations import Implementation, adapt, installed, load
from gradcheck.implementations.quiet import quiet
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
    notes: int = 0

    def add(self, other: "Found") -> None:
        self.problems += other.problems
        self.outcomes += other.outcomes
        self.ratios += other.ratios
        self.failed += other.failed
        self.notes += other.notes
        for name, ratio in other.worst.items():
            self.worst[name] = max(ratio, self.worst.get(name, 0.0))


def implementation_of(target: str) -> Implementation:
    """One of `benchmarks.algorithms`, else a built-in target."""
    if target not in ALGORITHMS:
        return adapt(load(target))
    found = ALGORITHMS[target].implementation
    return replace(found, arithmetic=Arithmetic(merged="L")) if ALGORITHMS[target].needs == "merged L" else found


def judge_shard(target: str, dtype: str, regime: str, seed: int, count: int) -> Found:
    implementation, found, number = implementation_of(target), Found(), 0

    def body(problem: Problem) -> None:
        nonlocal number
        due = [check for check in verify.select(()) if check.due(number, problem)]
        number += 1
        verdicts = verify.judge(implementation, problem, due, careful=True)
        found.notes += sum(verdict.lost > 0 for verdict in verdicts.values())
        found.problems += 1
        found.outcomes.update(verdict.outcome for verdict in verdicts.values())
        ratios = {name: v.ratio for name, v in verdicts.items() if v.ratio is not None}
        found.add(Found(worst=ratios))
        # what is exact by construction (ties, say) shows nothing of how loose a bound is
        found.ratios += [max((ratios[name] for name in VALUES if ratios.get(name)), default=np.nan)]
        found.failed += [
            f"{target} {dtype} {regime} seed {seed} {problem!r}: {name} {v}" for name, v in verdicts.items() if v.failed
        ]

    with quiet():
        conformance.pose(body, dtype=dtype, regimes=(regime,), seed=seed, count=count, shrink=False)
    return found


def shards(targets: tuple[str, ...], problems: int, wanted: str) -> list[tuple[str, str, str, int, int]]:
    """Targets and dtypes in turn, with the problems of each: a regime, a seed, how many.

    A quarter is of opt-in regimes, unless one regime is wanted.
    """
    kinds = [(name, dtype) for name in targets for dtype in implementation_of(name).dtypes]
    opt_in = [name for name, regime in REGIMES.items() if regime.opt_in]
    each = -(-problems // len(kinds))
    most = {True: 0, False: each} if wanted else {True: each // 4, False: each - each // 4}
    found = []
    for turn in range(2 * -(-max(most.values()) // SHARD)):
        for kind, (name, dtype) in enumerate(kinds):
            declined = turn % 2 == 1
            count = min(SHARD, most[declined] - turn // 2 * SHARD)
            regime = opt_in[(turn // 2 + kind) % len(opt_in)] if declined else wanted or "*"
            found += [(name, dtype, regime, 10_000 + turn * len(kinds) + kind, count)] if count > 0 else []
    return found


def histogram(ratios: np.ndarray) -> Table:
    counts, _ = np.histogram(ratios, EDGES)
    table = Table(title="Worst test ratio of a problem's values and gradients", box=None)
    for column in ("from", "to", "problems", ""):
        table.add_column(column, justify="right" if column else "left")
    for low, high, count in zip(EDGES, EDGES[1:], counts, strict=False):
        table.add_row(f"{low:g}", f"{high:g}", str(count), "█" * round(40 * count / max(counts)))
    return table


def rows(found: dict[tuple[str, str], Found], *, algorithms: bool) -> Table:
    """What was found of each implementation, in each dtype."""
    table = Table(title="Test ratios of correct implementations", box=None)
    columns = ("target", "dtype", "problems", "worst", "in", "median", "failed", "notes")
    for column in (*columns, "needs") if algorithms else columns:
        table.add_column(column, justify="left" if column in ("target", "dtype", "in", "needs") else "right")
    for (target, dtype), part in found.items():
        name = max(part.worst, key=lambda key: part.worst[key])
        row = (
            f"{part.worst[name]:.3f}",
            name,
            f"{np.nanmedian(part.ratios):.3f}",
            str(len(part.failed)),
            str(part.notes),
        )
        table.add_row(target, dtype, str(part.problems), *row, *([ALGORITHMS[target].needs] if algorithms else []))
    return table


@click.command()
@click.option("--problems", default=100_000, show_default=True)
@click.option("--target", "targets", multiple=True, default=[t for t in TARGETS if t in installed()], show_default=True)
@click.option("--algorithms", is_flag=True, help="Judge benchmarks.algorithms instead of the targets.")
@click.option("--regime", default="", help="Problems of this regime alone, such as tiles.")
@click.option("--workers", default=2, show_default=True)
def main(problems: int, targets: tuple[str, ...], algorithms: bool, regime: str, workers: int) -> None:
    found: dict[tuple[str, str], Found] = {}
    work = shards(tuple(ALGORITHMS) if algorithms else targets, problems, regime)
    with ProcessPoolExecutor(workers) as pool:
        done = pool.map(judge_shard, *zip(*work, strict=True))
        for (target, dtype, *_), part in zip(work, track(done, total=len(work), transient=True), strict=True):
            found.setdefault((target, dtype), Found()).add(part)
    everything = Found()
    for part in found.values():
        everything.add(part)
    console, ratios = Console(width=132 if algorithms else 110), np.array(everything.ratios)
    console.print(rows(found, algorithms=algorithms), histogram(ratios[~np.isnan(ratios)]))
    worst, median = max(everything.worst.values()), float(np.nanmedian(ratios))
    verdicts = ", ".join(f"{count} {outcome}" for outcome, count in everything.outcomes.most_common())
    console.print(f"{everything.problems} problems, worst {worst:.3f}, median {median:.3f}; verdicts: {verdicts}")
    for (target, dtype), part in found.items():
        above = sorted(((ratio, name) for name, ratio in part.worst.items() if not ratio <= 1), reverse=True)
        if above:
            console.print(f"{target} {dtype} above 1: {', '.join(f'{name} {ratio:.3g}' for ratio, name in above)}")
    for line in everything.failed[:20]:
        console.print(line)
    careless = bool(everything.notes) and not algorithms  # these targets are careful
    sys.exit(bool(everything.failed) or careless or not worst <= 1 or not median >= 0.01)


if __name__ == "__main__":
    main()
