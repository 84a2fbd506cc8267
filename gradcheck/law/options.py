"""The options of the cross-entropy that an implementation computes: one value, beside `Layout` and `Arithmetic`.

Each field is an option of the command line of that name, a key in pyproject.toml, in case files and in JSON. What each means is
one line of `gradcheck.law.text`. The defaults are the paper's loss.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

from gradcheck.errors import Unusable, near

SAMPLES, LABELLED, WEIGHTS = "samples", "labelled", "weights"

# What may be said of each field that is a word.
CHOICES: dict[str, tuple[str, ...]] = {
    "reduction": ("mean", "sum", "none"),
    "smoothing_over": ("all", "others"),
    "smoothing_weight": ("class", "label"),
    "scaled": ("before", "after"),
    "z_over": (LABELLED, SAMPLES),
}
# Which numbers each field takes: from, to (both included), and in words.
RANGES: dict[str, tuple[float, float, str]] = {
    "smoothing": (0.0, 1.0, "a number from 0 to 1"),
    "scale": (2.0**-100, 2.0**100, "a positive number"),
    "softcap": (0.0, 2.0**100, "a positive number, or 0 for none"),
    "z_loss": (0.0, 2.0**100, "a number of 0 or more"),
    "l2": (0.0, 2.0**100, "a number of 0 or more"),
}
MOST_CLASSES = 1 << 20
NO_CLASS = -100  # the label of samples that do not count that PyTorch has made common


@dataclass(frozen=True)
class CrossEntropy:
    """Which cross-entropy is computed. The default: the mean of -sum Y log A over the samples.

    `reduction`: mean, sum, or none, where the loss is (n,) and the gradients are those of its sum. `mean_of` is what the mean
    divides by: the number of samples, of those that are labelled, the sum of their weights, or a count. `ignore` is the label of
    samples that do not count: a number that is no class, or a class; among one-hot labels, a column of zeros. `class_weight` has
    a weight for each class; where there are fewer classes, the first. `smoothing` moves that share of the label to all classes,
    or to the others (`smoothing_over`), which are weighed by their own class or by that of the label (`smoothing_weight`).
    `scale` multiplies the logits (1 / temperature) before the cap, or after it (`scaled`); `softcap` c makes c tanh(z / c) of
    them. `z_loss` c adds c lse^2 for each labelled sample, or for every one (`z_over`), `l2` c adds c/2 |theta|^2, and of b where
    `l2_bias`.

        >>> from gradcheck import CrossEntropy
        >>> CrossEntropy(smoothing=0.1, ignore=-100, mean_of="labelled").said
        {'mean_of': 'labelled', 'ignore': -100, 'smoothing': 0.1}
    """

    reduction: str = "mean"
    mean_of: str | int = SAMPLES
    ignore: int | None = None
    class_weight: tuple[float, ...] = ()
    smoothing: float = 0.0
    smoothing_over: str = "all"
    smoothing_weight: str = "class"
    scale: float = 1.0
    scaled: str = "before"
    softcap: float = 0.0
    z_loss: float = 0.0
    z_over: str = LABELLED
    l2: float = 0.0
    l2_bias: bool = False

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                self._refuse(name, " or ".join(known))
        for name, (least, most, words) in RANGES.items():
            object.__setattr__(self, name, self._number(name, getattr(self, name), least, most, words))
        if self.mean_of not in (SAMPLES, LABELLED, WEIGHTS) and not _whole(self.mean_of, 1):
            self._refuse("mean_of", f"{SAMPLES}, {LABELLED}, {WEIGHTS} or a count, from 1")
        if self.reduction == "none" and self.l2:
            self._refuse("reduction", "mean or sum with a penalty, which is of no sample")
        if self.ignore is not None and not _whole(self.ignore, -(2**31)):
            self._refuse("ignore", "the label of samples that do not count, a whole number")
        if not isinstance(self.l2_bias, bool):
            self._refuse("l2_bias", "true or false")
        object.__setattr__(self, "class_weight", self._weights())

    def _refuse(self, name: str, expected: str) -> None:
        shown = repr(getattr(self, name))
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        raise Unusable(f"loss {name}={shown} is not known; expected {expected}")

    def _number(self, name: str, value: Any, least: float, most: float, words: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            self._refuse(name, words)
        return float(value)

    def _weights(self) -> tuple[float, ...]:
        given = self.class_weight
        words = "a list of a weight of 0 or more for each class"
        if not isinstance(given, Sequence) or isinstance(given, str | bytes) or len(given) > MOST_CLASSES:
            self._refuse("class_weight", words)
        return tuple(self._number("class_weight", value, 0.0, 2.0**100, words) for value in given)

    # ---- what is asked of it ----

    own = False  # whether it is a loss of one's own (`gradcheck.law.own`)

    @cached_property
    def plain(self) -> bool:
        """Whether it is the paper's loss."""
        return self == PLAIN

    @property
    def bent(self) -> bool:
        """Whether logits go through something that is no multiple."""
        return self.softcap > 0

    @cached_property
    def mapped(self) -> bool:
        """Whether the softmax is of other logits than theta X + b."""
        return self.softcap > 0 or self.scale != 1

    @property
    def added(self) -> bool:
        """Whether something is added to the cross-entropy."""
        return self.z_loss > 0 or self.l2 > 0

    @property
    def folds(self) -> bool:
        """Whether it is a mean of log-sum-exps of the logits, with labels of other masses: no map, and nothing added."""
        return not (self.mapped or self.added)

    @property
    def counts_only(self) -> bool:
        """Whether it differs from the paper's loss in what it divides by, at most."""
        return self.folds and not (self.class_weight or self.smoothing)

    @property
    def named(self) -> bool:
        """Whether classes have names: renaming them changes the loss."""
        return bool(self.class_weight) or (self.ignore is not None and self.ignore >= 0)

    @property
    def counted(self) -> str | int:
        """What a mean divides by; 1 where sums are meant."""
        return self.mean_of if self.reduction == "mean" else 1

    def of_classes(self, L: int) -> "CrossEntropy":
        """Of a problem of L classes: the first weights. `ValueError` where there are too few."""
        if len(self.class_weight) in (0, L):
            return self
        if len(self.class_weight) < L:
            raise ValueError(f"{len(self.class_weight)} class weights are declared, and there are {L} classes")
        return replace(self, class_weight=self.class_weight[:L])

    def made_of(self, name: str) -> bool:
        """Whether it is made of `theta`, `b` or `X`."""
        return True

    def without(self, keep: Sequence[bool]) -> "CrossEntropy":
        """Of the classes that are kept; one that does not count, and is not kept, is a number that is no class."""
        weights = tuple(w for w, kept in zip(self.class_weight, keep, strict=True) if kept) if self.class_weight else ()
        ignore = self.ignore
        if ignore is not None and ignore >= 0:  # others move down
            ignore = sum(keep[:ignore]) if ignore < len(keep) and keep[ignore] else NO_CLASS
        return replace(self, class_weight=weights, ignore=ignore)

    @property
    def said(self) -> dict[str, object]:
        """The fields that differ from the default, as JSON has them."""
        found = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> "CrossEntropy":
        """What `said` has written; `Unusable` for an option that is not known."""
        if "loss" in given:
            from gradcheck.law.own import Loss

            return Loss.read(given)
        unknown = sorted(set(given) - set(FIELDS))
        if unknown:
            raise Unusable(f"loss option {unknown[0]!r:.60} is not known; {meant(unknown[0])}")
        return cls(**given)


FIELDS = tuple(f.name for f in fields(CrossEntropy))
PLAIN = CrossEntropy()
# What frameworks and kernels call the options, and what they are here.
ALIASES = {
    "label_smoothing": "smoothing",
    "ignore_index": "ignore",
    "weight": "class_weight",
    "weights": "class_weight",
    "temperature": "scale, which is 1 / temperature",
    "logit_scale": "scale",
    "logit_softcapping": "softcap",
    "lse_square_scale": "z_loss",
    "weight_decay": "l2",
}


def meant(unknown: str, *others: str) -> str:
    """What somebody is likely to mean who says this of a loss, or of what takes `others`, too; or all that may be said."""
    alias = ALIASES.get(unknown)
    return (f"did you mean {alias}?" if alias else near(unknown, (*FIELDS, *others))) or (
        f"expected any of {', '.join((*others, *FIELDS))}"
    )


def _whole(value: object, least: int) -> bool:
    return type(value) is int and least <= value < 2**53
