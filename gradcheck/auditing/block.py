"""One block of samples: its logits, its softmax, and what rounding may do to it. Knows nothing of probes."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.auditing import mapping
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.labels import Labels, labels
from gradcheck.auditing.matrices import Matrix, Survey, matrix
from gradcheck.auditing.plan import Plan
from gradcheck.auditing.rows import real
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

    `X` is what is asked of the data, with the probes, and with those of the logits, `V` (nb, k). `of` is what rounding may do to D,
    `bound` to sums over samples, `over_classes` to those of ∂ℒ/∂X, where that is to be judged.
    """

    part: slice
    V: Reals
    X: Survey
    Y: Any
    labels: Labels
    Z: Matrix
    bent: Matrix
    S: Matrix | None
    p: Matrix
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
    X, V = dump.matrix("X", part), _probes(plan, part)
    of_X = X.T.survey(plan.probes, V)
    if not np.isfinite(of_X.sizes).all() and not X.finite():
        raise Unusable(
            f"{dump.source}: X holds a number that is not finite among samples {part.start} to {part.stop - 1}"
        )
    Z, errors, size = _logits(dump, plan, part, of_X.lengths)
    bent, S, slope = Z, None, None
    if dump.law.mapped:
        bent, S, errors, slope = mapping.mapped(dump, plan, (Z, errors, size), of_X.sizes)
    powers = bent.powers(plan.own)
    m, s, reach = powers.m, powers.s, powers.reach
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
    return Block(part, V, of_X, Y, of, Z, bent, S, powers.p, m, s, lse, pull, share, reach, found, each, bound, others)


def _weights(dump: Dump, plan: Plan, each: Differences, mass: Reals) -> tuple[Weights, Weights | None]:
    """Of sums over samples, and over classes where ∂ℒ/∂X is to be judged."""
    bound = weights(each, mass, plan.loss)
    return bound, weights(each, mass, plan.loss, classes=True) if "grad_X" in dump.arrays else None


def _probes(plan: Plan, part: slice) -> Reals:
    """Of the logits, random and over these samples (nb, k); none where there is nothing to be judged by them."""
    count = 0 if plan.scale else plan.probes.shape[1]
    return np.random.default_rng([plan.seed, part.start, 1]).uniform(-1, 1, (count, part.stop - part.start)).T


def _logits(dump: Dump, plan: Plan, part: slice, lengths: Reals) -> mapping.Computed:
    """Z (L, nb), the errors of the implementation's logits and of ours (nb,), and where they are not in the dump what each is no
    more than before anything cancels.
    """
    if plan.scale is None:
        zero, Z = np.zeros(len(lengths)), dump.matrix("Z", part)
        if not plan.arithmetic.inside:
            return Z, (zero, _ours(dump, plan, zero)), None
        # what comes after was computed from logits that were not written down yet
        size = np.maximum(*map(abs, Z.ends()))
        return Z, (returned(zero, size, plan.arithmetic), _ours(dump, plan, zero)), None
    own, arithmetic = plan.own, plan.arithmetic
    Z = matrix(dump.arrays["theta"]).logits(dump.matrix("X", part), real(dump.arrays["b"]), own)
    # Cauchy and Schwarz: |theta||X| + |b| without a second product
    size = outward(plan.scale[0] * lengths + plan.scale[1], dump.d + 8)
    operands = math.sqrt(dump.d) * (plan.scale[0] + lengths)
    theirs = arithmetic.logits(dump.d) * size + arithmetic.underflow(dump.d, operands)
    theirs = theirs + arithmetic.within(plan.scale[0], lengths)
    ours = outward(spread(dump.d + 1, own.u) * size + 2 * (dump.d + 1) * own.eta)
    return Z, (theirs, _ours(dump, plan, ours)), size


def _ours(dump: Dump, plan: Plan, ours: Reals) -> Reals:
    """With what the sums of our powers lose beside float64: as if it were of the logits, since either moves log A by no more."""
    ours = ours + spread(freivalds.QUARTERS, plan.own.u)
    if not dump.placed:
        return ours
    return ours + spread(dump.L + 64, dump.unit) + dump.d * (dump.L + 1) * dump.lost
