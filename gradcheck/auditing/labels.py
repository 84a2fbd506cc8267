"""The labels of a block of samples, as the loss has them. Knows nothing of logits.

Y' = law.text.labels(Y). Of class indices nothing is written out: off the label, Y' is a number of the class times one of the
sample, and 0 where nothing is smoothed.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.auditing.dump import Dump
from gradcheck.auditing.rows import few, real
from gradcheck.bounds import Masses
from gradcheck.enclosure import Reals
from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy, text


@dataclass(frozen=True, eq=False)
class Labels:
    """Of some samples: `index` (nb,) their classes, or None; `given` (nb,) 1ᵀY, where a label that is ignored has none; `weighed`
    (nb,) the sum of Y w; `mass` (nb,) 1ᵀY'. `weights` (L,) are those of the classes, or None.
    """

    law: CrossEntropy
    L: int
    weights: Reals | None
    index: NDArray[np.intp] | None
    given: Reals
    weighed: Reals
    mass: Reals

    @cached_property
    def counts(self) -> NDArray[np.bool_]:
        """(nb,), which samples do."""
        return np.asarray(text.kept(self.given[np.newaxis], self.law)[0])

    @cached_property
    def at(self) -> Reals:
        """(nb,): Y' at the class of each sample."""
        found = np.asarray(text.smoothed(self.given, self.counts, self.law, self.L))
        return found if self.weights is None else found * self.weighed

    @cached_property
    def off(self) -> Reals:
        """(nb,): Y' at any other class, but for what that class is weighed by."""
        found = np.asarray(text.smoothed(np.zeros_like(self.given), self.counts, self.law, self.L))
        return found if self._by_class else found * self.weighed

    @cached_property
    def classes(self) -> Reals:
        """(L,): what that is."""
        return self.weights if self.weights is not None and self._by_class else np.ones(self.L)

    @property
    def _by_class(self) -> bool:
        return self.weights is None or self.law.smoothing_weight == "class"

    @cached_property
    def hard(self) -> "Labels":
        """The same without smoothing."""
        mass = self.given if self.weights is None else self.weighed if self._by_class else self.weighed * self.given
        return replace(self, law=replace(self.law, smoothing=0.0), mass=mass)

    def of(self, rows: slice | list[int], Y: Any) -> Reals:
        """These rows of Y' (rows, nb), of the labels Y of the dump."""
        if self.index is None:
            found = real(Y[rows])
        else:
            places = np.arange(rows.start, rows.stop) if isinstance(rows, slice) else np.asarray(rows)
            found = (places[:, np.newaxis] == self.index) * self.given
        found = np.asarray(text.smoothed(found, self.counts, self.law, self.L))
        if self.weights is None:
            return found
        return found * (self.weights[rows, np.newaxis] if self._by_class else self.weighed)

    @classmethod
    def joined(cls, some: list[tuple["Labels", int]]) -> "Labels":
        """Of samples that are here and there, each by its place."""

        def each(name: str) -> Any:
            return np.array([getattr(of, name)[at] for of, at in some])

        first = some[0][0]
        index = None if first.index is None else each("index")
        return replace(first, index=index, **{name: each(name) for name in ("given", "weighed", "mass")})

    @property
    def masses(self) -> Masses:
        """What limits follow from."""
        law = self.law
        single = (self.given == 1) & (not (law.smoothing or law.z_loss))
        z = law.z_loss * text.squared(self.given[np.newaxis], law)[0]
        return Masses(self.mass, self.hard.mass, self.given, np.asarray(z), single)


def labels(dump: Dump, part: slice, Y: Any) -> Labels:
    """Of the samples of a block, whose labels Y are as the dump has them."""
    where = f"{dump.source}: Y, among samples {part.start} to {part.stop - 1},"
    law, weights = dump.law, dump.weights
    if dump.index:
        given = dump.counted(Y)
        index = np.where(given > 0, Y, 0).astype(np.intp)
        if index.min() < 0 or index.max() >= dump.L:
            raise Unusable(
                f"{where} holds a label outside of 0 to {dump.L - 1}; that of samples that do not count is to be declared as ignore"
            )
        weighed = given if weights is None else given * weights[index]
        found = Labels(law, dump.L, weights, index, given, weighed, given)
        if law.smoothing:
            return replace(found, mass=found.at + found.off * (found.classes.sum() - found.classes[index]))
        return found if weights is None else replace(found, mass=found.at)
    given = _summed(Y, lambda rows: real(Y[rows]))
    if not np.isfinite(given).all() or Y.min() < 0:
        raise Unusable(f"{where} holds a weight that is negative or not finite")
    if law.ignore is not None and 0 <= law.ignore < dump.L and np.asarray(Y[law.ignore]).any():
        raise Unusable(f"{where} has class {law.ignore}, which is ignored; expected columns of zeros in their place")
    if law.smoothing and law.smoothing_over == "others" and Y.max() > 1:
        raise Unusable(
            f"{where} holds a weight above 1; expected none, since labels are smoothed over the other classes"
        )
    weighed = given if weights is None else _summed(Y, lambda rows: weights[rows, np.newaxis] * real(Y[rows]))
    found = Labels(law, dump.L, weights, None, given, weighed, given)
    folds = bool(law.smoothing or law.class_weight)
    return replace(found, mass=_summed(Y, lambda rows: found.of(rows, Y))) if folds else found


def _summed(Y: Any, part: Any) -> Reals:
    """(nb,): over the classes, some at a time."""
    return np.asarray(sum((part(rows).sum(axis=0) for rows in few(Y)), np.zeros(Y.shape[1])))
