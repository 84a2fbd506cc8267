"""Products of matrices and of what einsum says, in any order of their sums."""

from math import prod

import numpy

from gradcheck.errors import Unusable
from gradcheck.law.functions import Values
from gradcheck.numpy.shapes import diagonal, reshape, transpose
from gradcheck.readings.primitives.arithmetic import product
from gradcheck.readings.primitives.sums import SUM


def matmul(x: Values, y: Values) -> Values:
    """(..., k, m) @ (..., m, n) is (..., k, n); vectors are rows on the left and columns on the right. Also written `x @ y`.

    >>> np.matmul(np.ones((2, 3)), np.ones(3))
    array([3., 3.])
    """
    return product(x, y)


def dot(x: Values, y: Values) -> Values:
    """Of vectors and matrices, as `x @ y`.

    >>> np.dot(np.ones((2, 3)), np.ones((3, 1))).shape
    (2, 1)
    """
    return product(x, y)


def outer(x: Values, y: Values) -> Values:
    """Each entry of one with each of the other: (k,) and (m,) are (k, m).

    >>> np.outer(np.ones(2), np.ones(3)).shape
    (2, 3)
    """
    return reshape(x, (-1, 1)) * reshape(y, (1, -1))


def inner(x: Values, y: Values) -> Values:
    """Over the last axes of both, vectors or matrices.

    >>> np.inner(np.ones((2, 3)), np.ones((4, 3))).shape
    (2, 4)
    """
    if max(len(x.shape), len(y.shape)) > 2:
        raise Unusable("inner takes vectors and matrices; of more axes write einsum")
    return product(x, y if len(y.shape) < 2 else transpose(y))


def vdot(x: Values, y: Values) -> Values:
    """The sum of all products, entry by entry.

    >>> bool(np.vdot(np.ones((2, 3)), np.ones((2, 3))) == 6)
    True
    """
    return product(reshape(x, -1), reshape(y, -1))


def trace(x: Values) -> Values:
    """The sum of the diagonal of a square matrix.

    >>> bool(np.trace(np.eye(2)) == 2)
    True
    """
    if len(x.shape) != 2:
        raise Unusable(f"trace takes a matrix; an array of {len(x.shape)} axes was given")
    return SUM(diagonal(x))


def einsum(subscripts: str, x: Values, y: Values = None) -> Values:
    """Of one array or two: `"ij,jk->ik"`, sums of products over the letters that the result does not have.

    >>> np.einsum("ki,kj->ij", np.ones((2, 3)), np.ones((2, 4))).shape
    (3, 4)
    """
    if y is None:
        left, _, out = _letters(subscripts.replace("->", ",->"), x, numpy.empty(()))
        x, left = _without(x, left, {a for a in left if a not in out})
        return transpose(x, [left.index(a) for a in out])
    left, right, out = _letters(subscripts, x, y)
    x, left = _without(x, left, {a for a in left if a not in right and a not in out})
    y, right = _without(y, right, {a for a in right if a not in left and a not in out})
    size = {**dict(zip(left, x.shape, strict=True)), **dict(zip(right, y.shape, strict=True))}
    both = [a for a in left if a in right and a in out]
    over = [a for a in left if a in right and a not in out]
    rows, columns = [a for a in left if a not in right], [a for a in right if a not in left]
    found = product(_folded(x, left, both, rows, over), _folded(y, right, both, over, columns))
    found = reshape(found, tuple(size[a] for a in both + rows + columns))
    return transpose(found, [(both + rows + columns).index(a) for a in out])


def _letters(subscripts: str, x: Values, y: Values) -> list[str]:
    said, arrow, out = subscripts.replace(" ", "").partition("->")
    terms = said.split(",")
    if not arrow or len(terms) != 2 or any(len(set(term)) != len(term) or not f"a{term}".isalpha() for term in terms):
        raise Unusable(
            f'einsum("{subscripts}") is not known; expected two arrays, each letter once in each: "ij,jk->ik"'
        )
    if [len(term) for term in terms] != [x.ndim, y.ndim] or not set(out) <= set(said) or len(set(out)) != len(out):
        raise Unusable(
            f'einsum("{subscripts}") does not fit arrays of {x.ndim} and {y.ndim} axes; expected a letter for each axis, and '
            "some of these, each once, for the result"
        )
    return [*terms, out]


def _without(x: Values, letters: str, gone: set[str]) -> tuple[Values, str]:
    """Summed over what only one of the two has."""
    if not gone:
        return x, letters
    return SUM(x, axis=tuple(letters.index(a) for a in sorted(gone))), "".join(a for a in letters if a not in gone)


def _folded(x: Values, letters: str, *groups: list[str]) -> Values:
    """As a stack of matrices."""
    size = dict(zip(letters, x.shape, strict=True))
    lead, *sides = groups
    moved = transpose(x, [letters.index(a) for group in groups for a in group])
    return reshape(moved, (*(size[a] for a in lead), *(prod(size[a] for a in side) for side in sides)))
