"""A problem that passed in its turn and fails now, or the other way round: results depend on the calls before, or on chance."""

from gradcheck.checks import CHECKS, Trial
from gradcheck.diagnosis.description import Diagnosis, Part, checks_of, digests
from gradcheck.diagnosis.views import QUANTITIES, View, functions, symbols
from gradcheck.facts import Record


def now(failing: list[View], passing: list[View], done: frozenset[str], record: Record) -> Diagnosis | None:
    """What problems say that are judged otherwise than in the run; None where none is. Functions that are `done` are known to."""
    if not record.whole:
        return None
    asked = passing[:LOOKED]
    worse = {view: names for view in asked if (names := _since(view, done, record))}
    if worse:
        names = frozenset(name for found in worse.values() for name in found)
        what = (
            f"{symbols(names)} {'are' if len(names) > 1 else 'is'} wrong after many calls: what was right in its turn is "
            f"wrong when it is asked for again, on {len(worse)} of {len(asked)} problems that passed"
        )
        return Diagnosis((Part(what, names, NO_STATE, exact=False),), frozenset(), digests(failing))
    return _passing_now(failing, done, record)


LOOKED = 8  # passing problems that are judged again
NO_STATE = "compute from the arguments alone: keep nothing from one call to the next"


def _since(view: View, done: frozenset[str], record: Record) -> frozenset[str]:
    """The quantities that agreed in the run and are wrong now."""
    one = record.judged.get(view.problem.digest)
    if one is None or not view.wrong:
        return frozenset()
    return frozenset(
        name for name in view.wrong if not functions({name}) & done and (c := checks_of({name})) and c <= one.agreed
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
    count = len(looked[:LOOKED])
    what = (
        f"{symbols(names)} {'are' if len(names) > 1 else 'is'} wrong now and then: {count} problem{'s' * (count > 1)} that "
        f"failed pass{'es' * (count == 1)} when asked again, so that chance or the calls before have a part in it"
    )
    return Diagnosis((Part(what, names, NO_STATE, exact=False),), frozenset(), digests(failing))
