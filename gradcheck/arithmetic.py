"""How an implementation rounds, where its arrays do not show it: one value, declared, from which its bounds follow.

It stands beside `Layout` (how arrays lie) in an `Implementation`, in pyproject.toml, in a dump's layout and in JSON. Each field is
an option of the command line of the same name. What each grants is derived in docs/bounds.md, section 12.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

from gradcheck import precision
from gradcheck.errors import Unusable
from gradcheck.precision import Precision

EVERY = "L"  # a log-sum-exp that is merged class by class
FLAGS = ("l2_bias",)  # options that take no value

# What may be said of each field that is a word; "" leaves it to the arrays.
CHOICES: dict[str, tuple[str, ...]] = {
    "inner": ("", *precision.INNER),
    "accumulate": ("", *precision.NAMES),
    "stored": ("", "float32", "float16", "bfloat16"),
    "subnormals": ("kept", "flushed"),
}


@dataclass(frozen=True)
class Arithmetic:
    """What an implementation declares of its rounding. The default: everything in the precision of its arrays.

    `inner` is the precision in which it computes, inside: a coarser one, or a finer one of which only results are written
    down in that of its arrays (a fused kernel). `accumulate` is that in which sums are taken; where it is finer, other
    operations round as these do, and what each comes to may be written down in that of its arrays. `stored` is the one in which
    arrays between two steps are written down, and operands before a product (autocast), and nothing else. `merged` is the
    number of parts whose log-sum-exps are merged one after the other, "L" for every class; merging in a tree needs no
    declaration. `pieces` is the number of pieces over which gradients are added in a stored precision. `subnormals` flushed:
    it takes subnormal numbers for zero. Not `deterministic`: two calls may differ by what rounding explains, as atomic
    additions do. `sums` "blocked:256": they are taken in blocks of at most so many terms, then of blocks; "chain:64": no term
    of a sum goes through more additions than that; without, in any order.

        >>> from gradcheck import Arithmetic
        >>> Arithmetic(accumulate="float32", deterministic=False).said
        {'accumulate': 'float32', 'deterministic': False}
    """

    inner: str = ""
    accumulate: str = ""
    stored: str = ""
    merged: int | str = 0
    pieces: int = 1
    subnormals: str = "kept"
    deterministic: bool = True
    sums: str = ""

    def __post_init__(self) -> None:
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                expected = " or ".join(filter(None, known))
                raise Unusable(f"arithmetic {name}={getattr(self, name)!r} is not known; expected {expected}")
        if self.merged != EVERY and not _whole(self.merged, 0):
            raise Unusable(
                f"arithmetic merged={self.merged!r} is not known; expected a number of parts, or {EVERY} for every class"
            )
        if not _whole(self.pieces, 1):
            raise Unusable(f"arithmetic pieces={self.pieces!r} is not known; expected a number of pieces, from 1")
        if not isinstance(self.deterministic, bool):
            raise Unusable(f"arithmetic deterministic={self.deterministic!r} is not known; expected true or false")
        if self.sums != "" and not (self.block or self.chain):
            raise Unusable(
                f"arithmetic sums={self.sums!r:.40} is not known; expected blocked:B or chain:K, such as blocked:256"
            )

    @property
    def parts(self) -> float:
        """`merged` as a number; infinite for every class."""
        return float("inf") if self.merged == EVERY else float(self.merged)

    @property
    def block(self) -> int:
        """How many terms a block of a sum has at most; 0 where nothing is said of that."""
        return self._number("blocked")

    @property
    def chain(self) -> int:
        """How many additions a term of a sum goes through at most; 0 where nothing is said of that."""
        return self._number("chain")

    def _number(self, how: str) -> int:
        """What stands behind the colon; 0 where it is none, or of something else."""
        word, _, digits = self.sums.partition(":") if isinstance(self.sums, str) else ("", "", "")
        known = word == how and digits.isascii() and digits.isdecimal() and len(digits) < 10
        return int(digits) if known else 0

    @property
    def said(self) -> dict[str, object]:
        """The fields that differ from the default."""
        return said(self)


FIELDS = tuple(f.name for f in fields(Arithmetic))


def said(declared: Any) -> dict[str, object]:
    """The fields of an arithmetic or a layout that differ from their defaults."""
    return {f.name: getattr(declared, f.name) for f in fields(declared) if getattr(declared, f.name) != f.default}


def options(declared: Mapping[str, object]) -> Iterator[str]:
    """The options of the command line that declare these fields, of an arithmetic, a layout or a loss."""
    for key, value in declared.items():
        if key in FLAGS:
            yield f"--{'' if value else 'no-'}{key.replace('_', '-')}"
        else:
            yield from (f"--{key.replace('_', '-')}", word(value))


def word(value: object) -> str:
    """A value as it is written on a command line: a list with commas, a whole number without a point."""
    if isinstance(value, list | tuple):
        return ",".join(map(word, value))
    if isinstance(value, bool):
        return ("no", "yes")[value]
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def _whole(value: object, least: int) -> bool:
    return type(value) is int and least <= value < 2**53


@cache
def granted(name: str, declared: Arithmetic) -> Precision:
    """The precision whose rounding an implementation is granted that takes arrays of precision `name`."""
    arrays = precision.named(name)
    found = precision.granted(name, declared.inner, declared.subnormals == "flushed")
    if declared.inner and declared.inner != "tf32" and precision.named(declared.inner).u < arrays.u:
        # all inside in a finer precision, and each result written down once
        found = replace(_finer(precision.named(declared.inner), found), returned=arrays.u)
    if declared.accumulate:
        sums = precision.named(declared.accumulate)
        if sums.u < found.u:  # operations round as the sums do, and what each comes to is written down
            found = replace(_finer(sums, found), kept=found.u)
        elif sums.u > found.u:
            found = replace(found.within(sums), adds=sums.u)
    if declared.stored:
        found = _stored(found, precision.named(declared.stored))
    more = {"merged": declared.parts, "pieces": declared.pieces, "block": declared.block, "chain": declared.chain}
    if all(getattr(found, name) == value for name, value in more.items()):
        return found  # itself, where nothing is declared
    return replace(found, **more)  # type: ignore[arg-type]


def _finer(inside: Precision, outside: Precision) -> Precision:
    """The finer precision, in the range of both; operands that may leave the inner range are read."""
    found = replace(inside.within(outside), reads=outside.reads, returned=outside.returned)
    smaller = inside.eta > outside.eta or inside.huge < outside.huge
    return replace(found, reads=max(found.reads, inside.u)) if smaller else found


def _stored(found: Precision, stored: Precision) -> Precision:
    """Where arrays are written down, and not what each operation comes to."""
    smaller = stored.eta > found.eta or stored.huge < found.huge
    if stored.u <= found.u and not smaller:
        return found  # nothing is lost that an operation does not lose
    return replace(found.within(stored), kept=0.0 if stored.u >= found.kept else found.kept, stored=stored.u)
