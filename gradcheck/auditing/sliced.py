"""Arrays that can only be sliced, seen as another: parts as one, and rows as columns."""

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Parts:
    """Arrays that follow each other along `axis`, seen as one that can only be sliced."""

    stored: tuple[Any, ...]
    axis: int

    @property
    def shape(self) -> tuple[int, ...]:
        """As it is seen."""
        shape = list(self.stored[0].shape)
        shape[self.axis] = sum(part.shape[self.axis] for part in self.stored)
        return tuple(shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of an entry."""
        return np.dtype(self.stored[0].dtype)

    def __getitem__(self, place: Any) -> Any:
        places = list(place if isinstance(place, tuple) else (place,))
        places += [slice(None)] * (len(self.shape) - len(places))
        wanted, start, found = places[self.axis], 0, []
        if not isinstance(wanted, slice):
            return self._one(places, int(wanted))
        low, high, _ = wanted.indices(self.shape[self.axis])
        for part in self.stored:
            end = start + part.shape[self.axis]
            if low < end and start < high:
                places[self.axis] = slice(max(low, start) - start, min(high, end) - start)
                whole = start <= low and high <= end
                # a copy of each of several, so that no more than one file is mapped
                found.append(np.asarray(part[tuple(places)]) if whole else np.array(part[tuple(places)]))
            start = end
        return found[0] if len(found) == 1 else np.concatenate(found, axis=self.axis)

    def _one(self, places: list[Any], at: int) -> Any:
        """One place along the axis."""
        for part in self.stored:
            if at < part.shape[self.axis]:
                break
            at -= part.shape[self.axis]
        places[self.axis] = at
        return np.asarray(part[tuple(places)])


@dataclass(frozen=True, eq=False)
class Summed:
    """Arrays of one shape, seen as their sum divided by `over`, in float64; `dtype` is what they are stored in."""

    stored: tuple[Any, ...]
    over: int = 1

    @property
    def shape(self) -> tuple[int, ...]:
        """As it is seen."""
        return tuple(self.stored[0].shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of an entry that is stored."""
        return np.dtype(self.stored[0].dtype)

    def __getitem__(self, place: Any) -> Any:
        return sum(np.asarray(one[place]).astype(np.float64) for one in self.stored) / self.over

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return np.asarray(self[...], dtype)


@dataclass(frozen=True, eq=False)
class Transposed:
    """An array that is stored the other way round, and can only be sliced."""

    stored: Any

    @property
    def shape(self) -> tuple[int, ...]:
        """As it is seen."""
        return tuple(reversed(self.stored.shape))

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of an entry."""
        return np.dtype(self.stored.dtype)

    def __getitem__(self, place: Any) -> Any:
        rows, cols = place if isinstance(place, tuple) else (place, slice(None))
        return np.asarray(self.stored[cols, rows]).T
