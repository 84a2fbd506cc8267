"""Labels as they are given: class indices (n,), some of which may not count, or probabilities (n, L)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy
from gradcheck.law.options import LABELLED, SAMPLES
from gradcheck.ops.views import View, labels
from gradcheck.problem import Array


@dataclass(frozen=True, eq=False)
class Targets:
    """`given` is (n,) indices or (n, L) probabilities; `counts` (n,) says which samples do."""

    given: Array
    counts: Array
    ignore: int | None = None  # the label of those that do not

    @classmethod
    def read(cls, Y: Any, view: View, ignore: int | None) -> "Targets":
        """For logits that are seen so; `Unusable` where they do not fit."""
        found, (n, L) = labels(Y), view.whole
        lead = tuple(s for k, s in enumerate(view.shape) if k != (view.axis or 0) % len(view.shape))
        if found.dtype.kind in "iu":
            if found.shape != lead:
                raise Unusable(
                    f"Y has shape {found.shape}; expected {lead}, a class index for each sample{_second(found, view)}"
                )
            index = found.reshape(-1).astype(np.int64)
            counts = np.ones(n, dtype=bool) if ignore is None else index != ignore
            wrong = counts & ((index < 0) | (index >= L))
            if wrong.any():
                raise Unusable(
                    f"Y holds {int(index[wrong][0])}; expected class indices from 0 to {L - 1}, or ignore_index={ignore}"
                )
            return cls(index, counts, ignore)
        if found.shape != view.shape:
            raise Unusable(
                f"Y is {found.dtype} of shape {found.shape}; expected whole numbers {lead}, the class of each sample, or"
                f" probabilities {view.shape}{_second(found, view)}"
            )
        rows = view.rows(found).astype(np.float64)
        if not (np.isfinite(rows) & (rows >= 0)).all():
            raise Unusable("Y holds a number that is negative or not finite; expected probabilities")
        return cls(rows, np.asarray(rows.any(axis=1)) | (ignore is None))

    @property
    def index(self) -> bool:
        """Whether each is one class."""
        return self.given.ndim == 1

    def of(self, rows: slice) -> "Targets":
        """Of some samples."""
        return Targets(self.given[rows], self.counts[rows], self.ignore)

    def columns(self, part: slice, L: int) -> Reals:
        """Y (L, n) of some samples; those that do not count are columns of zeros."""
        if not self.index:
            return np.ascontiguousarray(self.given[part].T)
        index, counts = self.given[part], self.counts[part]
        Y = np.zeros((L, len(index)))
        Y[np.where(counts, index, 0), np.arange(len(index))] = counts
        return Y

    def counted(self, law: CrossEntropy) -> float:
        """What a mean divides by, where that is a count."""
        if law.counted == SAMPLES:
            return len(self.given)
        if law.counted == LABELLED:
            return int(self.counts.sum() if self.index else (self.given > 0).any(axis=1).sum())
        return int(law.counted)

    def terms(self, law: CrossEntropy, L: int, n: int, part: slice) -> int:
        """How many terms of the sum over all samples are of others than these."""
        others = n - (part.stop - part.start)
        return others * (1 if self.index and not law.smoothing else L)


def _second(Y: Array, view: View) -> str:
    """What to do where labels are of logits (n, L, ...), as PyTorch takes them."""
    shape = view.shape
    fits = len(shape) > 2 and Y.shape in (shape[:1] + shape[2:], (*shape[:1], *shape[2:], shape[1]))
    return "; of logits (n, L, …), give np.moveaxis(Z, 1, -1)" if fits else ""
