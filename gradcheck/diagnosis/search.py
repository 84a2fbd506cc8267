"""What did I do wrong? Every known mistake is tried on the problems that failed; what fits all of them, within bounds, is named.

Nothing is guessed: a mistake is run on `Running` arrays, which enclose what any code with that mistake may return, and it
explains a problem if every wrong quantity lies inside. Where none explains every problem, what is wrong is described.
"""

from collections.abc import Iterable, Iterator

import numpy as np

from gradcheck.diagnosis import calls
from gradcheck.diagnosis.candidates import ENOUGH, Candidate, pairs, scaled, singles, solved
from gradcheck.diagnosis.description import Diagnosis, described, digests
from gradcheck.diagnosis.views import EVERYTHING, LEFT, QUANTITIES, View, symbols
from gradcheck.implementations import Implementation
from gradcheck.problem import Problem

SEARCHED, CONFIRMED = 16, 64  # problems on which candidates are tried, and on which those that are left are confirmed
SMALL = 4096  # logits of a problem that is looked at


def keep(kept: list[Problem], problem: Problem) -> None:
    """Put a problem among those that are looked at, while there is room and where it is small."""
    if len(kept) < CONFIRMED and problem.Y.size <= SMALL:
        kept.append(problem)


# ---- the search ----


def diagnose(
    implementation: Implementation, failing: Iterable[Problem], passing: Iterable[Problem] = ()
) -> Diagnosis | None:
    """What explains every failing problem; a description where nothing does; None where no value is wrong."""
    with np.errstate(all="ignore"):
        return _diagnosed(implementation, failing, passing)


def _diagnosed(
    implementation: Implementation, failing: Iterable[Problem], passing: Iterable[Problem]
) -> Diagnosis | None:
    problems = _telling(failing)
    remembered = calls.diagnose(implementation, problems)
    if remembered is not None:
        return remembered
    views = [View(implementation, problem) for problem in problems]
    views = [view for view in views if view.wrong]
    names = frozenset(name for view in views for name in view.wrong)
    if not names:
        return None
    searched = views[:SEARCHED]
    others = [View(implementation, problem) for problem in _telling(passing)[:SEARCHED]]
    for candidates in (singles(), scaled(), solved(searched, names), pairs()):
        fitting = _fitting(_fitting(candidates, searched + others, names), views, names)
        found = _best(list(fitting), views, names)
        if found is not None:
            return _worded(found, views, names, others)
    apart = _apart(searched + others, views, names)
    return apart or described(views, others, names, (*singles(), *(c for c in scaled() if not c.mistakes)))


def _telling(problems: Iterable[Problem]) -> list[Problem]:
    """Small ones, and of most sides first: n = 1 hides a factor, squares hide transposes."""
    distinct = list({p.digest: p for p in problems if p.Y.size <= SMALL}.values())
    return sorted(distinct, key=lambda p: (-len({p.n, p.d, p.L, 1}), p.Y.size))[:CONFIRMED]


def _fitting(candidates: Iterable[Candidate], views: list[View], names: frozenset[str]) -> Iterator[Candidate]:
    """Those that explain everything that is wrong, and contradict nothing that is right about the same quantities."""
    for candidate in candidates:
        if all(candidate.explains(view, names) for view in views):
            yield candidate


def _best(candidates: list[Candidate], views: list[View], names: frozenset[str]) -> Candidate | None:
    """Of those that fit, one that also explains why the other quantities are right; then the one that says most; then the first."""
    told = [c for c in candidates if _told(c, views, names)]
    whole = [c for c in told if all(c.explains(view, EVERYTHING) for view in views)]
    return min(whole or told, key=lambda c: c.room(views[:SEARCHED], names), default=None)


def _told(candidate: Candidate, views: list[View], names: frozenset[str]) -> bool:
    """Whether some problem tells it from the right code.

    The bounds of a coarser precision are too wide for that: there it tells that the numbers returned are numbers of it.
    """
    grid = next((mistake.grid for mistake in candidate.mistakes if mistake.grid), "")
    if not grid:
        return any(candidate.tells(view, names) for view in views)
    counts = [[view.coarse(name, grid) for view in views if name in view.outputs] for name in names]
    on_grid = [None not in found and sum(filter(None, found)) >= ENOUGH for found in counts]
    return all(on_grid) if candidate.model.coarse_throughout else any(on_grid)


def _worded(found: Candidate, views: list[View], names: frozenset[str], others: list[View]) -> Diagnosis:
    """An exact diagnosis: it explains every failing problem that is looked at."""
    whole = all(found.explains(view, EVERYTHING) for view in (*views[:SEARCHED], *others))
    where = "" if whole else f", in {symbols(names)} only"
    fix = "; ".join(mistake.fix for mistake in found.mistakes) or f"leave the factor {found.factor} out"
    return Diagnosis(
        found.what + where,
        fix if not (found.mistakes and found.factor) else f"{fix}; and leave the factor {found.factor} out",
        tuple(mistake.name for mistake in found.mistakes),
        True,
        digests(views),
        digests(views),
    )


def _apart(searched: list[View], views: list[View], names: frozenset[str]) -> Diagnosis | None:
    """A mistake for each wrong quantity, where none explains them together."""
    parts: dict[str, tuple[Candidate, list[str]]] = {}
    for name in sorted(names, key=[*QUANTITIES, *LEFT].index):
        only = frozenset({name})
        for candidates in (singles, scaled):
            found = _best(list(_fitting(candidates(), searched, only)), views, only)
            if found is not None:
                parts.setdefault(found.what, (found, []))[1].append(name)
                break
        else:
            return None
    what = "; and ".join(f"{candidate.what}, in {symbols(where)}" for candidate, where in parts.values())
    fixes = dict.fromkeys(m.fix for candidate, _ in parts.values() for m in candidate.mistakes)
    explained = (
        view.problem.digest
        for view in views
        if all(candidate.explains(view, frozenset(where)) for candidate, where in parts.values())
    )
    mistakes = dict.fromkeys(m.name for candidate, _ in parts.values() for m in candidate.mistakes)
    examined = digests(views)
    return Diagnosis(what, "; ".join(fixes), tuple(mistakes), True, frozenset(explained), examined)
