"""What must hold of the results of several ranks together: of each quantity, that every rank's whole is what it must be."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.checks import CHECKS, Check, Trial
from gradcheck.checks.reading import Broken, Skip
from gradcheck.enclosure import Enclosure, Reals, outward
from gradcheck.implementations.labels import indices
from gradcheck.implementations.record import NotPosed, TargetFailed
from gradcheck.parallel.crew import Crew
from gradcheck.parallel.gather import Gathered, Odd, gathered
from gradcheck.parallel.shares import Results, Shared
from gradcheck.shares import Shares
from gradcheck.verdict import Comparison
from gradcheck.verify import GRADIENTS

# Each quantity: its symbol, its name among enclosures, and what must hold of it.
QUANTITIES = {
    "loss": ("ℒ", "loss", "The loss is that of the whole batch, on every rank that has it."),
    "Z": ("∂ℒ/∂Z", "D", "The gradients of the logits of all ranks are those of the whole."),
    "theta": ("∂ℒ/∂θ", "theta", "The gradients of the weights of all ranks are those of the whole."),
    "b": ("∂ℒ/∂b", "b", "The gradients of the bias of all ranks are those of the whole."),
    "X": ("∂ℒ/∂X", "X", "The gradients of the data of all ranks are those of the whole."),
}
NAMES = {"loss": "loss"} | {check: quantity for quantity, check in GRADIENTS.items()}  # of checks, as in one process
MEANS = 2  # operations more of a mean that is made of means, or of sums of some: a product and a quotient


@dataclass(frozen=True, eq=False)
class Asked:
    """What was returned for one problem."""

    shared: Shared
    answers: list[Results]

    def __call__(self, name: str) -> Gathered | None:
        """One quantity of the whole; `Odd` where it is none."""
        return gathered(self.shared, self.answers, name)


def asked(trial: Trial, crew: Crew, shares: Shares) -> Asked:
    """The results of all ranks on the problem of a trial, which are asked for once."""
    found: Asked = trial.remember("ranks", lambda: _asked(trial, crew, shares))
    return found


def _asked(trial: Trial, crew: Crew, shares: Shares) -> Asked:
    problem = trial.problem
    try:
        labels = indices(problem.Y, problem.law.ignore)
        shared = Shared(problem, labels, shares)
        k = range(shares.ranks)
        return Asked(shared, crew.ask([shared.handed(r) for r in k], [shared.said(r) for r in k], problem.law))
    except NotPosed as reason:
        raise Skip(str(reason)) from None
    except TargetFailed as failure:
        raise Broken(str(failure), fatal=failure.fatal) from None


def checks(crew: Crew, shares: Shares) -> tuple[Check, ...]:
    """One for each quantity, in the order of `QUANTITIES`."""
    named = {quantity: check for check, quantity in NAMES.items()}
    return tuple(
        Check(named[name], CHECKS[named[name]].equations, (), claim, _claim(crew, shares, name))
        for name, (_, _, claim) in QUANTITIES.items()
    )


def _claim(crew: Crew, shares: Shares, name: str) -> Callable[[Trial], Iterator[Comparison]]:
    def claim(trial: Trial) -> Iterator[Comparison]:
        try:
            found = asked(trial, crew, shares)(name)
        except Odd as reason:
            raise Broken(str(reason)) from None
        if found is None:
            raise Skip("no rank returns it")
        whole = compared(trial, found, shares, name)
        yield from _by_rank(whole) if len(found.values) > 1 else [whole]

    return claim


def _by_rank(found: Comparison) -> Iterator[Comparison]:
    """What every rank has the whole of, rank by rank: whoever reads of it wants to know of which."""
    truth = found.referee
    for r, computed in enumerate(found.computed):
        own = Enclosure(truth.midpoint[r], truth.radius[r])
        yield Comparison(f"rank {r}'s {found.quantity}", computed, own, found.allowed[r])


def compared(trial: Trial, found: Gathered, shares: Shares, name: str) -> Comparison:
    """A quantity of every rank that has the whole of it, against the truth."""
    symbol, quantity, _ = QUANTITIES[name]
    truth, allowed = trial.truth.enclosure(quantity), limit(trial, shares, quantity)
    values, own = found.values, found.own
    shape = np.broadcast_shapes(values.shape, truth.midpoint.shape)
    midpoint, radius, most = (np.broadcast_to(a, shape) for a in (truth.midpoint, truth.radius, allowed))
    if len(values) == 1:  # nobody asks of which rank
        values, own, midpoint, radius, most = (a[0] for a in (values, own, midpoint, radius, most))
    return Comparison(symbol, values, Enclosure(midpoint, outward(radius + own, 1)), most)


def limit(trial: Trial, shares: Shares, quantity: str) -> Reals:
    """What rounding may do to it: docs/bounds.md, section 16. Parts of a mean are multiplied, and divided, once more."""
    truth = trial.truth
    if shares.by_classes and shares.pieces == 1:
        return truth.allowed(quantity)
    value = truth.enclosure(quantity).magnitude
    if quantity != "loss":
        return truth.upstream(quantity, np.ones(1), value, MEANS)
    return _of_loss(trial, shares, truth.allowed("loss"), value)


def _of_loss(trial: Trial, shares: Shares, bound: Reals, size: Reals) -> Reals:
    """Each part, or each sample, meets two factors more; no part is less than 0."""
    from gradcheck import bounds

    p, parts = trial.granted, shares.ranks * shares.pieces
    more = bounds.relative(p, MEANS, writings=MEANS, readings=MEANS + 1)
    lost = 4 * (parts + trial.problem.n) * max(1.0, 1 / trial.problem.divisor) * p.eta
    found = (1 + more) * bound + more * size + (1 + more) * lost
    for _ in range(MEANS if p.returned else 0):
        found = bounds.returned(found, size, p)
    return outward(np.where(parts * trial.problem.n * size + found < p.huge, found, np.inf), 16)
