"""The implementation under test: a record of functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gradcheck import precision
from gradcheck.arithmetic import Arithmetic
from gradcheck.errors import Unusable
from gradcheck.implementations import takes, told
from gradcheck.implementations.home import Home
from gradcheck.implementations.naming import titled
from gradcheck.implementations.takes import Takes
from gradcheck.law import CrossEntropy
from gradcheck.law.options import CHOICES as LOSSES

# Each function and its parameters, in order.
PARAMETERS = {
    "gradients": ("theta", "b", "X", "Y"),
    "loss": ("theta", "b", "X", "Y"),
    "logits": ("theta", "b", "X"),
    "softmax": ("Z",),
    "softmax_jacobian": ("z",),
}
FUNCTIONS = tuple(PARAMETERS)
# What it may be asked for beside these, of how gradients are used in training: `gradcheck.implementations.uses`.
USES = {
    "upstream": "its gradients times an upstream gradient",
    "again": "a second backward of one forward pass",
    "through": "gradients through an operation that keeps its output",
    "left": "its logits before and after the loss",
    "some": "gradients where only some inputs need one",
    "pieces": "two batches in one backward",
    "functional": "gradients by a function of its loss",
    "mapped": "gradients mapped over samples",
}
Function = Callable[..., Any]


class TargetFailed(Exception):
    """A call of the target gave no result; the message goes on from the function's name. `fatal`: its process is gone."""

    def __init__(self, message: str, *, fatal: bool = False) -> None:
        super().__init__(message)
        self.fatal = fatal


class NotPosed(Exception):
    """Raise it in a function of a target to decline what it is called with; the message says why, and is told.

    That is no failure: the problem is counted as skipped, with this reason. Where all are declined, nothing was judged (exit
    status 3).

        def gradients(theta, b, X, Y):
            if X.shape[1] % 16:
                raise gradcheck.NotPosed("n must be a multiple of 16")

        >>> import gradcheck
        >>> def gradients(theta, b, X, Y):
        ...     raise gradcheck.NotPosed("it is Sunday")
        >>> run = gradcheck.conform(gradients, checks=["theta_gradient"], max_examples=20)
        >>> str(run.tallies["theta_gradient"].outcome)
        'skipped'
    """

    __module__ = "gradcheck"  # by which users know it

    def __init__(self, reason: object = "it is declined") -> None:
        super().__init__(reason)


class Placeless(NotPosed):
    """What a layout or a loss has no place for. It is ours, and no target has declined it."""


@dataclass(frozen=True)
class Layout:
    """How an implementation lays its arrays out. The default is the paper's.

    `samples` in columns or rows of X, Y and Z; `theta` (L, d) classes-first or (d, L) features-first; `labels` one-hot (L, n)
    or index (n,); `bias` a column (L, 1), flat (L,), or absent, where the functions take (theta, X, ...) and are posed the bias as
    the weight of a feature that is always 1; auto is flat with samples in rows, otherwise a column.
    `memory` C: it takes arrays in C order that can be written to, and no others; any: strided, reversed, read-only ones, too.
    `pinned` is the class whose logit is 0 by convention, and whose row theta and b do not have. How it rounds is said by
    `Arithmetic`, which loss it computes by `CrossEntropy`: `reduction` once stood here, and an `Implementation` moves it there.

        >>> from gradcheck import Layout
        >>> Layout(samples="rows", labels="index").samples
        'rows'
    """

    samples: str = "columns"
    theta: str = "classes-first"
    labels: str = "one-hot"
    reduction: str = ""
    bias: str = "auto"
    memory: str = "any"
    pinned: int | None = None

    def __post_init__(self) -> None:
        for name, known in (*CHOICES.items(), ("reduction", ("", *LOSSES["reduction"]))):
            if getattr(self, name) not in known:
                raise Unusable(
                    f"layout {name}={getattr(self, name)!r} is not known; expected {' or '.join(filter(None, known))}"
                )
        if self.pinned is not None and (type(self.pinned) is not int or self.pinned < 0):
            raise Unusable(f"layout pinned={self.pinned!r} is not known; expected the number of a class, from 0")

    @property
    def flat_bias(self) -> bool:
        """Whether b is (L,)."""
        return self.bias == "flat" or (self.bias == "auto" and self.samples == "rows")


CHOICES = {
    "samples": ("columns", "rows"),
    "theta": ("classes-first", "features-first"),
    "labels": ("one-hot", "index"),
    "bias": ("auto", "column", "flat", "absent"),
    "memory": ("any", "C"),
}


@dataclass(frozen=True)
class Implementation:
    """Functions to be judged; None means not offered, and at least one must be there.

    `gradients(theta, b, X, Y)` returns a mapping, a tuple in this order, or an object with any of theta, b, Z, X, or theta
    alone;
    `loss(theta, b, X, Y)` a float; `logits(theta, b, X)` Z; `softmax(Z)` A; `softmax_jacobian(z)` (L, L) for one column.
    `dtypes` are those it is made for; `arithmetic` says how it rounds, where its arrays do not show it; `law` which loss it
    computes, and `takes` which problems it takes, and which options of the loss are keyword arguments, so that problems vary
    them (`Takes`, or their names alone): by default those that both `loss` and `gradients` have as keyword-only ones.
    `analytic` declares that `loss` accepts complex arrays and is analytic as written, so that the complex step may judge it.
    `expected_failures` maps a check (or "check/dtype") to the reason why it is known to fail; one that no longer fails is
    itself a failure. `uses` are functions that say what becomes of its gradients in training, any of
    `gradcheck.implementations.uses`: `uses={"upstream": f}`, f(theta, b, X, Y, c) the gradients of c times the loss.

    In the place of the name may stand what has one, a function or a module, which gives its functions, too:

        >>> from gradcheck import Implementation, Layout
        >>> def gradients(W, b, X, y): ...
        >>> Implementation(gradients, layout=Layout(samples="rows", labels="index")).name
        'gradients'
    """

    name: Any  # a str, once it is made
    gradients: Function | None = None
    loss: Function | None = None
    logits: Function | None = None
    softmax: Function | None = None
    softmax_jacobian: Function | None = None
    dtypes: tuple[str, ...] = precision.NAMES
    layout: Layout = Layout()
    arithmetic: Arithmetic = Arithmetic()  # noqa: RUF009 - immutable
    law: CrossEntropy = CrossEntropy()  # noqa: RUF009 - immutable
    takes: Takes = Takes()  # noqa: RUF009 - immutable
    analytic: bool = False
    expected_failures: Mapping[str, str] = field(default_factory=dict)
    near: Mapping[str, str] = field(default_factory=dict)  # functions that are not there, and what has a like name
    uses: Mapping[str, Function] = field(default_factory=dict)
    declared: Layout = Layout()  # what `adapt` has taken care of
    adapted: bool = False
    told: bool = False  # `loss` and `gradients` take the law of a problem themselves, by keyword
    threads: bool = False  # it may be called from several threads at once
    copies: bool = False  # it is handed copies of the arrays, and cannot reach ours
    home: Home = field(default_factory=Home, compare=False, repr=False)  # where its functions are called

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            self._name_and_functions(self.name)
        if not self.offers:
            raise Unusable(f"{self.name} has none of the functions {', '.join(FUNCTIONS)}; at least one must be there")
        if not self.dtypes or not set(self.dtypes) <= set(precision.NAMES):
            raise Unusable(f"{self.name}: dtypes is {self.dtypes!r}; expected any of {', '.join(precision.NAMES)}")
        for name in self.offers:
            if not callable(getattr(self, name)):
                raise Unusable(f"{self.name}: {name} is {getattr(self, name)!r}; expected a function")
        for name, function in self.uses.items():
            if name not in USES:
                raise Unusable(f"{self.name}: uses names {name!r:.60}; expected any of {', '.join(USES)}")
            if not callable(function):
                raise Unusable(f"{self.name}: the use {name} is {function!r:.60}; expected a function")
        if self.layout.reduction:  # as it was once written
            object.__setattr__(self, "law", replace(self.law, reduction=self.layout.reduction))
            object.__setattr__(self, "layout", replace(self.layout, reduction=""))
        if self.law.own and (self.layout.pinned is not None or self.declared.pinned is not None):
            raise Unusable(f"{self.name}: a pinned class is of the cross-entropy; the loss {self.law} has none")
        said = self.arithmetic.said
        alone = [f"{name}={said[name]}" for name in ("pieces", "sums") if name in said]
        if self.law.own and alone:
            raise Unusable(f"{self.name}: {alone[0]} is granted to the cross-entropy, and not to {self.law}")
        object.__setattr__(self, "takes", self._takes())
        own = tuple(getattr(self, name) for name in FUNCTIONS)
        loaded = self.home.functions or own
        if not self.adapted and any(f not in (None, other) for f, other in zip(own, loaded, strict=True)):
            object.__setattr__(self, "home", Home())  # another's functions in the place of those loaded

    def _name_and_functions(self, found: Any) -> None:
        """What is given in the place of the name: it names, and has those of the functions that are not given."""
        from gradcheck.implementations.offered import functions, likely  # they know this record

        name = titled(found)
        for key, value in {**functions(name, found), "name": name, "near": likely(found)}.items():
            if key in ("name", "near") or not getattr(self, key):
                object.__setattr__(self, key, value)

    def _takes(self) -> Takes:
        given = takes.of(self.takes)
        if given.options or self.told or self.adapted:
            return given
        return replace(given, options=told.found([f for f in (self.loss, self.gradients) if f is not None]))

    def function(self, name: str) -> Function | None:
        """The function, or the use, of that name; None where it has none."""
        found: Function | None = getattr(self, name) if name in FUNCTIONS else self.uses.get(name)
        return found

    @property
    def varied(self) -> tuple[str, ...]:
        """The options of the loss that problems vary: those that it takes, and that it does not declare."""
        if self.law.own:
            return ()
        declared = self.law.said
        return tuple(name for name in told.fields(self.takes.options) if name not in declared)

    @property
    def offers(self) -> tuple[str, ...]:
        """The names of the functions that it has."""
        return tuple(name for name in FUNCTIONS if getattr(self, name) is not None)

    def missing(self, name: str) -> str:
        """What to say of a function that is not there, and what to do where another has a like name."""
        like = self.near.get(name)
        return f"{self.name} has no function {name!r}" + (f"; it has {like!r}: rename it to {name}" if like else "")

    def expected(self, check: str, dtype: str) -> str:
        """Why this check is known to fail in this precision; empty where it is not."""
        return self.expected_failures.get(check) or self.expected_failures.get(f"{check}/{dtype}", "")

    def require(self, dtype: str) -> None:
        """Raise `Unusable` where there is no such precision, or where it is not made for it."""
        precision.named(dtype)
        if dtype not in self.dtypes:
            raise Unusable(f"{self.name} does not offer {dtype}; it offers {', '.join(self.dtypes)}")

    @property
    def default_dtypes(self) -> tuple[str, ...]:
        """What it is judged in where nobody says: float64 where it is made for it, otherwise the first of its precisions."""
        return ("float64",) if "float64" in self.dtypes else self.dtypes[:1]
