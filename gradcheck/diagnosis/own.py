"""What may be wrong with the gradient of any loss: candidates for a loss of one's own, of which no stage is known.

Its text is read as it stands, and what it makes is summed, turned, cut short or left out. None of the mistakes of the cross-entropy
is told of it.
"""

from collections.abc import Callable, Iterator
from typing import Any

from gradcheck.diagnosis.candidates import Candidate
from gradcheck.law.functions import Values
from gradcheck.law.own import Loss
from gradcheck.mistakes import Mistake, Model
from gradcheck.readings.program import Program

NAMES = ("theta", "b", "Z", "X")


class Written(Model):
    """The right code of a loss that is written down."""

    def loss(self, theta: Values, b: Values, X: Values, Y: Values) -> Values:
        return self._program(theta=theta, b=b, X=X, Y=Y).loss

    def gradients(self, theta: Values, b: Values, X: Values, Y: Values) -> dict[str, Values]:
        law = self._law
        if not law.of_logits:
            program = self._program(theta=theta, b=b, X=X, Y=Y)
            found = {name: program.gradient(name) for name in NAMES if name != "Z" or law.of_Z}
            zeros = {"theta": 0 * theta, "b": 0 * b, "X": 0 * X}
            return self.changed({name: zeros[name] if value is None else value for name, value in found.items()})
        D = self.logits_gradient(theta, b, X, Y)
        made = {"theta": self.theta_gradient(D, X), "b": self.bias_gradient(D, X), "Z": D}
        return self.changed({**made, "X": self.data_gradient(D, theta)})

    def logits_gradient(self, theta: Values, b: Values, X: Values, Y: Values) -> Values:
        Z = self.logits(theta, b, X)
        found = self._program(Z=Z, Y=Y).gradient("Z")
        return 0 * Z if found is None else found

    def changed(self, found: dict[str, Values]) -> dict[str, Values]:
        """What is made of all gradients in the end."""
        return found

    @property
    def _law(self) -> Loss:
        assert isinstance(self.law, Loss)
        return self.law

    def _program(self, **arrays: Values) -> Program:
        return Program(self._law, arrays)


# ---- what may be wrong with any gradient ----


OWN: dict[str, Mistake] = {}


def _mistake(fix: str, group: str = "axis") -> Callable[[type[Written]], type[Written]]:
    def enter(model: type[Written]) -> type[Written]:
        what = (model.__doc__ or "").removesuffix(".")
        OWN[model.__name__] = Mistake(model.__name__, group, model, what, fix)
        return model

    return enter


@_mistake("divide the summed gradient by the number of samples", "scale")
class summed(Written):
    """Summed over the samples: n times too large."""

    def changed(self, found: dict[str, Values]) -> dict[str, Values]:
        n = found["X"].shape[1]
        return {name: value * n for name, value in found.items()}


@_mistake("divide by the number of samples once", "scale")
class divided_again(Written):
    """Divided by the number of samples once more."""

    def changed(self, found: dict[str, Values]) -> dict[str, Values]:
        n = found["X"].shape[1]
        return {name: value / n for name, value in found.items()}


class _Cut(Written):
    """Without a part of the gradient of the logits."""

    def part(self, D: Values) -> Any:
        """Which part of it is left out."""
        raise NotImplementedError

    def logits_gradient(self, theta: Values, b: Values, X: Values, Y: Values) -> Values:
        D = super().logits_gradient(theta, b, X, Y)
        found = D.copy()
        found[self.part(D)] = 0
        return found


@_mistake("go up to the last sample")
class last_sample_missing(_Cut):
    """The last sample is missing."""

    def part(self, D: Values) -> Any:
        return slice(None), -1


@_mistake("begin with the first sample")
class first_sample_missing(_Cut):
    """The first sample is missing."""

    def part(self, D: Values) -> Any:
        return slice(None), 0


@_mistake("go up to the last class")
class last_class_missing(_Cut):
    """The last class is missing."""

    def part(self, D: Values) -> Any:
        return -1


@_mistake("return ∂ℒ/∂θ with a row for each class")
class transposed(Written):
    """∂ℒ/∂θ is transposed."""

    def changed(self, found: dict[str, Values]) -> dict[str, Values]:
        return {**found, "theta": found["theta"].T}


@_mistake("add ∂ℒ/∂Z up over the samples: b is in each of them")
class bias_of_the_mean(Written):
    """∂ℒ/∂b is the mean over the samples of ∂ℒ/∂Z, and not its sum."""

    def changed(self, found: dict[str, Values]) -> dict[str, Values]:
        return {**found, "b": found["b"] / found["X"].shape[1]}


@_mistake("compute it; nothing flows back to it here", "sign")
class nothing(Written):
    """0 in place of the gradient."""

    def changed(self, found: dict[str, Values]) -> dict[str, Values]:
        return {name: 0 * value for name, value in found.items()}


@_mistake("add up over the samples", "axis")
class first_sample_alone(_Cut):
    """The gradient of the first sample alone."""

    def part(self, D: Values) -> Any:
        return slice(None), slice(1, None)


def singles() -> Iterator[Candidate]:
    """Each of them."""
    yield from (Candidate((mistake,), mistake.what, mistake.model) for mistake in OWN.values())


def bases() -> Iterator[Candidate]:
    """What a factor may stand on: the right code."""
    yield Candidate((), "multiplied by {factor}", Written)
