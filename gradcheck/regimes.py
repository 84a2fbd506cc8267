"""Regimes: regions of problems with numerics of their own, each with a predicate that says whether a problem is in it."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache, lru_cache
from itertools import combinations

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.masses import sum_to_one
from gradcheck.precision import Precision
from gradcheck.printable import clipped
from gradcheck.problem import Problem, Reals


@dataclass(frozen=True)
class Regime:
    """A name, one sentence, and the predicate. An opt-in regime is outside the paper's contract: correct code may decline it."""

    name: str
    what: str
    holds: Callable[[Problem], bool]
    opt_in: bool = False


@lru_cache(maxsize=1)  # most regimes ask for those of the same problem
def _logits(p: Problem) -> Reals:
    theta, b, X, _ = p.reals
    with np.errstate(over="ignore", invalid="ignore"):
        Z: Reals = theta @ X + b
    return Z[~p.masked]


@lru_cache(maxsize=1)
def _gap(p: Problem) -> Reals:
    """How far each column's logits are apart."""
    Z = _logits(p)
    return np.asarray(Z.max(axis=0) - Z.min(axis=0))


def _wrong_by(p: Problem) -> float:
    """How far the label's logit is below the largest, at worst."""
    if p.label_index is None or p.masked.any():
        return 0.0
    Z = _logits(p)
    return float((Z.max(axis=0) - Z[p.label_index, np.arange(p.n)]).max())


def _is_offset(p: Problem) -> bool:
    """Logits near each other and far from zero, all of them exact."""
    Z = _logits(p)
    far = abs(Z).min() >= OFFSETS[p.precision.name] / 2 and _gap(p).max() <= 64
    return bool(far and (p.precision.round(Z).astype(np.float64) == Z).all())


def _far_column(p: Problem) -> bool:
    size = np.sort(abs(p.reals[2]).max(axis=0))
    return bool(p.n >= 2 and size[-2] > 0 and size[-1] >= 16 * size[-2])


def _subnormal(p: Problem) -> bool:
    return any(bool(((a != 0) & (abs(a) < p.precision.tiny)).any()) for a in p.reals[:3])


def _tiny_mass(p: Problem) -> bool:
    mass = p.reals[3].sum(axis=0)
    return bool(mass.any() and mass.max() <= np.sqrt(p.precision.tiny))


def _any_mass(p: Problem) -> bool:
    """Whether some label sums to something else than 1; where samples may be left out, of those that are not."""
    if p.law.ignore is None:
        return not p.unit_mass
    Y = p.reals[3]
    return not sum_to_one(Y[:, Y.any(axis=0)])


def _absent(p: Problem) -> bool:
    return bool((p.reals[3].sum(axis=1) == 0).any())


def tiled(*sides: int) -> bool:
    """One side near a tile and the others small, or a flat index of an array that just does not fit."""
    *others, side = sorted(sides)
    near = others[-1] <= SMALL and any(abs(side - tile) <= 1 for tile in TILES)
    return near or any(_just_beyond(a, b, most) for a, b in combinations(sides, 2) for most in FLAT)


def _just_beyond(a: int, b: int, most: int) -> bool:
    """Whether an array of these sides has more entries than that, and with a row or a column less has not."""
    return a * b - max(a, b) <= most < a * b


def _far_offset(p: Problem) -> bool:
    size, sizes = abs(_logits(p)), FAR[p.precision.name]
    near = _gap(p).max() <= max(64.0, 8 * p.precision.u * size.max())
    return bool(near and min(sizes) / 2 <= size.min() and size.max() <= 2 * max(sizes))


@cache
def edges(precision: Precision) -> tuple[float, ...]:
    """Where exp of this precision ends: it becomes subnormal, the largest number, the smallest number, and 0."""
    least = float(np.log(precision.eta))
    return -float(np.log(precision.tiny)), float(np.log(precision.huge)), -least, -least + math.log(2)


def _exp_edge(p: Problem) -> bool:
    return any(bool((abs(_gap(p) - edge) <= 2).any()) for edge in edges(p.precision))


def _cancelling(p: Problem) -> bool:
    """All logits of a sample, or a sum over the samples for a feature without weight, far below their terms."""
    theta, b, X, _ = p.reals
    with np.errstate(all="ignore"):
        size = abs(theta) @ abs(X) + abs(b)
        logits = ((abs(theta @ X + b) <= size / 64) & (size > 0)).all(axis=0).any()
        total = abs(X).sum(axis=1)
        sums = ((abs(X.sum(axis=1)) <= total / 64) & (total > 0) & ~theta.any(axis=0)).any()
    return bool(logits or sums)


def _zero_logits(p: Problem) -> bool:
    """A class or a sample whose logits are all 0, and something else that is not."""
    Z = _logits(p)
    return bool(Z.any() and not (Z.any(axis=0).all() and Z.any(axis=1).all()))


def _in_memory(name: str) -> Callable[[Problem], bool]:
    return lambda p: p.memory == name


# Widths of the blocks that kernels work in, the most that the sides beside one have, and the most entries whose flat index
# fits into 8 bits, with a sign and without, and into 16.
TILES = (8, 16, 32, 64, 128, 256, 512, 1024)
SMALL = 5
FLAT = (127, 255, 32767)

# Sizes of a common offset that need not be exact.
FAR = {
    "float64": (1e4, 1e6, 1e9),
    "float32": (1e4, 1e6, 1e9),
    "float16": (100.0, 400.0, 1500.0),
    "bfloat16": (100.0, 1e4, 1e6),
}

# A common offset at which small whole logits are still exact: 1e12 in float64, and what each precision has room for.
OFFSETS = {"float64": 1e12, "float32": 2.0**20, "float16": 2.0**10, "bfloat16": 2.0**7}

_TABLE = (
    Regime("ties", "θ = b = 0: all classes tie", lambda p: not p.theta.any() and not p.b.any()),
    Regime("saturated", "a probability rounds to 0 or 1", lambda p: bool(_gap(p).max() > -np.log(p.precision.u))),
    Regime("far-below", "all logits about -1000", lambda p: bool(_logits(p).max() <= -500)),
    Regime("offset", "a large common offset, with Z exactly representable", _is_offset),
    Regime("far-column", "one sample far larger than the others", _far_column),
    Regime("confidently-wrong", "a sample wrong by 40 or more in logits", lambda p: _wrong_by(p) >= 40),
    Regime("absent-class", "a class that no sample carries", _absent),
    Regime("one-label", "every sample has the same label", lambda p: p.n >= 2 and len(set(_labels(p))) == 1),
    Regime(
        "soft-labels",
        "distributions over the classes, which sum to exactly 1",
        lambda p: p.unit_mass and p.label_index is None,
    ),
    Regime("far-offset", "a common offset of either sign, up to 1e9, with all its digits", _far_offset),
    Regime("exp-edge", "logits as far apart as exp of this precision just reaches, or just does not", _exp_edge),
    Regime("cancelling", "sums that are far smaller than their terms", _cancelling),
    Regime("zero-logits", "a class or a sample whose logits are exactly 0", _zero_logits),
    Regime("subnormal", "a subnormal number in θ, b or X", _subnormal),
    Regime("single-sample", "n = 1", lambda p: p.n == 1),
    Regime("two-classes", "L = 2", lambda p: p.L == 2),
    Regime("odd-samples", "n = 3, 5 or 7", lambda p: p.n in (3, 5, 7)),
    Regime("square", "L = n or L = d, which hides transposes", lambda p: p.L in (p.n, p.d)),
    Regime("large", f"more than {FLAT[-1]} logits", lambda p: p.L * p.n > FLAT[-1]),
    Regime(
        "tiles",
        "one side at a tile of 8 to 1024, or one beside it; or L d, L n or d n just beyond 127, 255 or 32767",
        lambda p: tiled(p.L, p.d, p.n),
    ),
    *(
        Regime(f"memory-{m}", f"arrays in memory order {m}", _in_memory(m))
        for m in ("F", "strided", "reversed", "read-only")
    ),
    Regime(
        "label-mass",
        "columns of Y of any mass, none included",
        lambda p: _any_mass(p) and not _tiny_mass(p),
        opt_in=True,
    ),
    Regime("tiny-mass", "columns of Y of masses down to the smallest number", _tiny_mass, opt_in=True),
    Regime(
        "masked-class",
        "b = -inf for classes that no sample carries: one, several, a tile, all but one",
        lambda p: bool(p.masked.any()),
        opt_in=True,
    ),
    Regime("integers", "X and Y as int64", _in_memory("integers"), opt_in=True),
)


def _labels(p: Problem) -> list[int]:
    return [] if p.label_index is None else p.label_index.tolist()


REGIMES = {regime.name: regime for regime in _TABLE}
SHAPED = ("single-sample", "two-classes", "odd-samples", "square", "large", "tiles")  # of a shape, whatever its numbers
MIXED = ("soft-labels", "label-mass", "tiny-mass")  # of labels that are no index

LONGEST = 200  # characters of a glob: what is longer is none, and is not made a pattern of


def matching(names: Iterable[str], glob: str) -> list[str]:
    """The names that a glob matches; it may stand in somebody else's file."""
    return [name for name in names if len(glob) <= LONGEST and fnmatchcase(name, glob)]


def select(globs: Iterable[str]) -> tuple[str, ...]:
    """The names that match any of the globs; "*" alone stands for those that are not opt-in."""
    chosen: dict[str, None] = {}
    for glob in tuple(globs) or ("*",):
        names = [n for n in matching(REGIMES, glob) if not (glob == "*" and REGIMES[n].opt_in)]
        if not names:
            raise Unusable(f"no regime matches {clipped(glob, 60)!r}; expected one of {', '.join(REGIMES)}, or a glob")
        chosen.update(dict.fromkeys(names))
    return tuple(chosen)
