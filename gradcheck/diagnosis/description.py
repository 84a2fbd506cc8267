"""Where no mistake fits every failing problem: what is wrong, where, which part is explained, and what separates the rest."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck import traits
from gradcheck.diagnosis.candidates import Candidate
from gradcheck.diagnosis.views import GRADIENTS, View, functions, joined, symbols
from gradcheck.problem import Problem

TRIED = 6  # failing problems on which a mistake is tried before all


@dataclass(frozen=True)
class Part:
    """One thing that is wrong: what, its fix, the mistakes of the table that it is, and the quantities in which it shows.

    `exact` if it fits within the bounds, otherwise it only describes; `where` says in words that it is in these quantities only.
    """

    what: str
    names: frozenset[str]
    fix: str = ""
    mistakes: tuple[str, ...] = ()
    exact: bool = True
    where: str = ""

    @property
    def likely(self) -> str:
        """What, and where."""
        return self.what + self.where


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
        """Whether it speaks of any of the functions that a check needs; one that needs none looks at all of them."""
        needs = frozenset(needs)
        return not needs or bool(needs & self.functions)

    def counts(self, problems: Iterable[Problem]) -> tuple[int, int]:
        """How many of these problems it explains, and how many of them were examined."""
        looked = {problem.digest for problem in problems} & self.examined
        return len(looked & self.explained), len(looked)


def digests(views: Iterable[View]) -> frozenset[str]:
    """Names of their problems."""
    return frozenset(view.problem.digest for view in views)


def described(
    views: list[View], others: list[View], names: frozenset[str], candidates: Iterable[Candidate]
) -> Diagnosis:
    """Which quantities are wrong, in which entries; a mistake that explains a part; what separates failing from passing."""
    said = [f"no known mistake fits; wrong: {symbols(names)}", *_entries(views, names)]
    part = _part(views, others, names, candidates)
    explained = part[1] if part else []
    if part:
        said[0] = f"no known mistake fits every failing problem; wrong: {symbols(names)}"
        said.append(f"on {len(explained)} of {len(views)} exactly: {part[0].what}")
        told = [view for view in explained if part[0].tells(view, names)]
        said += [f"these have {words}" for words in _between(told, [view for view in views if view not in explained])]
    if len(views) > 1 and len(others) > 1:
        said += [f"it fails {words}" for words in _between(views, others)]
    return Diagnosis((Part("; ".join(said), names, exact=False),), digests(explained), digests(views))


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
    few = views[:: max(len(views) // TRIED, 1)][:TRIED]
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
        if candidate.plausible(view, names) and candidate.explains(view, names):
            found.append(view)
    return found if len(found) >= least else []


def _promising(candidate: Candidate, few: list[View], names: frozenset[str]) -> bool:
    """Whether it explains a third of a few problems; given up as soon as it cannot."""
    missed = 0
    for view in few:
        missed += not (candidate.plausible(view, names) and candidate.explains(view, names))
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


def _entries(views: list[View], names: frozenset[str]) -> Iterator[str]:
    """Classes to which every error is confined, in quantities that have a row for each class."""
    rows: set[int] = set()
    for view in views:
        for name in names.intersection(GRADIENTS, view.outputs) - {"X"}:  # which has no row for a class
            found = view.right[name]
            if view.outputs[name].shape != found.shape:
                return
            with np.errstate(invalid="ignore"):
                off = ~(abs(view.outputs[name].astype(np.float64) - found.value) <= found.error)
            rows.update(int(k) for k in np.flatnonzero(off.any(axis=1)))
    if rows and len(rows) == 1 and any(view.problem.L > 1 for view in views):
        yield f"only in class {rows.pop()}"
