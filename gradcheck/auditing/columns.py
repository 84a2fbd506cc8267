"""∂ℒ/∂Z of a few samples, as a step has it and as a loss with another option would: what an undeclared one may be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.arithmetic import Arithmetic
from gradcheck.auditing import block
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.plan import plan
from gradcheck.auditing.rows import real
from gradcheck.enclosure import Reals

SAMPLES, AT_ONCE = 8, 64
LEFT, EXACT = 1 / 16, 1e-4  # of what is off: a fit that leaves more is none, and what a rounded number may leave beside
SPREAD = 1e-3  # by which multiples differ, or they are one factor
GRID, SHOWN = 25, 6
MEMORY = 2**40  # of a few samples no limit is asked
SIZES = (1e-6, 2.0**90)  # of a largest logit, so that every cap that is tried is one
RANGES = {"softcap": (1 / 16, 64.0), "scale": (1 / 64, 64.0)}  # a cap, beside the largest logit


@dataclass(frozen=True, eq=False)
class Columns:
    """A dump of a few samples that count, D (L, m) as it is there, and the dump that they are of."""

    some: Dump
    D: Reals
    whole: Dump

    @classmethod
    def of(cls, dump: Dump, samples: list[int]) -> "Columns":
        """Of these."""
        names = [name for name in ("X", "Y", "Z", "upstream") if name in dump.arrays]
        arrays = {name: dump.arrays[name] for name in ("theta", "b")}
        arrays |= {name: _taken(dump, name, samples) for name in names}
        some = replace(dump, arrays=arrays, divided=dump.N, watched=None)
        return cls(some, real(_taken(dump, "grad_Z", samples)), dump)

    def must(self, **options: Any) -> Reals:
        """D (L, m) of the loss with these options."""
        dump = replace(self.some, law=replace(self.some.law, **options))
        planned = plan(dump, declared=Arithmetic(), count=1, seed=0, memory=MEMORY)
        found = block.read(dump, planned, slice(0, dump.n))
        rows = slice(0, dump.L)
        D = real(found.p[rows]) / found.s * found.pull - found.labels.of(rows, found.Y) * found.share
        return D if found.S is None else D * real(found.S[rows])

    def fitted(self, name: str) -> tuple[float, Callable[[float], bool]]:
        """The number with which D is nearest, and whether another is about as near; 0 where none is near."""
        from scipy.optimize import minimize_scalar

        def off(power: float) -> float:
            return float(np.linalg.norm(self.D - self.must(**{name: float(np.exp(power))})))

        size = float(abs(real(self.some.arrays["Z"])).max()) if name == "softcap" and "Z" in self.some.arrays else 1.0
        first, last = np.log(np.asarray(RANGES[name]) * np.clip(np.nan_to_num(size), *SIZES))
        grid = np.linspace(first, last, GRID)
        most, step = float(np.linalg.norm(self.D - self.must())), grid[1] - grid[0]
        at = min(grid, key=off)
        found = minimize_scalar(off, bounds=(at - step, at + step), method="bounded", options={"xatol": 1e-9})
        if not found.fun <= LEFT * most:
            return 0.0, lambda _: False
        return float(np.exp(found.x)), lambda number: off(np.log(number)) <= 2 * found.fun + EXACT * most

    def _sizes(self) -> tuple[Reals, Reals]:
        """(m,): how often each sample's D is what it must be, and what that leaves, of its size."""
        must = self.must()
        sizes = (self.D * must).sum(axis=0) / (must * must).sum(axis=0)
        return sizes, np.linalg.norm(self.D - sizes * must, axis=0) / np.linalg.norm(self.D, axis=0)

    def multiples(self) -> bool:
        """Whether each is one, and not all the same."""
        sizes, left = self._sizes()
        return bool((left <= EXACT).all() and sizes.min() > 0 and np.ptp(sizes) > SPREAD * sizes.max())

    def weights(self) -> tuple[tuple[float, ...], str] | None:
        """Of each class, that of its first sample, and in words; 1 of classes that no sample has."""
        dump = self.whole
        Y = dump.samples("Y", slice(0, dump.n))
        known = np.flatnonzero(dump.counted(Y))
        classes, first = np.unique(Y[known], return_index=True)
        if len(classes) == len(known):  # each sample has a weight of its own, and nothing follows from that
            return None
        found = np.ones(dump.L)
        for part in _cut(list(range(len(classes)))):
            sizes, left = Columns.of(dump, known[first[part]].tolist())._sizes()
            if not (left <= EXACT).all():
                return None
            found[classes[part]] = [float(f"{size:.7g}") for size in sizes]
        shown = [f"{found[c]:.6g} of class {c}" for c in classes[:SHOWN].tolist()]
        return tuple(found.tolist()), ", ".join(shown) + " …" * (len(classes) > SHOWN)


def apart(dump: Dump) -> list[int]:
    """Some samples that count, far apart; none where none does."""
    counted = np.flatnonzero(dump.counted(dump.samples("Y", slice(0, dump.n)))) if dump.index else np.arange(dump.n)
    places = {*np.linspace(0, len(counted) - 1, SAMPLES).astype(int).tolist()} if len(counted) else ()
    return [int(counted[k]) for k in sorted(places)]


def _cut(all_of: list[int]) -> Iterator[list[int]]:
    return (all_of[at : at + AT_ONCE] for at in range(0, len(all_of), AT_ONCE))


def _taken(dump: Dump, name: str, samples: list[int]) -> Reals:
    """Of an array that can only be sliced."""
    return np.concatenate([np.asarray(dump.samples(name, slice(i, i + 1))) for i in samples], axis=-1)
