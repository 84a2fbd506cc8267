"""What an implementation made of one problem, quantity by quantity, beside what right code and any mistake may make of it."""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

import numpy as np

from gradcheck import clock
from gradcheck.checks import CHECKS, Trial
from gradcheck.checks.reading import Broken, Skip, as_array, as_numbers
from gradcheck.checks.trial import ARGUMENTS
from gradcheck.diagnosis.right import Right
from gradcheck.implementations import Implementation
from gradcheck.implementations.record import PARAMETERS
from gradcheck.mistakes import Model
from gradcheck.problem import Array, Problem
from gradcheck.readings.running import Running

# Each quantity: the function that returns it, its symbol, and the checks that say whether it is right.
QUANTITIES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "Z": ("gradients", "∂ℒ/∂Z", ("logits_gradient",)),
    "theta": ("gradients", "∂ℒ/∂θ", ("theta_gradient",)),
    "b": ("gradients", "∂ℒ/∂b", ("bias_gradient",)),
    "X": ("gradients", "∂ℒ/∂X", ("data_gradient",)),
    "loss": ("loss", "ℒ", ("loss",)),
    "logits": ("logits", "Z", ("logits",)),
    "softmax": ("softmax", "A", ("softmax",)),
    "softmax_jacobian": ("softmax_jacobian", "∂A/∂Z", ("jacobian_diagonal", "jacobian_off_diagonal")),
}
GRADIENTS = ("Z", "theta", "b", "X")
# Each function, and the quantities that it returns.
RETURNED = {
    function: tuple(name for name, (source, _, _) in QUANTITIES.items() if source == function)
    for function in PARAMETERS
}
SLACK = 1024.0
LARGE = 256.0  # logits, weights and data with which plain arithmetic is safe
# What each function leaves in its arguments: (function, place of the argument), which right code leaves alone.
LEFT = {
    f"{function} leaves {parameter}": (function, place)
    for function, parameters in PARAMETERS.items()
    for place, parameter in enumerate(parameters)
}
KEPT = 256  # logits of a problem of which is kept what each mistake makes of it
Computed = tuple[Mapping[str, Running], list[Running]]
EVERYTHING = frozenset((*QUANTITIES, *LEFT))


def symbols(names: Iterable[str]) -> str:
    """`∂ℒ/∂Z, ∂ℒ/∂θ and ∂ℒ/∂b`."""
    names = frozenset(names)
    ordered = [symbol for name, (_, symbol, _) in QUANTITIES.items() if name in names]
    ordered += [f"the argument {name.split()[-1]} of {LEFT[name][0]}" for name in LEFT if name in names]
    return " and ".join(filter(None, [", ".join(ordered[:-1]), ordered[-1]]))


def functions(names: Iterable[str]) -> frozenset[str]:
    """Those that return these quantities, or leave them in their arguments."""
    return frozenset(LEFT[name][0] if name in LEFT else QUANTITIES[name][0] for name in names)


def joined(said: Iterable[str]) -> str:
    """Sentences as one; only the first keeps its capital."""
    first, *rest = said
    lower = (text[0].lower() + text[1:] if text[:1].isascii() and text[1:2].islower() else text for text in rest)
    return "; and ".join((first, *lower))


def within(output: Array, found: Running) -> bool:
    """Whether every entry lies within what may be; the shapes are equal."""
    values = output.astype(np.float64)
    with np.errstate(invalid="ignore"):
        near = abs(values - found.value) <= found.error
    same = (values == found.value) | (np.isnan(values) & np.isnan(found.value))  # infinities, and NaN
    return bool((near | same | np.isinf(found.error)).all())


class View:
    """What an implementation returned for one problem, and which of it is wrong."""

    def __init__(self, implementation: Implementation, problem: Problem) -> None:
        self.implementation, self.problem = implementation, problem
        self.trial = Trial(implementation, problem)
        self._kept: dict[tuple[type[Model], str], Computed] = {}
        self._sketches: dict[tuple[type[Model], str], dict[str, Array]] = {}
        self._slack: dict[str, Array] = {}

    @cached_property
    def outputs(self) -> dict[str, Array]:
        """What it returned, and what it left in its arguments, by quantity."""
        return dict(self._outputs())

    def _outputs(self) -> Iterator[tuple[str, Array]]:
        if self.trial.refused:  # it is not posed this problem
            return
        for name, (function, _, _) in QUANTITIES.items():
            try:
                found = self.trial.raw_gradients()[name] if name in GRADIENTS else self.trial.first(function)
                as_numbers(name, found)
                yield name, as_array(name, found)
            except (Skip, Broken, KeyError):
                continue
        yield from ((name, self.trial.given[f][place]) for name, (f, place) in LEFT.items() if f in self.trial.given)

    @cached_property
    def wrong(self) -> frozenset[str]:
        """The quantities that are not what the mathematics says, or not of its shape or dtype."""
        return frozenset(name for name in self.outputs if self._is_wrong(name))

    def _is_wrong(self, name: str) -> bool:
        clock.look()
        if name in LEFT:
            function, place = LEFT[name]
            return bool(ARGUMENTS[function](self.trial)[place].tobytes() != self.outputs[name].tobytes())
        if any(CHECKS[check].judge(self.trial).failed for check in QUANTITIES[name][2]):
            return True
        return name != "loss" and self.outputs[name].dtype != self.problem.theta.dtype

    @property
    def beside_wrong(self) -> frozenset[str]:
        """All that is returned by functions that return anything wrong."""
        due = functions(self.wrong)
        return frozenset(name for name in self.outputs if name in QUANTITIES and QUANTITIES[name][0] in due)

    @cached_property
    def right(self) -> Mapping[str, Running]:
        """What right code may return, of everything that is offered; each worked out when it is asked for."""
        return Right(self.outputs, lambda name: self.predicted(self.model, {name}))

    @property
    def model(self) -> type[Model]:
        """The right code."""
        if not self.trial.law.own:
            return Model
        from gradcheck.diagnosis.own import Written  # whose candidates look at views

        return Written

    def predicted(self, model: type[Model], names: Iterable[str]) -> Iterator[tuple[str, Running]]:
        """What code with this mistake may return, and what it leaves in its arguments."""
        names = frozenset(names)
        clock.look()
        for function in PARAMETERS:
            returned = [name for name, (source, _, _) in QUANTITIES.items() if source == function and name in names]
            left = [(name, place) for name, (source, place) in LEFT.items() if source == function and name in names]
            if returned or left:
                parts, inputs = self._computed(model, function)
                yield from ((name, parts[name]) for name in returned if name in parts)
                yield from ((name, inputs[place]) for name, place in left)

    def _computed(self, model: type[Model], function: str) -> Computed:
        """What a function of the model makes of this problem, and its arguments thereafter; of a small one, worked out once."""
        if (model, function) in self._kept:
            return self._kept[model, function]
        inputs = [_entered(array) for array in ARGUMENTS[function](self.trial)]
        found = getattr(model(self.trial.law), function)(*inputs)
        computed = (found if function == "gradients" else {function: found}), inputs
        if self.problem.Y.size <= KEPT:
            self._kept[model, function] = computed
        return computed

    @cached_property
    def moderate(self) -> bool:
        """Whether nothing in it is so large that plain arithmetic would go astray."""
        with np.errstate(all="ignore"):
            theta, b, X, _ = self.problem.reals
            return bool(max(abs(theta).max(), abs(X).max()) <= LARGE and abs(theta @ X + b).max() <= LARGE)

    def slack(self, name: str) -> Array:
        """What plain arithmetic may be off by where numbers are large or cancel: a thousand times what is allowed."""
        if name not in self._slack:  # every candidate asks for it
            self._slack[name] = np.asarray(SLACK * self.right[name].error) if name in self.right else np.zeros(())
        return self._slack[name]

    def sketched(self, model: type[Model], names: frozenset[str]) -> Iterator[tuple[str, Array]]:
        """What code with this mistake returns in plain arithmetic, of these quantities as far as they are offered."""
        for function, returned in RETURNED.items():
            wanted = [name for name in returned if name in names and name in self.outputs]
            if wanted:
                parts = self._sketched(model, function)
                yield from ((name, parts[name]) for name in wanted if name in parts)

    def unchanged(self, model: type[Model], names: frozenset[str]) -> bool:
        """Whether the mistake makes no difference here, bit for bit, in plain arithmetic."""
        if model is self.model or names & LEFT.keys():  # what is left in arguments is not sketched
            return False
        pairs = zip(self.sketched(model, names), self.sketched(self.model, names), strict=False)
        return all(
            one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True) for (_, one), (_, other) in pairs
        )

    def _sketched(self, model: type[Model], function: str) -> dict[str, Array]:
        """All that a function of the model returns, worked out once: each quantity may be looked at alone."""
        if (model, function) not in self._sketches:
            clock.look()
            found = getattr(model(self.trial.law), function)(*ARGUMENTS[function](self.trial))
            parts = found if function == "gradients" else {function: found}
            self._sketches[model, function] = {name: np.asarray(part) for name, part in parts.items()}
        return self._sketches[model, function]

    def fits(self, name: str, found: Running) -> bool:
        """Whether what was returned lies within what the mistake may return: shape, dtype, and every entry."""
        output = self.outputs[name]
        if output.shape != found.shape or (name != "loss" and output.dtype != found.dtype):
            return False
        return within(output, found)

    def coarse(self, name: str, grid: str) -> int | None:
        """How many numbers but 0 were returned where all are numbers of this coarser precision; None where some are not."""
        values = self.outputs[name].astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            whole = np.array_equal(values, values.astype(grid).astype(np.float64), equal_nan=True)
        return int(np.count_nonzero(values)) if whole else None

    def sure(self, name: str, found: Running) -> bool:
        """Whether what the mistake may return is limited in some entry that is wrong: otherwise it would fit anything."""
        right, values = self.right[name], self.outputs[name].astype(np.float64)
        if found.shape != right.shape or values.shape != right.shape:
            return True
        with np.errstate(invalid="ignore"):
            off = ~(abs(values - right.value) <= right.error)
        return bool((off & np.isfinite(found.error)).any() or not off.any())

    def telling(self, name: str, found: Running) -> bool:
        """Whether the mistake and the right code can be told apart here."""
        right = self.right[name]
        if found.shape != right.shape or found.dtype != right.dtype:
            return True
        with np.errstate(invalid="ignore"):
            apart = abs(found.value - right.value) > found.error + right.error
        return bool((apart | (~np.isfinite(found.value) & np.isfinite(right.value) & (found.error == 0))).any())


def _entered(array: Array) -> Running:
    """An argument as a mistake is handed it: one that may not be written to stays so."""
    found = Running.exact(array)
    found.value.flags.writeable = array.flags.writeable
    return found
