"""What an implementation keeps from one call to the next: by array, by address, by some of its arguments, by a call that broke off.

Each check poses plain numbers, where what is kept would be taken for them, and holds the results against the exact values. A
result that is wrong is no state for that: the same numbers must give another one elsewhere, or others that are new be right.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gradcheck.checks import bars, plain, waiting
from gradcheck.checks.reading import Broken, Skip
from gradcheck.checks.repeatable import identical, same, snapshot
from gradcheck.checks.table import AGREED, CHECKS, check, found
from gradcheck.checks.trial import ARGUMENTS, Trial
from gradcheck.implementations import handing
from gradcheck.implementations.record import PARAMETERS
from gradcheck.problem import Array
from gradcheck.verdict import Comparison, Outcome, Verdict

Found = Iterator[Comparison | Verdict]
Result = dict[str, Array]

# Which checks say whether a result is right.
VALUES = {
    "gradients": ("logits_gradient", "theta_gradient", "bias_gradient", "data_gradient"),
    "loss": ("loss",),
    "logits": ("logits",),
    "softmax": ("softmax",),
    "softmax_jacobian": ("jacobian_diagonal", "jacobian_off_diagonal"),
}
TINY = 12  # numbers of a problem of which all functions and arguments are asked, by exact values; of larger ones one of each
SPARE = 2  # lists of arrays that are held, so that the next one lies where none has lain
QUIET = "no array makes it raise while it computes: what it is handed is looked at by its numbers alone"
ELSEWHERE = "something else than for the same numbers in other arrays"
UNJUDGED = "what it returns of other arrays is wrong, too, or cannot be judged"


def call(trial: Trial, name: str, arguments: tuple[Array, ...]) -> object:
    """A call with these arrays. Where no adapter hands them on as it is due, that is done here."""
    if not trial.implementation.adapted or name == "softmax_jacobian":
        arguments = handing.now().passed((len(arguments),), arguments)
    return trial.call(name, *arguments)


def afresh(trial: Trial, name: str) -> object:
    """A call with arrays of its own."""
    return call(trial, name, ARGUMENTS[name](trial))


def outcome(other: Trial, name: str, result: object) -> Outcome:
    """Whether a result of this function is right for the problem of this trial, as the checks of its values say it."""
    it = Trial(other.implementation, other.problem)
    it.truth = other.truth
    it.remember(name, lambda: result)
    outcomes = {CHECKS[each].judge(it).outcome for each in VALUES[name]}
    return next((o for o in (Outcome.ERRORED, Outcome.DISAGREE, Outcome.AGREE) if o in outcomes), Outcome.SKIPPED)


def right(trial: Trial, name: str, turn: int) -> bool:
    """Whether this function is right for numbers that it has not been given before, in arrays of their own."""
    other = plain.unseen(trial, turn)
    return outcome(other, name, afresh(other, name)) is Outcome.AGREE


def functions(trial: Trial) -> tuple[str, ...]:
    """All functions for a tiny problem, else one: they are asked often."""
    offers = trial.implementation.offers
    place = int(trial.problem.digest[16:20], 16) % len(offers)
    return offers if trial.problem.entries <= TINY else offers[place : place + 1]


def told(claims: Iterable[Verdict | None], otherwise: str = UNJUDGED) -> Found:
    """What was found; why nothing was judged, where that is so."""
    known = [claim for claim in claims if claim is not None]
    if not known:
        raise Skip(otherwise)
    yield from known


@dataclass(frozen=True)
class Asked:
    """A result of the numbers of `other`, what was returned `before` it, and the result of the same numbers in arrays that lie
    `elsewhere`.
    """

    other: Trial
    name: str
    before: Result
    result: object
    elsewhere: Result

    def verdict(self, trial: Trial, what: str) -> Verdict | None:
        """Found is what is wrong and can be shown to be of before; None where it is wrong in another way, or cannot be judged.

        If it is the same elsewhere, and no part of it is what it was before, only a tiny problem is asked for more: what is made of
        some of the arguments, and remembered, shows there.
        """
        now = snapshot(self.result)
        changed = not any(key in self.before and identical(now[key], self.before[key]) for key in now)
        if trial.problem.entries > TINY and same(now, self.elsewhere) and changed:
            return AGREED
        said = outcome(self.other, self.name, self.result)
        if said is not Outcome.DISAGREE:
            return AGREED if said is Outcome.AGREE else None
        how = self._how(trial, now)
        return found(f"{what} {how}") if how else None

    def _how(self, trial: Trial, now: Result) -> str:
        if not same(self.elsewhere, snapshot(afresh(self.other, self.name))):
            return ""  # by chance, or from call to call: of `repeatable`
        if not same(self.elsewhere, now):
            return ELSEWHERE
        stale = same(now, self.before) and _alone(trial, self.other, self.name, 1)
        return "what it had returned for the numbers before" if stale else ""


# ---- the same arrays ----


@check(needs=(), turns=(7,), bars=(bars.in_copies,))
def updated_in_place(trial: Trial) -> Found:
    """Other numbers written into the same arrays, one argument at a time, give the results of those numbers."""
    if trial.problem.memory == "read-only":
        raise Skip("read-only arrays are not written to")
    offers = functions(trial)
    alone = [(name,) for name in offers]
    together = [offers] if len(offers) > 1 else []  # what one keeps, another one may use
    yield from told(verdict for names in (*alone, *together) for verdict in _updated(trial, names))


def _updated(trial: Trial, offers: tuple[str, ...]) -> Iterator[Verdict | None]:
    arrays, same_memory = dict[str, Array](), handing.Again()
    before = dict[str, Result]()
    for parameter, turns in (("", {}), *_steps(trial)):
        other = plain.posed(trial, **turns)
        for name in (name for name in offers if not parameter or parameter in PARAMETERS[name]):
            with handing.by(same_memory):
                result = _written(other, name, arrays, parameter)
            if not _untouched(other, name, arrays):  # which is no memory of its own
                raise Skip("it writes into its arguments, which another check says")
            now = snapshot(result)
            if parameter:
                asked = Asked(other, name, before[name], result, snapshot(afresh(other, name)))
                yield asked.verdict(trial, f"{parameter} was written to, and {name} returned")
            before[name] = now


def _steps(trial: Trial) -> Iterator[tuple[str, dict[str, int]]]:
    """Which argument is written to, and the numbers in all of them then."""
    every, place = PARAMETERS["loss"], int(trial.problem.digest[8:10], 16) % 4
    asked = every if trial.problem.entries <= TINY else every[place : place + 1]
    yield from ((parameter, dict.fromkeys(asked[: k + 1], 1)) for k, parameter in enumerate(asked))
    yield from ((parameter, dict.fromkeys(plain.MADE, 1)) for parameter in ("Z", "z"))


def _written(other: Trial, name: str, arrays: dict[str, Array], parameter: str = "") -> object:
    """A call with the user's arrays, after this one was written to: all that are new, where none is said."""
    for each, fresh in zip(PARAMETERS[name], ARGUMENTS[name](other), strict=True):
        if arrays.setdefault(each, fresh) is not fresh and each == parameter:
            arrays[each][...] = fresh
    return call(other, name, tuple(arrays[each] for each in PARAMETERS[name]))


def _untouched(other: Trial, name: str, arrays: dict[str, Array]) -> bool:
    given = zip(PARAMETERS[name], ARGUMENTS[name](other), strict=True)
    return all(identical(arrays[each], fresh) for each, fresh in given)


# ---- memory that was freed ----


@check(needs=(), turns=(7,))
def memory_given_again(trial: Trial) -> Found:
    """Arrays that lie where others lay, which are gone, give the results of their own numbers."""
    yield from told(_again(trial, name) for name in functions(trial))


def _again(trial: Trial, name: str) -> Verdict | None:
    start, other = plain.posed(trial), plain.unseen(trial, 1)
    arrays = _read_only(start, name)
    before = snapshot(call(start, name, arrays))
    del arrays  # last of all, so that the next ones are given their memory
    result = call(other, name, _read_only(other, name))
    spare = [_read_only(other, name) for _ in range(SPARE)]
    asked = Asked(other, name, before, result, snapshot(call(other, name, spare[-1])))
    return asked.verdict(trial, f"its arrays lie where others lay before, and {name} returned")


def _read_only(other: Trial, name: str) -> tuple[Array, ...]:
    """What cannot be written to looks as if it could not change."""
    arrays = ARGUMENTS[name](other)
    for array in arrays:
        array.flags.writeable = False
    return arrays


# ---- a call that broke off ----


@check(needs=(), turns=(7,), bars=(bars.in_copies,))
def after_an_exception(trial: Trial) -> Found:
    """A call that raises leaves nothing behind: the next one gives the results of its numbers."""
    yield from told((after(trial, name) for name in functions(trial)), QUIET)


def after(trial: Trial, name: str, turn: int = 3) -> Verdict | None:
    """Of this function, with the plain numbers of this turn: where they have been posed before, it may not raise any more."""
    start, other = plain.posed(trial), plain.unseen(trial, turn)
    began = time.monotonic()
    before = snapshot(afresh(start, name))
    start, other = (waiting.watched(each, name, time.monotonic() - began) for each in (start, other))
    try:
        if not sum([_raised(other, name, place) for place in range(len(PARAMETERS[name]))]):
            return None
        if trial.problem.entries > TINY and same(before, snapshot(afresh(start, name))):
            return AGREED
        result = afresh(other, name)
        kept, said = snapshot(result), outcome(other, name, result)
    except Broken as problem:
        if problem.fatal:
            raise
        return found(f"{problem}, after a call of it that raised, and did not before")
    if said is Outcome.DISAGREE and same(kept, snapshot(afresh(other, name))) and _alone(trial, other, name, turn):
        return found(f"{name} is wrong after a call of it that raised with the same numbers, and right of others")
    return AGREED if said is Outcome.AGREE else None


def _alone(trial: Trial, other: Trial, name: str, turn: int) -> bool:
    """Whether it is wrong for these numbers alone: right for others, and for those that are nearly these."""
    nearly = (outcome(each, name, afresh(each, name)) is Outcome.AGREE for each in plain.like(other))
    return right(trial, name, turn + 1) and all(nearly)


def _raised(other: Trial, name: str, place: int) -> bool:
    """Whether it raises where this argument cannot be used."""
    unreadable = handing.Unreadable(place)
    try:
        with handing.by(unreadable):
            call(other, name, ARGUMENTS[name](other))
    except Broken:
        if other.implementation.home.lost:
            raise
    unreadable.over()
    return unreadable.raised
