"""Who has what: classes, samples or positions of sequences, shared out over ranks, and samples over pieces of each."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.errors import Unusable
from gradcheck.implementations.record import Placeless
from gradcheck.implementations.takes import Takes
from gradcheck.problem import Array, Problem

SPLITS = ("classes", "samples", "sequence")
# What each rank's result is of the whole: a part that is added to the others, the whole itself, or a part of a mean.
RESULTS = ("sum", "shared", "mean")
MOST_RANKS, MOST_PIECES = 64, 16
Index = NDArray[np.int64]


@dataclass(frozen=True)
class Shares:
    """How a problem is shared out. `loss` and `gradients` are each one of `RESULTS`; with `even`, only sizes that divide are
    posed.

    Of classes, every rank has rows of theta, b and Z, and all samples; of samples, all classes. A sequence is cut along its
    positions: X is (batch, positions, d) then, and labels (batch, positions). The samples of each rank come in `pieces`.
    """

    split: str = "classes"
    ranks: int = 2
    pieces: int = 1
    loss: str = ""
    gradients: str = ""
    even: bool = False

    def __post_init__(self) -> None:
        if self.split not in SPLITS:
            raise Unusable(f"split {self.split!r:.60} is not known; expected {', '.join(SPLITS)}")
        for name, most in (("ranks", MOST_RANKS), ("pieces", MOST_PIECES)):
            if type(count := getattr(self, name)) is not int or not 1 <= count <= most:
                raise Unusable(f"{name} {count!r:.60} is not known; expected a whole number from 1 to {most}")
        usual = {"loss": "shared" if self.split == "classes" else "sum", "gradients": "sum"}
        for name, word in usual.items():
            given = getattr(self, name) or word
            if given not in RESULTS:
                raise Unusable(f"{name} {given!r:.60} is not known; expected {', '.join(RESULTS)}")
            object.__setattr__(self, name, given)

    @property
    def by_classes(self) -> bool:
        """Whether each rank has classes of its own."""
        return self.split == "classes"

    def of(self, ranks: int) -> "Shares":
        """The same for so many ranks."""
        return replace(self, ranks=ranks)

    @property
    def takes(self) -> Takes:
        """Problems that can be shared out: no rank is without a class, and no piece without a sample."""
        k, K = self.ranks, self.pieces
        L, n = (k, K) if self.by_classes else (2, k * K)
        if self.split == "sequence" and K > 1:
            return Takes(shapes=(f"n={k * K if self.even else K}k",))
        if not self.even:
            return Takes(shapes=(f"L={max(L, 2)}..,n={n}..",))
        return Takes(shapes=(f"L={k if self.by_classes else 1}k,n={n}k",))

    def how(self, name: str) -> str:
        """What a result of each rank is of the whole: one of `RESULTS`, or `beside`, where each has entries of its own."""
        if name == "loss":
            return self.loss
        mine = ("theta", "b", "Z") if self.by_classes else ("X", "Z")
        return "beside" if name in mine else self.gradients


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
