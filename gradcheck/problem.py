"""One problem: weights, bias, data and labels. Validated here and nowhere else."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck import precision, tensors
from gradcheck.errors import ProblemError
from gradcheck.errors import text as words
from gradcheck.law import CrossEntropy, asking, text
from gradcheck.law.options import PLAIN
from gradcheck.masses import sum_to_one

Array = NDArray[Any]  # of any of the precisions, or of whole numbers
Reals = NDArray[np.float64]


def _strided(array: Array) -> Array:
    """Every second entry of a larger array: neither C- nor Fortran-contiguous."""
    wide = np.zeros((array.shape[0], 2 * array.shape[1]), dtype=array.dtype)
    wide[:, ::2] = array
    return wide[:, ::2]


def _reversed(array: Array) -> Array:
    """Negative strides in both axes."""
    return array[::-1, ::-1].copy()[::-1, ::-1]


def _read_only(array: Array) -> Array:
    fresh = array.copy()
    fresh.flags.writeable = False
    return fresh


def _integers(array: Array) -> Array:
    """An array of whole numbers as int64, as code that never thought of dtypes hands it over."""
    return array.astype(np.int64)


# How the arrays of a problem are handed to an implementation. The values are the same in all of them.
MEMORY: dict[str, Callable[[Array], Array]] = {
    "C": lambda array: array.copy(order="C"),
    "F": lambda array: array.copy(order="F"),
    "strided": _strided,
    "reversed": _reversed,
    "read-only": _read_only,
    "integers": _integers,
}


@dataclass(frozen=True, eq=False)
class Problem:
    """One (theta, b, X, Y); columns of X are samples.

    `theta` (L, d), `b` (L, 1), `X` (d, n), `Y` (L, n), all of one dtype, which is the precision under test. Every
    entry is finite, Y is not negative, and L >= 2. A class may be masked by b = -inf where no sample carries it.
    `memory` names how the arrays are laid out when they are handed to an implementation, `law` the loss that is meant.

    Raises `ProblemError`, which says what was given and what was expected.

        >>> import gradcheck, numpy as np
        >>> p = gradcheck.Problem(theta=np.zeros((3, 2)), b=np.zeros((3, 1)), X=np.ones((2, 4)), Y=np.eye(3)[:, [0, 1, 2, 0]])
        >>> p.L, p.d, p.n
        (3, 2, 4)
    """

    theta: Array
    b: Array
    X: Array
    Y: Array
    memory: str = "C"
    law: CrossEntropy = PLAIN

    def __post_init__(self) -> None:
        for name in ("theta", "b", "X", "Y"):
            object.__setattr__(self, name, _frozen(name, getattr(self, name)))
        _validate(self)

    def with_arrays(self, theta: Array, b: Array, X: Array, Y: Array) -> "Problem":
        """A problem of the same memory order, of arrays derived from a valid one, which need no second validation."""
        made = object.__new__(Problem)
        for name, array in (("theta", theta), ("b", b), ("X", X), ("Y", Y)):
            kept = np.ascontiguousarray(array)
            kept.flags.writeable = False
            object.__setattr__(made, name, kept)
        object.__setattr__(made, "memory", self.memory)
        object.__setattr__(made, "law", self.law)
        return made

    def with_law(self, law: CrossEntropy) -> "Problem":
        """The same arrays, for another loss."""
        made = self.with_arrays(self.theta, self.b, self.X, self.Y)
        object.__setattr__(made, "law", law)
        if not law.plain:
            _validate_law(made)
        return made

    @property
    def L(self) -> int:
        """Number of classes."""
        return int(self.theta.shape[0])

    @property
    def d(self) -> int:
        """Number of features."""
        return int(self.theta.shape[1])

    @property
    def n(self) -> int:
        """Number of samples."""
        return int(self.X.shape[1])

    @property
    def parameters(self) -> int:
        """Number of weights and biases, `L d + L`."""
        return self.L * (self.d + 1)

    @property
    def entries(self) -> int:
        """Number of all numbers that make it up."""
        return self.parameters + self.n * (self.d + self.L)

    @cached_property
    def precision(self) -> precision.Precision:
        """The precision under test."""
        return precision.of(self.theta.dtype)

    @cached_property
    def reals(self) -> tuple[Reals, Reals, Reals, Reals]:
        """theta, b, X, Y as float64: exact, since every precision is a subset of it. Not to be written to."""
        return tuple(a.astype(np.float64, copy=False) for a in (self.theta, self.b, self.X, self.Y))  # type: ignore[return-value]

    @cached_property
    def masked(self) -> NDArray[np.bool_]:
        """(L,) which classes have b = -inf."""
        return np.isneginf(self.reals[1][:, 0])

    @cached_property
    def labels(self) -> Reals:
        """Y' (L, n): the labels as the loss has them, smoothed and weighed, in float64; Y itself for the paper's loss."""
        return self.reals[3] if self.law.plain else np.asarray(text.labels(self.reals[3], self.law))

    @cached_property
    def divisor(self) -> float:
        """N: what the sum over the samples is divided by, in float64; 0 where no sample counts."""
        return float(self.n if self.law.plain else text.normaliser(self.reals[3], self.law))

    @cached_property
    def label_index(self) -> NDArray[np.int64] | None:
        """(n,) the class of each sample, or None where some column of Y is not one-hot."""
        Y = self.reals[3]
        one_hot = ((Y == 0) | (Y == 1)).all() and (Y.sum(axis=0) == 1).all()
        return Y.argmax(axis=0) if one_hot else None

    @cached_property
    def one_class(self) -> bool:
        """Whether every column of Y is one-hot, or zero, as that of a sample that does not count."""
        Y = self.reals[3]
        return self.label_index is not None or bool(((Y == 0) | (Y == 1)).all() and (Y.sum(axis=0) <= 1).all())

    @cached_property
    def unit_mass(self) -> bool:
        """Whether every column of Y sums to exactly 1: decided in exact arithmetic."""
        return self.label_index is not None or sum_to_one(self.reals[3])

    def arrays(self) -> tuple[Array, Array, Array, Array]:
        """Fresh copies of theta, b, X, Y laid out as `memory` says: what an implementation is handed."""
        layout = MEMORY[self.memory]
        if self.memory == "integers":  # theta and b are the parameters, and stay real
            return self.theta.copy(), self.b.copy(), layout(self.X), layout(self.Y)
        return layout(self.theta), layout(self.b), layout(self.X), layout(self.Y)

    def present(self, array: Array) -> Array:
        """A fresh copy of another array of this problem (Z, say), laid out as `memory` says."""
        return MEMORY["C" if self.memory == "integers" else self.memory](np.asarray(array))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of dtype, memory order, shapes and bytes, in hexadecimal."""
        state = hashlib.sha256(f"{self.precision.name} {self.memory} {self.L} {self.d} {self.n}".encode())
        for array in (self.theta, self.b, self.X, self.Y):
            state.update(array.tobytes())
        if not self.law.plain:
            state.update(repr(self.law).encode())
        return state.hexdigest()

    def __repr__(self) -> str:
        return f"Problem(n={self.n}, d={self.d}, L={self.L}, {self.precision.name}, {self.memory})"


def _frozen(name: str, given: object) -> Array:
    """A private, read-only, C-ordered copy."""
    try:
        array = np.array(tensors.array(given), order="C")
    except Exception as problem:  # a type that somebody made may raise anything
        raise ProblemError(f"{name} cannot be read as an array: {words(problem, str)}") from None
    array.flags.writeable = False
    return array


def _validate(p: Problem) -> None:
    """Shapes, dtype, finiteness, labels, memory: in the order in which a user would look."""
    for name, array in (("theta", p.theta), ("b", p.b), ("X", p.X), ("Y", p.Y)):
        if array.ndim != 2:
            raise ProblemError(f"{name} has shape {array.shape}; expected two dimensions")
        if array.dtype.name not in precision.NAMES:
            known = f"{', '.join(precision.NAMES)}, for example {name}.astype('float64')"
            raise ProblemError(f"{name} has dtype {array.dtype}; expected one of {known}")
        if array.dtype != p.theta.dtype:
            raise ProblemError(f"{name} has dtype {array.dtype}, but theta has {p.theta.dtype}; expected one dtype")
    (L, d), n = p.theta.shape, p.X.shape[1]
    if L < 2 or d < 1 or n < 1:
        raise ProblemError(f"L={L} classes, d={d} features, n={n} samples; expected L >= 2, d >= 1 and n >= 1")
    for name, array, shape in (("b", p.b, (L, 1)), ("X", p.X, (d, n)), ("Y", p.Y, (L, n))):
        if array.shape != shape:
            raise ProblemError(f"{name} has shape {array.shape}; expected {shape}, since theta is ({L}, {d}) and n={n}")
    _validate_values(p)


def _validate_law(p: Problem) -> None:
    """What a loss asks of the classes and the labels."""
    if refused := asking.refused(p.law, p.reals[3], p.masked):
        raise ProblemError(refused)


def _validate_values(p: Problem) -> None:
    theta, b, X, Y = p.reals
    for name, array in (("theta", theta), ("b", np.where(np.isneginf(b), 0, b)), ("X", X), ("Y", Y)):
        if not np.isfinite(array).all():
            place = tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])
            raise ProblemError(f"{name}{list(place)} is {array[place]}; expected finite numbers")
    if (Y < 0).any():
        place = tuple(int(i) for i in np.argwhere(Y < 0)[0])
        raise ProblemError(f"Y{list(place)} is {Y[place]}; expected label masses of 0 or more")
    if p.masked.any() and (p.masked.all() or Y[p.masked].any()):
        raise ProblemError("b is -inf for every class, or for one that a sample carries; a masked class has no label")
    if not p.law.plain:
        _validate_law(p)
    if p.memory not in MEMORY:
        raise ProblemError(f"memory is {p.memory!r}; expected one of {', '.join(MEMORY)}")
    if p.memory == "integers" and not all((a == np.trunc(a)).all() and (abs(a) < 2**31).all() for a in (X, Y)):
        raise ProblemError("memory is 'integers', but X or Y is not made of whole numbers below 2**31")
