"""An audit from beginning to end: plan, sums on whatever works, verdicts."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.arithmetic import Arithmetic
from gradcheck.auditing import dump, files, flags, shards
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.explained import explained
from gradcheck.auditing.findings import Finding
from gradcheck.auditing.fuller import bought
from gradcheck.auditing.given import apart, law_of, require_declared, where_they_are
from gradcheck.auditing.judge import judge
from gradcheck.auditing.matrices.door import pinned
from gradcheck.auditing.outcome import Audit
from gradcheck.auditing.plan import Plan, plan
from gradcheck.auditing.rows import in_turn, one_thread, threaded
from gradcheck.auditing.sums import Sums
from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy

MEMORY = files.MEMORY
DEVICE_MEMORY = 16 * MEMORY  # of a device: what is kept there of a block of samples
PROBES = 16
LEAST = 8  # fewer probes would certify little

Told = Callable[[int, int], None]  # samples done, of how many


def _quiet(done: int, total: int) -> None:
    """Nobody is told."""


def _planned(found: Dump, *, probes: int, seed: int, memory: int) -> Plan:
    if not any(name in found.arrays for name in dump.JUDGED):
        raise Unusable(f"{found.source} holds nothing to judge; expected any of {', '.join(dump.JUDGED)}")
    if not np.isfinite(found.arrays["b"]).all():
        raise Unusable(f"{found.source}: b holds a number that is not finite")
    if probes < LEAST or seed < 0:
        raise Unusable(
            f"{probes} probes and seed {seed} are asked for; expected at least {LEAST} probes, and no less than 0"
        )
    return plan(found, declared=found.arithmetic, count=probes, seed=seed, memory=memory)


def audit(
    path: str | os.PathLike[str] | None = None,
    /,
    *,
    samples: str = "columns",
    reduction: str = "mean",
    law: CrossEntropy | None = None,
    arithmetic: Arithmetic | None = None,
    accumulate: str | None = None,
    factor: float = 1.0,
    probes: int = PROBES,
    seed: int = 0,
    memory: int | None = None,
    **given: Any,
) -> Audit:
    """Judge a dump, or arrays in memory or mapped: theta (L, d), b (L,), X (d, n), Y (L, n) or labels (n,), and any of Z, A, loss,
    grad_theta, grad_b, grad_Z, grad_X. With `samples="rows"`, X, Y, Z, A, grad_Z and grad_X have a sample in each row.

    A dump is a folder or a file, as `gradcheck audit` takes it: what it says of itself holds where nothing is declared here.
    `law` is the loss that was computed, or its options one by one (`smoothing=0.1`): of arrays as `gradcheck.capture` takes
    them; of a dump, each in place of what that says. Labels (n,) that `law.ignore` names do not count.
    `arithmetic` declares how it was computed, where the arrays do not show it; `accumulate` alone names the precision of sums where
    that is not the dump's (of a 16-bit dump it is float32). `factor` is what
    the loss was multiplied by before its gradients were taken, and `upstream` (n,) what that of each sample was. `memory` is in
    bytes. Raises `Unusable`.

        >>> import gradcheck, numpy as np
        >>> rng = np.random.default_rng(0)
        >>> theta, b, X, y = rng.normal(size=(50, 8)), np.zeros(50), rng.normal(size=(8, 30)), rng.integers(50, size=30)
        >>> Z = theta @ X + b[:, np.newaxis]
        >>> A = np.exp(Z - Z.max(axis=0)) / np.exp(Z - Z.max(axis=0)).sum(axis=0)
        >>> D = (A - np.eye(50)[:, y]) / 30
        >>> found = gradcheck.audit(theta=theta, b=b, X=X, Y=y, grad_theta=D @ X.T)
        >>> [(finding.quantity, str(finding.verdict.outcome)) for finding in found.findings]
        [('grad_theta', 'agree')]
    """
    require_declared(law, arithmetic)
    arrays, options = apart(given)
    one_by_one = law_of(law, options if law and reduction == "mean" else {"reduction": reduction, **options})
    if path is not None:
        told: dict[str, Any] = {**(law.said if law else options), **(arithmetic.said if arithmetic else {})}
        usual = {"samples": "columns", "factor": 1.0, "reduction": "mean"}
        here = {"samples": samples, "factor": factor, "reduction": reduction}
        told |= {name: value for name, value in here.items() if value != usual[name]}
        return _of(path, arrays, layout=told, accumulate=accumulate, probes=probes, seed=seed, memory=memory or MEMORY)
    placed = where_they_are(arrays)
    declared: dict[str, Any] = {
        **(arithmetic.said if arithmetic else {}),
        **({"accumulate": accumulate} if accumulate else {}),
        **flags.said(arrays.values()),
        **one_by_one.said,
    }
    found = dump.of(placed, samples=samples, factor=factor, **declared)
    if memory is None:
        memory = DEVICE_MEMORY if found.placed else MEMORY
    with one_thread(), ExitStack() as stack:
        if found.placed:
            stack.enter_context(in_turn())
            stack.enter_context(pinned())
        planned = _planned(found, probes=probes, seed=seed, memory=memory)
        return _concluded(found, planned, _merged(_threads(found, planned), found, _quiet), memory)


def _of(path: str | os.PathLike[str], arrays: Mapping[str, Any], **asked: Any) -> Audit:
    """Of a dump, with nothing beside it."""
    if not isinstance(path, str | os.PathLike):
        raise Unusable(
            f"{type(path).__name__}; expected the path of a dump, or arrays by their names: theta=, b=, X=, Y= …"
        )
    if arrays:
        raise Unusable(f"{', '.join(arrays)}: given beside the dump {path}; expected a dump, or arrays by their names")
    return audit_path(Path(path), **asked)


def audit_path(
    path: Path,
    *,
    layout: dict[str, Any] | None = None,
    accumulate: str | None = None,
    probes: int = PROBES,
    seed: int = 0,
    memory: int = MEMORY,
    scheduler: str | None = None,
    told: Told = _quiet,
) -> Audit:
    """Judge a dump in a folder or a file: in this process, or on the workers of a Dask scheduler, which must see the same path.

    `layout` are `samples`, fields of `CrossEntropy` and of `Arithmetic`, which prevail over what the dump says.
    """
    given = {**(layout or {}), **({"accumulate": accumulate} if accumulate else {})}
    found = files.load(path, memory, **given)
    with one_thread():
        planned = _planned(found, probes=probes, seed=seed, memory=memory)
        if scheduler is None:
            parts = _threads(found, planned)
        else:
            from gradcheck.auditing import dask

            parts = dask.shards(scheduler, path.absolute(), {**given, "memory": memory}, planned)
        return _concluded(found, planned, _merged(parts, found, told), memory)


def _threads(found: Dump, planned: Plan) -> Iterator[Sums]:
    return threaded(lambda parts: shards.shard(found, planned, parts), planned.shards)


def _merged(parts: Iterator[Sums], found: Dump, told: Told) -> Sums:
    """Sums in the order of samples."""
    total = next(parts)
    for sums in parts:
        found.require_unchanged()
        told(total.samples, found.n)
        total.add(sums)
    told(found.n, found.n)
    return total


def _concluded(found: Dump, planned: Plan, sums: Sums, memory: int) -> Audit:
    """With what explains it where something disagrees."""

    def judged(other: Dump) -> tuple[Finding, ...]:
        again = _planned(other, probes=planned.probes.shape[1], seed=planned.seed, memory=memory)
        return judge(other, again, _merged(_threads(other, again), other, _quiet))

    audit = _found(found, planned, sums)
    return replace(audit, findings=explained(found, sums.kept, audit.findings, judged))


def _found(found: Dump, planned: Plan, sums: Sums) -> Audit:
    findings = judge(found, planned, sums)
    found.require_unchanged()
    missing = tuple(name for name in dump.JUDGED if name not in found.arrays)
    arithmetic = planned.arithmetic
    return Audit(
        found.source,
        (found.L, found.d, found.n),
        arithmetic.stored.name,
        found.arithmetic.accumulate or arithmetic.granted.name,
        planned.probes.shape[1],
        planned.seed,
        findings,
        missing,
        found.arithmetic,
        found.law,
        found.factor,
        bought(found, planned),
        found.shared,
    )
