"""What ranks do wrong together, in words: said only where what it would return is what was returned, within every limit."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np

from gradcheck.checks import Trial
from gradcheck.checks.reading import Broken, Skip
from gradcheck.enclosure import Reals
from gradcheck.parallel import wrong
from gradcheck.parallel.claims import Asked, compared
from gradcheck.parallel.gather import Gathered, Odd
from gradcheck.parallel.shares import Shared
from gradcheck.shares import Shares
from gradcheck.verdict import Comparison

EXAMINED = 12  # failing problems of each quantity

# What would be returned: of each quantity, its values by rank, or of one where all have their own parts of it.
Returned = Mapping[str, Reals]


@dataclass(frozen=True)
class Fault:
    """One, and of how many of the failures that were examined it is what they are."""

    words: str
    explained: int
    examined: int


def found(failing: Iterable[tuple[str, Trial]], ask: Callable[[Trial], Asked], shares: Shares) -> Fault | None:
    """The fault that explains most of these failures of a quantity on a problem; None where none explains half of them."""
    counts, spoken = Counter[str](), Counter[str]()
    for name, trial in failing:
        try:
            answer = ask(trial)
            value = answer(name)
        except (Skip, Broken, Odd):
            continue
        if value is None:
            continue
        for words, explains in dict(_named(trial, answer, name, value, shares)).items():
            spoken[words] += 1
            counts[words] += explains
    best = max(counts, key=lambda words: counts[words], default=None)
    if best is None or 2 * counts[best] < spoken[best]:
        return None
    return Fault(best, counts[best], spoken[best])


def _named(trial: Trial, answer: Asked, name: str, value: Gathered, shares: Shares) -> Iterator[tuple[str, bool]]:
    """Each fault that says what this would be, and whether it is that."""
    comparison = compared(trial, value, shares, name)
    if not comparison.verdict().failed:  # any more: whatever is right would be said to explain it
        return
    with np.errstate(all="ignore"):
        for words, returned in _hypotheses(trial, answer, shares, name):
            yield words, _fits(comparison, returned)


def _fits(found: Comparison, returned: Reals) -> bool:
    """Whether what was computed is that, within limits of its own size."""
    limit = found.referee.radius + found.allowed
    size = np.maximum(1.0, abs(returned) / np.maximum(abs(found.referee.midpoint), np.finfo(float).tiny))
    near = abs(found.computed - returned) <= limit * np.minimum(size, 2.0**20)
    return bool((near | (found.computed == returned)).all())


def _hypotheses(trial: Trial, answer: Asked, shares: Shares, name: str) -> Iterator[tuple[str, Reals]]:
    """Each fault, and what a quantity would be, in the shape of what was compared."""
    shared = answer.shared
    single = shares.how(name) != "shared" and not (name == "loss" and shares.loss == "shared")
    own = wrong.of_classes if shares.by_classes else wrong.of_samples
    for words, made in chain(own(trial, shared), wrong.of_pieces(trial, shared)):
        whole = made.get(name)
        if whole is not None:
            yield words, whole[0] if single else np.broadcast_to(whole, (shares.ranks, *whole.shape[1:]))
    yield from _of_sums(trial, shared, name, single)


def _of_sums(trial: Trial, shared: Shared, name: str, single: bool) -> Iterator[tuple[str, Reals]]:
    """Faults of what is done with parts that are right: added up twice, left out, or not added up."""
    k = shared.shares.ranks
    truth = trial.truth.enclosure({"Z": "D"}.get(name, name)).midpoint
    for words, factor in factors(shared.shares).items():
        whole = factor * truth
        yield words, whole if single else np.broadcast_to(whole, (k, *whole.shape))
    parts = wrong.parts(trial, shared, name)
    if parts is None or k == 1:
        return
    for r in range(k):
        rest = parts.sum(axis=0) - parts[r]
        yield f"the part of rank {r} were left out", rest if single else np.broadcast_to(rest, parts.shape)
    if not single:
        yield "each rank kept its own part, which is not added to the others", parts


def factors(shares: Shares) -> dict[str, float]:
    """Factors that have a cause; where there are as many pieces as ranks, one may have two."""
    k, K = shares.ranks, shares.pieces
    causes = (
        (k, float(k), f"it were added up over the {k} ranks twice"),
        (K, float(K), f"the mean over the {K} pieces were not taken"),
        (k, 1 / k, f"it were divided by the {k} ranks once more than added up"),
        (K, 1 / K, f"it were divided by the {K} pieces, of which each is a part of the mean already"),
    )
    told: dict[float, list[str]] = {}
    for count, factor, words in causes:
        if count > 1:
            told.setdefault(factor, []).append(words)
    times = {factor: f": {factor:g} times what it must be" * (factor > 1) for factor in told}
    return {", or ".join(words) + times[factor]: factor for factor, words in told.items()}


def first(failing: Iterable[tuple[str, Trial]]) -> Iterator[tuple[str, Trial]]:
    """The first of them of each quantity."""
    counts = Counter[str]()
    for name, trial in islice(failing, 64):
        counts[name] += 1
        if counts[name] <= EXAMINED:
            yield name, trial
