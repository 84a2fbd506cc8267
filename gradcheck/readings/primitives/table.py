"""The table of primitives: what a loss may be made of, one entry each, read in every arithmetic from its columns."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.law.functions import Values, like

Rule = Callable[..., Values]
Reader = Callable[["Primitive", tuple[Any, ...], dict[str, Any]], Any]

PRIMITIVES: dict[str, "Primitive"] = {}
KNOWN: dict[Any, "Primitive"] = {}  # by what a text calls: a function of `operator`, a ufunc, a function of NumPy
CALLS: dict[
    Any, Callable[..., Any]
] = {}  # functions of NumPy that are made of primitives, or take arguments in another order
READERS: dict[type, tuple[int, Reader]] = {}  # array types, each with its rank: variables before what they wrap


@dataclass(frozen=True, eq=False)
class Primitive:
    """One function of arrays, with its columns.

    `value` is NumPy's, in the dtype of the arrays. `derivatives` has a rule for each operand: what flows back to it, of g, what
    flows back to the result, the result, the operands and the options; broadcasting is undone by the tape. `rounding` takes
    `Parts`, then the precision and the options, and returns `Parts`. `ball` takes the balls of one entry where `each`, otherwise
    whole `Balls`, and the options. Where `moves`, entries only change their places, and `value` does that in every reading.
    `real`: the result is real, also of whole numbers. Along a line (`series`) `linear` ones, sums of entries, are read by their
    ball, and functions of each entry by it or by their derivatives; the others need `series`, of series and the options.
    """

    name: str
    value: Callable[..., Values]
    derivatives: Any = ()
    rounding: Callable[..., Any] | None = None
    ball: Callable[..., Any] | None = None
    each: bool = True
    real: bool = False
    linear: bool = False
    series: Callable[..., Any] | None = None
    moves: bool = False
    same: tuple[Any, ...] = field(default=())

    def __post_init__(self) -> None:
        PRIMITIVES[self.name] = self
        KNOWN.update(dict.fromkeys(self.same, self))

    @property
    def flat(self) -> bool:
        """Whether it is constant wherever it has a derivative."""
        return bool(self.derivatives) and isinstance(self.derivatives, tuple) and set(self.derivatives) == {flat}

    def __call__(self, *operands: Any, **options: Any) -> Values:
        best, read = -1, None
        for operand in operands:
            found = READERS.get(type(operand))
            if found is not None and found[0] > best:
                best, read = found
        return self._valued(operands, options) if read is None else read(self, operands, options)

    def _valued(self, operands: tuple[Any, ...], options: dict[str, Any]) -> Values:
        """As NumPy has it, rounded back where ml_dtypes computes in float32."""
        found = self.value(*operands, **options)
        dtypes = [x.dtype for x in operands if isinstance(x, np.ndarray | np.generic)]
        if any(dtype.isbuiltin != 1 for dtype in dtypes):  # 2 of what ml_dtypes registers
            return like(np.asarray(found), np.result_type(*dtypes))
        return found

    def __repr__(self) -> str:
        return self.name


class Every:
    """The rule of a primitive of any number of operands, which is told the place of the operand."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule

    def __getitem__(self, place: int) -> Rule:
        return lambda g, y, *operands, **options: self.rule(g, y, place, *operands, **options)


def as_it_is(constant: Any) -> Any:
    """An array of NumPy as it is now, for what is asked later: a text may write into what it has made."""
    if not isinstance(constant, np.ndarray):
        return constant
    return constant.copy() if constant.flags.writeable or constant.base is not None else constant


def call(function: Any, operands: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """What NumPy is asked for with arrays that are no arrays of NumPy: ours of that name, or one line."""
    found = KNOWN.get(function) or CALLS.get(function)
    if found is None:
        raise missing(function)
    return found(*operands, **options)


def missing(function: Any) -> Unusable:
    """The line about a function that no entry is of."""
    name = getattr(function, "__name__", str(function))
    module = getattr(function, "__module__", None) or ("numpy" if hasattr(np, name) else "")
    name = f"{module}.{name}".lstrip(".")
    return Unusable(f"{name} is not among the functions that a loss may be written in (gradcheck.numpy lists them)")


def flat(g: Values, y: Values, *operands: Values, **options: Any) -> Values:
    """The derivative of what is constant wherever it has one."""
    return np.zeros_like(g)


for _like, _number in ((np.ones_like, 1), (np.zeros_like, 0)):
    CALLS[_like] = lambda x, number=_number: _filled(x, number)


def _filled(x: Values, number: int) -> Values:
    """As many of one number, exactly."""
    return x.filled(number)
