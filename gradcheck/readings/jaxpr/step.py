"""One equation while it is read: its options, the shape and dtype of its result, and of what its operands were made."""

from typing import Any

import numpy as np

from gradcheck.readings.jaxpr.kinds import Reading, under
from gradcheck.readings.places import places

KEEPS = ("broadcast_in_dim", "reshape", "squeeze", "expand_dims", "stop_gradient", "copy", "transpose")


class Made(dict[int, tuple[Any, "Step", tuple[Any, ...]]]):
    """By the address of what was made, which is kept: itself, the equation, and the operands."""


class Step:
    """An equation of a jaxpr."""

    def __init__(self, equation: Any, reading: Reading, made: Made) -> None:
        self.equation, self.reading, self.made = equation, reading, made
        self.params: dict[str, Any] = equation.params

    @property
    def name(self) -> str:
        return str(self.equation.primitive.name)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.equation.outvars[0].aval.shape)

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(self.equation.outvars[0].aval.dtype)

    def number(self, x: Any) -> float | None:
        """Of what is one number throughout, as the text has it."""
        while id(x) in self.made and self.made[id(x)][1].name in KEEPS:
            x = self.made[id(x)][2][0]
        for (value, _), constant in self.reading.constants.items():
            if constant is x:
                return value
        return None

    def extreme(self, x: Any, y: Any) -> tuple["Step", tuple[Any, ...]] | None:
        """The equation by which y, perhaps moved, is the largest or the least of x and others; None where it is not."""
        chain: list[Step] = []
        while id(y) in self.made and self.made[id(y)][1].name in KEEPS:
            _, step, (y, *_) = self.made[id(y)]
            chain.append(step)
        if id(y) not in self.made:
            return None
        _, step, operands = self.made[id(y)]
        if step.name in ("max", "min") and not chain and any(one is x for one in operands):
            return step, operands
        if step.name not in ("reduce_max", "reduce_min") or operands[0] is not x:
            return None
        return (step, operands) if _stands(chain, step.params["axes"], tuple(under(x).shape)) else None


def _stands(chain: list[Step], axes: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    """Whether what a reduction comes to has been moved to where it was taken from."""
    from gradcheck.readings.jaxpr.rules import RULES

    kept = tuple(size for k, size in enumerate(shape) if k not in axes)
    thin = tuple(1 if k in axes else size for k, size in enumerate(shape))
    standing = places(kept)
    for step in reversed(chain):
        standing = RULES[step.name](step, standing)
    if np.broadcast_shapes(standing.shape, shape) != shape:
        return False
    meant, found = (np.broadcast_to(one, shape) for one in (places(kept).reshape(thin), standing))
    return bool((meant == found).all())
