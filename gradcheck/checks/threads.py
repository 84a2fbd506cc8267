"""Two calls from two threads, of code that is declared to bear them."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gradcheck.checks import bars, paused, plain
from gradcheck.checks.reading import Broken
from gradcheck.checks.repeatable import same, snapshot
from gradcheck.checks.state import afresh, functions, outcome, told
from gradcheck.checks.table import AGREED, check, found
from gradcheck.checks.trial import ARGUMENTS, Trial
from gradcheck.verdict import Comparison, Outcome, Verdict

LINES = 4  # of each function, at which a call is held up


@check(needs=(), turns=(7,), bars=(bars.in_copies, bars.one_thread))
def two_threads(trial: Trial) -> Iterator[Comparison | Verdict]:
    """Two calls at once, each with numbers of its own, give the results of these numbers."""
    yield from told(verdict for name in functions(trial) for verdict in _met(trial, name))


def _met(trial: Trial, name: str) -> Iterator[Verdict | None]:
    trials = plain.posed(trial), plain.unseen(trial, 1)
    alone = [snapshot(afresh(other, name)) for other in trials]
    for line in _lines(trial, trials[0], name):
        try:
            *results, done = _both(*trials, name, line)
        except Broken as problem:
            yield found(f"{problem}, while another call of it was under way, and alone did not")
            return
        for other, result, before in zip(trials, results, alone, strict=True):
            yield _verdict(other, name, result, before)
        if not done:  # the second one waits for the first, here and at other lines
            return


def _lines(trial: Trial, other: Trial, name: str) -> range:
    """Some of the lines that it runs, other ones for another problem; one of native code is not held up."""
    count = max(1, _called(other, name, paused.lines))
    step = -(-count // LINES)
    return range(1 + int(trial.problem.digest[10:14], 16) % step, count + 1, step)


def _both(one: Trial, other: Trial, name: str, line: int) -> Any:
    function, arguments = other.function(name), ARGUMENTS[name](other)
    return _called(one, name, lambda work: paused.both(work, lambda: function(*arguments), line))


def _called(one: Trial, name: str, how: Any) -> Any:
    """A call of it, made by `how`, with all that is looked after around a call."""
    function = one.function(name)
    made = replace(one.implementation, **{name: lambda *arrays: how(lambda: function(*arrays))})  # type: ignore[arg-type]
    return Trial(made, one.problem).call(name, *ARGUMENTS[name](one))


def _verdict(other: Trial, name: str, result: object, before: dict[str, Any]) -> Verdict | None:
    if same(snapshot(result), before):
        return AGREED
    said, alone = outcome(other, name, result), outcome(other, name, afresh(other, name))
    if said is Outcome.DISAGREE and alone is Outcome.AGREE:
        return found(f"two calls of {name} at once: one of them is wrong, and right alone")
    return AGREED if said is Outcome.AGREE else None
