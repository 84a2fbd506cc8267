"""One implementation on one problem: its outputs, and the truth, evaluated once for all checks."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck import arithmetic, bounds, clock, precision, referees
from gradcheck.checks import masked
from gradcheck.checks.few import Few, require, require_call, sides
from gradcheck.checks.keys import by_name
from gradcheck.checks.reading import Anew, Broken, Skip, as_reals
from gradcheck.enclosure import Enclosure, Reals, outward
from gradcheck.errors import raised, text
from gradcheck.implementations import FUNCTIONS, Implementation, TargetFailed, adapt
from gradcheck.implementations.fitting import require_fit
from gradcheck.implementations.home import Moved, Unsteady
from gradcheck.implementations.posing import addressed, posed
from gradcheck.implementations.record import NotPosed, Placeless
from gradcheck.implementations.returned import shapes
from gradcheck.implementations.surroundings import Surroundings
from gradcheck.law import CrossEntropy
from gradcheck.precision import FLOAT64
from gradcheck.problem import Array, Problem


class Trial:
    """One implementation on one problem. Results of the problem itself are kept; each call gets fresh arrays."""

    def __init__(
        self, implementation: Implementation, problem: Problem, *, careful: bool = False, few: Few = frozenset()
    ) -> None:
        self.careful, self.few, self.refused, self.declined = careful, few, "", ""
        implementation.home.look()
        self._surroundings = Surroundings()
        try:
            self.problem = posed(implementation, problem)
        except NotPosed as reason:
            self.problem, self.refused = problem, str(reason)
        self.implementation = addressed(implementation, self.problem.law)
        self._kept: dict[object, Any] = {}
        self.given: dict[str, tuple[Any, ...]] = {}

    def beside(self, problem: Problem) -> "Trial":
        """A trial of a problem that was made of this one; `Skip` where it is not to be posed."""
        require(self.few, self.problem, sides(problem))
        return Trial(self.implementation, problem, few=self.few)

    # ---- the truth ----

    @cached_property
    def truth(self) -> referees.Truth:
        """Enclosures of every quantity of the problem."""
        return self.truth_of(self.problem)

    def truth_of(self, problem: Problem) -> referees.Truth:
        """The same for another problem in the same precision."""
        found = referees.oracle(problem)
        return found if self.granted is problem.precision else replace(found, grants=self.granted)

    @cached_property
    def granted(self) -> precision.Precision:
        """The precision whose rounding errors this implementation is granted."""
        return arithmetic.granted(self.problem.precision.name, self.implementation.arithmetic)

    @cached_property
    def truth64(self) -> referees.Truth:
        """The same values for the same problem in float64, of which difference quotients are taken."""
        p = self.problem
        if p.precision is FLOAT64:
            return replace(self.truth, grants=None) if self.truth.grants else self.truth
        return referees.Truth(p.with_arrays(*p.reals), self.truth.values, self.truth.magnitude)

    @cached_property
    def Z(self) -> Reals:
        """The exact logits rounded to the precision under test: what `softmax` is posed, as exact input. (L, n)"""
        rounded = self.problem.precision.round(self.truth.enclosure("Z").midpoint).astype(np.float64)
        if not np.isfinite(rounded[~self.problem.masked]).all():
            raise Skip("the logits overflow in this precision")
        return rounded

    @cached_property
    def A(self) -> tuple[Enclosure, bounds.SoftmaxError]:
        """The softmax of `Z`, and what rounding may add to it."""
        return self.softmax_truth(self.Z)

    def softmax_truth(self, Z: Reals) -> tuple[Enclosure, bounds.SoftmaxError]:
        """The same for other exact logits."""
        A = referees.softmax(Z, self.problem.theta.dtype)
        return A, self.softmax_allowed(Z, A)

    @cached_property
    def noted(self) -> bool:
        """Whether it is asked how careful this code is: on all problems, or on every fourth, which costs little."""
        return self.careful or int(self.problem.digest[:2], 16) % 4 == 0

    def softmax_allowed(self, Z: Reals, A: Enclosure, *, ours: bool = False) -> bounds.SoftmaxError:
        """What rounding may add to the softmax of exact Z, whose exact value lies in A; classes at -inf add nothing."""
        keep = ~np.isneginf(Z[:, 0])
        rows = Z[keep]
        exact = np.zeros_like(rows)
        # what is handed over is written down first
        if self.granted.stored and self.granted.stored != self.problem.precision.u:
            exact = outward(self.granted.stored * abs(rows) + self.granted.eta)
            exact = np.where(abs(rows) + exact < self.granted.huge, exact, np.inf)
        upper = np.minimum(A.magnitude[keep], 1.0)
        error = bounds.softmax_error(Enclosure(rows, 0 * rows), exact, upper, self.granted, ours=ours)
        if self.granted.returned:
            # of a normal number, the writing is a relative error; `relative` is asked of no other
            relative = outward(error.relative + bounds.lam(self.granted.returned))
            error = replace(error, A=bounds.returned(error.A, upper, self.granted), relative=relative)
        return masked.spread(error, keep)

    @property
    def law(self) -> CrossEntropy:
        """The loss that is meant."""
        return self.problem.law

    @cached_property
    def column(self) -> int:
        """The sample at which checks of one column look: any, but the same in every run."""
        return int(self.problem.digest[:8], 16) % self.problem.n

    @property
    def random(self) -> np.random.Generator:
        """Randomness that depends on the problem alone, whichever checks have drawn before: a check that is repeated repeats."""
        return np.random.default_rng(int(self.problem.digest[:16], 16))

    # ---- the implementation ----

    def function(self, name: str) -> Callable[..., Any]:
        """The implementation's function of that name; `Skip` where it has none."""
        found = self.implementation.function(name)
        if found is None:
            raise Skip(self.implementation.missing(name))
        apart = self.implementation.home.apart
        return found if apart is None else self._adapted(apart).function(name)  # type: ignore[return-value]

    def _adapted(self, apart: Implementation) -> Implementation:
        """What is called in a process of its own, in the paper's layout."""
        own = self.implementation
        whole = replace(apart, layout=own.declared, law=own.law)
        return self.remember("apart", lambda: addressed(adapt(whole), self.problem.law))

    def call(self, name: str, *arguments: Any) -> Any:
        """Call it; whatever it raises, except an interrupt, becomes `Broken` with its own message."""
        require_call(self.few, self.problem, name, arguments)
        clock.look(call=True)
        if self.implementation.home.lost:
            raise Skip(self.implementation.home.lost)
        try:
            function = self.function(name)
            require_fit(self.implementation, name, arguments)
            return self.implementation.home.call(self._surroundings, function, *arguments)
        except Moved as moved:
            raise Anew(f"{name}: {moved}") from None
        except NotPosed as reason:
            if name in FUNCTIONS and not isinstance(reason, Placeless):  # a use alone leaves all else judged
                self.declined = text(reason, str)
            raise Skip(text(reason, str)) from None
        except TargetFailed as failure:
            raise Broken(f"{name} {failure}", fatal=failure.fatal) from None
        except (KeyboardInterrupt, Skip, Unsteady):
            raise
        except BaseException as exception:  # SystemExit too: a target must not end the run
            raise Broken(f"{name} raised {raised(exception)}") from None

    def remember(self, key: object, make: Callable[[], Any]) -> Any:
        """The result for the problem itself, computed once; an exception is remembered too."""
        if key not in self._kept:
            try:
                self._kept[key] = make()
            except (Skip, Broken) as exception:
                self._kept[key] = copy(exception)  # without its frames, which hold this trial
        if isinstance(self._kept[key], Exception):
            raise copy(self._kept[key])
        return self._kept[key]

    def first(self, name: str) -> Any:
        """What the function returns for the problem itself; called once, and its arguments are kept in `given`."""
        return self.remember(name, lambda: self.call(name, *self.given.setdefault(name, ARGUMENTS[name](self))))

    def raw_gradients(self, problem: Problem | None = None) -> Mapping[str, Any]:
        """What `gradients` returns, by name: any of theta, b, Z, X."""
        if problem is None:
            return self.remember("raw gradients", lambda: by_name(self.first("gradients")))
        return by_name(self.call("gradients", *problem.arrays()))

    def gradient(self, key: str, problem: Problem | None = None) -> Reals:
        """One gradient as float64: `theta` (L, d), `b` (L, 1), `Z` (L, n) or `X` (d, n)."""
        if problem is None:
            return self.remember(("gradient", key), lambda: self._gradient(key, self.problem, self.raw_gradients()))
        return self._gradient(key, problem, self.raw_gradients(problem))

    def _gradient(self, key: str, problem: Problem, raw: Mapping[str, Any]) -> Reals:
        if key not in raw:
            raise Skip(f"gradients returns no {key!r}")
        return as_reals(f"gradients[{key!r}]", raw[key], shapes(problem)[key])

    def loss(self, problem: Problem | None = None) -> float:
        """The loss as a float."""
        raw = self.first("loss") if problem is None else self.call("loss", *problem.arrays())
        return float(as_reals("loss", raw, ()))

    def logits(self) -> Reals:
        """Z as float64, (L, n)."""
        return as_reals("logits", self.first("logits"), self.problem.Y.shape)

    def posed(self, Z: Reals) -> Any:
        """Logits as they are handed over: in the precision and memory order of the problem."""
        return self.problem.present(self.problem.precision.round(Z))

    def softmax(self, Z: Reals | None = None) -> Reals:
        """A as float64, of the shape of Z."""
        if Z is None:
            return as_reals("softmax", self.first("softmax"), self.Z.shape)
        return as_reals("softmax", self.call("softmax", self.posed(Z)), Z.shape)

    @cached_property
    def posed_column(self) -> Any:
        """The logits (L,) of sample `column`, as `softmax_jacobian` is handed them."""
        return self.problem.precision.round(self.Z[:, self.column])

    def jacobian(self) -> Reals:
        """(L, L) as float64."""
        L = self.problem.L
        return as_reals("softmax_jacobian", self.first("softmax_jacobian"), (L, L))


# How each function is called with the arrays of the problem: name -> its arguments, fresh on each call.
ARGUMENTS: dict[str, Callable[["Trial"], tuple[Array, ...]]] = {
    "gradients": lambda trial: trial.problem.arrays(),
    "loss": lambda trial: trial.problem.arrays(),
    "logits": lambda trial: trial.problem.arrays()[:3],
    "softmax": lambda trial: (trial.posed(trial.Z),),
    "softmax_jacobian": lambda trial: (trial.posed_column.copy(),),
}
