"""Of gradients that meet an upstream gradient, and of those of pieces that are added up: docs/bounds.md, section 15."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from gradcheck.bounds.gradients import Allowed, underflow_of_an_entry
from gradcheck.bounds.mapping import between
from gradcheck.bounds.roundings import relative
from gradcheck.enclosure import Reals, outward


@dataclass(frozen=True, eq=False)
class Upstream(Allowed):
    """The rounding errors of the gradients of sum_i c_i loss_i, where c is `upstream`: (n,), or one number for all.

    `operations` counts what is done to each entry of D beside what is done to it without c: one product, and one more where c
    is itself a quotient.
    """

    upstream: Reals = field(default_factory=lambda: np.ones(1))
    operations: int = 1

    @cached_property
    def _more(self) -> float:
        return relative(self.precision, self.operations, writings=self.operations, readings=self.operations + 1)

    @cached_property
    def _most(self) -> float:
        """c where that is more than 1: what is lost may be multiplied by it, or be lost of what it has made small."""
        return max(1.0, float(abs(self.upstream).max()))

    @cached_property
    def _own(self) -> tuple[Reals, Reals]:
        """Of D without c."""
        return self._entries()

    @cached_property
    def _D(self) -> tuple[Reals, Reals]:
        (bound, size), c, p = self._own, abs(self.upstream), self.precision
        mass = float(self.folded.mass.max())
        lost = underflow_of_an_entry(self.folded) + (1 + p.loses) * (4 + mass) * p.eta * self.folded.below_one
        with np.errstate(invalid="ignore", over="ignore"):
            found = c * ((1 + self._more) * bound + self._more * size) + (1 + self._more) * self._most * lost
            # c may come last, or before the division; with a map, before the slope
            known = self.folded.at_least_one * self._most * (bound + size) < p.huge
            if self.mapped:
                most = self._most * between(self.problem.law)[0]
                known &= self.folded.at_least_one * most * (self._unsloped[0] + self._unsloped[1]) < p.huge
            found = np.where(known & np.isfinite(found), found, np.inf)
            return outward(found, 16), outward(np.where(known, c * size, np.inf), 2)

    def _contracted(self, D: Reals, size: Reals, weight: Reals, times: int = 1) -> Reals:
        """And what is lost where c, or c/N, is multiplied with the weights, or with what the sum comes to."""
        (bound, whole), p, n = self._own, self.precision, len(weight)
        own = (bound, whole) if D is self._D[0] else (bound.T, whole.T)
        found, plain = super()._contracted(D, size, weight, times), super()._contracted(own[0], own[1], weight, times)
        with np.errstate(invalid="ignore", over="ignore"):
            most = self.folded.at_least_one * float((bound + whole).max(initial=0.0))
            lost = 4 * (n + 3) * (1 + most) * self._most * p.eta
            found = np.where(np.isfinite(plain), found + (1 + relative(p, 3, n)) * lost, np.inf)
        return outward(np.where(np.isnan(found), np.inf, found), 16)

    def _penalised(self, bound: Reals, weight: Reals, parameter: Reals, l2: float) -> Reals:
        """With c times the gradient of the penalty."""
        if not l2:
            return bound
        own = self._most * parameter
        with np.errstate(invalid="ignore", over="ignore"):
            found = super()._penalised(bound, weight, own, l2)
            return outward(found + self._more * (found + l2 * own) + 4 * self._most * self.precision.eta, 16)
