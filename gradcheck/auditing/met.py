"""What gradients of a step meet: a factor of the loss, and an upstream gradient of each sample."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.auditing.matrices import Matrix, Placed, matrix
from gradcheck.auditing.matrices.placed import LOST
from gradcheck.auditing.rows import real, walk
from gradcheck.bounds import Factors, Loss
from gradcheck.enclosure import U64, Reals
from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy


class Met:
    """Of a dump: `factor`, and `upstream` (n,) among its arrays, which multiplies the loss of each sample, too."""

    arrays: Mapping[str, Any]
    law: CrossEntropy
    source: str
    factor: float
    shared: tuple[str, ...]

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.arrays["X"].shape[1])

    def samples(self, name: str, part: slice) -> Any:
        """The samples of an array that are `part`, as they are stored."""
        array = self.arrays[name]
        return np.asarray(array[part] if len(array.shape) == 1 else array[:, part])

    def matrix(self, name: str, part: slice) -> Matrix:
        """The same, where they are."""
        return matrix(self.arrays[name][:, part])

    @cached_property
    def placed(self) -> tuple[Placed, ...]:
        """Arrays that are not in NumPy's memory."""
        return tuple(array for array in self.arrays.values() if isinstance(array, Placed))

    @cached_property
    def unit(self) -> float:
        """Of our own sums, the unit roundoff, by the number of their terms: that of float64, wherever there is one."""
        return max((array.sums.unit for array in self.placed), default=U64)

    @property
    def lost(self) -> float:
        """Of a term of our own sums, what may be lost where subnormal numbers are taken for zero."""
        return LOST if self.placed else 0.0

    @property
    def met(self) -> bool:
        """Whether gradients meet an upstream gradient that is not 1."""
        return self.factor != 1 or "upstream" in self.arrays

    def upstream(self, part: slice) -> Reals:
        """(nb,): what the loss of each sample is multiplied by."""
        if "upstream" not in self.arrays:
            return np.ones(part.stop - part.start)
        found = real(self.samples("upstream", part))
        if not np.isfinite(found).all():
            raise Unusable(f"{self.source}: upstream holds a number that is not finite")
        return found

    def meets(self, part: slice) -> Reals:
        """(nb,): what each gradient is multiplied by."""
        return self.factor * self.upstream(part)

    def factors(self, part: slice, loss: Loss) -> Factors:
        """What bounds ask of that."""
        by = self.upstream(part)
        return Factors(self.factor * by, max(1.0, self.factor) * np.maximum(abs(by), 1.0), self.reach(loss))

    @cached_property
    def ends(self) -> tuple[float, float]:
        """The least and the most that the loss of a sample is multiplied by, in size; 1 in between."""
        sizes = abs(self.upstream(slice(0, self.n)))
        return float(sizes.min(initial=1.0, where=sizes > 0)), float(sizes.max(initial=1.0))

    def reach(self, loss: Loss) -> float:
        """What a partial sum of a gradient may be more than one that has met N and all that is upstream.

        Code that multiplies first and divides last leaves the range first, and then its results are not finite.
        """
        if not self.met:
            return loss.at_least_one
        least, most = self.ends
        spread = max(1.0, self.factor) * most / (least * min(1.0, self.factor))
        return max(loss.at_least_one, spread) if self._finite else loss.at_least_one * spread

    @cached_property
    def _finite(self) -> bool:
        names = ("grad_theta", "grad_b", "grad_Z", "grad_X")
        some = (self.arrays[name] for name in names if name in self.arrays)
        return all(matrix(a[part]).finite() for a in some for part in (walk(a) if len(a.shape) > 1 else [slice(None)]))

    @property
    def l2(self) -> float:
        """What theta is multiplied by in its gradient: nothing in one that is of this use of it alone, as a penalty is another."""
        return 0.0 if "grad_theta" in self.shared else self.law.l2 * self.factor

    @property
    def l2_of_bias(self) -> float:
        """Likewise, of b."""
        return 0.0 if "grad_b" in self.shared or not self.law.l2_bias else self.law.l2 * self.factor
