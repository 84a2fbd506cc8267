"""Where no mistake fits every failing problem: what is wrong, where, which part is explained, and what separates the rest."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from gradcheck import facts, traits
from gradcheck.checks import CHECKS
from gradcheck.diagnosis import entries
from gradcheck.diagnosis.candidates import Candidate
from gradcheck.diagnosis.views import QUANTITIES, View, functions, joined, symbols
from gradcheck.diagnosis.where import Confined, confined
from gradcheck.facts import Record
from gradcheck.problem import Problem

LONG = {"float32": 24, "float16": 11, "bfloat16": 8}
FEWEST = 6  # bits that are right: fewer are no matter of precision
TRIED = 6  # failing problems on which a mistake is tried before all


@dataclass(frozen=True)
class Part:
    """One thing that is wrong: what, its fix, the mistakes of the table that it is, and the quantities in which it shows.

    `exact` if it fits within the bounds, otherwise it only describes; `where` says in words that it is in these quantities only.
    `checks` are those that it speaks of whatever they need; `state` where results depend on the calls before.
    """

    what: str
    names: frozenset[str]
    fix: str = ""
    mistakes: tuple[str, ...] = ()
    exact: bool = True
    where: str = ""
    checks: frozenset[str] = frozenset()
    state: bool = False

    @property
    def likely(self) -> str:
        """What, and where."""
        return self.what + self.where

    def concerns(self, needs: Iterable[str]) -> bool:
        """Whether it speaks of any of the functions that a check needs; one that needs none looks at all of them."""
        needs = frozenset(needs)
        return not needs or bool(needs & functions(self.names))


@dataclass(frozen=True)
class Diagnosis:
    """What is wrong, part by part, in words. `explained` and `examined` are digests of failing problems."""

    parts: tuple[Part, ...]
    explained: frozenset[str] = frozenset()
    examined: frozenset[str] = frozenset()

    @property
    def exact(self) -> bool:
        """Whether every part fits within the bounds."""
        return all(part.exact for part in self.parts)

    @property
    def state(self) -> bool:
        """Whether any part is what is kept between calls."""
        return any(part.state for part in self.parts)

    @property
    def likely(self) -> str:
        """All of it, as one sentence."""
        return joined(part.likely for part in self.parts)

    @property
    def fix(self) -> str:
        """How all of it is mended."""
        return "; and ".join(dict.fromkeys(part.fix for part in self.parts if part.fix))

    @property
    def mistakes(self) -> tuple[str, ...]:
        """Those of the table, each once."""
        return tuple(dict.fromkeys(name for part in self.parts for name in part.mistakes))

    @property
    def functions(self) -> frozenset[str]:
        """Those that it speaks of."""
        return functions(name for part in self.parts for name in part.names)

    def concerns(self, needs: Iterable[str]) -> bool:
        """Whether any part does."""
        return any(part.concerns(needs) for part in self.parts)

    def counts(self, problems: Iterable[Problem]) -> tuple[int, int]:
        """How many of these problems it explains, and how many of them were examined."""
        looked = {problem.digest for problem in problems} & self.examined
        return len(looked & self.explained), len(looked)


def digests(views: Iterable[View]) -> frozenset[str]:
    """Names of their problems."""
    return frozenset(view.problem.digest for view in views)


def described(
    views: list[View], others: list[View], names: frozenset[str], candidates: Iterable[Candidate], record: Record
) -> Diagnosis:
    """Which quantities are wrong, in which entries, and where; a mistake that explains a part, and what separates it."""
    told, found = entries.told(views, names), condition(views, names, record)
    title = told[0][0] if told else f"{symbols(names)} {'is' if len(names) == 1 else 'are'} wrong"
    said = [f"{title}, {found.where}" if found else title, *(sentence for sentence, _ in told[1:])]
    part = _part(views, others, names, candidates)
    explained = part[1] if part else []
    if part:
        exactly = f"on {len(explained)} of {len(views)} exactly"
        leading = 2 * len(explained) >= len(views)
        said = [f"{part[0].what}, {exactly}", *said] if leading else [*said, f"{exactly}: {part[0].what}"]
        told_apart = [view for view in explained if part[0].tells(view, names)]
        said += [
            f"these have {words}" for words in _between(told_apart, [view for view in views if view not in explained])
        ]
    said += [found.sentence] if found else []
    said += list(_bits(views, names))
    said.append(f"no known mistake fits{' every failing problem' if part else ''}")
    return Diagnosis((Part("; ".join(said), names, exact=False),), digests(explained), digests(views))


def related(problems: list[Problem], record: Record) -> Diagnosis | None:
    """Where every value is right, and checks fail that hold one problem against another."""
    failing = {p.digest: record.judged[p.digest] for p in problems if p.digest in record.judged and record.whole}
    checks = sorted({check for one in failing.values() for check in one.failed})
    names = frozenset(n for n in QUANTITIES if any(QUANTITIES[n][0] in CHECKS[check].needs for check in checks))
    if not names:
        return None
    passing = [one.facts for one in record.judged.values() if not one.failed]
    found = confined([one.facts for one in record.judged.values() if one.failed], passing)
    what = (
        f"{symbols(names)} may be wrong in larger problems: every value is right in these, and they do not agree with "
        f"those of problems that are made of them ({', '.join(checks)})"
    )
    said = [f"{what}, {found.where}" if found else what, *([found.sentence] if found else [])]
    return Diagnosis((Part("; ".join(said), names, exact=False),), frozenset(), frozenset(failing))


def _bits(views: list[View], names: frozenset[str]) -> Iterator[str]:
    """How many bits are left, where some are: as of a shorter precision, perhaps."""
    looked = [view for view in views if view.moderate]
    counts = [entries.bits(found) for name in names & QUANTITIES.keys() if (found := entries.seen(looked, name))]
    if counts and min(counts) >= FEWEST:
        like = next((f", as of {name}" for name, bits in LONG.items() if bits - 3 <= min(counts) <= bits + 2), "")
        yield f"about {min(counts):.0f} bits are right, in the median{like}"


def checks_of(names: Iterable[str]) -> frozenset[str]:
    """The checks that say whether these quantities are right."""
    return frozenset(check for name in names if name in QUANTITIES for check in QUANTITIES[name][2])


def condition(
    views: list[View], names: frozenset[str], record: Record, excused: Collection[str] = ()
) -> Confined | None:
    """Where these quantities fail, of all problems that are known; passing ones that are `excused`, by digest, do not speak."""
    checks = checks_of(names)
    failing = {digest: one.facts for digest, one in record.judged.items() if one.failed & checks}
    failing |= {view.problem.digest: facts.of(view.problem) for view in views if view.wrong & names}
    passing = [
        one.facts
        for digest, one in record.judged.items()
        if digest not in failing and digest not in excused and one.agreed & checks
    ]
    return confined(list(failing.values()), passing)


def _between(these: list[View], others: list[View]) -> Iterator[str]:
    """What separates the problems of these views from the others, in words."""
    groups = [[traits.of(view.problem) for view in part] for part in (these, others)]
    for trait, mine, yours in traits.separating(*groups):
        side = ("from", "up to") if mine > yours else ("up to", "from")
        yield f"{side[0]} {trait} = {mine:.4g}, the others {side[1]} {yours:.4g}"


def _part(
    views: list[View], others: list[View], names: frozenset[str], candidates: Iterable[Candidate]
) -> tuple[Candidate, list[View]] | None:
    """The mistake that explains most of the failing problems, two and a third of them at least, and is told there.

    Some trait must set those apart from the other failing ones, and no passing problem that shares it may contradict.
    """
    best: tuple[Candidate, list[View]] | None = None
    cheap = [view for view in views if view.moderate]
    few = cheap if len(cheap) >= TRIED else views
    few = few[:: max(len(few) // TRIED, 1)][:TRIED]
    for candidate in candidates:
        if not _promising(candidate, few, names):
            continue
        fitting = _explained(
            candidate, views, names, least=max(-(-len(views) // 3), 2, len(best[1]) + 1 if best else 0)
        )
        if not fitting:
            continue
        told = [view for view in fitting if candidate.tells(view, names)]
        rest = [view for view in views if view not in fitting]
        if 2 * len(told) >= len(fitting) and _apart(candidate, told, rest, others, names):
            best = candidate, fitting
    return best


def _explained(candidate: Candidate, views: list[View], names: frozenset[str], least: int) -> list[View]:
    """The problems that it explains, if these are at least so many; given up as soon as they cannot be."""
    found: list[View] = []
    for done, view in enumerate(views):
        if len(found) + len(views) - done < least:
            return []
        if candidate.explains(view, names):
            found.append(view)
    return found if len(found) >= least else []


def _promising(candidate: Candidate, few: list[View], names: frozenset[str]) -> bool:
    """Whether it explains a third of a few problems; given up as soon as it cannot."""
    missed = 0
    for view in few:
        missed += not candidate.explains(view, names)
        if 3 * (len(few) - missed) < len(few):
            return False
    return True


def _apart(candidate: Candidate, told: list[View], rest: list[View], others: list[View], names: frozenset[str]) -> bool:
    """Whether a trait separates the problems that are explained from the rest, and the mistake fits all that have it."""
    for trait, mine, yours in traits.separating(*([traits.of(v.problem) for v in part] for part in (told, rest))):
        place, sign = list(traits.TRAITS).index(trait), 1 if mine > yours else -1
        here = [view for view in others if sign * traits.of(view.problem)[place] >= sign * mine]
        if all(candidate.explains(view, names) for view in here):
            return True
    return False
