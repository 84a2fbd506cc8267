"""Shapes that a target takes, by construction: what was drawn is moved to the nearest that it takes, and now and then to an end.

Sides are those of the arrays that the target is handed, which are not the problem's where a class is pinned or a bias is absent.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.implementations import Layout, Takes
from gradcheck.implementations.fitting import handed
from gradcheck.implementations.sides import NAMES, Sides, ends, last, nearest
from gradcheck.precision import FLOAT64
from gradcheck.problem import Problem
from gradcheck.regimes import REGIMES, SHAPED
from gradcheck.strategies.arrays import Octets, Shape
from gradcheck.strategies.recipes import SHAPES

END = 4096  # the largest side that is posed because a range ends there
ENTRIES = 1 << 16  # of each array of such a problem
MOST = 1 << 22  # of each array of any: with more a run would not end
SMALLEST = Shape(2, 1, 1)
BEGINNINGS = (SMALLEST, Shape(3, 4, 6), Shape(10, 20, 40))


@dataclass(frozen=True)
class Room:
    """The problems that there is room for: those that a target of this layout takes. `Unusable` where there are none."""

    takes: Takes
    layout: Layout

    def __post_init__(self) -> None:
        if not self._kinds:
            raise Unusable(
                f"no problem can be posed of {self.takes.words}: expected room for two classes, a feature and a sample, and no "
                f"array of more than {MOST} numbers; `gradcheck audit` judges larger ones"
            )

    @cached_property
    def _kinds(self) -> tuple[Sides, ...]:
        """Each kind of shapes that it takes, the smallest problem of which can be posed."""
        some = self.takes.shaped or (Sides("", ()),)
        return tuple(kind for kind in some if self._posable(self._near(kind, self._least), MOST))

    @cached_property
    def _least(self) -> Shape:
        """The smallest problem, as it is handed over."""
        return Shape(**handed(self.layout, **SMALLEST._asdict()))

    def fitted(self, drawn: Octets, shape: Shape) -> Shape:
        """A shape that is taken, near this one; in three problems of eight with one side at an end of what it may be.

        Where every shape is taken nothing is drawn. Bytes of zero are the first kind, and no end.
        """
        if self.takes.any_shape:
            return shape
        kind = drawn.one_of(self._kinds)
        far, side, which = drawn.below(8) >= 5, drawn.one_of(NAMES), drawn.below(4)
        wanted = Shape(**handed(self.layout, **shape._asdict()))
        found = self._near(kind, wanted)
        some = ends(kind.of(side), END) if far else []
        if some:
            other = self._near(kind, wanted._replace(**{side: some[which % len(some)]}))
            found = other if self._posable(other, ENTRIES) else found
        found = found if self._posable(found, MOST) else self._near(kind, self._least)
        assert found is not None  # or it were none of the kinds
        return Shape(*(size - least + first for size, least, first in zip(found, self._least, SMALLEST, strict=True)))

    def _near(self, kind: Sides, wanted: Shape) -> Shape | None:
        """Each side the nearest that it may be; with fewer samples, then fewer classes, where logits are limited."""
        may = {side: kind.of(side, least) for side, least in self._least._asdict().items()}
        L, d, n = (nearest(may[side], size) for side, size in wanted._asdict().items())
        most = self.takes.max_logits
        if most and L * n > most:
            fewest = nearest(may["n"], 1)
            L = L if L * fewest <= most else last(may["L"], most // max(fewest, 1))
            n = last(may["n"], most // max(L, 1))
        return Shape(L, d, n) if min(L, d, n) > 0 else None

    def _posable(self, shape: Shape | None, most: int) -> bool:
        return shape is not None and max(shape.L * shape.d, shape.d * shape.n, shape.L * shape.n) <= most

    def regimes(self, wanted: Iterable[str]) -> tuple[str, ...]:
        """Of these regimes those that problems of such shapes can be in, and that are taken; `Unusable` where none is."""
        wanted = tuple(wanted)
        found = tuple(name for name in wanted if name not in self.takes.refused and self._reaches(name))
        if wanted and not found:
            raise Unusable(f"no problem of {', '.join(wanted)} is one that the target takes: {self.takes.declared}")
        return found

    def _reaches(self, name: str) -> bool:
        """Whether a regime that is one of shapes has any that is taken."""
        if name not in SHAPED or self.takes.any_shape:
            return True
        octets = [Octets(bytes([k])) for k in range(8)]
        shapes = (self.fitted(drawn, SHAPES[name](drawn, begun, FLOAT64)) for drawn in octets for begun in BEGINNINGS)
        return any(REGIMES[name].holds(_bare(shape)) for shape in shapes)


def _bare(shape: Shape) -> Problem:
    """A problem of this shape that holds nothing."""
    Y = np.zeros((shape.L, shape.n))
    Y[0] = 1
    return Problem(np.zeros((shape.L, shape.d)), np.zeros((shape.L, 1)), np.zeros((shape.d, shape.n)), Y)
