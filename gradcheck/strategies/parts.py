"""The parts of a problem while it is made: float64 before they are rounded to the precision under test."""

from dataclasses import dataclass, replace

import numpy as np

from gradcheck.problem import Reals


@dataclass(frozen=True)
class Parts:
    """theta (L, d), b (L, 1), X (d, n), Y (L, n), and the class of each sample."""

    theta: Reals
    b: Reals
    X: Reals
    Y: Reals
    index: np.ndarray
    memory: str

    @property
    def classes(self) -> int:
        return len(self.b)

    @property
    def reach(self) -> float:
        """The largest |theta||X|."""
        return float((abs(self.theta) @ abs(self.X)).max())

    def labelled(self, index: np.ndarray) -> "Parts":
        """The same with other labels."""
        return replace(self, index=index, Y=one_hot(index, self.classes))


def one_hot(index: np.ndarray, classes: int) -> Reals:
    """Y (L, n), C-ordered, unlike `np.eye(L)[:, index]`."""
    Y = np.zeros((classes, len(index)))
    Y[index, np.arange(len(index))] = 1
    return Y
