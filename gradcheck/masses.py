"""Whether labels are distributions: masses that sum to exactly 1."""

import math

import numpy as np
from numpy.typing import NDArray

WHOLE = 2.0**62  # of which the whole of a mass is a number of 64 bits, with room for what is a little more


def sum_to_one(Y: NDArray[np.float64]) -> bool:
    """Whether every column (L,) of Y (L, n) sums to exactly 1.

    In whole numbers of 2^-62 where all entries are such, otherwise by sums that do not round.

        >>> import numpy as np
        >>> sum_to_one(np.array([[0.25], [0.75]])), sum_to_one(np.array([[0.1], [0.9]]))
        (True, False)
    """
    if (Y >= 0).all():
        if (abs(Y.sum(axis=0) - 1) > len(Y) * 2.0**-52).any():  # further off than rounding takes a sum of 1
            return False
        parts = Y * WHOLE
        if (parts == np.trunc(parts)).all():
            return bool((parts.astype(np.int64).sum(axis=0) == int(WHOLE)).all())
    return all(math.fsum([*column.tolist(), -1.0]) == 0 for column in Y.T)
