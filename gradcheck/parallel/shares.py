"""Who has what of a problem: classes, samples or positions of sequences, shared out over ranks, and samples over pieces of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.implementations.record import Placeless
from gradcheck.problem import Array, Problem
from gradcheck.shares import Shares

Index = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Shared:
    """One problem, shared out; `labels` (n,) are those that code is handed."""

    problem: Problem
    labels: Array
    shares: Shares

    def __post_init__(self) -> None:
        if any(len(c) == 0 for c in self.classes) or any(i.size == 0 for each in self.samples for i in each):
            raise Placeless(f"there is not enough of it for {self.shares.ranks} ranks")

    @cached_property
    def classes(self) -> list[Index]:
        """Of each rank."""
        every: Index = np.arange(self.problem.L)
        return np.array_split(every, self.shares.ranks) if self.shares.by_classes else [every] * self.shares.ranks

    @cached_property
    def samples(self) -> list[list[Index]]:
        """Of each rank, those of each of its pieces: (count,), or (batch, positions) of sequences."""
        n, k, K = self.problem.n, self.shares.ranks, self.shares.pieces
        every: Index = np.arange(n)
        if self.shares.by_classes:
            return [np.array_split(every, K)] * k
        if self.shares.split == "samples":
            return [np.array_split(mine, K) for mine in np.array_split(every, k)]
        batch = K if K > 1 else 2 - n % 2
        if n % batch:
            raise Placeless(f"{n} tokens are no {batch} sequences of one length")
        parts = np.array_split(every.reshape(batch, n // batch), k, axis=1)
        return [np.array_split(part, K, axis=0) for part in parts]

    def handed(self, r: int) -> dict[str, Array]:
        """The arrays of a rank, samples in rows, each piece with a number."""
        p, rows = self.problem, self.classes[r]
        found = {"theta": p.theta[rows], "b": p.b[rows, 0]}
        for k, at in enumerate(self.samples[r]):
            found |= {f"X{k}": np.moveaxis(p.X[:, at], 0, -1), f"Y{k}": self.labels[at]}
        return {name: np.ascontiguousarray(array) for name, array in found.items()}

    def said(self, r: int) -> dict[str, Any]:
        """What it is told beside them."""
        first, last = int(self.classes[r][0]), int(self.classes[r][-1]) + 1
        places = {"rank": r, "ranks": self.shares.ranks, "pieces": self.shares.pieces}
        return {**places, "first": first, "last": last, "classes": self.problem.L, "tokens": self.tokens}

    @property
    def tokens(self) -> int:
        """How many samples of the whole batch count."""
        return int(self.counted.sum())

    @property
    def counted(self) -> NDArray[np.bool_]:
        """(n,), which samples do."""
        law = self.problem.law
        counts = self.problem.reals[3].sum(axis=0) > 0
        return np.asarray(counts | (law.ignore is None and law.counted != "labelled"))


def shape_of(shared: Shared, r: int, name: str) -> tuple[int, ...]:
    """The shape of a result of a rank: of `theta`, `b`, or a piece of X or Z."""
    L, d = len(shared.classes[r]), shared.problem.d
    if name in ("theta", "b"):
        return (L, d) if name == "theta" else (L,)
    at = shared.samples[r][int(name[1:])].shape
    return (*at, d if name[0] == "X" else L)


Results = Mapping[str, Array]  # of one rank
