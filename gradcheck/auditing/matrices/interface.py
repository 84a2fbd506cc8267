"""What an audit asks of a matrix, wherever it is. What is returned as `Reals` is on the host, in float64."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from gradcheck.enclosure import Reals
from gradcheck.precision import Precision


class Matrix(Protocol):
    """M (rows, cols). Products and sums are those of float64, or of pairs; each term meets no more roundings of `Dump.unit` than
    there are terms.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def T(self) -> "Matrix": ...

    def __getitem__(self, place: Any) -> Any:
        """A part of it, which NumPy can read."""
        ...

    def exact(self, name: str) -> "Matrix":
        """The same numbers, to be asked of several times; `name` for memory that is given out again."""
        ...

    @property
    def squared(self) -> "Matrix":
        """M ∘ M, for remarks, and no limit: as near as float32 has it."""
        ...

    def apart(self) -> Any:
        """An array for a dump, in memory of its own."""
        ...

    def finite(self) -> bool:
        """Whether every entry is."""
        ...

    def right(self, V: Reals, *, absolute: bool = False, into: Reals | None = None) -> Reals:
        """M V (rows, k), or |M| V; added to what is in `into` (k, rows), where that is given."""
        ...

    def left(self, V: Reals, *, absolute: bool = False) -> Reals:
        """Vᵀ M (k, cols), or Vᵀ |M|, for V (rows, k)."""
        ...

    def measured(self, V: Reals) -> tuple[Reals, Reals]:
        """M V (rows, k), and an upper bound of the 2-norm of each row."""
        ...

    def moments(self, V: Reals, W: Reals, S: Reals) -> tuple[Reals, Reals, Reals]:
        """M V, |M| W and (M ∘ M) S, (rows, k) each; the last for remarks, as `squared`."""
        ...

    def survey(self, V: Reals, W: Reals) -> "Survey":
        """All that is asked of data of which each row is a sample, with V (cols, k) and W (rows, k)."""
        ...

    def norms(self) -> Reals:
        """(rows,): an upper bound of the 2-norm of each."""
        ...

    def squares(self) -> Reals:
        """(rows,): the sum of squares of each."""
        ...

    def sizes(self) -> tuple[Reals, Reals]:
        """(rows,): the sum of |M| of each, and the largest."""
        ...

    def ends(self) -> tuple[Reals, Reals]:
        """(cols,): the largest and the smallest entry of each column."""
        ...

    def at(self, index: Any) -> Reals:
        """(cols,): of each column the entry of row `index`."""
        ...

    def mapped(self, by: Callable[[Any], Any], own: Precision, name: str) -> "Matrix":
        """What a function of every entry makes of it, in our own precision; `name` for memory that is given out again."""
        ...

    def logits(self, X: Any, b: Reals, own: Precision) -> "Matrix":
        """M X + b (rows, n), for X (cols, n) and b (rows,), in our own precision."""
        ...

    def powers(self, own: Precision) -> "Powers":
        """exp(M − m), m the maxima of columns, in our own precision."""
        ...

    def summed(self, factors: Reals, own: Precision, slopes: Any = None, *, into: Reals | None = None) -> Reals:
        """`factors` Mᵀ (r, rows), for factors (r, cols) in our own precision, of M times `slopes`: `INNER` terms at a time in that
        precision, and as `right` beyond; added to `into`.
        """
        ...


@dataclass(frozen=True, eq=False)
class Survey:
    """Of M (rows, cols): `right` is M V (rows, k), `left` Mᵀ W (cols, k); of each row, `lengths` has an upper bound of its 2-norm,
    `sizes` the sum of |M|, and `most` the largest.
    """

    right: Reals
    left: Reals
    lengths: Reals
    sizes: Reals
    most: Reals


@dataclass(frozen=True, eq=False)
class Powers:
    """`p` (L, nb); the maxima `m`, the sums `s` of p and max − min of each column (nb,)."""

    p: Matrix
    m: Reals
    s: Reals
    reach: Reals
