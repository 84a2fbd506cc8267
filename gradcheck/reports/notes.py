"""Code that agrees, and yet loses bits that careful code keeps: where, how many, and what keeps them."""

from collections.abc import Iterator

from gradcheck import traits
from gradcheck.problem import Problem
from gradcheck.reports import words
from gradcheck.tally import Tally
from gradcheck.verify import Run

SHIFTED = "(z - m) - log s keeps them, and so does exp(z - m)/s; z - (m + log s) and merged log-sum-exps do not"
REMEDIES = {
    "softmax": SHIFTED,
    "loss": "sum Y ((m - z) + log s), label by label, keeps them; log-sum-exps and logits that are summed apart do not",
}
OFFSET = list(traits.TRAITS).index("the offset common to the logits of a sample")


def lost(run: Run) -> Iterator[str]:
    """A line for each check: `loss agrees, and loses 21 bits: ℒ = …`."""
    for name, tally in run.tallies.items():
        if tally.lost is not None and not tally.failed:
            yield f"{name} agrees, and {line(tally)}"


def line(tally: Tally) -> str:
    """How many bits, where, and the remedy; the tally has lost some."""
    assert tally.lost is not None
    problem, verdict = tally.lost
    remedy = REMEDIES.get(tally.check.name, SHIFTED)
    return f"loses {bits(verdict.lost)} beside careful code: {words.finding(verdict)}, {_where(problem)}. {remedy}."


def bits(count: float) -> str:
    """A number of bits, in words."""
    return "1 bit" if round(count) == 1 else f"{max(count, 0.1):.0f} bits" if count >= 1 else f"{count:.1f} bits"


def _where(problem: Problem) -> str:
    offset = traits.of(problem)[OFFSET]
    size = words.sizes(problem)
    return f"at logits about {offset:.3g} ({size})" if offset >= 1 else f"at {size}"
