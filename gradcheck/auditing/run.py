"""An audit from beginning to end: plan, sums on whatever works, verdicts."""

import os
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradcheck.auditing import blocks, dump
from gradcheck.auditing.blocks import AT_ONCE, Plan, Sums
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.judge import Finding, judge
from gradcheck.errors import Unusable
from gradcheck.verdict import FAILURES, Outcome

MIB = 2**20
MEMORY = 512 * MIB
PROBES = 16
LEAST = 8  # fewer probes could see faults of 64 limits and more only

Told = Callable[[int, int], None]  # samples done, of how many


@dataclass(frozen=True)
class Audit:
    """What was found. `sums` and `stored` name the precisions of the error model, `missing` what a dump does not hold."""

    source: str
    sizes: tuple[int, int, int]
    stored: str
    sums: str
    probes: int
    width: int
    seed: int
    findings: tuple[Finding, ...]
    missing: tuple[str, ...]

    @property
    def status(self) -> int:
        """0 everything judged agrees, 1 something disagrees, 3 nothing could be judged."""
        outcomes = {finding.verdict.outcome for finding in self.findings}
        if outcomes & FAILURES:
            return 1
        return 0 if Outcome.AGREE in outcomes else 3


def _quiet(done: int, total: int) -> None:
    """Nobody is told."""


def _planned(found: Dump, *, accumulate: str | None, probes: int, width: int, seed: int, memory: int) -> Plan:
    if not any(name in found.arrays for name in dump.JUDGED):
        raise Unusable(f"{found.source} holds nothing to judge; expected any of {', '.join(dump.JUDGED)}")
    if probes < LEAST or width < 0 or seed < 0:
        raise Unusable(
            f"{probes} probes, width {width}, seed {seed} are asked for; expected at least {LEAST} probes, and no less than 0"
        )
    least = 64 * found.L * 8 + 16 * MIB
    if memory < least:
        raise Unusable(
            f"a memory limit of {memory // MIB} MiB is given; expected {-(-least // MIB)} MiB at least for {found.L} classes"
        )
    return blocks.plan(found, accumulate=accumulate, count=probes, width=width, seed=seed, memory=memory // 4)


def audit(
    *,
    samples: str = "columns",
    reduction: str = "mean",
    accumulate: str | None = None,
    probes: int = PROBES,
    width: int = 0,
    seed: int = 0,
    memory: int = MEMORY,
    **arrays: Any,
) -> Audit:
    """Judge arrays in memory, or mapped: theta (L, d), b (L,), X (d, n), Y (L, n) or labels (n,), and any of Z, A, loss,
    grad_theta, grad_b, grad_Z. With `samples="rows"`, X, Y, Z, A and grad_Z have a sample in each row.

    `accumulate` names the precision of sums where that is not the dump's (of a 16-bit dump it is float32). `width` adds a probe for
    each so many columns, which sees smaller faults of single entries. `memory` is in bytes. Raises `Unusable`.
    """
    unknown = [name for name in arrays if name not in dump.NAMES]
    if unknown:
        raise Unusable(f"{', '.join(unknown)}: not known; expected any of {', '.join(dump.NAMES)}")
    found = dump.of(arrays, samples=samples, reduction=reduction)
    plan = _planned(found, accumulate=accumulate, probes=probes, width=width, seed=seed, memory=memory)
    with blocks.one_thread():
        return _found(found, plan, width, _merged(_threads(found, plan), found, _quiet))


def audit_path(
    path: Path,
    *,
    layout: dict[str, str] | None = None,
    accumulate: str | None = None,
    probes: int = PROBES,
    width: int = 0,
    seed: int = 0,
    memory: int = MEMORY,
    scheduler: str | None = None,
    told: Told = _quiet,
) -> Audit:
    """Judge a dump in a folder or a file: in this process, or on the workers of a Dask scheduler, which must see the same path."""
    given = layout or {}
    found = dump.load(path, **given)
    plan = _planned(found, accumulate=accumulate, probes=probes, width=width, seed=seed, memory=memory)
    with blocks.one_thread():
        if scheduler is None:
            shards = _threads(found, plan)
        else:
            from gradcheck.auditing import dask

            shards = dask.shards(scheduler, path.absolute(), given, plan)
        return _found(found, plan, width, _merged(shards, found, told))


def _threads(found: Dump, plan: Plan) -> Iterator[Sums]:
    """The shards in order, on threads of ours: NumPy lets go of the interpreter while it computes."""
    waiting: deque[Future[Sums]] = deque()
    with ThreadPoolExecutor(min(AT_ONCE, os.cpu_count() or 1)) as pool:
        for parts in plan.shards:
            waiting.append(pool.submit(blocks.shard, found, plan, parts))
            if len(waiting) > AT_ONCE:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _merged(shards: Iterator[Sums], found: Dump, told: Told) -> Sums:
    """Sums in the order of samples."""
    total = next(shards)
    for sums in shards:
        told(sum(kept.shape[1] for kept, _ in total.kept), found.n)
        total.add(sums)
    told(found.n, found.n)
    return total


def _found(found: Dump, plan: Plan, width: int, sums: Sums) -> Audit:
    missing = tuple(name for name in dump.JUDGED if name not in found.arrays)
    arithmetic = plan.arithmetic
    return Audit(
        found.source,
        (found.L, found.d, found.n),
        arithmetic.stored.name,
        arithmetic.sums.name,
        plan.probes.dense,
        width,
        plan.seed,
        judge(found, plan, sums),
        missing,
    )
