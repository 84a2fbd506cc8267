"""Right code of every option of the loss, alone and in pairs, on problems of every regime: none of it is refused."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.options.codes import CODES, DTYPES
from benchmarks.options.laws import LAWS
from gradcheck.checks import CHECKS
from gradcheck.drawing import pose
from gradcheck.implementations import adapt
from gradcheck.implementations.quiet import quiet
from gradcheck.judging import Judging
from gradcheck.problem import Problem
from gradcheck.verdict import Outcome

VALUES = ("loss", "logits_gradient", "theta_gradient", "bias_gradient", "data_gradient")
EACH = 12  # problems of one loss in one piece of work


@dataclass
class Found:
    """Of one code in one precision: problems, refusals in words, and of each problem the worst ratio of a value."""

    problems: int = 0
    refused: list[str] = field(default_factory=list)
    worst: list[float] = field(default_factory=list)
    told: int = 0
    untold: int = 0


def judged(code: str, dtype: str, name: str, seed: int) -> Found:
    """Every check in its turn on some problems of one loss."""
    implementation, found = adapt(CODES[code](LAWS[name])), Found()
    judging = Judging(implementation, tuple(CHECKS.values()), dtype)

    def body(problem: Problem) -> None:
        verdicts = judging.judge(problem)
        found.problems += 1
        values = [verdicts[check] for check in VALUES if check in verdicts]
        found.worst += [max(ratios)] if (ratios := [v.ratio for v in values if v.ratio]) else []
        found.told += sum(v.outcome is Outcome.AGREE for v in values)
        found.untold += sum(v.outcome is Outcome.INCONCLUSIVE for v in values)
        failed = {check: verdict for check, verdict in verdicts.items() if verdict.failed}
        if failed:
            check, verdict = next(iter(failed.items()))
            said = verdict.reason or f"ratio {verdict.ratio:.3g}"
            found.refused += [f"{code} {dtype} {name!r} seed {seed} {problem.digest[:8]} {problem!r}: {check}: {said}"]

    with quiet():
        pose(body, dtype=dtype, regimes=("*",), seed=seed, count=EACH, shrink=False, implementation=implementation)
    return found


def work(problems: int, seed: int) -> list[tuple[str, str, str, int]]:
    """Codes, precisions and losses in turn, until there are so many problems."""
    kinds = list(product(LAWS, CODES, DTYPES))
    count = -(-problems // EACH)
    return [
        (code, dtype, name, seed + k // len(kinds))
        for k in range(count)
        for name, code, dtype in [kinds[k % len(kinds)]]
    ]


def run(problems: int, seed: int, workers: int) -> bool:
    """Whether anything was refused."""
    due, found = work(problems, seed), dict[tuple[str, str], Found]()
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        results = pool.map(judged, *zip(*due, strict=True), chunksize=8)
        for (code, dtype, *_), part in zip(
            due, track(results, "judging", len(due), console=Console(stderr=True)), strict=True
        ):
            mine = found.setdefault((code, dtype), Found())
            print(*part.refused, sep="\n", end="\n" * bool(part.refused), flush=True)
            for key, value in vars(part).items():
                setattr(mine, key, getattr(mine, key) + value)
    table = Table(
        "code", "dtype", "problems", "refused", "worst ratio", "median of the worst", "told from zero", box=None
    )
    for (code, dtype), part in sorted(found.items()):
        shown = f"{max(part.worst):.3f}", f"{np.median(part.worst):.3f}", f"{part.told / (part.told + part.untold):.2f}"
        table.add_row(code, dtype, str(part.problems), str(len(part.refused)), *shown)
    Console(width=140).print(table)
    refused = sum(len(part.refused) for part in found.values())
    print(f"{len(LAWS)} losses, {sum(part.problems for part in found.values())} problems, {refused} refused")
    return bool(refused)
