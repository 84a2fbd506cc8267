"""From sums to verdicts: each quantity of a dump, what a probe could have seen, and where it is wrong.

A row in which a probe disagrees holds an entry that disagrees, since the row's limit is the sum of its entries' limits: it
is computed again, entry by entry.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.auditing import faults
from gradcheck.auditing.blocks import Plan, Sums, Worst, chunks, real, rowwise
from gradcheck.auditing.dump import Dump
from gradcheck.bounds import spread
from gradcheck.enclosure import U64, Reals, outward
from gradcheck.errors import Unusable
from gradcheck.referees import freivalds
from gradcheck.verdict import WIDE, Outcome, Verdict, Witness

AGAIN = 8  # rows that are computed again, the worst first
NAMES = {"theta": "∂ℒ/∂θ", "b": "∂ℒ/∂b", "Z": "Z", "A": "A", "grad_Z": "∂ℒ/∂Z", "loss": "ℒ"}


@dataclass(frozen=True)
class Finding:
    """The verdict on one quantity. `entry` and `row` are the smallest faults, of one entry and in the 2-norm of a row, that would
    have been missed with a chance below 2**-40; None where every entry was compared. `rows` are at fault, `faults` says how.
    """

    quantity: str
    verdict: Verdict
    entry: float | None = None
    row: float | None = None
    rows: tuple[int, ...] = ()
    faults: tuple[str, ...] = ()
    entries: tuple[Witness, ...] = field(default=())


def judge(dump: Dump, plan: Plan, sums: Sums) -> tuple[Finding, ...]:
    """A finding for each quantity in the dump."""
    _finite(dump)
    findings: dict[str, Callable[[], Finding]] = {
        "Z": lambda: _logits(dump, plan, sums),
        "A": lambda: _entrywise("A", sums.worst["A"]),
        "loss": lambda: _loss(dump, sums),
        "grad_Z": lambda: _entrywise("grad_Z", sums.worst["grad_Z"]),
        "grad_theta": lambda: _theta(dump, plan, sums),
        "grad_b": lambda: _bias(dump, plan, sums),
    }
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        return tuple(find() for name, find in findings.items() if name in dump.arrays)


def _finite(dump: Dump) -> None:
    for name in ("theta", "b"):
        if not all(np.isfinite(rows).all() for _, rows in chunks(dump.arrays[name])):
            raise Unusable(f"{dump.source}: {name} holds a number that is not finite")


# ---- comparing ----


def _ratios(computed: Reals, midpoint: Reals, limit: Reals) -> Reals:
    """Test ratios; infinite where only the computed is not a number, 0 where nothing is known."""
    ratio = abs(computed - midpoint) / limit
    ratio = np.where((computed == midpoint) | ~np.isfinite(limit) | ~np.isfinite(midpoint), 0.0, ratio)
    return np.where(np.isnan(ratio), np.inf, ratio)


def _verdict(quantity: str, computed: Reals, midpoint: Reals, limit: Reals) -> Verdict:
    """As `verdict.Comparison`: agree iff every ratio is at most 1, and some entry could have been told from zero."""
    ratios = _ratios(computed, midpoint, limit)
    at = np.unravel_index(int(ratios.argmax()), ratios.shape)
    ratio = float(ratios[at])
    if ratio > 1:
        place = tuple(int(i) for i in at)
        witness = Witness(NAMES[quantity], place, float(computed[at]), float(midpoint[at]), float(limit[at]))
        return Verdict(Outcome.DISAGREE, "", ratio, None, witness)
    if not np.isfinite(midpoint).all():
        return Verdict(Outcome.INCONCLUSIVE, "the logits are not finite, so there is nothing to compare with", ratio)
    return (
        Verdict(Outcome.AGREE, "", ratio)
        if (limit < abs(midpoint)).any()
        else Verdict(Outcome.INCONCLUSIVE, WIDE, ratio)
    )


def _entrywise(name: str, worst: Worst) -> Finding:
    if worst.ratio <= 1:
        return Finding(name, Verdict(Outcome.AGREE, "", worst.ratio))
    witness = Witness(NAMES[name], worst.place, worst.computed, worst.midpoint, worst.radius)
    return Finding(
        name, Verdict(Outcome.DISAGREE, "", worst.ratio, None, witness), rows=(worst.place[0],), entries=(witness,)
    )


def _loss(dump: Dump, sums: Sums) -> Finding:
    limit = outward(sums.loss_limit + (dump.n + dump.L + 16) * 4 * U64 * sums.loss_size, 64) / dump.N
    computed = np.asarray(float(np.asarray(dump.arrays["loss"]).reshape(())))
    return Finding("loss", _verdict("loss", computed, np.asarray(sums.loss / dump.N), np.asarray(limit)))


# ---- gradients ----


def _limits(dump: Dump, plan: Plan, sums: Sums) -> Reals:
    """(L, M + 1): the limit of each group of columns, and of the bias gradient; infinite where a partial sum may overflow."""
    size = sums.size + plan.arithmetic.relative(dump.n + 8, 3) * sums.size
    rounding = spread(dump.n + dump.L + 2 * dump.d + 64, U64)
    limit = outward(sums.limit + sums.flat + sums.extra * _columns(plan) + 2 * rounding * size, 4 * dump.n + 64)
    return np.where(dump.N * size + limit < plan.arithmetic.huge, limit, np.inf)


def _columns(plan: Plan) -> Reals:
    """How many entries a limit is the sum of."""
    return np.append(plan.probes.mask.sum(axis=0), 1.0)


def _theta(dump: Dump, plan: Plan, sums: Sums) -> Finding:
    probes, limits = plan.probes, _limits(dump, plan, sums)
    ratios, left, extra = (
        np.empty(dump.L),
        np.empty((dump.L, probes.V.shape[1])),
        np.empty((dump.L, limits.shape[1] - 1)),
    )

    def product(rows: slice, G: Any) -> None:
        with np.errstate(invalid="ignore", over="ignore"):
            exact = real(G)
            left[rows] = exact @ probes.V
            extra[rows] = abs(exact) @ probes.mask

    rowwise(dump.arrays["grad_theta"], product)
    # what float64 loses in G V
    limit = (limits[:, :-1] + np.nan_to_num(2 * spread(dump.d + 8, U64) * extra, nan=0.0, posinf=0.0))[:, probes.group]
    right = sums.right[:, :-1]
    ratios = _ratios(left, right, limit).max(axis=1)
    verdict = _verdict("theta", left, right, limit)
    dense = limit[:, : probes.dense].max(axis=1)
    narrow = limits[:, 1:-1].max(axis=1) if limits.shape[1] > 2 else np.full(dump.L, np.inf)
    entry = np.minimum(dense * probes.entry_factor, 2 * narrow)
    seen = freivalds.visible(entry, 1.0), freivalds.visible(dense, probes.norm_factor)
    if verdict.outcome is not Outcome.DISAGREE:
        return Finding("grad_theta", verdict, *seen)
    wrong = np.flatnonzero(ratios > 1)
    again = sorted(wrong[np.argsort(-ratios[wrong], kind="stable")][:AGAIN].tolist())
    computed = np.stack([real(dump.arrays["grad_theta"][l]) for l in again])
    truth, allowed = _again(dump, plan, sums, again)
    entries = _witnesses(again, computed, truth, allowed)
    found = Verdict(Outcome.DISAGREE, "", float(ratios.max()), None, entries[0] if entries else verdict.witness)
    told = faults.describe(again, computed, truth, allowed, rows=wrong, dump=dump)
    return Finding("grad_theta", found, *seen, tuple(wrong.tolist()), told, entries)


def _witnesses(rows: list[int], computed: Reals, truth: Reals, allowed: Reals) -> tuple[Witness, ...]:
    """Of each row its worst entry, the worst of all first."""
    ratios = _ratios(computed, truth, allowed)
    found = []
    for k in np.argsort(-ratios.max(axis=1), kind="stable"):
        j = int(ratios[k].argmax())
        if ratios[k, j] > 1:
            place = (rows[k], j)
            found.append(
                Witness(NAMES["theta"], place, float(computed[k, j]), float(truth[k, j]), float(allowed[k, j]))
            )
    return tuple(found)


def _again(dump: Dump, plan: Plan, sums: Sums, rows: list[int]) -> tuple[Reals, Reals]:
    """Rows of G, entry by entry, and the limit of each entry: both (rows, d)."""
    G, E, T = (np.zeros((len(rows), dump.d)) for _ in range(3))
    theta = np.stack([real(dump.arrays["theta"][l]) for l in rows])
    b = real(dump.arrays["b"])[rows, np.newaxis]
    extra, start = 0.0, 0
    for (m, s, mass), bound in sums.kept:
        part = slice(start, start + len(m))
        start, extra = part.stop, max(extra, bound.extra)
        X, Y = real(dump.samples("X", part)), dump.samples("Y", part)
        Z = real(dump.arrays["Z"][:, part][rows]) if "Z" in dump.arrays else theta @ X + b
        A = np.exp(Z - m) / s
        labels = (np.asarray(rows)[:, np.newaxis] == Y).astype(np.float64) if dump.index else real(Y)[rows]
        G += (A * mass - labels) @ X.T / dump.N
        size = A * bound.size + labels / dump.N
        own = labels * bound.label * (abs(A - 1) - A - 1) if dump.index else 0.0
        E += (A * bound.A + labels * bound.Y + own + bound.flat) @ abs(X).T
        T += size @ abs(X).T
    limit = outward(E + extra + 4 * spread(dump.n + dump.L + dump.d + 64, U64) * T, 4 * dump.n + 64)
    return G, np.where(dump.N * T + limit < plan.arithmetic.huge, limit, np.inf)


def _bias(dump: Dump, plan: Plan, sums: Sums) -> Finding:
    computed, right, limit = real(dump.arrays["grad_b"]), sums.right[:, -1], _limits(dump, plan, sums)[:, -1]
    verdict = _verdict("b", computed, right, limit)
    if verdict.outcome is not Outcome.DISAGREE:
        return Finding("grad_b", verdict)
    rows = np.flatnonzero(_ratios(computed, right, limit) > 1)
    return Finding("grad_b", verdict, rows=tuple(rows.tolist()), faults=(faults.rows_in_words(rows, dump.L),))


# ---- logits ----


def _logits(dump: Dump, plan: Plan, sums: Sums) -> Finding:
    """Z V against theta (X V) + b (1ᵀV)."""
    b = real(dump.arrays["b"])
    right, size = np.empty_like(sums.Zv), np.empty(dump.L)

    def product(rows: slice, theta: Any) -> None:
        exact = real(theta)
        right[rows] = exact @ sums.Xv + b[rows, np.newaxis] * sums.v
        size[rows] = abs(exact) @ sums.X + dump.n * abs(b[rows])

    rowwise(dump.arrays["theta"], product)
    arithmetic = plan.arithmetic
    k, ours = arithmetic.relative(dump.d + 1, 1), spread(plan.block, plan.own.u)
    k += (1 + k) * ours + 4 * spread(dump.n + dump.d + 16, U64)
    underflow = 2 * dump.n * ((dump.d + 2) * arithmetic.eta + plan.own.eta)
    limit = outward(k * size + underflow, 2 * dump.n + dump.d + 64)
    limit = np.where(size + limit < arithmetic.huge, limit, np.inf)
    wide = np.broadcast_to(limit[:, np.newaxis], right.shape)
    verdict = _verdict("Z", sums.Zv, right, wide)
    seen = freivalds.visible(limit, plan.probes.entry_factor), freivalds.visible(limit, plan.probes.norm_factor)
    if verdict.outcome is not Outcome.DISAGREE:
        return Finding("Z", verdict, *seen)
    ratios = _ratios(sums.Zv, right, wide).max(axis=1)
    wrong = np.flatnonzero(ratios > 1)
    witness = _logit(dump, plan, int(ratios.argmax()))
    found = Verdict(Outcome.DISAGREE, "", float(ratios.max()), None, witness or verdict.witness)
    return Finding(
        "Z", found, *seen, tuple(wrong.tolist()), (faults.rows_in_words(wrong, dump.L),), (witness,) if witness else ()
    )


def _logit(dump: Dump, plan: Plan, l: int) -> Witness | None:
    """The worst entry of one row of Z, computed again."""
    theta, b, best = real(dump.arrays["theta"][l]), float(real(dump.arrays["b"])[l]), None
    k = plan.arithmetic.relative(dump.d + 1, 1) + spread(dump.d + 8, U64)
    worst = 1.0
    for parts in plan.shards:
        for part in parts:
            X: Any = real(dump.samples("X", part))
            computed, midpoint = real(dump.arrays["Z"][:, part][l]), theta @ X + b
            limit = outward(k * (abs(theta) @ abs(X) + abs(b)) + 2 * (dump.d + 2) * plan.arithmetic.eta, dump.d + 16)
            ratios = _ratios(computed, midpoint, limit)
            i = int(ratios.argmax())
            if ratios[i] > worst:
                worst, place = float(ratios[i]), (l, part.start + i)
                best = Witness("Z", place, float(computed[i]), float(midpoint[i]), float(limit[i]))
    return best
