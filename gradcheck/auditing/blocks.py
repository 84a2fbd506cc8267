"""What one block of samples adds to the audit: sums of (L + d) k numbers, in float64.

A block is cut by sizes and memory alone, never by how many workers there are, and sums are merged in the order of samples:
so one process, threads and machines come to the same digits. Knows nothing of verdicts.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.auditing.dump import Dump
from gradcheck.bounds import spread
from gradcheck.enclosure import U64, Reals, outward
from gradcheck.errors import Missing, Unusable
from gradcheck.referees import freivalds
from gradcheck.referees.freivalds import Arithmetic, Columns, Probes, Weights

SHARDS = 16  # what is handed out at once, however many workers there are
AT_ONCE = 2  # shards on threads of one process
SAMPLES = 128  # of a block: beyond that BLAS gains nothing, and the block leaves the cache


@dataclass(frozen=True)
class Plan:
    """How a dump is judged: the same plan gives the same digits.

    `scale`, for logits that are not in the dump: the largest 2-norm of a row of theta, and the largest |b|.
    """

    arithmetic: Arithmetic
    own: precision.Precision
    probes: Probes
    seed: int
    block: int
    n: int
    scale: tuple[float, float] | None

    @property
    def shards(self) -> list[list[slice]]:
        """The blocks, some to a shard, in the order of samples."""
        blocks = [slice(at, min(at + self.block, self.n)) for at in range(0, self.n, self.block)]
        each = -(-len(blocks) // SHARDS)
        return [blocks[at : at + each] for at in range(0, len(blocks), each)]


def plan(dump: Dump, *, accumulate: str | None, count: int, width: int, seed: int, memory: int) -> Plan:
    """`accumulate` names the precision of sums, by default that of the dump or float32, whichever is finer; `memory` in bytes."""
    stored, single = dump.precision, precision.named("float32")
    sums = precision.named(accumulate) if accumulate else min(stored, single, key=lambda p: p.u)
    used = [dump.arrays[name].dtype for name in (("Z",) if "Z" in dump.arrays else ("theta", "b", "X"))]
    double = stored.name == "float64" or any(np.dtype(kind) == np.float64 for kind in used)
    own = precision.named("float64") if double else single
    # of each block its logits and their powers
    most, scale = SAMPLES, None
    if "Z" not in dump.arrays:  # theta is read once for each block: they are larger, and their sums smaller
        most, scale, memory = 2 * SAMPLES, _scale(dump), 2 * memory
    block = max(1, min(most, dump.n, memory // (AT_ONCE * dump.L * 2 * own.dtype.itemsize)))
    return Plan(Arithmetic(sums, stored), own, freivalds.probes(dump.d, count, width, seed), seed, block, dump.n, scale)


@dataclass(frozen=True, eq=False)
class Worst:
    """The entry of an array with the worst test ratio: place, computed value, what it must be, and the limit."""

    ratio: float
    place: tuple[int, ...]
    computed: float
    midpoint: float
    radius: float


@dataclass(eq=False)
class Sums:
    """Sums over samples. `right` (L, K + 1) is what G V and the bias gradient must be; `limit`, `size` (L, M + 1) bound its error
    and its terms, `flat` (M + 1,) comes on top of every limit. `Zv` (L, k), `Xv` (d, k), `v` (k,), `X` (d,) judge the logits.
    `m`, `s`, `A` (n,) and the like are kept for the rows that are looked at again.
    """

    right: Reals
    limit: Reals
    size: Reals
    flat: Reals
    extra: float
    Zv: Reals
    Xv: Reals
    v: Reals
    X: Reals
    loss: float
    loss_limit: float
    loss_size: float
    kept: list[tuple[Reals, Weights]]
    worst: dict[str, Worst]

    def add(self, other: "Sums") -> None:
        """Add what comes next in the order of samples."""
        for field in fields(self):
            mine, theirs = getattr(self, field.name), getattr(other, field.name)
            if field.name == "extra":
                self.extra = max(mine, theirs)
            elif field.name == "worst":
                for name, found in theirs.items():
                    if name not in mine or found.ratio > mine[name].ratio:
                        mine[name] = found
            elif isinstance(mine, np.ndarray):
                mine += theirs
            else:
                setattr(self, field.name, mine + theirs)


def one_thread() -> Any:
    """A context in which BLAS computes on one thread: its digits may follow from their number, and ours must not. The only door to
    threadpoolctl.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise Missing.extra("an audit", "threadpoolctl", "audit") from None
    return threadpool_limits(1, user_api="blas")


def shard(dump: Dump, plan: Plan, parts: Iterable[slice]) -> Sums:
    """The sums of the blocks of one shard."""
    total: Sums | None = None
    for part in parts:
        found = _block(dump, plan, part)
        if total is None:
            total = found
        else:
            total.add(found)
    assert total is not None
    return total


def _scale(dump: Dump) -> tuple[float, float]:
    """The largest 2-norm of a row of theta, and the largest |b|."""
    norms = (float((real(rows) ** 2).sum(axis=1).max()) for _, rows in chunks(dump.arrays["theta"]))
    return float(outward(np.sqrt(max(norms)), dump.d + 4)), float(abs(real(dump.arrays["b"])).max())


def real(array: Any) -> Reals:
    """As float64, which every precision is a subset of."""
    return np.asarray(array).astype(np.float64, copy=False)


def chunks(array: Any, rows: int = 1024) -> Iterable[tuple[slice, Any]]:
    """The rows of an array, some at a time."""
    for part in _cuts(array.shape[0], rows):
        yield part, np.asarray(array[part])


def rowwise(array: Any, work: Callable[[slice, Any], None]) -> None:
    """Do `work` on the rows of an array, some at a time, on threads; each writes to rows of its own, so no order is needed."""
    with ThreadPoolExecutor(min(AT_ONCE, os.cpu_count() or 1)) as pool:
        list(pool.map(lambda part: work(part, np.asarray(array[part])), _cuts(array.shape[0])))


def _cuts(rows: int, each: int = 1024) -> Iterable[slice]:
    return (slice(at, min(at + each, rows)) for at in range(0, rows, each))


# ---- logits ----


def _logits(dump: Dump, plan: Plan, part: slice, X: Reals) -> tuple[Any, tuple[Reals, Reals]]:
    """Z (L, nb), and the errors of the implementation's logits and of ours (nb,)."""
    if plan.scale is None:
        zero = np.zeros(X.shape[1])
        return dump.samples("Z", part), (zero, zero)
    own, arithmetic = plan.own, plan.arithmetic
    operand = np.ascontiguousarray(X.astype(own.dtype))
    Z = np.empty((dump.L, X.shape[1]), own.dtype)
    b = real(dump.arrays["b"]).astype(own.dtype)
    for rows, theta in chunks(dump.arrays["theta"], 8192):
        np.matmul(theta.astype(own.dtype, copy=False), operand, out=Z[rows])
    Z += b[:, np.newaxis]
    # Cauchy and Schwarz: |theta||X| + |b| without a second product
    size = outward(plan.scale[0] * np.sqrt((X**2).sum(axis=0)) + plan.scale[1], dump.d + 8)
    theirs = arithmetic.relative(dump.d + 1, 1) * size + 2 * (dump.d + 1) * arithmetic.eta
    return Z, (theirs, outward(spread(dump.d + 1, own.u) * size + 2 * (dump.d + 1) * own.eta))


# ---- one block ----


@dataclass(frozen=True, eq=False)
class Block:
    """What is known of some samples: `p` (L, nb) is exp(Z - m), `s` its sums, `mass` 1ᵀY, `lse` the log-sum-exp."""

    part: slice
    X: Reals
    Y: Any
    Z: Any
    p: Any
    m: Reals
    s: Reals
    mass: Reals
    lse: Reals
    found: Columns
    bound: Weights


def _read(dump: Dump, plan: Plan, part: slice) -> Block:
    """A block, its softmax, and what rounding may do to it."""
    X = real(dump.samples("X", part))
    if not np.isfinite(X).all():
        raise Unusable(
            f"{dump.source}: X holds a number that is not finite among samples {part.start} to {part.stop - 1}"
        )
    Z, errors = _logits(dump, plan, part, X)
    p, m, s, reach = freivalds.powers(Z, plan.own)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        lse = m + np.log(s)
        found = freivalds.columns(reach, lse, dump.L, arithmetic=plan.arithmetic, own=plan.own, logits=errors)
    Y = dump.samples("Y", part)
    mass = _mass(dump, Y, part)
    sizes: dict[str, Any] = {"N": dump.N, "n": dump.n, "L": dump.L, "index": dump.index}
    bound = freivalds.weights(found, mass, arithmetic=plan.arithmetic, own=plan.own, **sizes)
    return Block(part, X, Y, Z, p, m, s, mass, lse, found, bound)


def _block(dump: Dump, plan: Plan, part: slice) -> Sums:
    block = _read(dump, plan, part)
    ones = np.ones((len(block.m), 1))
    P, W = np.hstack([block.X.T @ plan.probes.V, ones]), np.hstack([abs(block.X).T @ plan.probes.mask, ones])
    kept = [(np.stack([block.m, block.s, block.mass]), block.bound)]
    sums, loss, logits = _gradient(dump, block, P, W), _loss(dump, plan, block), _logits_sums(dump, plan, block)
    return Sums(*sums, block.bound.flat @ W, block.bound.extra, *logits, *loss, kept, _entries(dump, plan, block))


def _mass(dump: Dump, Y: Any, part: slice) -> Reals:
    where = f"{dump.source}: Y, among samples {part.start} to {part.stop - 1},"
    if dump.index:
        if Y.min() < 0 or Y.max() >= dump.L:
            raise Unusable(f"{where} holds a label outside of 0 to {dump.L - 1}; leave ignored samples out of a dump")
        return np.ones(len(Y))
    mass = real(Y).sum(axis=0)
    if not np.isfinite(mass).all() or real(Y).min() < 0:
        raise Unusable(f"{where} holds a weight that is negative or not finite")
    return mass


def _gradient(dump: Dump, block: Block, P: Reals, W: Reals) -> tuple[Reals, Reals, Reals]:
    """A diag(1ᵀY) P / N − Y P / N, its limits, and the size of its terms."""
    p, s, mass, bound, Y = block.p, block.s, block.mass, block.bound, block.Y
    K, M = P.shape[1], W.shape[1]
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        scaled = [
            (mass / (dump.N * s))[:, np.newaxis] * P,
            (bound.A / s)[:, np.newaxis] * W,
            (bound.size / s)[:, np.newaxis] * W,
        ]
        product = np.empty((dump.L, K + 2 * M))
        both = np.hstack(scaled)
        for rows, part in chunks(p, 2048):
            np.matmul(part.astype(np.float64, copy=False), both, out=product[rows])
        right, limit, size = product[:, :K], product[:, K : K + M], product[:, K + M :]
        if dump.index:
            A = p[Y, np.arange(len(Y))] / s
            np.add.at(right, Y, -P / dump.N)
            np.add.at(limit, Y, (bound.Y + bound.label * (abs(A - 1) - A - 1))[:, np.newaxis] * W)
            np.add.at(size, Y, W / dump.N)
        else:
            weights = real(Y)
            right -= weights @ P / dump.N
            limit += bound.Y * (weights @ W)
            size += weights @ W / dump.N
    return right, limit, size


def _loss(dump: Dump, plan: Plan, block: Block) -> tuple[float, float, float]:
    """The sum over samples of mass lse − Σ Y Z, its limit, and the size of its terms; none of them divided by N."""
    Z, Y, lse, mass, found = block.Z, block.Y, block.lse, block.mass, block.found
    terms = dump.n if dump.index else dump.n * dump.L
    k = plan.arithmetic.relative(terms + 4, 2)
    with np.errstate(invalid="ignore", over="ignore"):
        picked = (
            real(Z[Y, np.arange(len(Y))]) if dump.index else np.where(real(Y) > 0, real(Y) * real(Z), 0).sum(axis=0)
        )
        size = abs(lse) + abs(picked) if dump.index else mass * (2 * abs(lse) + found.distance)
        own = mass * found.Q + size * 8 * U64
        distance = lse - picked + own if dump.index else size
        each = mass * ((1 + k) * found.log_A) + k * distance
        if not dump.index:
            each += (1 + k) * spread(dump.L + 3, plan.arithmetic.u) * (size + mass * found.log_A)
        underflow = (1 + k) * (len(mass) * (terms + 2) / dump.n + size.sum()) * 2 * plan.arithmetic.eta
        return float((mass * lse - picked).sum()), float((each + own).sum() + underflow), float(size.sum())


def _logits_sums(dump: Dump, plan: Plan, block: Block) -> tuple[Reals, Reals, Reals, Reals]:
    """Z V, X V, 1ᵀV and |X| 1 for random V (nb, k): what the logits are judged by."""
    if "Z" not in dump.arrays:
        return np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0), np.zeros(0)
    X, Z = block.X, block.Z
    V = np.random.default_rng([plan.seed, block.part.start, 1]).uniform(-1, 1, (X.shape[1], plan.probes.dense))
    V = V.astype(plan.own.dtype)  # so that Z need not be copied as float64; what the products lose is in the limit
    Zv = np.empty((dump.L, V.shape[1]))
    with np.errstate(invalid="ignore", over="ignore"):
        for rows, z in chunks(Z, 2048):
            Zv[rows] = z.astype(plan.own.dtype, copy=False) @ V
    V = real(V)
    return Zv, X @ V, V.sum(axis=0), abs(X).sum(axis=1)


def _entries(dump: Dump, plan: Plan, block: Block) -> dict[str, Worst]:
    """The worst entry of the probabilities and of the logits' gradient, where they are in the dump."""
    wanted = [name for name in ("A", "grad_Z") if name in dump.arrays]
    if not wanted:
        return {}
    part, p, s, Y, mass, found = block.part, block.p, block.s, block.Y, block.mass, block.found
    arithmetic, worst = plan.arithmetic, {}
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        A = real(p) / s
        grown, sure = np.expm1(np.minimum(found.R, 700.0)), np.exp(np.minimum(found.Q, 700.0))
        below = 8 * arithmetic.eta * (1 + grown) + 8 * plan.own.eta
        limit = A * (grown * sure + sure - 1) + below
        if "A" in wanted:
            worst["A"] = _worst(real(dump.samples("A", part)), A, limit, part)
        if "grad_Z" in wanted:
            labels = np.zeros_like(A)
            if dump.index:
                labels[Y, np.arange(len(Y))] = 1
            else:
                labels = real(Y)
            masses = 0 if dump.index else dump.L
            k, y = arithmetic.relative(5 + masses, 2), arithmetic.relative(4, 2)
            limit = ((1 + k) * limit * mass + k * A * sure * mass + (y + 8 * U64) * labels) / dump.N
            limit += (1 + k) * (8 + masses) * arithmetic.eta
            worst["grad_Z"] = _worst(real(dump.samples("grad_Z", part)), (A * mass - labels) / dump.N, limit, part)
    return worst


def _worst(computed: Reals, midpoint: Reals, limit: Reals, part: slice) -> Worst:
    limit = outward(limit, 64)
    ratio = abs(computed - midpoint) / limit
    ratio = np.where(np.isnan(ratio), np.where(np.isfinite(midpoint) & np.isfinite(limit), np.inf, 0), ratio)
    l, i = np.unravel_index(int(ratio.argmax()), ratio.shape)
    at = (l, i)
    return Worst(
        float(ratio[at]), (int(l), part.start + int(i)), float(computed[at]), float(midpoint[at]), float(limit[at])
    )
