"""Two calls from two threads, of code that is declared to bear them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from gradcheck.checks import bars, paused, plain
from gradcheck.checks.reading import Broken
from gradcheck.checks.repeatable import same, snapshot
from gradcheck.checks.state import TINY, Result, afresh, functions, outcome, told
from gradcheck.checks.table import AGREED, check, found
from gradcheck.checks.trial import ARGUMENTS, Trial
from gradcheck.verdict import Comparison, Outcome, Verdict

LINES, ALL = 1, 8  # of each function, at which a call is held up; of a tiny problem


@check(needs=(), turns=(7,), bars=(bars.in_copies, bars.one_thread))
def two_threads(trial: Trial) -> Iterator[Comparison | Verdict]:
    """Two calls at once, each with numbers of its own, give the results of these numbers."""
    yield from told(verdict for name in functions(trial) for verdict in _met(trial, name))


def _met(trial: Trial, name: str) -> Iterator[Verdict | None]:
    trials = plain.posed(trial), plain.unseen(trial, 1)
    alone = [snapshot(afresh(other, name)) for other in trials]
    step = int(trial.problem.digest[10:14], 16)
    most = ALL if trial.problem.entries <= TINY else LINES
    try:
        met = _called(*trials, name, lambda one, other: list(_meetings(one, other, step, most)))
    except Broken as problem:
        yield found(f"{problem}, while another call of it was under way, and alone did not")
        return
    for results in met:
        for other, result, before in zip(trials, results, alone, strict=True):
            yield AGREED if same(result, before) else _verdict(other, name, result)


def _meetings(one: paused.Work, other: paused.Work, start: int, most: int) -> Iterator[list[Result]]:
    """The results of both calls, which meet at some of the lines of the first: at other ones for another problem.

    Native code is not held up. Where the second call waits for the first, it does so at other lines, too.
    """
    with ThreadPoolExecutor(1) as elsewhere:
        count = max(1, paused.lines(elsewhere, one))
        step = -(-count // most)
        for line in range(1 + start % step, count + 1, step):
            *results, waited = paused.both(elsewhere, one, other, line)
            yield [snapshot(result) for result in results]
            if waited:
                return


def _called(one: Trial, other: Trial, name: str, how: Any) -> Any:
    """Both calls, made by `how`, with all that is looked after around a call."""
    function, arguments = one.function(name), ARGUMENTS[name](other)
    calls = {name: lambda *arrays: how(lambda: function(*arrays), lambda: function(*arguments))}
    made = replace(one.implementation, **calls)  # type: ignore[arg-type]
    return Trial(made, one.problem).call(name, *ARGUMENTS[name](one))


def _verdict(other: Trial, name: str, result: Result) -> Verdict | None:
    """Of a result that is not what it is alone."""
    raw = result if name == "gradients" else next(iter(result.values()))
    said, alone = outcome(other, name, raw), outcome(other, name, afresh(other, name))
    if said is Outcome.DISAGREE and alone is Outcome.AGREE:
        return found(f"two calls of {name} at once: one of them is wrong, and right alone")
    return AGREED if said is Outcome.AGREE else None
