"""How a problem is shared out over ranks: what each has of it, and what its results are of the whole. Data, and its words."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from gradcheck.errors import Unusable
from gradcheck.implementations.takes import Takes

SPLITS = ("classes", "samples", "sequence")
# What each rank's result is of the whole: a part that is added to the others, the whole itself, or a part of a mean.
RESULTS = ("sum", "shared", "mean")
MOST_RANKS, MOST_PIECES = 64, 16
OPTIONS = {"ranks": "--ranks", "split": "--split", "loss": "--loss-is", "gradients": "--gradients-are"}


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
        if type(self.even) is not bool:
            raise Unusable(f"even is {self.even!r:.60}; expected true or false")

    @classmethod
    def read(cls, said: object) -> "Shares":
        """What `said` of one says, as somebody else may have written it down. `Unusable` where it is none."""
        known = [field.name for field in fields(cls)]
        if not isinstance(said, Mapping) or (unknown := [name for name in said if name not in known]):
            odd = repr(said) if not isinstance(said, Mapping) else repr(unknown[0])
            raise Unusable(f"ranks is {odd:.60}; expected an object of {', '.join(known)}")
        return cls(**said)

    @property
    def said(self) -> dict[str, Any]:
        """All of it, for a file."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @property
    def options(self) -> tuple[str, ...]:
        """What says it on the command line of `gradcheck ranks`."""
        words = [word for name, option in OPTIONS.items() for word in (option, str(getattr(self, name)))]
        words += ["--pieces", str(self.pieces)] if self.pieces > 1 else []
        return (*words, *(["--even"] if self.even else []))

    @property
    def count(self) -> str:
        """`1 rank`, `2 ranks`."""
        return f"{self.ranks} rank{'s' * (self.ranks > 1)}"

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
