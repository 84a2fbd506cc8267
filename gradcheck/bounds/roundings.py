"""Counting roundings: how factors (1 + e) come together, and what a declared arithmetic makes of operations, sums and writings."""

import math
from typing import Protocol

import numpy as np

from gradcheck.enclosure import U64, Reals, outward
from gradcheck.precision import Precision

# NumPy's own accuracy tests allow exp 3 and log 4 ulp in float32 and float64 (umath-validation-set-exp.csv and -log.csv,
# column ulperrortol) and 1 ulp in float16 (test_validate_fp16_transcendentals); bfloat16 code evaluates in float32 and rounds.
ELEMENTARY_ULPS = {"float64": 4, "float32": 4, "tf32": 4, "float16": 1, "bfloat16": 1}


def gamma(m: float, u: float) -> float:
    """`m u / (1 - m u)`, the relative error of `m` roundings (Higham 2002, section 3.1); infinite where `m u >= 1`."""
    return m * u / (1 - m * u) if m * u < 1 else np.inf


def lam(u: float) -> float:
    """`-log(1 - u)`: |log(1 + e)| for every |e| <= u."""
    return -math.log1p(-u) if u < 1 else np.inf


def spread(k: float, u: float) -> float:
    """`exp(k lam(u)) - 1`: the relative error of `k` roundings, valid for every k (about k u where that is small).

    The exponent is rounded up, since exp would magnify its own error; above 700 there is nothing left to bound.
    """
    return math.expm1(min(k * lam(u) * (1 + 16 * U64), 700.0))


def ulps(p: Precision) -> float:
    """What exp, log and tanh may be off by, in units in the last place."""
    return p.ulps or ELEMENTARY_ULPS[p.name]


def depth(p: Precision, additions: float, among: float | None = None) -> float:
    """So many additions of numbers that are not 0, as a term of a sum meets them in a row: all of them in any order, or those of
    its block and one for each block. `among` counts all terms, where some that are 0 belong to blocks, too, of what may be a sum
    of sums, or two that are subtracted.

    Of blocks these are no deeper: docs/bounds.md, section 12. Of a chain they are, since each may be as long as is declared.
    """
    if p.chain:
        additions = min(additions, p.chain if among is None else 2 * p.chain + 1)
    if not p.block:
        return additions
    return min(additions, p.block + math.ceil((additions + 1 if among is None else among) / p.block))


def roundings(  # noqa: PLR0917 - what is counted
    p: Precision,
    operations: float,
    additions: float | None = None,
    writings: float = 0,
    readings: float = 0,
    among: float | None = None,
) -> float:
    """The logarithm of what so many roundings come to: of operations, additions within a sum, arrays that are stored, readings.

    The one place where what is declared of an arithmetic (docs/bounds.md, section 12) becomes roundings. Where sums are finer
    than arrays, the result of each operation is written down, and that of a sum once. `writings` counts arrays between two
    steps, and operands before a product, where these are stored in a coarser precision, and nothing else is. A sum of one
    term has no addition, and rounds it all the same where it is coarser. `among` as in `depth`.
    """
    found = operations * (lam(p.u) + lam(p.kept)) + writings * lam(p.stored) + readings * lam(p.reads)
    if additions is None:
        return found
    additions = depth(p, additions, among)
    if p.adds:  # the terms of a coarser sum are rounded before
        return found + additions * lam(p.adds) + lam(max(p.u, p.adds))
    return found + additions * lam(p.u) + lam(p.kept)


def relative(  # noqa: PLR0917 - what is counted
    p: Precision,
    operations: float,
    additions: float | None = None,
    writings: float = 0,
    readings: float = 0,
    among: float | None = None,
) -> float:
    """`exp(roundings) - 1`: their relative error. As `spread`, which it is where nothing is declared."""
    return together(roundings(p, operations, additions, writings, readings, among))


def together(logarithm: float) -> float:
    """The relative error of factors whose logarithms come to so much."""
    return math.expm1(min(logarithm * (1 + 16 * U64), 700.0))


def written(p: Precision) -> float:
    """The relative error of one operation, the result of which may be written down: u, where nothing is declared."""
    return p.u + p.kept + p.u * p.kept


def elementary(p: Precision) -> float:
    """The relative error of exp and log, written down: one ulp is at most 2 u (Higham 2002, section 2.1)."""
    f = 2 * ulps(p) * p.u
    return f + p.kept + f * p.kept


class Writes(Protocol):
    """What is known of how a result is written down: its unit roundoff, and the largest error of gradual underflow."""

    @property
    def returned(self) -> float: ...

    @property
    def eta(self) -> float: ...


def returned(bound: Reals, size: Reals, model: Writes) -> Reals:
    """A bound of what is computed, with the writing down of the result, of at most this size, in the precision of its array."""
    return outward(bound + model.returned * (size + bound) + model.eta)


def nearest(bound: Reals, size: Reals, p: Precision) -> Reals:
    """The same of a result that is written down once, by rounding to nearest: half of the distance between two numbers there.

    As large as `returned` where the significand is near 1, and half of that where it is near 2.
    """
    most = outward(size + bound, 2)
    half = np.maximum(np.ldexp(p.u, np.frexp(most)[1] - 1), p.eta / 2)
    over = np.where(most < p.huge, 0.0, np.inf)
    return outward(bound + np.where(most > 0, half, 0.0) + over, 2)
