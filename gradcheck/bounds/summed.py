"""What rounding may do to D of a column and of its sums over samples or classes: as `gradients`, taken apart: docs/audit-theory.md.

|δD| <= A `A` + Y' `Y` + …        what stands before A and Y' is one number for each sample, so that a sum over samples, or over
                                  classes, is one product more of a matrix with a vector
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradcheck.bounds.columns import Columns
from gradcheck.bounds.error_model import ErrorModel
from gradcheck.bounds.folding import parted, unsmoothed_error
from gradcheck.bounds.mapping import between
from gradcheck.bounds.roundings import relative
from gradcheck.bounds.roundings import ulps as ulps_of
from gradcheck.enclosure import U64, Reals
from gradcheck.law import CrossEntropy
from gradcheck.precision import Precision


@dataclass(frozen=True, eq=False)
class Masses:
    """Of the labels of each sample (n,): `mass` 1ᵀY', `hard` that before they are smoothed, `given` 1ᵀY; `z`, what lse² is
    multiplied by; and whether D may be minus the sum of the others at a label (`single`).
    """

    mass: Reals
    hard: Reals
    given: Reals
    z: Reals
    single: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Loss:
    """What holds for every sample of a step: its law, N, its sizes; how it was computed, and what we compute in."""

    law: CrossEntropy
    N: float
    n: int
    L: int
    index: bool
    arithmetic: ErrorModel
    own: Precision

    @property
    def masses(self) -> int:
        """How many numbers 1ᵀY' is a sum of, where it is not known."""
        return 0 if self.index and not self.law.smoothing else self.L

    @property
    def at_least_one(self) -> float:
        """Code may divide by N first or last."""
        return max(self.N, 1.0)

    @cached_property
    def _heaviest(self) -> float:
        return max((1.0, *self.law.class_weight))

    def fits(self, most: Reals) -> NDArray[np.bool_]:
        """Whether labels of these masses, N, 1/N and weights over N are in the range: as `Folded.N` and `Folded.error`."""
        most, huge = np.maximum(most, self._heaviest), self.arithmetic.huge
        return np.asarray((2 * most < self.N * huge) & (huge > self.N) & (most < huge))

    def off_hard(self, k: float) -> float:
        """What Y' is off by relative to the label before it was smoothed, as `Folded.error`, and `Folded.parts` k times."""
        return unsmoothed_error(self.law, self.arithmetic.granted) + k * parted(self.law, self.L)

    def off(self, of: Masses, k: float) -> Reals:
        """(n,): what the labels Y' of each sample are off by, summed over the classes."""
        law, model = self.law, self.arithmetic
        if not (law.smoothing or law.class_weight):
            return 0 * of.mass
        return self.off_hard(k) * of.hard + 4 * model.eta * (self.L + of.given)


@dataclass(frozen=True, eq=False)
class Differences:
    """Of D of each sample (n,): what it is off by, for a unit of A, of Y', of Y' before it was smoothed (`hard`), of (1 - A) Y' at
    a label (`others`), and alone (`flat`). D itself is no more than `size` A + `unit` Y', of which we are off
    by `own` A + `ours` Y'.
    """

    A: Reals
    Y: Reals
    hard: Reals
    others: Reals
    flat: Reals
    size: Reals
    unit: Reals
    own: Reals
    ours: Reals
    sure: Reals


@dataclass(frozen=True, eq=False)
class Slope:
    """Of the map of the logits of each sample (n,): no less than any, what that is off by, and what ours is."""

    by: Reals
    off: Reals
    own: Reals


def differences(found: Columns, of: Masses, loss: Loss, slope: Slope | None = None) -> Differences:
    """As `bounds.gradients._logits_gradient_error`, with one bound for a column, taken apart; docs/audit-theory.md."""
    model, law, N = loss.arithmetic, loss.law, loss.N
    eta, k, label = model.eta, model.differences(loss.masses), model.differences(0)
    ulps, loses = ulps_of(model.granted), model.granted.loses
    with np.errstate(over="ignore", invalid="ignore"):
        grown, lost = np.expm1(np.minimum(found.R, 700.0)), np.expm1(np.minimum(found.Q, 700.0))
        sure = 1 + lost
        A, size, own, flat, met = of.mass * ((1 + k) * grown + k), of.mass, 0.0 * sure, 0.0 * sure, of.mass
        hard = np.zeros_like(sure)
        if law.smoothing or law.class_weight:  # the labels are off
            off = loss.off(of, k)
            hard += (1 + k) * loss.off_hard(k)
            A, met = A + (1 + k) * off * (1 + grown), met + off
            flat = flat + (1 + k) * 4 * eta * (1 + of.given)
        if law.z_loss:
            more, lse, apart = model.squares(loss.masses), found.lse, found.lse_error
            top = lse + apart
            A = A + 2 * of.z * ((1 + more) * (top * grown + apart) + more * lse)
            A = A + 6 * (1 + more) * loss.at_least_one * top * (1 + grown) * eta
            flat = flat + 2 * (1 + more) * (1 + loss.at_least_one) * eta
            size, met = of.mass + 2 * of.z * lse, met + 2 * (1 + more) * of.z * top
            own = 2 * of.z * sure * (found.Q + 16 * U64 * lse)
        own = own + size * lost
        # what underflows with us is known absolutely, up to Q; and what it is with them may be R more
        below = ((ulps + 2) * eta * (1 + grown) + 8 * loss.own.eta) * sure
        count = (4 + loss.masses) * (1 + loses) + loses * of.mass
        flat = flat / N + (1 + k) * (met * below / N + count * eta * max(1 / N, 1.0))
        others = (model.others(loss.L, found.alone) + loss.L * (ulps + 2) * eta) * of.single / N
        Y, unit, none = label / N + 0 * sure, 1 / N + 0 * sure, 0 * sure
        given = Differences(A / N, Y, hard / N, others, flat, size / N, unit, own / N, none, sure)
        whole = given if slope is None else sloped(given, slope, loss)
        if law.plain:
            return whole
        parts = [part.A + part.size + (part.Y + part.unit) * of.mass + part.hard * of.hard for part in (given, whole)]
        reached = np.maximum(between(law)[0] * parts[0], parts[1])  # within the map, and after it
        known = loss.fits(of.mass) & (loss.at_least_one * reached < model.huge)
        known &= 2 * law.z_loss * (found.lse + found.lse_error) < model.huge
        return replace(whole, flat=np.where(known, whole.flat, np.inf))


def sloped(of: Differences, slope: Slope, loss: Loss) -> Differences:
    """Multiplied by the slope of the map of the logits, as `bounds.gradients._sloped`."""
    by, off = slope.by, slope.off
    k, top = relative(loss.arithmetic.granted, 2, writings=2, readings=1), by + off
    A, Y = ((error * top + size * off) * (1 + k) + k * size * by for error, size in ((of.A, of.size), (of.Y, of.unit)))
    hard, others = of.hard * top * (1 + k), of.others * top * (1 + k)
    flat = of.flat * top * (1 + k) + 4 * between(loss.law)[1] * loss.arithmetic.eta
    own = of.own * (by + slope.own) + of.size * slope.own * of.sure
    ours = of.unit * slope.own
    return Differences(A, Y + ours, hard, others, flat, of.size * by, of.unit * by, own, ours, of.sure)


@dataclass(frozen=True, eq=False)
class Weights:
    """What the error of a sum over samples is made of, or over classes. For sample i and |w_i|, or |w_l|, summed:

    `A` (n,) on the referee's A w; `Y` (n,) on Y' w; `hard` (n,) on that before it was smoothed; `others` (n,) on (1 - A) Y' w at a
    label; `label` on (|A c - Y'| - A |c| - Y')/N w at a label, which is known for index labels only; `flat` on w alone; `size` (n,)
    on A w and `unit` on Y' w for the terms themselves. `extra` is absolute, and comes once.
    """

    A: Reals
    Y: Reals
    hard: Reals
    others: Reals
    label: float
    flat: Reals
    size: Reals
    unit: Reals
    extra: float

    def at_label(self, P: Reals, S: Reals) -> Reals:
        """What `label` takes from the limit of P − S at a label, for P = A c and S = Y'/N; no more than 0."""
        return np.asarray(self.label * (abs(P - S) - abs(P) - abs(S)))


def weights(of: Differences, mass: Reals, loss: Loss, *, classes: bool = False) -> Weights:
    """The bound of `bounds.Allowed.summed`, taken apart, or of `bounds.Allowed.X` where the sum is over `classes`."""
    model = loss.arithmetic
    terms, total = (loss.L, model.data(loss.L)) if classes else (loss.n, model.gradient(loss.n))
    with np.errstate(over="ignore", invalid="ignore"):
        A = ((1 + total) * of.A + total * of.size) * of.sure + of.own
        Y = (1 + total) * of.Y + total * of.unit
        largest = float((of.A + of.size + (of.Y + of.unit) * mass).max(initial=2 / loss.N))
        reached = 1 + 2 * max(loss.n, loss.at_least_one) * largest
    loses = model.granted.loses
    extra = (1 + total) * (terms + 2) * (1 + loses) * reached * model.eta
    flat, hard, others = ((1 + total) * x for x in (of.flat, of.hard, of.others))
    return Weights(A, Y, hard, others, total, flat + loses * model.eta, of.size * of.sure, of.unit, extra)


def rest(A: Reals, Q: Reals) -> Reals:
    """No less than 1 - A, where our A is off by Q in the logarithm."""
    return np.asarray(np.clip(1 - A, 0, 1) + A * np.expm1(np.minimum(Q, 700.0)) + 4 * U64)
