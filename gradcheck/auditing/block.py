"""One block of samples: its logits, its softmax, and what rounding may do to it. Knows nothing of probes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.auditing import mapping
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.labels import Labels, labels
from gradcheck.auditing.plan import Plan
from gradcheck.auditing.rows import CLASSES, cuts, norms, real, scratch
from gradcheck.bounds import (
    Columns,
    Differences,
    Weights,
    columns,
    differences,
    multiplied,
    raised,
    returned,
    spread,
    weights,
)
from gradcheck.enclosure import Reals, outward
from gradcheck.errors import Unusable
from gradcheck.referees import freivalds


@dataclass(frozen=True, eq=False)
class Block:
    """What is known of some samples: `bent` (L, nb) are the logits that the softmax is of, `p` is exp(bent - m), `s` its sums,
    `lse` the log-sum-exp; D is A `pull` − Y' `share`, times `S` (L, nb), the slope of a cap, where there is one.

    `of` is what rounding may do to D, `bound` to sums over samples, `over_classes` to those of ∂ℒ/∂X, where that is to be judged.
    """

    part: slice
    X: Reals
    Y: Any
    labels: Labels
    Z: Any
    bent: Any
    S: Any
    p: Any
    m: Reals
    s: Reals
    lse: Reals
    pull: Reals
    share: Reals
    reach: Reals
    found: Columns
    of: Differences
    bound: Weights
    over_classes: Weights | None


def read(dump: Dump, plan: Plan, part: slice) -> Block:
    """A block, its softmax, and what rounding may do to it."""
    X = real(dump.samples("X", part))
    if not np.isfinite(X.sum()) and not np.isfinite(X).all():
        raise Unusable(
            f"{dump.source}: X holds a number that is not finite among samples {part.start} to {part.stop - 1}"
        )
    Z, errors, size = _logits(dump, plan, part, X)
    bent, S, slope = Z, None, None
    if dump.law.mapped:
        bent, S, errors, slope = mapping.mapped(dump, plan, (Z, errors, size), X)
    order = "F" if bent.strides[0] < bent.strides[1] else "C"
    p, m, s, reach = freivalds.powers(bent, scratch("powers", bent.shape, plan.own.dtype, order))
    lse = m + np.log(s)
    found = columns(reach, lse, dump.L, arithmetic=plan.arithmetic, own=plan.own, logits=errors)
    Y = dump.samples("Y", part)
    of = labels(dump, part, Y)
    masses = of.masses
    each = differences(found, masses, plan.loss, slope)
    share = dump.shares(part)
    bound, others = _weights(dump, plan, each, of.mass)
    if dump.met:
        by, plain = dump.factors(part, plan.loss), (bound, others)
        each = multiplied(each, found, by, of.mass, plan.loss)
        bound, others = _weights(dump, plan, each, of.mass)
        bound = raised(bound, plain[0], by)
        others = raised(others, plain[1], by) if others and plain[1] else None
    pull = (of.mass + 2 * masses.z * lse) * share
    return Block(part, X, Y, of, Z, bent, S, p, m, s, lse, pull, share, reach, found, each, bound, others)


def _weights(dump: Dump, plan: Plan, each: Differences, mass: Reals) -> tuple[Weights, Weights | None]:
    """Of sums over samples, and over classes where ∂ℒ/∂X is to be judged."""
    bound = weights(each, mass, plan.loss)
    return bound, weights(each, mass, plan.loss, classes=True) if "grad_X" in dump.arrays else None


def _logits(dump: Dump, plan: Plan, part: slice, X: Reals) -> mapping.Computed:
    """Z (L, nb), the errors of the implementation's logits and of ours (nb,), and where they are not in the dump what each is no
    more than before anything cancels.
    """
    if plan.scale is None:
        zero, Z = np.zeros(X.shape[1]), dump.samples("Z", part)
        if not plan.arithmetic.inside:
            return Z, (zero, zero), None
        # what comes after was computed from logits that were not written down yet
        size = np.maximum(abs(real(Z.max(axis=0))), abs(real(Z.min(axis=0))))
        return Z, (returned(zero, size, plan.arithmetic), zero), None
    own, arithmetic = plan.own, plan.arithmetic
    operand = np.ascontiguousarray(X.astype(own.dtype))
    Z = scratch("logits", (dump.L, X.shape[1]), own.dtype, "C")
    b = real(dump.arrays["b"]).astype(own.dtype)
    for rows in cuts(dump.L, CLASSES):
        np.matmul(np.asarray(dump.arrays["theta"][rows]).astype(own.dtype, copy=False), operand, out=Z[rows])
        Z[rows] += b[rows, np.newaxis]
    # Cauchy and Schwarz: |theta||X| + |b| without a second product
    lengths = norms(np.ascontiguousarray(X.T))
    size = outward(plan.scale[0] * lengths + plan.scale[1], dump.d + 8)
    operands = math.sqrt(dump.d) * (plan.scale[0] + lengths)
    theirs = arithmetic.logits(dump.d) * size + arithmetic.underflow(dump.d, operands)
    theirs = theirs + arithmetic.within(plan.scale[0], lengths)
    ours = outward(spread(dump.d + 1, own.u) * size + 2 * (dump.d + 1) * own.eta)
    return Z, (theirs, ours), size
