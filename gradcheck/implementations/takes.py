"""What a target takes, and what it is therefore not posed: one value, beside `Layout`, `Arithmetic` and `CrossEntropy`.

Each field is a key of `takes` in pyproject.toml and in JSON, and has an option of the command line, here with its text. What a
target does not take is no failure: it is not posed, and counted as such.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple

from gradcheck import regimes
from gradcheck.errors import Unusable
from gradcheck.implementations import sides, told
from gradcheck.implementations.sides import Sides
from gradcheck.printable import clipped

INTEGERS = ("int64", "int32", "int16", "int8", "uint64", "uint32", "uint16", "uint8")
GLOBS = 64  # of regimes


class Said(NamedTuple):
    """What is said of a field: the option that declares it, what stands after it, and what it means."""

    option: str
    metavar: str
    what: str
    several: bool = False


SAID = {
    "max_logits": Said("--max-logits", "N", "The most logits, L times n, that it is posed."),
    "shapes": Said("--shape", "SHAPE", "Shapes that it takes, such as n=16k,d=64 (k: multiples) or L=2..128.", True),
    "without": Said("--without-regime", "GLOB", "Regimes that it is not posed.", True),
    "labels": Said(
        "--label-type", "INT", "Integers that index labels are, in turn, such as int32 or uint8. [int64]", True
    ),
    "compiles": Said("--compiles", "", "It compiles for each shape: few shapes are posed."),
}


@dataclass(frozen=True, repr=False)
class Takes:
    """Which problems a target takes. The default: every one.

    `options` are those of the loss that are keyword arguments, by any of their names, so that problems vary them. `max_logits` is
    the largest L n, 0 for any. `shapes` are texts, and a problem is of one of them: sides with commas between them, each a size
    (d=64), multiples (n=16k, n=16k..512), a range (L=2..128, n=64..) or several of these (d=64/128), of the arrays that the target
    is handed. `without` are globs of regimes that it is not posed. `labels` are the integer types in which it takes
    index labels: it is handed each of these, in turn by problem. `compiles`: every shape costs it a compilation, and it is
    posed few. Raises `Unusable` for what is none of these.

        >>> from gradcheck import Takes
        >>> Takes(shapes=("n=16k,d=64",), labels=("int32", "uint8")).fits(L=10, d=64, n=48)
        True
    """

    options: tuple[str, ...] = ()
    max_logits: int = 0
    shapes: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    labels: tuple[str, ...] = ("int64",)
    compiles: bool = False

    def __post_init__(self) -> None:
        for name in ("options", "shapes", "without", "labels"):
            object.__setattr__(self, name, self._texts(name))
        told.fields(self.options)
        if type(self.max_logits) is not int or not (self.max_logits == 0 or 2 <= self.max_logits <= sides.MOST):
            self._refuse("max_logits", "a number of logits, from 2, or 0 for any")
        if not self.labels or not set(self.labels) <= set(INTEGERS):
            self._refuse("labels", f"any of {', '.join(INTEGERS)}")
        if type(self.compiles) is not bool:
            self._refuse("compiles", "true or false")
        for said in self.shapes:
            try:
                sides.read(said)
            except ValueError:
                raise sides.refuse(said) from None
        if self.without:
            regimes.select(self.without)

    def _texts(self, name: str) -> tuple[str, ...]:
        given: Any = getattr(self, name)
        found = (given,) if isinstance(given, str) else given
        if isinstance(found, Mapping) or not isinstance(found, Iterable):
            self._refuse(name, "a list of texts")
        found = tuple(found)
        if len(found) > GLOBS or not all(isinstance(text, str) and 0 < len(text) <= sides.LONGEST for text in found):
            self._refuse(name, f"at most {GLOBS} texts of at most {sides.LONGEST} characters")
        return tuple(dict.fromkeys(found))

    def _refuse(self, name: str, expected: str) -> None:
        raise Unusable(f"takes {name}={clipped(repr(getattr(self, name)), 60)} is not known; expected {expected}")

    def __repr__(self) -> str:
        told = (f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if getattr(self, f.name) != f.default)
        return f"Takes({', '.join(told)})"

    # ---- what is asked of it ----

    @property
    def shaped(self) -> tuple[Sides, ...]:
        """The shapes that it takes; none where it takes any."""
        return tuple(map(sides.read, self.shapes))

    @property
    def refused(self) -> tuple[str, ...]:
        """The names of the regimes that it is not posed."""
        return regimes.select(self.without) if self.without else ()

    @property
    def any_shape(self) -> bool:
        """Whether it takes problems of every shape."""
        return not (self.shapes or self.max_logits)

    def fits(self, **sizes: int) -> bool:
        """Whether arrays of these sides, of L, d and n, are taken; a side that is not given may be any."""
        logits = sizes.get("L", 2) * sizes.get("n", 1)
        of_shape = not self.shapes or any(shape.has(**sizes) for shape in self.shaped)
        return of_shape and (not self.max_logits or logits <= self.max_logits)

    @property
    def classes(self) -> int:
        """A number of classes that it takes: 3, or else the least."""
        return next((L for L in (3, *range(2, 4097)) if self.fits(L=L)), 3)

    @property
    def words(self) -> str:
        """Which shapes it takes, for a sentence."""
        most = f"at most {self.max_logits} logits" if self.max_logits else ""
        return " and ".join(filter(None, (" or ".join(self.shapes), most)))

    @property
    def declared(self) -> str:
        """What is declared of it, as options of the command line."""
        return " ".join(flags(self.said)) or "every problem"

    @property
    def said(self) -> dict[str, Any]:
        """The fields that differ from the default, as JSON has them; not the options of the loss, which are its own."""
        found = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        return {name: list(v) if isinstance(v, tuple) else v for name, v in found.items() if name != "options"}

    @classmethod
    def read(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a table, by their names with _ or -; `Unusable` for one that is not known, or not of its kind."""
        found = {str(key).replace("-", "_"): value for key, value in given.items()}
        unknown = sorted(set(found) - set(SAID))
        if unknown:
            raise Unusable(f"takes names {unknown[0]!r:.60}; expected any of {', '.join(SAID)}")
        checked = cls(**found)
        return {name: getattr(checked, name) for name in found}


def flags(said: Mapping[str, Any]) -> Iterator[str]:
    """The options of the command line that declare these fields."""
    for name, value in said.items():
        for each in value if isinstance(value, list | tuple) else [value]:
            yield from (SAID[name].option,) if each is True else (SAID[name].option, str(each))


def of(given: Any) -> Takes:
    """What is said in the place of the value: the names of options of the loss alone."""
    return given if isinstance(given, Takes) else replace(Takes(), options=given)
