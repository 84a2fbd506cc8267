"""What every framework's adapter has: a loss of arrays or of logits, its options, and how it is declared. Knows no framework."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.implementations.parameters import require_called
from gradcheck.implementations.record import Implementation, Layout, NotPosed
from gradcheck.implementations.takes import Takes
from gradcheck.implementations.told import keyword_only
from gradcheck.law import CrossEntropy
from gradcheck.problem import Array

DTYPES = ("float64", "float32")


def linear(theta: Any, b: Any, X: Any) -> Any:
    """The logits (n, L) of samples in rows, of any arrays that have `astype`."""
    return X.astype(theta.dtype) @ theta.T + b


@dataclass(frozen=True)
class Adapted:
    """A differentiable `loss(theta, b, X, Y)`, or of logits, `loss(Z, Y)`, where `logits(theta, b, X)` are given.

    Options of the loss that are keyword-only parameters are varied, where `takes` names none.
    """

    loss: Callable[..., Any]
    logits: Callable[..., Any] | None
    layout: Layout
    law: CrossEntropy
    name: str
    dtypes: tuple[str, ...]
    takes: Takes = Takes()  # noqa: RUF009 - immutable

    def __post_init__(self) -> None:
        """`Unusable` where the loss cannot be called with what it would be."""
        require_called(self.loss, (*self.keys, "X", "Y") if self.logits is None else ("Z", "Y"))

    @property
    def keys(self) -> tuple[str, ...]:
        """The names of the parameters."""
        return ("theta",) if self.layout.bias == "absent" else ("theta", "b")

    @property
    def names(self) -> tuple[str, ...]:
        """Of what has a gradient, in order: the parameters, X, and Z of a loss of logits."""
        return (*self.keys, "X", *(() if self.logits is None else ("Z",)))

    def value(self, *arrays: Any, **options: Any) -> Any:
        """The loss, of parameters, X and Y."""
        *given, Y = arrays
        return self.made(given, Y, options)[0]

    def made(self, given: Sequence[Any], Y: Any, options: Mapping[str, Any]) -> tuple[Any, list[Any]]:
        """The loss, of parameters and X that are `given`, and what it has a gradient of: these, and Z of a loss of logits."""
        if self.logits is None:
            return self.loss(*given, Y, **options), [*given]
        Z = self.logits(*given)
        return self.loss(Z, Y, **options), [*given, Z]

    def eager(
        self, slopes: "Slopes", value: Callable[..., Any], logits: Callable[..., Any], **declared: Any
    ) -> Implementation:
        """Of a framework that is asked for the gradients of an upstream gradient times the loss, which may be 1."""

        def gradients(*arrays: Array, **options: Any) -> dict[str, Array]:
            return self.named(slopes(arrays, options, np.ones((), arrays[0].dtype)))

        def upstream(*arrays: Array, **options: Any) -> dict[str, Array]:
            return self.named(slopes(arrays[:-1], options, np.array(arrays[-1])))

        return self.implementation(gradients, value, logits, uses={"upstream": upstream}, **declared)

    def named(self, found: Iterable[Array | None]) -> dict[str, Array]:
        """Gradients of `names`, by name. Code may have none of the data, which are no parameters."""
        by_name = dict(zip(self.names, found, strict=True))
        for key, each in by_name.items():
            if each is None and key != "X":
                raise ValueError(f"the loss has no gradient of {key}")
        return {key: each for key, each in by_name.items() if each is not None}

    def implementation(
        self,
        gradients: Callable[..., Any],
        value: Callable[..., Any],
        logits: Callable[..., Any] | None,
        *,
        compiles: bool = False,
        **declared: Any,
    ) -> Implementation:
        """With these functions of NumPy arrays, and what else is declared of it."""
        options = self.takes.options or tuple(keyword_only(self.loss))
        takes = replace(self.takes, options=options, compiles=compiles or self.takes.compiles)
        name = self.name or getattr(self.loss, "__name__", "loss")
        stated: dict[str, Any] = {"dtypes": self.dtypes, "layout": self.layout, "law": self.law, "takes": takes}
        return Implementation(name, gradients, value, None if self.logits is None else logits, **stated, **declared)


# Of the arrays of a call, its options and an upstream gradient: the gradients of `names`, None where there is none.
Slopes = Callable[[tuple[Array, ...], dict[str, Any], Array], Iterable[Array | None]]


def require_fits(c: Array, dimensions: int) -> None:
    """`NotPosed` where an upstream gradient is one for each sample, and the loss one number."""
    if np.ndim(c) > dimensions:
        raise NotPosed("the loss is one number, and not one for each sample")
