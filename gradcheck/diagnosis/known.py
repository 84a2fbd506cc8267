"""Which explanations are tried: those of the cross-entropy, or of any gradient, by the loss that is posed."""

from collections.abc import Iterator
from itertools import chain

from gradcheck.diagnosis import candidates, constants, own, solving
from gradcheck.diagnosis.candidates import FACTORS, Candidate
from gradcheck.diagnosis.views import View


class Known:
    """The candidates for one loss."""

    def __init__(self, views: list[View]) -> None:
        self.own = bool(views) and views[0].trial.law.own
        self._first = views[0].trial.problem if views else None

    def singles(self) -> Iterator[Candidate]:
        """Single mistakes."""
        if not (self.own and self._first):
            return candidates.singles()
        return chain(own.singles(), constants.singles(self._first))

    def bases(self) -> Iterator[Candidate]:
        """What a factor may stand on."""
        return own.bases() if self.own else candidates.bases()

    def scaled(self) -> Iterator[Candidate]:
        """Each of these, times a factor."""
        yield from (base.times(*factor) for base in self.bases() for factor in FACTORS.items())

    def pairs(self) -> Iterator[Candidate]:
        """Two mistakes in one piece of code."""
        return iter(()) if self.own else candidates.pairs()

    def linear(self, views: list[View], names: frozenset[str]) -> Iterator[Candidate]:
        """Mistakes with an amount that is solved for."""
        return iter(()) if self.own else solving.linear(views, names)

    def solved(self, views: list[View], names: frozenset[str]) -> Iterator[Candidate]:
        """A factor that is solved for."""
        return solving.solved(views, names, self.bases())
