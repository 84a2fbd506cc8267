"""A step of jax, under jit, too: an identity on X, W and b, whose gradients are seen where they come back. A door to jax."""

from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.auditing.capturing.place import Place
from gradcheck.auditing.capturing.step import _told
from gradcheck.errors import Missing, Unusable


class Traced:
    """Called with X (…, d), W (L, d) or (d, L) and b, or None, where the loss is computed; it gives them back."""

    def __init__(self, place: Place) -> None:
        place.require()
        if place.law.l2:
            raise Unusable(
                "l2: what flows back to this use of W under jit is with a penalty or without, as the penalty is of this W or of "
                "another; expected the loss without it"
            )
        self._place = place
        self._calls: list[list[Any]] = []
        self._gradients: list[list[Any]] = []
        try:
            import jax
        except ImportError:
            raise Missing.package("capture.traced", "jax") from None
        self._jax = jax
        self._identity = jax.custom_vjp(lambda given: given)
        self._identity.defvjp(self._forward, self._backward)

    def __call__(self, X: Any, W: Any, b: Any = None) -> tuple[Any, Any, Any]:
        """The same, by another name: what flows back to them comes from this use alone. X (…, d), W (L, d) or (d, L), b (L,).

        >>> import gradcheck, jax.numpy as jnp
        >>> step = gradcheck.capture.traced("no-dump")
        >>> [None if part is None else part.shape for part in step(jnp.ones((3, 2)), jnp.ones((4, 2)))]
        [(3, 2), (4, 2), None]
        """
        found = self._identity([part for part in (X, W, b) if part is not None])
        return (*found, None) if b is None else tuple(found)

    def _forward(self, given: list[Any]) -> tuple[list[Any], list[Any]]:
        return given, given

    def _backward(self, given: list[Any], gradients: list[Any]) -> tuple[list[Any]]:
        self._jax.debug.callback(self._take, given, gradients)
        return (gradients,)

    def _take(self, given: list[Any], gradients: list[Any]) -> None:
        self._calls.append([np.array(part) for part in given])
        self._gradients.append([np.array(part) for part in gradients])

    def write(self, labels: Any, loss: Any = None, *, transposed: bool | None = None, **told: Any) -> Path:
        """Write the dump, once the gradients have been computed; what may be said beside is as in `Step.write`.

        `transposed`: W is (d, L). Where that is not said, it follows from X and W, unless W is square. Returns the folder. Raises
        `Unusable` where no gradient has come back, or W or b was changed between calls.

            >>> import tempfile, gradcheck, jax, jax.numpy as jnp
            >>> X, W, y = jnp.ones((5, 4)), jnp.eye(4), jnp.arange(5) % 4
            >>> def loss(W, step):
            ...     X_, W, _ = step(X, W)
            ...     return -jax.nn.log_softmax(X_ @ W)[jnp.arange(5), y].mean()
            >>> with tempfile.TemporaryDirectory() as folder:
            ...     step = gradcheck.capture.traced(folder + "/dump")
            ...     _ = jax.grad(loss)(W, step)
            ...     gradcheck.audit(step.write(y, transposed=True)).status
            0
        """
        self._jax.effects_barrier()
        if not self._calls:
            raise Unusable(
                "no gradient has come back; expected X, W, b = step(X, W, b) within a loss that jax.grad was taken of"
            )
        X, W = self._calls[0][:2]
        turned = W.shape[1] != X.shape[-1] if transposed is None else transposed
        d = W.shape[0] if turned else W.shape[1]
        if d != X.shape[-1]:
            raise Unusable(f"X and W have shapes {X.shape} and {W.shape}; expected (…, d) and (L, d), or (d, L)")
        for call in self._calls[1:]:
            if any((a != b).any() for a, b in zip(call[1:], self._calls[0][1:], strict=True)):
                raise Unusable("W or b was changed between calls; expected one step for each write()")
        W, *rest = (self._turned(part, turned) for part in self._calls[0][1:])
        sums = [self._turned(sum(parts), turned) for parts in zip(*(g[1:] for g in self._gradients), strict=True)]
        b = rest[0] if rest else np.zeros(W.shape[0], W.dtype)
        arrays = {"theta": W, "b": b, "grad_theta": sums[0], **({"grad_b": sums[1]} if rest else {})}
        pairs = zip(self._calls, self._gradients, strict=True)
        calls = [{"X": call[0], "grad_X": gradients[0]} for call, gradients in pairs]
        path = self._place.write(arrays, calls, _told(labels, loss, told), {})
        self._calls.clear()
        self._gradients.clear()
        return path

    @staticmethod
    def _turned(part: Any, turned: bool) -> Any:
        return np.ascontiguousarray(part.T) if turned and np.ndim(part) == 2 else part
