"""How a dump is cut and judged: by sizes and memory alone, never by how many workers there are. One plan, one set of digits."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.arithmetic import Arithmetic
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.kinds import model_of
from gradcheck.auditing.matrices import matrix
from gradcheck.auditing.rows import AT_ONCE, INNER, cuts, real, rowwise
from gradcheck.auditing.turned import Turned, turned
from gradcheck.bounds import ErrorModel, Loss, divided, operations, spread, sums
from gradcheck.enclosure import U64, Reals
from gradcheck.errors import Unusable
from gradcheck.law.options import WEIGHTS
from gradcheck.referees import freivalds

SAMPLES, ENTRIES = INNER, 2**22  # of a block, whichever is more: what is asked of it must cost more than the asking
STRETCH = 512  # samples of a shard, at least: putting sums together costs as much as a few samples
SHARDS = 64  # at most
LEAST = 16  # samples of a block
MIB = 2**20
RESERVED = 128 * MIB  # for Python, BLAS, and what follows from d


@dataclass(frozen=True)
class Plan:
    """`own` is what we compute in, `probes` (d, k) are the vectors v. `scale`, for logits that are not in the dump, is the largest
    2-norm of a row of theta, and the largest |b|; `loss` what holds for each sample; `turned`, for ∂ℒ/∂X and a penalty, is what
    theta makes of the probes.
    """

    arithmetic: ErrorModel
    own: precision.Precision
    probes: Reals
    seed: int
    block: int
    n: int
    scale: tuple[float, float] | None
    loss: Loss
    turned: Turned | None = None

    @property
    def shards(self) -> list[list[slice]]:
        """The blocks, some to a shard, in the order of samples."""
        blocks = list(cuts(self.n, self.block))
        each = -(-max(STRETCH, self.n // SHARDS) // self.block)
        return [blocks[part] for part in cuts(len(blocks), each)]

    @property
    def products(self) -> float:
        """The relative error of our own sums over samples, `INNER` terms at a time, and of rounding what is summed."""
        return spread(INNER + 4, self.own.u)


def error_model(dump: Dump, declared: Arithmetic) -> ErrorModel:
    """What the dump shows, and what is declared: sums are by default those of the dump or float32, whichever is finer."""
    if declared.subnormals == "flushed":
        raise Unusable("an audit grants no flushing of subnormal numbers; expected a dump that was computed without it")
    kinds = {
        name: precision.of(np.dtype(array.dtype))
        for name, array in dump.arrays.items()
        if name not in ("Y", "upstream", "lse")
    }
    found = model_of(kinds, dump.precision, declared)
    return replace(found, labels=operations(dump.law), divisor=_divisor(dump, found.granted))


def _divisor(dump: Dump, granted: precision.Precision) -> float:
    """The roundings of sums over the labels of a sample, and of N, as a logarithm: zeros are added exactly."""
    summed = sums(dump.law, granted, dump.L, one_class=dump.index)
    if dump.law.counted != WEIGHTS or not dump.N > 0:
        return summed
    terms = dump.n if dump.index else dump.n * dump.L
    return summed + divided(granted, terms, dump.totals[1], dump.N, among=dump.n * dump.L)


def plan(dump: Dump, *, declared: Arithmetic, count: int, seed: int, memory: int) -> Plan:
    """How the dump is cut for `count` probes and `memory` in bytes, and what it is granted."""
    model = error_model(dump, declared)
    stored, single = model.stored, precision.named("float32")
    used = [dump.arrays[name].dtype for name in (("Z",) if "Z" in dump.arrays else ("theta", "b", "X"))]
    double = stored.name == "float64" or any(np.dtype(kind) == np.float64 for kind in used)
    own = precision.named("float64") if double else single
    own = replace(own, eta=max(own.eta, dump.lost))  # a device may flush
    scale = None if "Z" in dump.arrays else _scale(dump, own)
    part = min(ENTRIES // max(dump.L, dump.d), -(-dump.n // AT_ONCE))  # something for each thread
    most = max(SAMPLES * (1 + bool(scale)), part)  # theta is read once for each block
    if dump.placed:  # what one block comes to is copied to the host
        most = dump.n
    # each thread holds the powers of a block, its logits where they are computed, and sums; others wait for being added
    sums_of_all = (AT_ONCE + 3) * 8 * dump.L * (count + 5 + (0 if scale else count))
    of_data = "grad_X" in dump.arrays or bool(dump.law.l2)
    sums_of_all += 8 * dump.L * (count + 3) if of_data else 0
    # powers, logits, what they are mapped to, slopes
    arrays = 1 + bool(scale) + bool(dump.law.mapped) + 2 * bool(dump.law.softcap) + 3 * bool(dump.placed)
    held = AT_ONCE * dump.L * own.dtype.itemsize * arrays
    least = RESERVED + sums_of_all + LEAST * held
    if memory < least:
        raise Unusable(
            f"a memory limit of {memory / MIB:.3g} MiB is given; expected {-(-least // MIB)} MiB at least for {dump.L} classes"
        )
    block = min(most, dump.n, (memory - RESERVED - sums_of_all) // held)
    V = freivalds.probes(dump.d, count, seed)
    loss = Loss(dump.law, dump.N, dump.n, dump.L, dump.index, model, own)
    return Plan(model, own, V, seed, block, dump.n, scale, loss, turned(dump, V) if of_data else None)


def rounding(dump: Dump) -> float:
    """What our sums may lose on each term, whichever way it goes through."""
    return 2 * spread(dump.n + dump.L + 2 * dump.d + 64, dump.unit)


def lost_of(dump: Dump, lengths: Reals) -> Reals:
    """What we lose in a product of d features with V, from 2-norms: Cauchy and Schwarz, since |V| <= 1.

    Nothing where these are not finite, which no loss explains.
    """
    lost = 2 * spread(dump.d + 8, dump.unit) * np.sqrt(dump.d) * lengths + 2 * dump.d * dump.lost
    return np.nan_to_num(lost, nan=0.0, posinf=0.0)


def flushed(dump: Dump, terms: int, most: float, D: Reals) -> float:
    """What a device that takes subnormal numbers for zero loses in so many products of D and entries up to `most`."""
    return float(8 * dump.lost * terms * (1 + most) * (1 + abs(D).max()))


def least(dump: Dump, plan: Plan) -> float:
    """What a power, a column or their product may lose in underflow."""
    return 16 * plan.own.tiny + 8 * (dump.d + 1) * dump.lost


def _scale(dump: Dump, own: precision.Precision) -> tuple[float, float]:
    """The largest 2-norm of a row of theta, and the largest |b|."""
    found: Reals = np.empty(dump.L)

    def size(part: slice, theta: Any) -> None:
        found[part] = matrix(theta).norms()

    rowwise(dump.arrays["theta"], size)
    return float(found.max() * (1 + 4 * U64)), float(abs(real(dump.arrays["b"])).max())
