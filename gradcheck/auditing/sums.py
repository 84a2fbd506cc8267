"""What one block of samples adds to the audit, and how the parts are put together: in the order of samples, in float64."""

from dataclasses import dataclass, replace

from gradcheck.auditing.labels import Labels
from gradcheck.bounds import Weights
from gradcheck.enclosure import Reals

SUMMED = ("limits", "sizes", "told", "known")


@dataclass(frozen=True, eq=False)
class Worst:
    """The entry of an array with the worst test ratio: place, computed value, what it must be, and the limit. `limits` and `sizes`
    are the sums of what is limited, over all entries; `told` counts those of the `known` that could be told from zero.
    """

    ratio: float
    place: tuple[int, ...]
    computed: float
    midpoint: float
    radius: float
    limits: float
    sizes: float
    told: int
    known: int

    @property
    def seen(self) -> float:
        """The smallest relative error of the whole that would have been seen."""
        return self.limits / self.sizes if self.sizes > 0 else float("inf")


def keep(worst: dict[str, Worst], other: dict[str, Worst]) -> None:
    """Put into `worst` what is worse than what is there."""
    for name, found in other.items():
        if name not in worst:
            worst[name] = found
            continue
        known = worst[name]
        more = found if found.ratio > known.ratio else known
        worst[name] = replace(more, **{name: getattr(found, name) + getattr(known, name) for name in SUMMED})


@dataclass(eq=False)
class Gradient:
    """For k probes, and one row more for ∂ℒ/∂b. `right` (k + 1, L) is what (G V)ᵀ and ∂ℒ/∂b must be. `limit` (2, L) bounds what
    correct code may be off by in a probe and in ∂ℒ/∂b, and what we are; `own` (L,) is ours alone, of a probe. `size` (L,) is
    Σ A |c| + Y' / N, of D = A c − Y' / N. `flat` (2,) and `extra` come on top of every limit, `floor` of `own` too; `most`
    is max |X|.
    """

    right: Reals
    limit: Reals
    own: Reals
    size: Reals
    flat: Reals
    floor: float
    extra: float
    most: float

    def add(self, other: "Gradient") -> None:
        """Add what comes next in the order of samples."""
        for name in ("right", "limit", "own", "size", "flat"):
            getattr(self, name).__iadd__(getattr(other, name))
        self.floor += other.floor
        self.extra, self.most = max(self.extra, other.extra), max(self.most, other.most)


@dataclass(eq=False)
class Logits:
    """For k probes V over the samples: `Zv` (k, L) is (Z V)ᵀ; `Xv` (d, k), `v` (k,) what it must be made of. `size` is Σ max |Z_i|,
    `length` Σ |X_i|₂, over samples; `longest` is max |X_i|₂.
    """

    Zv: Reals
    Xv: Reals
    v: Reals
    size: float
    length: float
    longest: float

    def add(self, other: "Logits") -> None:
        """Add what comes next in the order of samples."""
        for name in ("Zv", "Xv", "v"):
            getattr(self, name).__iadd__(getattr(other, name))
        self.size, self.length = self.size + other.size, self.length + other.length
        self.longest = max(self.longest, other.longest)


@dataclass(eq=False)
class Loss:
    """The sum of losses, its limit, and the size of its terms; none of them divided by N. `most` is what a partial sum may reach
    beyond the value, `squares` that of lse².
    """

    value: float
    limit: float
    size: float
    most: float = 0.0
    squares: float = 0.0

    def add(self, other: "Loss") -> None:
        """Add what comes next in the order of samples."""
        for name in ("value", "limit", "size", "most", "squares"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, eq=False)
class Kept:
    """Of a block its samples, maxima, sums and what their probabilities and labels are multiplied by (nb,), labels, what log A is
    known to, weights, and Σ|X| and max |X|: for rows computed again.
    """

    part: slice
    m: Reals
    s: Reals
    pull: Reals
    share: Reals
    labels: Labels
    Q: Reals
    bound: Weights
    over_classes: Weights | None
    sizes: Reals
    most: Reals


@dataclass(frozen=True, eq=False)
class OfSamples:
    """Of a probe of ∂ℒ/∂X, for each sample (n,): the most that it is off by, the most that it must be, its limit, our own error,
    and the 2-norm of what is in the dump.
    """

    residual: Reals
    size: Reals
    limit: Reals
    own: Reals
    length: Reals


@dataclass(eq=False)
class Sums:
    """All of it; `kept` and `data` have a part for each block of samples."""

    gradient: Gradient
    logits: Logits | None
    loss: Loss
    kept: list[Kept]
    worst: dict[str, Worst]
    data: list[OfSamples]

    @property
    def samples(self) -> int:
        """How many there are so far."""
        return self.kept[-1].part.stop

    def add(self, other: "Sums") -> None:
        """Add what comes next in the order of samples."""
        self.gradient.add(other.gradient)
        if self.logits is not None and other.logits is not None:
            self.logits.add(other.logits)
        self.loss.add(other.loss)
        self.kept += other.kept
        self.data += other.data
        keep(self.worst, other.worst)
