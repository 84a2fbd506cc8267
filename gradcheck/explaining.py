"""What is made of the failures of a run: each shrunk, and what would explain them all; as much of it as there is time for."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from gradcheck import budget as shares
from gradcheck import diagnosis, layouts, sizes, verify
from gradcheck.budget import Budget
from gradcheck.checks.meant import MEANT as BY_USE
from gradcheck.implementations import Implementation, Layout
from gradcheck.judging import Judging
from gradcheck.law import CrossEntropy
from gradcheck.problem import Problem
from gradcheck.shrinking import Found, Shrinking
from gradcheck.tally import Tally
from gradcheck.verdict import Outcome, Verdict
from gradcheck.verify import Failure, Run

COST = 28  # calls of each function that a diagnosis makes for a problem, about
DECLARED, DIAGNOSED = 0.6, 0.7  # parts of the time that is left for other declarations, and for a diagnosis
MEANT, LIKELY, ROUNDS = "declarations under which all agrees", "a known mistake", "roundings that explain it"
BESIDE = 8  # problems a little smaller than those that are shown, which are judged to tell sizes
LEAST = 2  # problems of which one is made all the same


def told(run: Run, original: Implementation, implementation: Implementation, judging: Judging, budget: Budget) -> Run:
    """The same run with what would explain its failures: another declaration, or a mistake. In limited time, of fewer problems."""
    tallies, passing = run.tallies, judging.passing
    if not run.failures:
        return run
    own = [each for each in run.failures if each.check.name not in BY_USE]  # a use of gradients tells its cause
    failing = [problem for each in own for problem in tallies[each.check.name].failing]
    failing += [each.problem for each in own if not each.verdict.final]
    short, stateless = _short(implementation, budget), False

    def declared() -> tuple[Layout, CrossEntropy] | None:
        nonlocal stateless
        if not short:
            if diagnosis.state(implementation, failing, passing, judging.record):
                return None  # nothing else can be said before that is mended
            stateless = True
        return layouts.meant(original, tallies.values(), passing)

    def diagnosed() -> diagnosis.Diagnosis | None:
        work = _diagnosing(run, implementation, failing, judging, budget, stateless=stateless)
        return budget.spend(shares.EXPLAINED, work, part=DIAGNOSED, what=LIKELY)

    likely = diagnosed() if own and short else None  # what is most likely comes first where there is no time for all
    meant = budget.spend(shares.EXPLAINED, declared, part=DECLARED, what=MEANT)
    if meant and _other_loss(meant[1], original.law):
        likely = None  # one story, and this one explains everything
    elif own and not short:
        likely = diagnosed()
    rounds = budget.spend(shares.EXPLAINED, lambda: layouts.rounds(original, tallies.values(), passing), what=ROUNDS)
    kept = tuple(_explained(failure, tallies[failure.check.name], likely) for failure in run.failures)
    found = replace(run, failures=kept, rounds=rounds, diagnosis=likely)
    return replace(found, meant=meant[0], meant_law=meant[1]) if meant else found


def _diagnosing(
    run: Run,
    implementation: Implementation,
    failing: list[Problem],
    judging: Judging,
    budget: Budget,
    *,
    stateless: bool,
) -> Callable[[], diagnosis.Diagnosis | None]:
    """A diagnosis of all that failed; where there is no time for that, of a few problems and the functions that matter."""
    passing, short = judging.passing, _short(implementation, budget)
    if short:
        implementation = _lean(run, implementation)
        most = _most(implementation, budget)
        failing, passing = list({problem.digest: problem for problem in failing}.values())[:most], passing[:most]

    def work() -> diagnosis.Diagnosis | None:
        beside = [] if short else _beside(run, implementation)
        every = [*passing, *beside]
        return diagnosis.diagnose(implementation, failing, every, record=judging.record, stateless=stateless)

    return work


def _beside(run: Run, implementation: Implementation) -> list[Problem]:
    """The smallest failing problems with one less of a long side, if these pass."""
    shown = {f.problem.digest: f.problem for f in run.failures if not f.verdict.final}
    shorter = [shorter for problem in shown.values() for shorter in sizes.shortened(problem)][:BESIDE]
    return verify.parted(implementation, shorter, [failure.check for failure in run.failures])[1]


def _short(implementation: Implementation, budget: Budget) -> bool:
    """Whether there is less time than a whole diagnosis takes."""
    return budget.limited and _most(implementation, budget) < diagnosis.CONFIRMED


def _most(implementation: Implementation, budget: Budget) -> int:
    """How many problems there is time to look at."""
    calls = DIAGNOSED * budget.left(shares.EXPLAINED) / max(implementation.home.pace.mean, 1e-6)
    return max(int(calls / COST / len(implementation.offers)), LEAST)


def _lean(run: Run, implementation: Implementation) -> Implementation:
    """The functions alone that failures are about, those of one function first: what is right needs no explanation."""
    needs = [failure.check.needs or implementation.offers for failure in run.failures]
    asked = {name for each in needs if len(each) == min(map(len, needs)) for name in each}
    dropped: dict[str, Any] = {name: None for name in implementation.offers if name not in asked}
    return replace(implementation, **dropped)


def _other_loss(one: CrossEntropy, other: CrossEntropy) -> bool:
    """Whether they differ in more than the reduction, which has a story of its own."""
    return one != other if one.own or other.own else replace(one, reduction=other.reduction) != other


def _explained(failure: Failure, tally: Tally, likely: diagnosis.Diagnosis | None) -> Failure:
    if likely is None or not likely.concerns(failure.check.needs):
        return failure
    return replace(failure, explained=likely.counts(tally.failing))


def shrunken(
    run: Run, implementation: Implementation, progress: Callable[[str], None], failures: list[Failure], budget: Budget
) -> None:
    """Shrink every failure that was not expected, one after the other; those that are done stand in `failures`.

    What there is no time for stands there, too, on the smallest problem that is known: `Run.cut` names it.
    """
    shrinking = Shrinking(implementation)
    failed = [tally for tally in run.tallies.values() if tally.first is not None and tally.failed]

    def work() -> bool:
        for tally in failed:
            progress(f"shrinking {tally.check.name}")
            failures.append(failure(tally, *shrinking.of(tally)))
        found = shrinking.settled([(f.check, (f.problem, f.verdict)) for f in failures])
        failures[:] = [failure(tally, *each) for tally, each in zip(failed, found, strict=True)]
        return True

    if not budget.spend(shares.SHRUNK, work):
        failures += unshrunken(run.tallies, failures, shrinking.reached)


def unshrunken(
    tallies: Mapping[str, Tally], failures: list[Failure], reached: Mapping[str, Found] = MappingProxyType({})
) -> list[Failure]:
    """The other failures, each on the smallest problem that was `reached`, or the first that it was found on."""
    names = {each.check.name for each in failures}
    return [
        failure(t, *reached.get(name, t.first), shrunk=False)
        for name, t in tallies.items()
        if t.first and t.failed and name not in names
    ]


def failure(tally: Tally, problem: Problem, verdict: Verdict, *, shrunk: bool = True) -> Failure:
    """The failure of a check, shown on this problem."""
    failed = tally.counts[Outcome.DISAGREE] + tally.counts[Outcome.ERRORED]
    return Failure(tally.check, problem, verdict, failed, tally.judged, shrunk=shrunk)
