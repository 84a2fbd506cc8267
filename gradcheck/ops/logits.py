"""What is known of the cross-entropy of given logits, some samples at a time: its value, and its gradient with respect to Z."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy, functions, text
from gradcheck.law.options import WEIGHTS
from gradcheck.ops.description import Grants, Limits
from gradcheck.ops.targets import Targets
from gradcheck.precision import FLOAT64
from gradcheck.problem import Array
from gradcheck.referees import given
from gradcheck.referees.truth import Truth

BLOCK = 2**21  # entries that are worked on at once
WHOLE = 2**24  # where they have to be
UNKNOWN = 2.0**52  # terms of a sum of which these are some: no fewer


@dataclass(frozen=True, eq=False)
class Samples:
    """Logits (n, L) in rows, what they are labelled with, and the loss that is meant."""

    Z: Array
    targets: Targets
    law: CrossEntropy
    upstream: Reals | None = None  # (n,) or (1,)

    def parts(self) -> Iterator[slice]:
        n, L = self.Z.shape
        each = n if self.alone else max(1, BLOCK // L)
        yield from (slice(at, min(n, at + each)) for at in range(0, n, each))

    @cached_property
    def block_law(self) -> CrossEntropy:
        """That of some samples, which are divided by what all of them are."""
        if self.law.reduction != "mean" or self.alone or self.law.counted == WEIGHTS:
            return self.law
        N = int(self.targets.counted(self.law))
        return replace(self.law, mean_of=N) if N else self.law

    @property
    def alone(self) -> bool:
        """Whether all samples are one part; a mean over weights is."""
        most = WHOLE if self.law.counted == WEIGHTS and self.law.reduction == "mean" else BLOCK
        return self.Z.size <= most or len(self.Z) == 1

    def lost(self, part: slice, truth: Truth) -> np.ndarray:
        """(n,), of which samples the label is of a class at -inf: their loss is infinite."""
        masked = np.isneginf(self.Z[part].T)
        if not masked.any():
            return np.zeros(masked.shape[1], dtype=bool)
        return np.asarray((masked & (truth.problem.labels > 0)).any(axis=0))

    def truth(self, part: slice, g: Grants) -> tuple[Truth, np.ndarray]:
        """Of some samples, and of which of them anything is known."""
        if not self.alone and self.law.counted == WEIGHTS and self.law.reduction == "mean":
            raise Unusable("a mean over weights of so many logits is not judged at once; give fewer samples")
        Z, known = given.finite(self.Z[part].T.astype(np.float64))
        Y = self.targets.columns(part, self.Z.shape[1])
        if self.law.softcap and np.isneginf(self.Z[part]).any():
            known = known & ~np.isneginf(self.Z[part]).any(axis=1)
        return given.truth(Z, Y, self.block_law, replace(g.inside, returned=0.0)), known


def part(samples: Samples, law: CrossEntropy, rows: slice) -> Samples:
    """Some of them, under another loss, divided by what all of them are."""
    whole = replace(samples, law=law)
    if law.reduction == "mean" and law.counted != WEIGHTS:
        law = replace(law, mean_of=int(samples.targets.counted(law)))
    elif law.reduction == "mean" and len(samples.Z[rows]) < len(samples.Z):
        raise Unusable("a mean over weights is one of all samples")
    c = samples.upstream
    return replace(
        whole,
        Z=samples.Z[rows],
        targets=samples.targets.of(rows),
        law=law,
        upstream=c if c is None or c.size == 1 else c[rows],
    )


def judged(g: Grants, wrt: str, samples: Samples) -> Iterator[Limits]:
    """The value, or the gradient with respect to Z."""
    return gradient(g, samples) if wrt else value(g, samples)


def gradient(g: Grants, samples: Samples) -> Iterator[Limits]:
    """∂ℒ/∂Z, of the loss times what is upstream."""
    for part in samples.parts():
        truth, known = samples.truth(part, g)
        found = truth.enclosure("D")
        allowed = truth.allowed("D")
        if samples.upstream is not None:
            c = np.broadcast_to(samples.upstream, (len(samples.Z),))[part]
            midpoint = found.midpoint * c
            radius = outward(found.radius * abs(c) + 2 * U64 * abs(midpoint))
            allowed = truth.upstream("D", abs(c), abs(midpoint) + radius)
            found = Enclosure(midpoint, radius)
        allowed = np.where(known, allowed, np.inf)
        zero = droppable(truth, g).T if g.filtered else None
        yield Limits(part.start, Enclosure(found.midpoint.T, found.radius.T), allowed.T, zero)


def droppable(truth: Truth, g: Grants) -> np.ndarray:
    """Where a filter may leave an entry out, (L, n): its probability is computed below the limit, and it has no label."""
    known = truth.bounds_in(truth.granted)
    least = known.exact.midpoint - known.exact.radius - known.softmax.A
    return np.asarray((least < g.filtered) & ~(truth.problem.reals[3] > 0))


def value(g: Grants, samples: Samples) -> Iterator[Limits]:
    """ℒ: a number, or one of each sample."""
    if samples.law.reduction == "none":
        yield from _each(g, samples)
        return
    parts = list(samples.parts())
    n, blocks = len(samples.Z), len(parts)
    inside = replace(g.inside, returned=0.0, huge=g.inside.huge / blocks)
    total = radius = allowed = size = np.zeros(())
    sure, lost = True, False
    for part in parts:
        truth, known = samples.truth(part, replace(g, inside=inside))
        sure, lost = sure and bool(known.all()), lost or bool(samples.lost(part, truth).any())
        found = truth.enclosure("loss")
        total, radius, size = total + found.midpoint, radius + found.radius, size + abs(found.midpoint)
        allowed = np.asarray(
            allowed + _more(truth, 2 * samples.targets.terms(samples.law, samples.Z.shape[1], n, part))
        )
    radius = outward(radius + blocks * U64 * size, blocks)
    allowed = outward(allowed if sure else np.inf, blocks)
    if sure and lost:
        total, radius, allowed = total + np.inf, 0 * radius, 0 * size
    yield Limits(0, Enclosure(np.full((1, 1), total), np.full((1, 1), radius)), np.full((1, 1), allowed))


@dataclass(frozen=True, eq=False)
class _Part(bounds.Folded):
    """Of a sum that goes on: so many additions more."""

    more: int = 0

    def relative(
        self,
        operations: float,
        additions: float | None = None,
        writings: float = 0,
        readings: float = 0,
        among: float | None = None,
    ) -> float:
        longer = additions if additions is None else additions + self.more
        return super().relative(operations, longer, writings, readings, UNKNOWN)


def _more(truth: Truth, others: int) -> Reals:
    known = truth.bounds_in(truth.granted)
    if not others:
        return known.loss
    return bounds.loss_error(_Part(truth.problem, truth.granted, others), known.softmax)


def _each(g: Grants, samples: Samples) -> Iterator[Limits]:
    for part in samples.parts():
        truth, known = samples.truth(part, g)
        softmax = truth.bounds_in(truth.granted).softmax
        folded = bounds.Folded(truth.problem, truth.granted)
        allowed = bounds.loss_error(folded, softmax, each=True)
        midpoint, radius = _losses(truth)
        inside, lost = np.isfinite(midpoint), samples.lost(part, truth) & known
        allowed = np.where(lost, 0.0, np.where(known & inside, allowed, np.inf))
        midpoint = np.where(lost, np.inf, np.where(inside, midpoint, 0.0))
        radius = np.where(lost, 0.0, radius)
        yield Limits(part.start, Enclosure(midpoint[:, None], radius[:, None]), allowed[:, None])


def _losses(truth: Truth) -> tuple[Reals, Reals]:
    """The loss of each sample in float64, (n,), with its radius."""
    Z, p = truth.values.Z.midpoint, truth.problem
    with np.errstate(all="ignore"):
        due, bent = text.labels(p.reals[3], p.law), text.mapped(Z, p.law)
        log_A = functions.log_softmax(bent)
        found = -np.where(due > 0, log_A * due, 0.0).sum(axis=0)
        if p.law.z_loss:
            lse = functions.log_sum_exp(bent)
            found = found + np.where(text.squared(p.reals[3], p.law), lse * lse * p.law.z_loss, 0.0)[0]
    known = bounds.allowed_of(p, FLOAT64, truth.magnitude, truth.values.Z, truth.values.A, delta=0 * Z, ours=True)
    return found, bounds.loss_error(bounds.Folded(p, FLOAT64), known.softmax, ours=True, each=True)
