"""Where it fails: a condition that holds on all failing problems of a run, and on no passing one, or on few, which are counted."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from operator import attrgetter

from gradcheck import traits
from gradcheck.facts import FLAGS, Facts

CHANCE = 0.05  # how likely it may be that one of the conditions tried fits by chance
SIDES: dict[str, Callable[[Facts], int]] = {side: attrgetter(side) for side in ("L", "n", "d")}


def _trait(place: int) -> Callable[[Facts], float]:
    return lambda f: f.numbers[place]


NUMBERS: dict[str, tuple[int, Callable[[Facts], float]]] = {
    **{name: (1, side) for name, side in SIDES.items()},
    "the largest label": (2, lambda f: f.label),
    "L d": (4, lambda f: f.L * f.d),
    "L n": (4, lambda f: f.L * f.n),
    "d n": (4, lambda f: f.d * f.n),
    "how far a label lies below the largest logit": (3, lambda f: f.least),
    **{name: (3, _trait(k)) for k, name in enumerate(traits.TRAITS) if name not in SIDES},
}
MODULI = (2, 4, 8, 16, 32)
MEMORIES = {"F": "in Fortran order", "strided": "strided", "reversed": "reversed in memory", "read-only": "read-only"}


@dataclass(frozen=True)
class Condition:
    """In words, and in words where it does not hold; a smaller `weight` is simpler.

    `rivals` claim more, of other multiples, and may hold on the same problems as far as any were posed.
    """

    words: str
    otherwise: str
    holds: Callable[[Facts], bool]
    weight: float
    rivals: tuple["Condition", ...] = ()


@dataclass(frozen=True)
class Confined:
    """A condition that holds on all `failing` problems; of the passing ones, it holds on `exceptions`, and not on `others`."""

    condition: Condition
    failing: int
    others: int
    exceptions: int
    undecided: str = ""  # what else it may be, as far as problems were posed

    @property
    def where(self) -> str:
        """`where L is odd`; `only where L ≥ 5`, if problems pass there as well."""
        return f"{'only ' * (self.exceptions > 0)}where {self.condition.words}{self.undecided}"

    @property
    def sentence(self) -> str:
        """`L ≥ 5 in all 84 problems that fail; none of the 310 where L < 5 fails`, and how many pass where it holds."""
        c = self.condition
        passing = f"; of those where it holds, {self.exceptions} pass" if self.exceptions else ""
        return f"{c.words} in all {self.failing} problems that fail; none of the {self.others} where {c.otherwise} fails{passing}"


Number = Callable[[Facts], float]


def _least(number: Number, k: float) -> Callable[[Facts], bool]:
    return lambda f: number(f) >= k


def _most(number: Number, k: float) -> Callable[[Facts], bool]:
    return lambda f: number(f) <= k


def _equal(number: Number, k: float) -> Callable[[Facts], bool]:
    return lambda f: number(f) == k


def _multiple(side: Number, m: int, holds: bool) -> Callable[[Facts], bool]:
    return lambda f: (side(f) % m == 0) is holds


def _flagged(flag: str, holds: bool) -> Callable[[Facts], bool]:
    return lambda f: (flag in f.flags) is holds


def _ordered(memory: str) -> Callable[[Facts], bool]:
    return lambda f: f.memory == memory


def _same(one: Number, other: Number) -> Callable[[Facts], bool]:
    return lambda f: one(f) == other(f)


def _digits(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e5 or value != int(value) else f"{value:.3g}"


def _numbers(failing: list[Facts]) -> Iterator[Condition]:
    """From the least, or up to the most, of the failing ones."""
    for name, (weight, number) in NUMBERS.items():
        low, high = min(map(number, failing)), max(map(number, failing))
        if low == high and name in SIDES:
            yield Condition(f"{name} = {low}", f"{name} ≠ {low}", _equal(number, low), weight)
        if low > 0:
            yield Condition(f"{name} ≥ {_digits(low)}", f"{name} < {_digits(low)}", _least(number, low), weight)
        if name in SIDES:
            yield Condition(f"{name} ≤ {high}", f"{name} > {high}", _most(number, high), weight + 1)


def _remainders(failing: list[Facts]) -> Iterator[Condition]:
    """Even and odd, and multiples of 4 to 32: of several that hold, that which claims least, with the others as its rivals."""
    for name, side in SIDES.items():
        several = tuple(_several(name, side, m) for m in MODULI if all(side(f) % m == 0 for f in failing))
        others = tuple(_others(name, side, m) for m in MODULI if all(side(f) % m for f in failing))
        for found in (several, others):
            yield from (replace(one, rivals=tuple(r for r in found if r.weight > one.weight)) for one in found)


def _several(name: str, side: Number, m: int) -> Condition:
    return Condition(*_multiples(name, m), _multiple(side, m, True), 2 - m / 1024)


def _others(name: str, side: Number, m: int) -> Condition:
    several, other = _multiples(name, m)
    return Condition(other, several, _multiple(side, m, False), 2 + m / 1024)


def _multiples(name: str, m: int) -> tuple[str, str]:
    """`L is a multiple of 8`, and that it is not."""
    words = ("even", "odd") if m == 2 else (f"a multiple of {m}", f"not a multiple of {m}")
    return f"{name} is {words[0]}", f"{name} is {words[1]}"


def _flags(failing: list[Facts]) -> Iterator[Condition]:
    for flag, (other, _) in FLAGS.items():
        if all(flag in f.flags for f in failing):
            yield Condition(flag, other or "that is not so", _flagged(flag, True), 2)
        elif other and not any(flag in f.flags for f in failing):
            yield Condition(other, flag, _flagged(flag, False), 2.5)
    for memory, words in MEMORIES.items():
        if all(f.memory == memory for f in failing):
            yield Condition(f"arrays are {words}", f"arrays are not {words}", _ordered(memory), 2)
    for one, other in combinations(SIDES, 2):
        same = _same(SIDES[one], SIDES[other])
        if all(map(same, failing)):
            yield Condition(f"{one} = {other}", f"{one} ≠ {other}", same, 2)


def _both(one: Condition, other: Condition) -> Condition:
    return Condition(
        f"{one.words} and {other.words}",
        f"{one.otherwise} or {other.otherwise}",
        _all(one, other),
        one.weight + other.weight + 1,
        tuple(replace(rival, holds=_all(rival, other)) for rival in one.rivals)
        + tuple(replace(rival, holds=_all(one, rival)) for rival in other.rivals),
    )


def _all(*conditions: Condition) -> Callable[[Facts], bool]:
    return lambda f: all(condition.holds(f) for condition in conditions)


def _undecided(found: Confined | None, every: list[Facts]) -> Confined | None:
    """The same, and its rivals that hold on the same problems: a size that would tell them apart was not posed."""
    if found is None:
        return None
    condition = found.condition
    same = [
        r.words.partition(" is ")[2] for r in condition.rivals if all(r.holds(f) is condition.holds(f) for f in every)
    ]
    kind = same[0].rpartition(" ")[0] if same else ""  # `not a multiple of`, which is said once
    listed = " or ".join([*same[:1], *(words.removeprefix(f"{kind} ") for words in same[1:])])
    return replace(found, undecided=f" (or {listed}: no problem tells which)") if same else found


def _likely(failing: int, holding: int, all_of_them: int, tried: int) -> float:
    """The chance that some condition of so many holds on all failing problems, where it holds on `holding` of all."""
    chance = 1.0
    for k in range(failing):
        chance *= max(holding - k, 0) / max(all_of_them - k, 1)
    return chance * tried


def confined(failing: list[Facts], passing: list[Facts]) -> Confined | None:
    """The simplest condition that tells all failing problems from the passing ones; None where none does, or too few are known.

    Where there is none that holds on no passing problem, the one that holds on fewest of them.
    """
    telling = [f for f in passing if not f.dull] if not any(f.dull for f in failing) else passing
    if len(failing) < 2 or len(telling) < 2:
        return None
    single = [*_numbers(failing), *_remainders(failing), *_flags(failing)]
    found = _best(single, failing, telling)
    if found and not found.exceptions:
        return _undecided(found, [*failing, *telling])
    useful = [c for c in single if c.weight < 3 and not all(map(c.holds, telling))]
    both = _best([_both(one, other) for one, other in combinations(useful, 2)], failing, telling)
    halved = both is not None and (found is None or 2 * both.exceptions <= found.exceptions)
    return _undecided(both if halved else found, [*failing, *telling])


def _best(conditions: list[Condition], failing: list[Facts], telling: list[Facts]) -> Confined | None:
    """Fewest exceptions first, then the simplest; none that may hold by chance."""
    best: tuple[tuple[float, float], Confined] | None = None
    for condition in conditions:
        exceptions = sum(map(condition.holds, telling))
        whole = len(failing) + len(telling)
        if (len(telling) - exceptions) * 4 < len(telling):
            continue
        rank = exceptions, condition.weight
        if best is not None and rank >= best[0]:
            continue
        chance = CHANCE if not exceptions else CHANCE / 100
        if _likely(len(failing), len(failing) + exceptions, whole, len(conditions)) <= chance:
            best = rank, Confined(condition, len(failing), len(telling) - exceptions, exceptions)
    return best[1] if best else None
