"""The terms A c − Y' / N of a sum over samples or classes, entry by entry, and what correct code may be off by in each."""

from dataclasses import dataclass

import numpy as np

from gradcheck.auditing.dump import Dump
from gradcheck.auditing.labels import Labels
from gradcheck.auditing.plan import rounding
from gradcheck.bounds import Weights, rest
from gradcheck.enclosure import Reals


@dataclass(frozen=True, eq=False)
class Terms:
    """Of some samples (n,): the weights of the sum that they are in, their labels, c, 1/N with what
    is upstream, and what log A is known to."""

    dump: Dump
    bound: Weights
    labels: Labels
    pull: Reals
    share: Reals
    Q: Reals

    def of(self, rows: slice | list[int], A: Reals, Y: Reals, hard: Reals | None) -> tuple[Reals, Reals]:
        """D and its limit of these rows (rows, n), from A, Y' and, where labels are smoothed, what they were before.

        The limit has what float64 may lose on each term.
        """
        bound, P, S = self.bound, A * self.pull, Y * self.share
        limit = A * bound.A + Y * (bound.Y + bound.others * rest(A, self.Q)) + bound.flat
        if self.labels.index is not None:
            marked = np.arange(self.dump.L)[rows, np.newaxis] == self.labels.index
            limit += marked * bound.at_label(P, S)
        if hard is not None:
            limit += bound.hard * hard
        return P - S, limit + 2 * rounding(self.dump) * (A * bound.size + abs(S))
