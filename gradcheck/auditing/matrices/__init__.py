"""Matrices of a dump where they are: in NumPy's memory, in place, or wherever a framework has them. See docs/audit.md.

What the audit asks of an array is a matrix times vectors, sums and maxima, and the powers of a softmax. Two kernels answer:
`Held`, in place and some rows at a time, and `Placed`, functional, by the array API standard. Only sums come back to the host.
"""

from typing import Any

from gradcheck.auditing.matrices.held import Held as Held
from gradcheck.auditing.matrices.interface import Matrix as Matrix
from gradcheck.auditing.matrices.interface import Powers as Powers
from gradcheck.auditing.matrices.interface import Survey as Survey
from gradcheck.auditing.matrices.placed import Placed as Placed


def matrix(array: Any) -> Matrix:
    """A slice of an array of a dump, by the kernel of where it is."""
    return array if isinstance(array, Placed | Held) else Held(array)
