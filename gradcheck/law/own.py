"""A loss of one's own: a specification, which is a function in NumPy notation, with its options, beside the cross-entropy.

Whatever asks a law asks this, too: of the options of the cross-entropy it has none. What it computes is known by its text alone.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gradcheck.errors import Unusable, text
from gradcheck.law import signature, source
from gradcheck.law.options import CrossEntropy
from gradcheck.law.source import Source
from gradcheck.printable import clipped

# Laws that may be declared to hold: the checks of these names.
LAWS = (
    "bias_gradient_sums_to_zero",
    "bias_is_a_weight",
    "class_permutation",
    "duplicated_batch",
    "logits_gradient_sums_to_zero",
    "loss_of_a_duplicated_batch",
    "sample_permutation",
    "shift_invariance",
    "theta_gradient_sums_to_zero",
)


class Loss(CrossEntropy):
    """A loss that is written down: `function` in NumPy notation, of columns that are samples, returns one number.

    Its parameters are some of `theta` (L, d), `b` (L, 1), `X` (d, n), `Y` (L, n), or of `Z` (L, n) and `Y`: then
    Z = theta X + b stands before it, and dL/dZ is judged, too. A parameter `np` is given `gradcheck.numpy`, the functions that
    a loss may be written in; others with a default are its options, which `options` may set. `name` is what reports call it;
    `holds` names checks of laws that hold for it, which are otherwise found to hold on each problem, or are not posed.

        >>> import gradcheck
        >>> def squares(Z, Y, *, weight=1.0):
        ...     D = Z - Y
        ...     return (D * D).sum() * (weight / 2)
        >>> gradcheck.Loss(squares, weight=0.5)
        Loss(squares, weight=0.5)
        >>> def gradients(theta, b, X, Y):
        ...     D = (theta @ X + b - Y) / 2
        ...     return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D}
        >>> gradcheck.check(gradients, law=gradcheck.Loss(squares, weight=0.5), max_examples=20)
        <Run gradients float64: 20 agree, 47 skipped on 20 problems (seed 0)>

    What is granted is rounding in this text, and in its derivative as the tape forms it, with sums in any order.
    """

    def __init__(
        self, function: Callable[..., Any], *, name: str = "", holds: Iterable[str] = (), **options: Any
    ) -> None:
        taken = signature.read(function, options)
        if not isinstance(holds, Iterable):
            raise Unusable(f"holds is {text(holds, repr):.60}; expected names, any of {', '.join(LAWS)}")
        holds = (holds,) if isinstance(holds, str) else tuple(holds)
        for law in holds:
            if law not in LAWS:
                raise Unusable(f"holds names {law!r:.60}; expected any of {', '.join(LAWS)}")
        code = Source.of(function)
        self._set(function=function, name=clipped(name or code.name, 60), holds=holds, options=taken.options)
        self._set(takes=taken, digest=code.digest, origin=code.origin)

    def _set(self, **values: Any) -> None:
        for name, value in values.items():
            object.__setattr__(self, name, value)

    function: Any = None  # a callable; None of a loss that data name
    name: Any = ""
    holds: Any = ()
    options: Any = None
    takes: Any = None
    digest: Any = ""
    origin: Any = ""

    # ---- what is asked of a law ----

    plain = folds = counts_only = mapped = False
    own = True
    differentiated = False  # whether something else than the tape makes a gradient of it

    def of_classes(self, L: int) -> "Loss":
        return self

    def without(self, keep: Any) -> "Loss":
        return self

    @property
    def said(self) -> dict[str, object]:
        """As JSON and case files have it: data, of which nothing runs."""
        options = {name: list(value) if isinstance(value, tuple) else value for name, value in self.options.items()}
        return {"loss": self.name, "from": self.origin, "digest": self.digest, "options": options}

    @property
    def chosen(self) -> dict[str, Any]:
        """Its options that are not as they are by default, as JSON has them."""
        found = {name: value for name, value in self.options.items() if value != self.takes.defaults.get(name, ...)}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    @property
    def word(self) -> str:
        """How it is named on a command line; empty where no file of functions has it."""
        return source.word(self.function)

    @property
    def of_logits(self) -> bool:
        """Whether it is a loss of Z and Y alone."""
        return self.takes is not None and set(self.takes.arrays) <= {"Z", "Y"}

    @property
    def of_Z(self) -> bool:
        """Whether Z = theta X + b stands before it, so that dL/dZ is known."""
        return self.takes is not None and "Z" in self.takes.arrays

    def made_of(self, name: str) -> bool:
        """Whether its text takes `theta`, `b` or `X`, itself or by logits."""
        return self.takes is None or self.of_Z or name in self.takes.arrays

    @staticmethod
    def traced(function: Callable[..., Any], *, name: str = "", holds: Iterable[str] = (), **options: Any) -> "Loss":
        """The same of a function of `jax.numpy`, `loss(theta, b, X, Y)` or `loss(Z, Y)`, columns samples, options by keyword.

        The truth is what its equations say, and not what JAX makes of their derivatives. What is granted is rounding in
        them, in their derivative as the tape forms it, or in the program that JAX differentiates them to, whichever is more;
        each operation is rounded in the precision of its own result.

            >>> import gradcheck, jax.numpy as jnp
            >>> def squares(Z, Y, *, weight=0.5):
            ...     return weight * jnp.sum((Z - Y) ** 2)
            >>> gradcheck.Loss.traced(squares, weight=2.0)
            Loss(squares, weight=2.0)
        """
        from gradcheck.law.traced import Traced

        return Traced(function, name=name, holds=holds, **options)

    @property
    def exact(self) -> "Loss":
        """The same, with numbers as they are meant, whatever precision its text has them in."""
        return self

    def forget(self) -> None:
        """What is kept of how it was read before, which is nothing where it is called each time."""

    def line(self, what: str) -> str:
        """What is wrong with the specification, in one line."""
        return f"the loss {self.name} {what}"

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "Loss":
        """The loss that `said` has named, without the function, which no data give."""
        found: Loss = object.__new__(cls)
        found._set(function=None, **signature.named(given))
        return found

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loss) and self._told_by() == other._told_by()

    def _told_by(self) -> tuple[Any, ...]:
        """0.0 and -0.0, 1 and True are equal, and a text may tell them apart; 2 and 2.0 are one number."""
        options = {name: value if isinstance(value, tuple) else (value,) for name, value in self.options.items()}
        apart = {name: [(type(x) is bool, str(x) == "-0.0") for x in values] for name, values in options.items()}
        return self.digest, self.options, apart

    def __hash__(self) -> int:
        return hash((self.digest, tuple(sorted(self.options))))

    def __repr__(self) -> str:
        return f"Loss({', '.join((self.name, *(f'{key}={value!r}' for key, value in self.options.items())))})"
