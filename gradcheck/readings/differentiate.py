"""The loss and its gradients, read from the text in the arithmetic of the arrays that are given."""

from functools import cached_property

from gradcheck.law import CrossEntropy, text
from gradcheck.law.functions import Values
from gradcheck.readings import constants
from gradcheck.readings.tape import Gradients, Variable


class Derived:
    """theta, b, X and `Z = theta X + b` as variables of one loss, read when it is asked for, and backward for a gradient."""

    def __init__(self, theta: Values, b: Values, X: Values, Y: Values, law: CrossEntropy) -> None:
        self.theta, self.b, self.X = Variable(theta), Variable(b), Variable(X)
        self.Y, self.law = Y, constants.of(law, theta.numbers) if hasattr(theta, "numbers") else law
        self.Z = text.logits(self.theta, self.b, self.X)

    @cached_property
    def _loss(self) -> Variable:
        return text.loss_of(self.Z, self.theta, self.b, self.Y, self.law)

    @property
    def loss(self) -> Values:
        """A number."""
        return self._loss.array

    @cached_property
    def _gradients(self) -> Gradients:
        return Gradients(self._loss)

    def gradient(self, name: str) -> Values:
        """With respect to `theta`, `b`, `X` or `Z`."""
        return self._gradients[getattr(self, name)]


def of(theta: Values, b: Values, X: Values, Y: Values, law: CrossEntropy) -> dict[str, Values]:
    """`loss`, and the gradients with respect to `theta`, `b`, `X` and `Z`."""
    found = Derived(theta, b, X, Y, law)
    return {"loss": found.loss, **{name: found.gradient(name) for name in ("theta", "b", "X", "Z")}}
