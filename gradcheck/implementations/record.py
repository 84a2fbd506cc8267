"""The implementation under test: a record of functions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradcheck import precision
from gradcheck.errors import Unusable

FUNCTIONS = ("gradients", "loss", "logits", "softmax", "softmax_jacobian")
Function = Callable[..., Any]


@dataclass(frozen=True)
class Layout:
    """How an implementation lays its arrays out. The default is the paper's.

    `samples` in columns or rows of X, Y and Z; `theta` (L, d) classes-first or (d, L) features-first; `labels` one-hot (L, n)
    or index (n,); `reduction` of the loss and of every gradient, mean or sum. With samples in rows the bias is (L,).
    """

    samples: str = "columns"
    theta: str = "classes-first"
    labels: str = "one-hot"
    reduction: str = "mean"

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise Unusable(f"layout {name}={getattr(self, name)!r} is not known; expected {' or '.join(known)}")


CHOICES = {
    "samples": ("columns", "rows"),
    "theta": ("classes-first", "features-first"),
    "labels": ("one-hot", "index"),
    "reduction": ("mean", "sum"),
}


@dataclass(frozen=True)
class Implementation:
    """Functions to be judged; None means not offered, and at least one must be there.

    `gradients(theta, b, X, Y)` returns a mapping with any of theta, b, Z; `loss(theta, b, X, Y)` a float; `logits(theta, b, X)` Z;
    `softmax(Z)` A; `softmax_jacobian(z)` (L, L) for one column. `dtypes` are those it is made for. `analytic` declares that
    `loss` accepts complex arrays and is analytic as written, so that the complex step may judge it.
    """

    name: str
    gradients: Function | None = None
    loss: Function | None = None
    logits: Function | None = None
    softmax: Function | None = None
    softmax_jacobian: Function | None = None
    dtypes: tuple[str, ...] = precision.NAMES
    layout: Layout = Layout()
    analytic: bool = False

    def __post_init__(self) -> None:
        if not self.offers:
            raise Unusable(f"{self.name} has none of the functions {', '.join(FUNCTIONS)}; at least one must be there")
        for name in self.offers:
            if not callable(getattr(self, name)):
                raise Unusable(f"{self.name}: {name} is {getattr(self, name)!r}; expected a function")

    @property
    def offers(self) -> tuple[str, ...]:
        """The names of the functions that it has."""
        return tuple(name for name in FUNCTIONS if getattr(self, name) is not None)
