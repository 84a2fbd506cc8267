"""The failures of a run, put together by what causes them: one story for each.

A cause is what a diagnosis names, a declaration under which everything agrees, an exception of one line, or else a function that
returns what no known mistake explains. Of its failures the one nearest to the code leads: values, then laws, then quotients.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gradcheck import sizes
from gradcheck.checks import CHECKS
from gradcheck.checks.meant import MEANT
from gradcheck.diagnosis import Part
from gradcheck.diagnosis.views import QUANTITIES
from gradcheck.implementations import Implementation
from gradcheck.pictures import Larger, Picture, taken, telling
from gradcheck.problem import Problem
from gradcheck.verdict import Outcome
from gradcheck.verify import Failure, Run

# How far from the code a check is, by the file that it stands in.
NEAR = (
    "values",
    "relations",
    "rewordings",
    "central",
    "differences",
    "check_grad",
    "conduct",
    "repeatable",
    "uses",
    "around",
    "nothing",
    "state",
    "threads",
)
_RAISED = re.compile(r"raised (\w+): .*(\([^()]*:\d+\))$", re.DOTALL)
_SHAPE = re.compile(r"(\S+) (?:returned|has) shape \([^)]*\); expected \(")
_VALUE = {check: name for name, (_, _, checks) in QUANTITIES.items() for check in checks}
_NAMED = {symbol: name for name, (_, symbol, _) in QUANTITIES.items()}
_PLACES = {name: (NEAR.index(check.group), place) for place, (name, check) in enumerate(CHECKS.items())}


@dataclass(frozen=True)
class Cause:
    """One thing that is wrong, and the failures that come of it, the leading one first.

    `part` is what the diagnosis says of it, None where it says nothing; `declared`: everything agrees under what would be declared.
    """

    failures: tuple[Failure, ...]
    part: Part | None = None
    declared: bool = False

    @property
    def leader(self) -> Failure:
        """The failure that is shown."""
        return self.failures[0]

    @property
    def exact(self) -> bool:
        """Whether what is wrong is known, and not only described."""
        return self.declared or (self.part is not None and self.part.exact)

    @property
    def errored(self) -> bool:
        """Whether there is no result at all."""
        return self.leader.verdict.outcome is Outcome.ERRORED

    @property
    def wrong(self) -> tuple[Picture, ...]:
        """The arrays that are wrong on the problem that is shown, those of the leading check first.

        One that is right there says nothing; and what code that keeps something returned once, it may not return again.
        """
        return tuple(picture for failure in self.failures for picture in failure.pictures if picture.off.any())

    @property
    def elsewhere(self) -> tuple[Failure, ...]:
        """The other values that are wrong, and not on the problem that is shown."""
        return tuple(
            f for f in self.failures[1:] if f.pictures and not any(picture.off.any() for picture in f.pictures)
        )

    @property
    def explained(self) -> tuple[int, int]:
        """How many of the failing problems of the leading check are explained, of how many examined."""
        return self.leader.explained


def distance(check: str) -> tuple[int, int]:
    """Less for a check that is nearer to the code; nothing is known of one that there is not."""
    return _PLACES.get(check, (0, 0))


def of(run: Run) -> tuple[Cause, ...]:
    """The causes of a run; the one whose leading check is nearest to the code first."""
    if not run.failures:
        return ()
    if meant(run) and not (run.diagnosis and run.diagnosis.exact):
        return (Cause(_ordered(run.failures), declared=True),)
    keys = [_key(failure, run) for failure in run.failures]
    parts: dict[object, Part | None] = {}
    for key, part in keys:
        parts[key] = parts.get(key) or part
    groups: dict[object, list[Failure]] = {}
    for (key, _), failure in zip(keys, run.failures, strict=True):
        part = parts[key]  # of a wrong shape one failure may be explained, and others with it
        groups.setdefault(key if part is None or not part.exact else id(part), []).append(failure)
    parts |= {id(part): part for part in parts.values()}
    found = [Cause(_ordered(failures), parts[key]) for key, failures in groups.items()]
    return tuple(sorted(found, key=lambda cause: distance(cause.leader.check.name)))


def led(run: Run, check: str) -> Cause | None:
    """The cause that makes this check fail, led by it; None where it does not fail, or was expected to."""
    for cause in of(run):
        mine = [failure for failure in cause.failures if failure.check.name == check]
        if mine:
            return replace(cause, failures=(*mine, *(f for f in cause.failures if f is not mine[0])))
    return None


def meant(run: Run) -> bool:
    """Whether everything that failed agrees where something else is declared."""
    return run.meant is not None or run.rounds is not None


def _ordered(failures: Iterable[Failure]) -> tuple[Failure, ...]:
    return tuple(sorted(failures, key=lambda failure: distance(failure.check.name)))


def _key(failure: Failure, run: Run) -> tuple[object, Part | None]:
    """What tells causes apart, and the part of the diagnosis that speaks of this failure."""
    verdict = failure.verdict
    shape = _SHAPE.match(verdict.reason)
    if shape:  # of whichever sides, and whichever check looks at it
        part = None if verdict.outcome is Outcome.ERRORED else _part(failure, run)
        return ("shape", shape[1]), part if part is not None and part.exact else None
    if verdict.outcome is Outcome.ERRORED:
        return raised(verdict.reason), None
    if failure.check.name in MEANT:  # of a use of gradients that are right in themselves
        what, fix = MEANT[failure.check.name]
        return what, Part(what, frozenset(), fix, exact=False)
    part = _part(failure, run)
    if part is not None:
        return id(part), part
    if verdict.witness is None and not failure.check.needs:
        return failure.check.name, None  # conduct: each its own
    return failure.check.needs, None


def raised(reason: str) -> object:
    """The exception, and the line that raised it, whatever it says of shapes; the whole reason where none was raised."""
    found = _RAISED.search(reason)
    return found.groups() if found else reason


def _part(failure: Failure, run: Run) -> Part | None:
    """The part that speaks of what is wrong here: of the quantity of a value; of the function of a law."""
    found, (explained, examined) = run.diagnosis, failure.explained
    if found is None or (found.exact and examined and not explained):
        return None
    witness = failure.verdict.witness
    named = _VALUE.get(failure.check.name) or (witness and _NAMED.get(witness.quantity.partition(",")[0]))
    of_check = next((part for part in found.parts if failure.check.name in part.checks), None)
    if of_check is not None:
        return of_check
    of_quantity = next((part for part in found.parts if named in part.names), None)
    return of_quantity or next((part for part in found.parts if part.concerns(failure.check.needs)), None)


def pictured(run: Run, implementation: Implementation) -> Run:
    """The same run, its leading failures, and other values that the same causes make wrong, with their arrays."""
    shown = {
        failure.check.name: cause.leader.problem
        for cause in of(run)
        for failure in cause.failures
        if not cause.errored and (failure is cause.leader or failure.check.name in _VALUE)
    }
    kept = tuple(
        _with_arrays(f, shown[f.check.name], run, implementation) if f.check.name in shown else f for f in run.failures
    )
    leading = {cause.leader.check.name for cause in of(run)}
    kept = tuple(_with_size(f, implementation) if f.check.name in leading else f for f in kept)
    return replace(run, failures=kept)


def _with_size(failure: Failure, implementation: Implementation) -> Failure:
    """From which size on it fails; what ends a process, or outlasts a limit, is not asked again."""
    if failure.verdict.final:
        return failure
    return replace(failure, since=sizes.since(implementation, failure.check, failure.problem))


def _with_arrays(failure: Failure, problem: Problem, run: Run, implementation: Implementation) -> Failure:
    larger = telling(run.tallies[failure.check.name].failing, problem)
    return replace(
        failure,
        pictures=taken(implementation, failure.check, problem),
        larger=None if larger is None else Larger(larger, taken(implementation, failure.check, larger)),
    )
