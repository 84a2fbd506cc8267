"""What an audit says of one quantity, and how rows of probes become a verdict."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from gradcheck.auditing.plan import Plan
from gradcheck.enclosure import Enclosure, Reals
from gradcheck.referees import freivalds
from gradcheck.verdict import WIDE, Outcome, Verdict, Witness, seen, telling, told

AGAIN = 8  # rows that are compared entry by entry because they are the worst
NAMES = {
    "grad_theta": "∂ℒ/∂θ",
    "grad_b": "∂ℒ/∂b",
    "Z": "Z",
    "A": "A",
    "grad_Z": "∂ℒ/∂Z",
    "grad_X": "∂ℒ/∂X",
    "loss": "ℒ",
    "lse": "log-sum-exp",
}
UNKNOWN = "the logits, or our own sums over them, are not finite, so there is nothing to compare with"


@dataclass(frozen=True)
class Remark:
    """An entry within its limit, and further off than independent roundings lead: so many `times` what `bounds.usual` has.

    Correct code may do that, and a remark is no failure.
    """

    witness: Witness
    times: float

    def __str__(self) -> str:
        w, at = self.witness, ", ".join(map(str, self.witness.place))
        return (
            f"{w.quantity} at ({at}) is unusual: {w.computed:.9g}, must be {w.midpoint:.9g}, off by {self.times:.3g} times the "
            "size that rounding has where roundings are independent (eight standard deviations of them), and by "
            f"{abs(w.computed - w.midpoint) / w.radius:.2g} of what correct code may be off by, as it is where samples repeat"
        )


@dataclass(frozen=True)
class Finding:
    """The verdict on one quantity. Every entry of a row that is not at fault is within `entry` of what it must be, and every such
    row within `row` in its 2-norm, but for a chance below 2**-40; None where every entry was compared. `median` is the median row's
    2-norm. `rows` are at fault, `faults` says how; `odd` is what stands out, yet within what rounding may do, and so are
    `unusual` entries. `seen` is the
    smallest relative error that would have been seen: of a row of median size, or of the quantity as a whole. `ratios` are the test
    ratios of all rows, where they were probed.

        >>> import gradcheck, numpy as np
        >>> arrays = {"theta": np.eye(3, 2), "b": None, "X": np.ones((2, 4)), "Y": np.zeros(4, int)}
        >>> finding = gradcheck.audit(grad_theta=np.zeros((3, 2)), **arrays).findings[0]
        >>> finding.quantity, str(finding.verdict.outcome), finding.rows
        ('grad_theta', 'disagree', (0, 1, 2))
    """

    quantity: str
    verdict: Verdict
    entry: float | None = None
    row: float | None = None
    median: float | None = None
    rows: tuple[int, ...] = ()
    faults: tuple[str, ...] = ()
    entries: tuple[Witness, ...] = ()
    odd: tuple[str, ...] = ()
    unusual: tuple[Remark, ...] = ()
    seen: float | None = None
    ratios: NDArray[np.float32] | None = field(default=None, compare=False, repr=False)

    def share(self, certifies: bool) -> float | None:
        """What is certified of every row that is not at fault, in shares of a typical one; where every entry was compared, of the
        quantity as a whole. None where nothing is.
        """
        share = self.seen if self.entry is None or (certifies and self.median) else None
        return share if share is not None and share < 1 else None

    def certifies(self, sizes: tuple[int, int, int]) -> bool:
        """Whether there is a row of which anything is certified, in a step of these L, d and n."""
        return self.entry is not None and len(self.rows) < sizes[2 if self.quantity == "grad_X" else 0]


@dataclass(frozen=True, eq=False)
class Probed:
    """Of each row (L,): the most that a probe is off by, the most that it must be, the limit of the first, and our own error."""

    residual: Reals
    size: Reals
    limit: Reals
    own: Reals

    @classmethod
    def empty(cls, L: int) -> "Probed":
        """To be filled, some rows at a time."""
        return cls(np.empty(L), np.empty(L), np.empty(0), np.empty(0))

    def fill(self, rows: slice, left: Reals, right: Reals) -> None:
        """What is (k, rows), and what must be."""
        self.residual[rows] = abs(left - right).max(axis=0)
        self.size[rows] = abs(right).max(axis=0)

    @cached_property
    def ratio(self) -> Reals:
        """Test ratios; 0 where nothing is known."""
        finite = np.where(np.isfinite(self.size) & ~np.isnan(self.limit), self.limit, np.inf)
        return Enclosure(np.zeros_like(finite), finite).test_ratio(self.residual)

    def worst(self) -> list[int]:
        """The rows that are looked at again: the worst, and the one that tells the most."""
        # by their ratio even where that is far below 1: a fault too small for a limit of all columns still stands out
        order = -self.ratio
        least = np.partition(order, AGAIN)[AGAIN] if len(order) > AGAIN else np.inf  # to sort all of them takes longer
        some = np.flatnonzero(~(order > least))
        found = some[np.argsort(order[some], kind="stable")][:AGAIN].tolist()
        telling = int(np.argmax(np.nan_to_num(self.size / self.limit, nan=0.0)))
        return found if telling in found else [*found, telling]


@dataclass(frozen=True, eq=False)
class Compared:
    """Entries, as they were computed and as they must be: those of some `rows` of the dump's array, or all of it. `columns`, like
    the entries, where only some of a row are here. `usual` is what independent roundings lead to.
    """

    quantity: str
    computed: Reals
    truth: Reals
    allowed: Reals
    rows: tuple[int, ...] | None = None
    columns: NDArray[np.intp] | None = None
    usual: Reals | None = None

    @cached_property
    def ratios(self) -> Reals:
        """Test ratios."""
        return enclosed(self.truth, self.allowed).test_ratio(self.computed)

    def witness(self, *at: int) -> Witness:
        """The entry that stands there in these arrays, by its place in the dump's."""
        numbers = (float(array[at]) for array in (self.computed, self.truth, self.allowed))
        place = (self.rows[at[0]], *at[1:]) if self.rows else at
        if self.columns is not None:
            place = (place[0], int(self.columns[at]))
        return Witness(NAMES[self.quantity], place, *numbers)

    def verdict(self) -> Verdict:
        """As `verdict.Comparison`: agree iff every ratio is at most 1, and half of the entries could have been told from zero."""
        at = tuple(int(i) for i in np.unravel_index(int(self.ratios.argmax()), self.ratios.shape))
        ratio = float(self.ratios[at])
        if ratio > 1:
            return Verdict(Outcome.DISAGREE, "", ratio, None, self.witness(*at))
        if not np.isfinite(self.truth).all():
            return Verdict(Outcome.INCONCLUSIVE, UNKNOWN, ratio)
        clear = telling(*told(self.allowed, abs(self.truth)))
        return Verdict(Outcome.AGREE, "", ratio) if clear else Verdict(Outcome.INCONCLUSIVE, WIDE, ratio)

    @cached_property
    def seen(self) -> float:
        """The smallest relative error of the whole that would have been seen."""
        return seen(self.allowed, abs(self.truth))

    def essential(self, start: int) -> "Compared":
        """Of each row the entry with the worst ratio and the one that tells the most; the columns are those from `start` on."""
        telling = np.nan_to_num(abs(self.truth) / self.allowed, nan=0.0)
        assert self.usual is not None
        at = np.column_stack([self.ratios.argmax(axis=1), telling.argmax(axis=1), self._far.argmax(axis=1)])
        computed, truth, allowed, usual = (
            np.take_along_axis(a, at, axis=1) for a in (self.computed, self.truth, self.allowed, self.usual)
        )
        return Compared(self.quantity, computed, truth, allowed, self.rows, at + start, usual)

    @cached_property
    def _far(self) -> Reals:
        """How many times what is usual each entry is off by; 0 where nothing is known."""
        if self.usual is None:
            return np.zeros_like(self.computed)
        with np.errstate(all="ignore"):
            far = abs(self.computed - self.truth) / self.usual
        return np.where(np.isfinite(far) & np.isfinite(self.allowed) & (self.ratios <= 1), far, 0.0)

    def remarks(self) -> tuple[Remark, ...]:
        """Of each row that holds one its most unusual entry, the furthest of all first."""
        places = [(k, int(far.argmax())) for k, far in enumerate(self._far)]
        found = [Remark(self.witness(*at), float(self._far[at])) for at in places if self._far[at] > 1]
        return tuple(sorted(found, key=lambda remark: -remark.times))

    def witnesses(self) -> tuple[Witness, ...]:
        """Of each row that holds one its worst entry that is at fault, the worst of all first."""
        order = np.argsort(-self.ratios.max(axis=1), kind="stable")
        places = [(int(k), int(self.ratios[k].argmax())) for k in order]
        return tuple(self.witness(*at) for at in places if self.ratios[at] > 1)


def joined(parts: list[Compared]) -> Compared:
    """Parts of the same rows, side by side."""
    arrays = [(part.computed, part.truth, part.allowed, part.columns, part.usual) for part in parts]
    computed, truth, allowed, columns, usual = (np.concatenate(side, axis=1) for side in zip(*arrays, strict=True))
    return Compared(parts[0].quantity, computed, truth, allowed, parts[0].rows, columns, usual)


def enclosed(midpoint: Reals, limit: Reals) -> Enclosure:
    """Where either is not finite, nothing is known."""
    return Enclosure.representable(midpoint, np.where(np.isnan(limit), np.inf, limit))


def concluded(quantity: str, probed: Probed, again: Compared, plan: Plan, median: float | None = None) -> Finding:
    """From probes of all rows, and the entries of the worst. At fault is a row that either shows to be; and agreement needs an
    entry that could have been told from zero.
    """
    entries, verdict = again.witnesses(), again.verdict()
    rows = tuple(sorted({int(l) for l in np.flatnonzero(probed.ratio > 1)} | {entry.place[0] for entry in entries}))
    ratio = max(float(probed.ratio.max()), verdict.ratio or 0.0)
    if rows:
        verdict = Verdict(Outcome.DISAGREE, "", ratio, None, entries[0] if entries else None)
    elif verdict.outcome is Outcome.AGREE and not np.isfinite(probed.size).all():
        verdict = Verdict(Outcome.INCONCLUSIVE, UNKNOWN)
    others = np.delete(probed.residual + probed.own, rows)
    entry, row = freivalds.certified(float(others.max(initial=0.0)), len(probed.size), plan.probes.shape[1])
    smallest = row / median if median and len(others) else again.seen
    verdict, ratios = replace(verdict, ratio=ratio), _each(probed, again)
    unusual = () if rows else again.remarks()
    return Finding(
        quantity, verdict, entry, row, median, rows, entries=entries, unusual=unusual, seen=smallest, ratios=ratios
    )


def _each(probed: Probed, again: Compared) -> NDArray[np.float32]:
    """The worst test ratio of each row, by a probe or by an entry."""
    found = probed.ratio.copy()
    rows = slice(None) if again.rows is None else list(again.rows)
    found[rows] = np.maximum(found[rows], again.ratios.max(axis=1))
    with np.errstate(over="ignore"):
        return found.astype(np.float32)
