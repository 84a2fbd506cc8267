"""Options of the loss: each field of `CrossEntropy` has the option of its name, on every command that judges."""

from typing import Any

import click

from gradcheck.cli.tables import Amount, Command, Table, Typed, offering
from gradcheck.errors import Unusable
from gradcheck.law import options as law


class Declared(Typed):
    """A field of the law, read by the law itself."""

    field = ""

    def read(self, value: Any) -> Any:
        """What is written, as the field has it."""
        return value

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """What the law makes of it."""
        try:
            return getattr(law.CrossEntropy(**{self.field: self.read(value)}), self.field)
        except Unusable as problem:
            self.fail(str(problem), param, context)


class Divisor(Declared):
    """What a mean divides by: a word, or a count."""

    name = field = "mean_of"

    def read(self, value: Any) -> Any:
        """A count as a number."""
        return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 16 else value


class Weights(Declared):
    """Numbers with commas between them."""

    name = field = "class_weight"

    def read(self, value: Any) -> Any:
        """As numbers."""
        try:
            found = tuple(map(float, value.split(","))) if isinstance(value, str) else value
        except ValueError:
            raise Unusable(f"{value!r:.60} is no list of weights; expected numbers with commas between them") from None
        if len(found) == 1:  # of one class only where the others are masked
            raise Unusable(
                f"loss class_weight={value!r:.60} is not known; expected a weight for each class, at least two"
            )
        return found


LAW: Table = {
    "--reduction": {
        "help": "Loss and gradients are means or sums over samples; none: losses (n,), and the gradients of their sum. [mean]"
    },
    "--mean-of": {"type": Divisor(), "metavar": "WHAT", "help": "samples, labelled, weights, or a COUNT. [samples]"},
    "--ignore": {
        "type": click.INT,
        "metavar": "INDEX",
        "help": "The label of samples that do not count, such as -100.",
    },
    "--class-weight": {"type": Weights(), "metavar": "W,W,…", "help": "A weight for each class."},
    "--smoothing": {"metavar": "E", "help": "The share of a label that all classes get."},
    "--smoothing-over": {"help": "Whether all classes get it, or the others. [all]"},
    "--smoothing-weight": {"help": "Whether each class is weighed by its own weight, or by the label's. [class]"},
    "--scale": {"metavar": "S", "help": "Logits are multiplied by it: 1 / temperature."},
    "--scaled": {"help": "Before the cap or after it. [before]"},
    "--softcap": {"metavar": "C", "help": "Logits z become C tanh(z / C)."},
    "--z-loss": {"metavar": "C", "help": "C lse² is added for each sample."},
    "--z-over": {"help": "For those that are labelled, or for all samples. [labelled]"},
    "--l2": {"metavar": "C", "help": "C/2 |θ|² is added."},
    "--l2-bias/--no-l2-bias": {"default": None, "help": "And C/2 |b|²."},
}
for _name, _offered in law.CHOICES.items():
    LAW[f"--{_name.replace('_', '-')}"]["type"] = click.Choice(_offered)
for _name, (_least, _most, _words) in law.RANGES.items():
    LAW[f"--{_name.replace('_', '-')}"]["type"] = Amount(_least, _most, words=_words)


class Named(Typed):
    """NAME=VALUE, of a loss of one's own."""

    name = "option"

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> tuple[str, Any]:
        """The name, and the value."""
        from gradcheck.implementations import losses

        try:
            return value if isinstance(value, tuple) else losses.option(value)
        except Unusable as problem:
            self.fail(str(problem), param, context)


OWN: Table = {
    "--loss": {
        "metavar": "FILE[:NAME]",
        "help": "A loss of your own: a function in NumPy notation, or a gradcheck.Loss.",
    },
    "--loss-option loss_options": {
        "type": Named(),
        "multiple": True,
        "metavar": "NAME=VALUE",
        "help": "An option of it; several may be given.",
    },
}


def own_loss(given: dict[str, Any]) -> dict[str, Any]:
    """What is said of a loss of one's own, taken out of `given`."""
    found = {"loss": given.pop("loss", None), "loss_options": dict(given.pop("loss_options", None) or ())}
    if found["loss"] == "":  # as of a variable that is not set: the cross-entropy is not what was meant
        raise Unusable("--loss is empty; expected FILE[:NAME]")
    return {name: value for name, value in found.items() if value}


def own_options(command: Command) -> Command:
    """A loss that the target computes, and that is no cross-entropy."""
    return offering(command, OWN)


def law_options(command: Command) -> Command:
    """Which loss the target computes; each field of `CrossEntropy` has the option of its name."""
    return offering(command, LAW)
