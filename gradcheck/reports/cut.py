"""What a run has left undone since its time was up, in words."""

from collections.abc import Iterator

from gradcheck.verify import Failure, Run

NAMED = 3  # checks that a reader takes in


def ended(run: Run) -> str:
    """What the last line of a run says of it; nothing of one that has judged all its problems."""
    if run.cut is None or run.cut.whole:
        return ""
    return f" — of {run.max_examples}, since its {run.cut.seconds:.3g} s were over"


def lines(run: Run) -> Iterator[str]:
    """A line on the problems, and one on the failures, of which something is left undone."""
    cut = run.cut
    if cut is None:
        return
    if not cut.whole:
        partly = f", {cut.partly} of them in part" if cut.partly else ""
        judged = f"of {run.max_examples} problems {run.problems} were judged in {cut.seconds:.3g} s"
        yield f"{judged}{partly}; a longer --budget judges more"
    if names := unshrunk(run):
        rest = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        yield f"for want of time not made smaller: the problem of {', '.join(names[:NAMED])}{rest}"
    if cut.undone:
        yield f"for want of time not looked for to the end: {', '.join(cut.undone)}"


def unshrunk(run: Run) -> list[str]:
    """The checks whose failing problem is not the smallest one that could be found."""
    return [failure.check.name for failure in run.failures if not failure.shrunk]


def smallest(failure: Failure, sizes: str) -> str:
    """The problem of a failure, and whether it was made as small as it can be."""
    return sizes if failure.shrunk else f"{sizes}, so far: the run ended before a smaller one was found"
