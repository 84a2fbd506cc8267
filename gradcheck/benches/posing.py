"""Our problems as the inputs of a grader: saturated, tied, offset, last tiles, one label, in the shapes that it poses."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck import ops, precision
from gradcheck.drawing import pose
from gradcheck.errors import Unusable, near
from gradcheck.ops.description import Op
from gradcheck.problem import Array, Problem
from gradcheck.strategies.arrays import Shape

FEATURES = 16  # of X, where an operator has none of its own


@dataclass(frozen=True, eq=False)
class Posed:
    """The inputs of an operator, in the order of its arguments, samples in rows; `op` describes what is computed of them."""

    inputs: tuple[Array, ...]
    made: Callable[..., Op]
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def op(self) -> Op:
        """For `gradcheck.explained`."""
        return self.made(*self.inputs, **self.options)


def _logits(p: Problem) -> Array:
    theta, b, X, _ = p.reals
    Z = p.precision.round((theta @ X + b).T)
    return np.where(np.isfinite(Z), Z, np.zeros_like(Z))


def _classes(p: Problem) -> Array:
    return np.asarray(p.reals[3].argmax(axis=0))


# The arguments of each operator, made of a problem.
INPUTS: dict[str, Callable[[Problem], tuple[Array, ...]]] = {
    **dict.fromkeys(("softmax", "log_softmax", "logsumexp", "sum", "mean"), lambda p: (_logits(p),)),
    "cross_entropy": lambda p: (_logits(p), _classes(p)),
    "nll": lambda p: (-abs(_logits(p)), _classes(p)),
    "linear_cross_entropy": lambda p: (p.X.T, p.theta, _classes(p), p.b[:, 0]),
    "matmul": lambda p: (p.X.T, p.theta.T),
}


def problems_for(
    op: Callable[..., Op],
    shapes: Sequence[tuple[int, ...]],
    *,
    dtype: str = "float32",
    count: int = 20,
    seed: int = 0,
    regimes: Iterable[str] = ("*",),
    **options: Any,
) -> list[Posed]:
    """`count` problems of an operator of `gradcheck.ops`, as NumPy arrays: of the shapes (n, L), or (n, L, d), and in regimes that
    are hard. The same seed poses the same ones. `options` are those of the operator.

        for p in gradcheck.problems_for(gradcheck.ops.softmax, [(64, 1000)]):
            gradcheck.assert_explained(my_softmax(*p.inputs), p.op)

        >>> import gradcheck
        >>> p = gradcheck.problems_for(gradcheck.ops.cross_entropy, [(4, 10)], count=1)[0]
        >>> p.op
        cross_entropy(Z float32[4, 10])
    """
    name = getattr(op, "__name__", str(op))
    if ops.OPS.get(name) is not op or name not in INPUTS:
        hint = f"expected the function gradcheck.ops.{name}" if name in INPUTS else near(name, INPUTS)
        hint = hint or f"expected one of gradcheck.ops: {', '.join(INPUTS)}"
        raise Unusable(f"no problems are posed of {name:.60}; {hint}")
    precision.named(dtype)
    if not isinstance(count, int) or count < 1:
        raise Unusable(f"count is {count!r:.60}; expected a whole number from 1")
    sides = tuple(_shape(shape) for shape in _listed(shapes))
    found: list[Posed] = []
    pose(
        lambda p: found.append(Posed(INPUTS[name](p), op, options)),
        dtype=dtype,
        regimes=(regimes,) if isinstance(regimes, str) else tuple(regimes),
        seed=seed,
        count=count,
        shrink=False,
        shapes=sides,
    )
    return found


def _listed(shapes: Any) -> Sequence[Any]:
    """Shapes, of which one may stand alone."""
    one = isinstance(shapes, tuple) and len(shapes) > 1 and all(isinstance(side, int) for side in shapes)
    found: Sequence[Any] = shapes if isinstance(shapes, list | tuple) and not one else [shapes]
    if not found:
        raise Unusable("no shapes are given; expected such as [(64, 1000)]")
    return found


def _shape(given: Any) -> Shape:
    whole = isinstance(given, list | tuple) and len(given) in (2, 3) and all(type(side) is int for side in given)
    n, L, d = (*given, FEATURES)[:3] if whole else (0, 0, 0)
    if n < 1 or L < 2 or d < 1:
        raise Unusable(f"shape {given!r:.60} is not known; expected (n, L), or (n, L, d), of two classes or more")
    return Shape(L, d, n)
