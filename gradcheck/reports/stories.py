"""What is wrong, said once for each cause: a headline, and lines below it. One wording for the terminal, pytest, JUnit and JSON."""

import re
from collections.abc import Iterator

from gradcheck import causes
from gradcheck.causes import Cause
from gradcheck.printable import printable
from gradcheck.reports import arrays, commands, cut, words
from gradcheck.verify import Run

WIDTH = 100  # of what is no terminal
NAMED = 6  # checks that are named; more are counted
LABEL = 9  # characters
# A function of tensors, which is handed arrays of NumPy as it stands, in the words of the framework that refuses them.
TENSORS = re.compile(r"Tensor\b.*\bnumpy\.ndarray|'numpy\.ndarray' object has no attribute")
FROM_TENSORS = "if it takes tensors, make it a target with gradcheck.from_torch(loss, layout=...), from_jax(...) ..."


def headline(cause: Cause, run: Run) -> str:
    """What is wrong, in a line."""
    if cause.declared:
        return f"Not the {commands.declared(run)} that is declared"
    if cause.part is not None:
        return printable(cause.part.likely)
    if cause.errored:
        return printable(cause.leader.verdict.reason)
    return printable(f"{cause.leader.check.claims(run.law).rstrip('.')}: that does not hold")


def in_a_line(cause: Cause, run: Run) -> str:
    """What is wrong, and where it shows: for a list of tests that failed."""
    said = headline(cause, run)
    found = words.finding(cause.leader.verdict)
    return said if found in said else f"{said}: {found}"


def same(leading: str, cause: Cause) -> str:
    """What a check says of a cause that another one tells: where it shows here. An exception is the same everywhere."""
    shows = "" if cause.errored else f": {words.finding(cause.leader.verdict)}"
    return f"same cause as {leading}{shows}"


def counted(cause: Cause) -> str:
    """`9 checks, one cause`."""
    count = len(cause.failures)
    return f"{count} checks, one cause" if count > 1 else "1 check"


def rows(cause: Cause, run: Run, width: int = WIDTH) -> Iterator[tuple[str, str]]:
    """What stands below the headline, as (label, text); a text without a label is a line of its own, and is not to be broken."""
    leader = cause.leader
    if cause.part is not None and cause.part.fix:
        yield "fix", printable(cause.part.fix)
    if causes.meant(run):
        yield from _declared(cause, run)
    elif cause.errored and TENSORS.search(cause.leader.verdict.reason):
        yield "fix", FROM_TENSORS
    if cause.part is not None and not cause.exact and not cause.errored:
        yield "claim", leader.check.claims(run.law)  # which is the headline where there is no part
    shown = list(pictured(cause, width - LABEL - 3))
    if len(shown) < 2 and (cause.declared or not cause.errored):
        yield "found", words.finding(leader.verdict)
    if run.problems > 1:
        yield "why", _why(cause, run)
    if not cause.errored:
        yield "float?", words.answer(leader.verdict, run.dtype)
    if not cause.exact:
        yield from (("also", words.finding(failure.verdict)) for failure in cause.elsewhere)
    yield from smallest(cause, width - LABEL - 3)
    if leader.since:
        yield "fails", leader.since
    yield from (("", line) for line in shown)
    yield "repeat", commands.repeat(leader, run)
    if len(cause.failures) > 1:
        yield "in", named([failure.check.name for failure in cause.failures])


def _declared(cause: Cause, run: Run) -> Iterator[tuple[str, str]]:
    if cause.declared:
        yield "fix", f"declare {commands.suggested(run)}, if that is meant: everything then agrees"
        yield from ((" ", note) for note in commands.only_in_order(run))
    else:
        yield "or", f"{commands.suggested(run)}, if it is meant: everything then agrees"


def _why(cause: Cause, run: Run) -> str:
    leader, (explained, examined) = cause.leader, cause.explained
    where = run.tallies[leader.check.name].worst_regime(words.unit_roundoff(run))
    # of the problems that were posed; from which size it fails says more
    only = f"; only where {where[1]}" if where and not leader.since else ""
    if cause.part is not None and cause.part.exact and examined:
        return f"explains {_share(explained, examined, 'failing problem', 'of')} examined{only}"
    return f"{leader.check.name} fails on {_share(leader.failed, leader.judged, 'problem', 'of the')} judged{only}"


def _share(some: int, every: int, what: str, of: str) -> str:
    """`the problem`, `all 24 problems`, `3 of the 24 problems`."""
    if every == 1 == some:
        return f"the {what}"
    return f"{'all' if some == every else f'{some} {of}'} {every} {what}s"


def smallest(cause: Cause, width: int) -> Iterator[tuple[str, str]]:
    """The problem that is shown; as many arrays on a line as fit."""
    problem = cause.leader.problem
    yield "smallest", cut.smallest(cause.leader, words.sizes(problem))
    line = ""
    for array in words.arrays(problem):
        if line and len(line) + len(array) + 3 > width:
            yield " ", line
            line = ""
        line += (line and "   ") + array
    if line:
        yield " ", line
    yield from ((" ", options) for options in words.loss(problem))


def pictured(cause: Cause, width: int) -> Iterator[str]:
    """The arrays of the leading check that are wrong, then those of the other values, as many as a reader takes in."""
    room = arrays.SHOWN
    for picture in cause.wrong:
        size = picture.exact.size
        if room < arrays.SHOWN and size > room:
            continue
        room -= size
        yield from arrays.table(picture, width)


def named(checks: list[str], most: int = NAMED) -> str:
    """`theta_gradient bias_gradient +2`."""
    rest = len(checks) - most
    return " ".join(checks[:most]) + (f" +{rest}" if rest > 0 else "")


def lines(cause: Cause, run: Run, width: int = WIDTH) -> list[str]:
    """The whole story as plain text."""
    said = [headline(cause, run)]
    said += [f"  {label:<{LABEL}} {text}" for label, text in rows(cause, run, width)]
    return said
