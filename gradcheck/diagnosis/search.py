"""What did I do wrong? Every known mistake is tried on the problems that failed; what fits all of them, within bounds, is named.

Nothing is guessed: a mistake is run on `Running` arrays, which enclose what any code with that mistake may return, and it
explains a problem if every wrong quantity lies inside. Where none explains every problem, what is wrong is described.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from gradcheck.diagnosis import calls
from gradcheck.diagnosis.candidates import ENOUGH, Candidate, pairs, scaled, singles, solved
from gradcheck.diagnosis.description import Diagnosis, Part, described, digests
from gradcheck.diagnosis.views import EVERYTHING, LEFT, QUANTITIES, View, functions, symbols
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
    implementation: Implementation,
    failing: Iterable[Problem],
    passing: Iterable[Problem] = (),
    *,
    describe: bool = True,
) -> Diagnosis | None:
    """What explains every failing problem; a description where nothing does; None where no value is wrong.

    With `describe=False` None where nothing fits, too, at half the time.
    """
    with np.errstate(all="ignore"):
        return _diagnosed(implementation, failing, passing, describe)


def _diagnosed(
    implementation: Implementation, failing: Iterable[Problem], passing: Iterable[Problem], describe: bool
) -> Diagnosis | None:
    problems = _telling(failing)
    remembered = calls.diagnose(implementation, problems)
    others = [View(implementation, problem) for problem in _telling(passing)[:SEARCHED]]
    done = remembered.functions if remembered else frozenset[str]()
    computed = _of_values([View(implementation, problem) for problem in problems], others, done, describe)
    return _together(remembered, computed) if remembered and computed else remembered or computed


def _of_values(looked: list[View], others: list[View], done: frozenset[str], describe: bool) -> Diagnosis | None:
    """What explains the values of the functions that are not `done`. A problem without a result is looked at, and not explained."""
    wrong = {view: frozenset(name for name in view.wrong if not functions({name}) & done) for view in looked}
    views = [view for view in looked if wrong[view]]
    names = frozenset(name for view in views for name in wrong[view])
    if not names:
        return None
    searched, everywhere = views[:SEARCHED], names if done else EVERYTHING
    examined = digests(views) | digests(view for view in looked if not view.wrong)

    def together(*sources: Iterable[Candidate]) -> Diagnosis | None:
        for candidates in sources:
            found = _found(candidates, searched, views, others, names, everywhere=everywhere)
            if found is not None:
                return _worded(found, views, names, others, bool(done))
        return None

    exact = together(singles(), scaled(), solved(searched, names))
    exact = (
        exact
        or (_apart(searched, views, others, names) if len(names) > 1 else None)
        or together(c for c in pairs() if c.plausible(searched[0], names))
    )
    if exact:
        return replace(exact, examined=examined)
    if not describe:
        return None
    return described(views, others, names, (*singles(), *(c for c in scaled() if not c.mistakes)))


def _together(one: Diagnosis, other: Diagnosis) -> Diagnosis:
    """What is kept between calls, and what is wrong besides."""
    explained = (one.explained - other.examined) | (other.explained - one.examined) | (one.explained & other.explained)
    return Diagnosis((*one.parts, *other.parts), explained, one.examined | other.examined)


def _found(
    candidates: Iterable[Candidate],
    searched: list[View],
    views: list[View],
    others: list[View],
    names: frozenset[str],
    *,
    everywhere: frozenset[str] = EVERYTHING,
) -> Candidate | None:
    """The best of the candidates that explain these quantities on every problem."""
    fitting = _fitting(_fitting(candidates, searched + others, names), views, names)
    return _best(list(fitting), views, names, everywhere)


def _telling(problems: Iterable[Problem]) -> list[Problem]:
    """Small ones, and of most sides first: n = 1 hides a factor, squares hide transposes."""
    distinct = list({p.digest: p for p in problems if p.Y.size <= SMALL}.values())
    return sorted(distinct, key=lambda p: (-len({p.n, p.d, p.L, 1}), p.Y.size))[:CONFIRMED]


def _fitting(candidates: Iterable[Candidate], views: list[View], names: frozenset[str]) -> Iterator[Candidate]:
    """Those that explain everything that is wrong, and contradict nothing that is right about the same quantities."""
    for candidate in candidates:
        if all(candidate.explains(view, names) for view in views):
            yield candidate


def _best(
    candidates: list[Candidate], views: list[View], names: frozenset[str], everywhere: frozenset[str]
) -> Candidate | None:
    """Of those that fit, one that also explains why the other quantities are right; then the one that says most; then the first."""
    told = [c for c in candidates if _told(c, views, names)]
    whole = [c for c in told if all(c.explains(view, everywhere) for view in views)]
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


def _worded(found: Candidate, views: list[View], names: frozenset[str], others: list[View], partly: bool) -> Diagnosis:
    """An exact diagnosis: it explains every failing problem that is looked at."""
    whole = not partly and all(found.explains(view, EVERYTHING) for view in (*views[:SEARCHED], *others))
    where = "" if whole else f", in {symbols(names)} only"
    explained = digests(views)
    return Diagnosis((_part(found, names, where),), explained, explained)


def _part(found: Candidate, names: frozenset[str], where: str) -> Part:
    return Part(found.what, names, found.fix, tuple(mistake.name for mistake in found.mistakes), where=where)


def _apart(searched: list[View], views: list[View], others: list[View], names: frozenset[str]) -> Diagnosis | None:
    """A mistake for each wrong quantity, where none explains them together."""
    parts: dict[str, tuple[Candidate, list[str]]] = {}
    for name in sorted(names, key=[*QUANTITIES, *LEFT].index):
        only = frozenset({name})
        for candidates in (singles(), scaled(), solved(searched, only)):
            found = _found(candidates, searched, views, others, only)
            if found is not None:
                parts.setdefault(found.what, (found, []))[1].append(name)
                break
        else:
            return None
    told = tuple(_part(candidate, frozenset(where), f", in {symbols(where)}") for candidate, where in parts.values())
    explained = digests(views)
    return Diagnosis(told, explained, explained)
