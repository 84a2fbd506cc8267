"""What did I do wrong? Every known mistake is tried on the problems that failed; what fits all of them, within bounds, is named.

Nothing is guessed: a mistake is run on `Running` arrays, which enclose what any code with that mistake may return, and it
explains a problem if every wrong quantity lies inside. Where none explains every problem, what is wrong is described.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from gradcheck import facts
from gradcheck.diagnosis import calls, changed, kept, near
from gradcheck.diagnosis.candidates import ENOUGH, Candidate
from gradcheck.diagnosis.chosen import SEARCHED, beside, telling
from gradcheck.diagnosis.description import Diagnosis, Part, checks_of, condition, described, digests, related
from gradcheck.diagnosis.known import Known
from gradcheck.diagnosis.views import EVERYTHING, LEFT, QUANTITIES, View, functions, symbols
from gradcheck.facts import Record
from gradcheck.implementations import Implementation
from gradcheck.problem import Problem
from gradcheck.referees import lawful

# ---- the search ----


@np.errstate(all="ignore")
def diagnose(
    implementation: Implementation,
    failing: Iterable[Problem],
    passing: Iterable[Problem] = (),
    *,
    describe: bool = True,
    record: Record | None = None,
    stateless: bool = False,
) -> Diagnosis | None:
    """What explains every failing problem; a description where nothing does; None where no value is wrong.

    With `describe=False` None where nothing fits, too, at half the time. `record` holds what is known of all problems of a run.
    It is `stateless` where `state` has been asked of these problems, and found nothing.
    """
    failing, passing = list(failing), list(passing)
    record = record or Record.parted(failing, passing, checks_of(QUANTITIES))
    problems = telling(failing)
    remembered = calls.diagnose(implementation, problems)
    memory = None if stateless else kept.diagnose(implementation, problems, _told_of(remembered))
    others = [View(implementation, problem) for problem in beside(passing)]
    looked = [View(implementation, problem) for problem in problems]
    state = _together(remembered, memory)
    done = _told_of(state)
    then = [View(implementation, problem) for problem in (*changed.right_then(failing, record), *record.earlier)]
    turned = changed.now(looked, [*others[: changed.LOOKED], *then], done, record)
    if turned:
        return _together(state, turned)
    if not (done or any(view.wrong for view in looked)):  # a relation fails, of this batch and of another
        others += [view for view in looked if not view.wrong]
        looked = [View(implementation, problem) for problem in map(lawful.twice, problems[:SEARCHED])]
    alone = memory and not kept.SEEN.intersection(memory.mistakes)
    if alone and (besides := _besides(remembered, looked, others, record)):
        return _together(besides, memory)
    computed = _of_values(looked, others, done, describe, record)
    if state is None and computed is None and describe:
        return related(problems, record)
    return _together(state, computed)


def state(implementation: Implementation, failing: list[Problem], passing: list[Problem], record: Record) -> bool:
    """Whether results depend on the calls before, or on chance: of such code nothing else can be said before that is mended."""
    problems = telling(failing)
    looked = [View(implementation, problem) for problem in problems[:SEARCHED]]
    asked = [*beside(passing)[: changed.LOOKED], *changed.right_then(failing, record), *record.earlier]
    with np.errstate(all="ignore"):
        then = [View(implementation, problem) for problem in asked]
        return bool(
            changed.now(looked, then, frozenset(), record) or kept.diagnose(implementation, problems, frozenset())
        )


def _told_of(found: Diagnosis | None) -> frozenset[str]:
    """The functions that it is about."""
    return found.functions if found else frozenset()


def _besides(remembered: Diagnosis | None, looked: list[View], others: list[View], record: Record) -> Diagnosis | None:
    """What explains wrong values exactly, of code that also keeps something that these do not come from."""
    found = _of_values(looked, others, _told_of(remembered), describe=False, record=record)
    return _together(remembered, found) if found else None


def _of_values(
    looked: list[View], others: list[View], done: frozenset[str], describe: bool, record: Record
) -> Diagnosis | None:
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

    known = Known(views)
    exact = together(known.singles(), known.linear(searched, names), known.scaled(), known.solved(searched, names))
    exact = exact or (_apart(searched, views, others, names) if len(names) > 1 else None) or together(known.pairs())
    exact = exact or _conditional(searched, views, others, names, record)
    if exact:
        return replace(exact, examined=examined)
    if not describe:
        return None
    lost = None if known.own else near.lost(views, names)
    tried = (*known.singles(), *(c for c in known.scaled() if not c.mistakes))
    return lost or described(views, others, names, tried, record)


def _conditional(
    searched: list[View], views: list[View], others: list[View], names: frozenset[str], record: Record
) -> Diagnosis | None:
    """A mistake that explains all failing problems, and is made where a condition holds: no passing problem has it."""
    known = Known(views)
    for candidates in (known.singles(), known.scaled(), known.solved(searched, names)):
        found = _found(candidates, searched, views, [], names, everywhere=names)
        if found is None:
            continue
        agreeing = [view for view in others if found.explains(view, names)]
        if not any(np.isfinite(view.outputs[name]).all() for view in views for name in names & view.outputs.keys()):
            continue  # what is NaN throughout tells one mistake from another only by where it is
        where = condition(views, names, record, digests(agreeing))
        if where and not any(where.condition.holds(facts.of(v.problem)) for v in others if v not in agreeing):
            explained = digests(views)
            return Diagnosis((_part(found, names, f", {where.where}"),), explained, explained)
    return None


def _together(one: Diagnosis | None, other: Diagnosis | None) -> Diagnosis | None:
    """What is kept between calls, and what is wrong besides; either may be missing."""
    if one is None or other is None:
        return one or other
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
    rest = [view for view in views if view not in searched]
    fitting = _fitting(_fitting(candidates, searched + others, names), rest, names)
    return _best(list(fitting), views, names, everywhere)


def _fitting(candidates: Iterable[Candidate], views: list[View], names: frozenset[str]) -> Iterator[Candidate]:
    """Those that explain everything that is wrong, and contradict nothing that is right about the same quantities."""
    for candidate in candidates:
        if all(candidate.explains(view, names) for view in views):
            yield candidate


def _best(
    candidates: list[Candidate], views: list[View], names: frozenset[str], everywhere: frozenset[str]
) -> Candidate | None:
    """Of those that fit, one that also explains why the other quantities are right; then the one that says most; then the first."""
    told = [c for c in candidates if _told(c, views, names) and _limits(c, views[:SEARCHED], names)]
    if len(told) == 1:
        return told[0]
    whole = [c for c in told if all(c.explains(view, everywhere) for view in views)] or told
    best = min(whole, key=lambda c: c.room(views[:SEARCHED], names), default=None)
    return best and undecided(best, whole)


def undecided(best: Candidate, fitting: list[Candidate]) -> Candidate:
    """With the other values of its parameter that fit these problems as well: a number that is said is the only one."""
    alike = [c.what.split() for c in fitting if c.mistakes == best.mistakes and c.factor == best.factor]
    told = [words for words in alike if len(words) == len(best.what.split())]
    places = [set(words) for words in zip(*told, strict=True)]
    other = [
        sorted(found - {word}, key=lambda w: (len(w), w)) for word, found in zip(best.what.split(), places, strict=True)
    ]
    several = [words for words in other if words]
    if len(several) != 1:
        return best
    said = next(word for word, found in zip(best.what.split(), other, strict=True) if found)
    return replace(best, what=f"{best.what} ({', '.join(several[0])} for {said} fits as well)")


def _limits(candidate: Candidate, views: list[View], names: frozenset[str]) -> bool:
    """Whether it says of some problem what is returned, and does not fit because it says nothing."""
    return any(candidate.limits(view, names) for view in views)


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
    known = Known(views)
    for name in sorted(names, key=[*QUANTITIES, *LEFT].index):
        only = frozenset({name})
        tried = (known.singles(), known.linear(searched, only), known.scaled(), known.solved(searched, only))
        for candidates in tried:
            found = _found(candidates, searched, views, others, only)
            if found is not None:
                parts.setdefault(found.what, (found, []))[1].append(name)
                break
        else:
            return None
    told = tuple(_part(candidate, frozenset(where), f", in {symbols(where)}") for candidate, where in parts.values())
    explained = digests(views)
    return Diagnosis(told, explained, explained)
