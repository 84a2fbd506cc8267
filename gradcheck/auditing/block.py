"""One block of samples: its logits, its softmax, and what rounding may do to it. Knows nothing of probes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.auditing.dump import Dump
from gradcheck.auditing.plan import Plan
from gradcheck.auditing.rows import CLASSES, cuts, few, norms, real, scratch
from gradcheck.bounds import returned, spread
from gradcheck.enclosure import Reals, outward
from gradcheck.errors import Unusable
from gradcheck.referees import freivalds
from gradcheck.referees.freivalds import Columns, Weights


@dataclass(frozen=True, eq=False)
class Block:
    """What is known of some samples: `p` (L, nb) is exp(Z - m), `s` its sums, `mass` 1ᵀY, `lse` the log-sum-exp.

    `bound` is of sums over samples, `over_classes` of those of ∂ℒ/∂X, where that is to be judged.
    """

    part: slice
    X: Reals
    Y: Any
    Z: Any
    p: Any
    m: Reals
    s: Reals
    mass: Reals
    lse: Reals
    reach: Reals
    found: Columns
    bound: Weights
    over_classes: Weights | None


def read(dump: Dump, plan: Plan, part: slice) -> Block:
    """A block, its softmax, and what rounding may do to it."""
    X = real(dump.samples("X", part))
    if not np.isfinite(X.sum()) and not np.isfinite(X).all():
        raise Unusable(
            f"{dump.source}: X holds a number that is not finite among samples {part.start} to {part.stop - 1}"
        )
    Z, errors = _logits(dump, plan, part, X)
    order = "F" if Z.strides[0] < Z.strides[1] else "C"
    p, m, s, reach = freivalds.powers(Z, scratch("powers", Z.shape, plan.own.dtype, order))
    lse = m + np.log(s)
    found = freivalds.columns(reach, lse, dump.L, arithmetic=plan.arithmetic, own=plan.own, logits=errors)
    Y = dump.samples("Y", part)
    mass = _mass(dump, Y, part)
    sizes: dict[str, Any] = {"N": dump.N, "n": dump.n, "L": dump.L, "index": dump.index}
    model: dict[str, Any] = {"arithmetic": plan.arithmetic, "own": plan.own}
    bound = freivalds.weights(found, mass, **model, **sizes)
    others = freivalds.weights(found, mass, **model, **sizes, classes=True) if plan.turned else None
    return Block(part, X, Y, Z, p, m, s, mass, lse, reach, found, bound, others)


def _logits(dump: Dump, plan: Plan, part: slice, X: Reals) -> tuple[Any, tuple[Reals, Reals]]:
    """Z (L, nb), and the errors of the implementation's logits and of ours (nb,)."""
    if plan.scale is None:
        zero, Z = np.zeros(X.shape[1]), dump.samples("Z", part)
        if not plan.arithmetic.inside:
            return Z, (zero, zero)
        # what comes after was computed from logits that were not written down yet
        size = np.maximum(abs(real(Z.max(axis=0))), abs(real(Z.min(axis=0))))
        return Z, (returned(zero, size, plan.arithmetic), zero)
    own, arithmetic = plan.own, plan.arithmetic
    operand = np.ascontiguousarray(X.astype(own.dtype))
    Z = scratch("logits", (dump.L, X.shape[1]), own.dtype, "C")
    b = real(dump.arrays["b"]).astype(own.dtype)
    for rows in cuts(dump.L, CLASSES):
        np.matmul(np.asarray(dump.arrays["theta"][rows]).astype(own.dtype, copy=False), operand, out=Z[rows])
        Z[rows] += b[rows, np.newaxis]
    # Cauchy and Schwarz: |theta||X| + |b| without a second product
    size = outward(plan.scale[0] * norms(np.ascontiguousarray(X.T)) + plan.scale[1], dump.d + 8)
    lengths = norms(np.ascontiguousarray(X.T))
    operands = math.sqrt(dump.d) * (plan.scale[0] + lengths)
    theirs = arithmetic.logits(dump.d) * size + arithmetic.underflow(dump.d, operands)
    theirs = theirs + arithmetic.within(plan.scale[0], lengths)
    return Z, (theirs, outward(spread(dump.d + 1, own.u) * size + 2 * (dump.d + 1) * own.eta))


def _mass(dump: Dump, Y: Any, part: slice) -> Reals:
    where = f"{dump.source}: Y, among samples {part.start} to {part.stop - 1},"
    if dump.index:
        if Y.min() < 0 or Y.max() >= dump.L:
            raise Unusable(f"{where} holds a label outside of 0 to {dump.L - 1}; leave ignored samples out of a dump")
        return np.ones(len(Y))
    mass = sum((real(Y[rows]).sum(axis=0) for rows in few(Y)), np.zeros(Y.shape[1]))
    if not np.isfinite(mass).all() or Y.min() < 0:
        raise Unusable(f"{where} holds a weight that is negative or not finite")
    return mass
