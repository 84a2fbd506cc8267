"""How the gradients of a loss written for autograd are used: `gradcheck.implementations.uses`, by make_vjp."""

from collections.abc import Callable
from typing import Any

import numpy as np
from autograd import make_vjp
from autograd import numpy as anp
from autograd.core import vspace

from gradcheck.errors import raised
from gradcheck.implementations.adapter import require_fits
from gradcheck.problem import Array

Function = Callable[..., Any]


def uses(loss: Function, logits: Function | None, keys: tuple[str, ...]) -> dict[str, Function]:
    """Every use that a loss of parameters of these names can be asked for; of logits, where it is a function of these."""

    def traced(
        arrays: tuple[Array, ...], options: dict[str, Any], bent: Function = lambda Z: Z
    ) -> tuple[Function, Any]:
        """What makes gradients of the parameters of an upstream gradient, and the loss."""
        *parameters, X, Y = arrays

        def whole(held: tuple[Any, ...]) -> Any:
            return loss(*held, X, Y, **options) if logits is None else loss(bent(logits(*held, X)), Y, **options)

        pull, value = make_vjp(whole)(tuple(parameters))
        return lambda c: dict(zip(keys, pull(_seed(value, c)), strict=True)), value

    def upstream(*arrays: Any, **options: Any) -> dict[str, Array]:
        *given, c = arrays
        return traced(tuple(given), options)[0](c)

    def again(*arrays: Any, **options: Any) -> tuple[Any, ...]:
        *given, c = arrays
        pull = traced(tuple(given), options)[0]
        first = {key: np.array(each) for key, each in pull(c).items()}
        try:
            return first, pull(c)
        except Exception as exception:  # of any kind: it is refused
            return first, raised(exception)

    def through(*arrays: Array, **options: Any) -> dict[str, Array]:
        return traced(arrays, options, anp.tanh)[0](1.0)

    def left(*arrays: Array, **options: Any) -> tuple[Array, ...]:
        assert logits is not None
        *parameters, X, Y = arrays
        Z = logits(*parameters, X)
        before = Z.copy()
        pull, value = make_vjp(lambda Z: loss(Z, Y, **options))(Z)
        after = Z.copy()
        pull(_seed(value, 1.0))
        return before, after, Z

    def pieces(*arrays: Any, **options: Any) -> dict[str, Array]:
        parameters, (X, Y, c, X2, Y2, c2) = arrays[: len(keys)], arrays[len(keys) :]
        one, other = (traced((*parameters, *data), options)[0] for data in ((X, Y), (X2, Y2)))
        first, second = one(c), other(c2)
        return {key: first[key] + second[key] for key in keys}

    made: dict[str, Function] = {"upstream": upstream, "again": again, "pieces": pieces}
    return made | ({} if logits is None else {"through": through, "left": left})


def _seed(value: Any, c: Any) -> Any:
    """An upstream gradient of the shape and dtype of a loss."""
    given = np.asarray(c)
    require_fits(given, np.ndim(value))
    whole = vspace(value).ones()
    return whole * given.astype(whole.dtype) if given.ndim < np.ndim(value) or not given.ndim else given
