"""A problem that passed in its turn and fails now, or the other way round: results depend on the calls before, or on chance."""

from collections.abc import Iterable
from itertools import islice

from gradcheck.checks import CHECKS, Trial
from gradcheck.diagnosis.description import Diagnosis, Part, checks_of, digests
from gradcheck.diagnosis.views import QUANTITIES, View, functions, symbols
from gradcheck.facts import Record
from gradcheck.problem import Problem


def now(failing: list[View], then: list[View], done: frozenset[str], record: Record) -> Diagnosis | None:
    """What problems say that are judged otherwise than in the run; None where none is. Functions that are `done` are known to.

    `then` are those of which something was right in the run.
    """
    if not record.whole:
        return None
    worse = {view: names for view in then if (names := _since(view, done, record))}
    if worse:
        names = frozenset(name for found in worse.values() for name in found)
        what = (
            f"{symbols(names)} {'are' if len(names) > 1 else 'is'} wrong after many calls: what was right in its turn is "
            "wrong when it is asked for again"
        )
        return Diagnosis((Part(what, names, NO_STATE, exact=False, state=True),), frozenset(), digests(failing))
    return _passing_now(failing, done, record)


LOOKED = 8  # passing problems that are judged again
NO_STATE = "compute from the arguments alone: keep nothing from one call to the next"


def right_then(failing: list[Problem], record: Record) -> list[Problem]:
    """Failing problems of which some value was right in its turn: the first of the run."""
    values, posed = checks_of(QUANTITIES), {problem.digest: problem for problem in failing}
    found = (posed[digest] for digest, one in record.judged.items() if one.agreed & values and digest in posed)
    return list(islice(found, LOOKED))


def _since(view: View, done: frozenset[str], record: Record) -> frozenset[str]:
    """The quantities that agreed in the run and are wrong now."""
    one = record.judged.get(view.problem.digest)
    if one is None or not view.wrong:
        return frozenset()
    asked = {name: checks_of({name}) for name in view.wrong if not functions({name}) & done}
    return frozenset(
        name
        for name, checks in asked.items()
        if checks and checks <= one.agreed and any(CHECKS[check].judge(view.trial).failed for check in checks)
    )


def _passing_now(failing: list[View], done: frozenset[str], record: Record) -> Diagnosis | None:
    """Checks that failed in the run and agree when they are asked again, on every problem that is looked at."""
    looked = [(view, record.judged[view.problem.digest]) for view in failing if view.problem.digest in record.judged]
    checks: set[str] = set()
    for view, one in looked[:LOOKED]:
        again = Trial(view.implementation, view.problem)
        if not one.failed or any(CHECKS[check].judge(again).failed for check in one.failed):
            return None
        checks |= one.failed
    needed = {function for check in checks for function in CHECKS[check].needs} - done
    every = {function for view, _ in looked for function in view.implementation.offers} - done
    names = frozenset(name for name in QUANTITIES if QUANTITIES[name][0] in (needed or every))
    if not names:
        return None
    what = (
        f"{symbols(names)} {'are' if len(names) > 1 else 'is'} wrong now and then: what failed passes when it is asked for again, "
        "so that chance or the calls before have a part in it"
    )
    return Diagnosis((Part(what, names, NO_STATE, exact=False, state=True),), frozenset(), digests(failing))


def later(called: Iterable[str], how: str) -> Diagnosis:
    """Of functions whose results were seen to depend on the calls before, as one that is asked again says it."""
    names = frozenset(name for name in QUANTITIES if QUANTITIES[name][0] in called)
    what = f"{symbols(names)} {'are' if len(names) > 1 else 'is'} {how}"
    return Diagnosis((Part(what, names, NO_STATE, exact=False, state=True),))
