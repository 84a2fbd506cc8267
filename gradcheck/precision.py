"""The floating-point precisions that an implementation can be judged in.

All of them are binary with rounding to nearest and gradual underflow (Higham 2002, chapter 2).
"""

from dataclasses import dataclass, replace
from functools import cache, cached_property

import numpy as np

from gradcheck.errors import Missing, Unusable, near

LARGEST = float(np.finfo(np.float64).max)
NAMES = ("float64", "float32", "float16", "bfloat16")
# What others call them.
ALIASES = {
    **dict.fromkeys(("fp64", "f64", "double"), "float64"),
    **dict.fromkeys(("fp32", "f32", "single", "float"), "float32"),
    **dict.fromkeys(("fp16", "f16", "half"), "float16"),
    **dict.fromkeys(("bf16", "bfloat"), "bfloat16"),
}


@dataclass(frozen=True)
class Precision:
    """One floating-point format, and how code that computes in it is declared to round.

    `u` is the unit roundoff (relative), `eta` the largest error of gradual underflow, `tiny` the smallest normal and `huge`
    the largest finite number (all absolute). `reads` is the unit roundoff of reading an operand, where it is rounded or flushed to
    zero then;
    `adds` the unit roundoff of an addition within a sum, 0 where that is u; `kept` that of writing down what an operation or
    a sum comes to, 0 where that is its own rounding; `stored` that of writing down an array between two steps, or an operand
    before a product, alone; `returned` that of writing down a result, and nothing else. `merged` counts the parts of
    which a log-sum-exp is merged in a row, `pieces` those of a gradient; `block` the terms of a block of a sum, and `chain` the
    additions that a term of one goes through at most, 0 where sums are in any order. `truthful`: of what overflows or vanishes,
    a running error tells how far that is from the truth, and not only what is computed. `ulps` is what exp, log and tanh are
    off by at most, in units in the last place, 0 for the usual.
    """

    name: str
    dtype: np.dtype
    u: float
    eta: float
    tiny: float
    huge: float
    reads: float = 0.0
    adds: float = 0.0
    kept: float = 0.0
    stored: float = 0.0
    returned: float = 0.0
    merged: float = 0.0
    pieces: int = 1
    block: int = 0
    chain: int = 0
    truthful: bool = False
    ulps: float = 0.0

    @property
    def loses(self) -> int:
        """1 where an operand may underflow or overflow when it is read or written down, 0 where it is taken as it is."""
        return int(bool(self.reads or self.stored))

    @cached_property
    def plain(self) -> bool:
        """Whether nothing is declared: each operation is rounded once, and that is all."""
        return not (self.reads or self.adds or self.kept or self.stored)

    @cached_property
    def most(self) -> float:
        """The largest number that is finite in this precision and in float64, too."""
        return min(self.huge, LARGEST)

    @cached_property
    def true(self) -> "Precision":
        """The same, `truthful`."""
        return replace(self, truthful=True)

    @cached_property
    def unit(self) -> float:
        """The relative error of one operation, written down, and read again."""
        if self.plain:
            return self.u
        found = self.u
        for more in (self.kept, self.stored, self.reads):  # (1 + u)(1 + more) - 1, where 1 + u is 1 in float64, too
            found += more + found * more
        return found * (1 + 2.0**-40)

    @cached_property
    def least(self) -> float:
        """What underflow may cost it."""
        return self.eta if self.plain else 4 * self.eta

    def within(self, other: "Precision") -> "Precision":
        """The same roundings, in the range that both have: the first to underflow, and the first to overflow."""
        eta, tiny = max(self.eta, other.eta), max(self.tiny, other.tiny)
        return replace(self, eta=eta, tiny=tiny, huge=min(self.huge, other.huge))

    @property
    def bits(self) -> float:
        """`-log2 u`: 53 for float64, 24 for float32."""
        return float(-np.log2(self.u))

    def round(self, values: np.ndarray) -> np.ndarray:
        """The values rounded to this precision; overflow becomes infinity."""
        with np.errstate(over="ignore"):
            return np.asarray(values).astype(self.dtype)


def _bfloat16() -> Precision:
    try:
        import ml_dtypes  # the only door to ml_dtypes
    except ImportError:
        raise Missing.package("dtype bfloat16", "ml_dtypes") from None
    return Precision("bfloat16", np.dtype(ml_dtypes.bfloat16), 2.0**-8, 2.0**-133, 2.0**-126, (2 - 2.0**-7) * 2.0**127)


@cache
def named(name: str) -> Precision:
    """The precision of that name, one of `NAMES`; `Unusable` for any other, `Missing` without its package."""
    if name not in NAMES:
        meant = f"did you mean {ALIASES[name]}?" if name in ALIASES else near(name, NAMES)
        raise Unusable(f"dtype {name!r} is not known; {meant or 'expected one of ' + ', '.join(NAMES)}")
    if name == "bfloat16":
        return _bfloat16()
    info = np.finfo(name)
    return Precision(
        name,
        np.dtype(name),
        float(info.eps) / 2,
        float(info.smallest_subnormal),
        float(info.tiny),
        float(info.max),
    )


FLOAT64 = named("float64")


@cache
def of(dtype: np.dtype) -> Precision:
    """The precision of a NumPy dtype; `Unusable` where it is not one of `NAMES`."""
    return named(dtype.name)


# What an implementation may declare that it computes in, inside, where that is less than its arrays can hold. TF32 has the
# significand of float16 and the range of float32.
_TF32 = Precision("tf32", np.dtype("float32"), 2.0**-11, 2.0**-137, 2.0**-126, (2 - 2.0**-10) * 2.0**127)
INNER = ("float32", "tf32", "float16", "bfloat16")


@cache
def granted(name: str, inner: str, flushed: bool) -> Precision:
    """The precision whose rounding an implementation is granted that takes arrays of precision `name`.

    `inner` is the coarser precision in which it declares to compute (empty: none), and `flushed` whether it declares to
    take subnormal numbers for zero. Its operands are then rounded when they are read, too.
    """
    found = named(name)
    if inner:
        coarse = _TF32 if inner == "tf32" else named(inner)
        found = replace(coarse.within(found), reads=coarse.u) if coarse.u > found.u else found
    return replace(found, eta=found.tiny, reads=found.u) if flushed else found
