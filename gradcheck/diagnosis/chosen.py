"""Which problems of a run are kept to be looked at, and which of these are: those that tell one mistake from another."""

from collections.abc import Iterable

from gradcheck import traits
from gradcheck.diagnosis.views import LARGE
from gradcheck.problem import Problem

SEARCHED, CONFIRMED = 16, 64  # problems on which candidates are tried, and on which those that are left are confirmed
COSTLY = 2048  # numbers of a problem, or of a Jacobian, that takes longer than most
SMALL = 4096  # logits of a problem that is looked at
HUGE, FEW = 2**16, 3  # those of one that is looked at where there is no smaller one, and how many


def keep(kept: list[Problem], problem: Problem) -> None:
    """Put a problem among those that are looked at, while there is room: many that are small, and a few that are not."""
    if problem.Y.size <= SMALL:
        if len(kept) < CONFIRMED:
            kept.append(problem)
    elif problem.Y.size <= HUGE and sum(other.Y.size > SMALL for other in kept) < FEW:
        kept.append(problem)


def telling(problems: Iterable[Problem]) -> list[Problem]:
    """Small ones, and of most sides first: n = 1 hides a factor, squares hide transposes. Where there is none, a few large ones."""
    every = {p.digest: p for p in problems}.values()
    distinct = [p for p in every if p.Y.size <= SMALL] or sorted(every, key=lambda p: p.Y.size)[:FEW]
    ordered = sorted(distinct, key=lambda p: (-len({p.n, p.d, p.L, 1}), p.Y.size))[:CONFIRMED]
    cheap = [p for p in ordered if not _costly(p)]
    dear = [p for p in ordered if _costly(p)][:SEARCHED]
    # those that refute at the least cost
    return sorted(cheap + dear, key=lambda p: (traits.of(p)[0] > LARGE, _costly(p)))


def _costly(problem: Problem) -> bool:
    """Whether all that may be made of it, a Jacobian among them, takes long."""
    return max(problem.entries, problem.L**2) > COSTLY


def beside(passing: list[Problem]) -> list[Problem]:
    """Passing ones that may refute: some with moderate numbers, and some with large ones."""
    found = telling(passing)
    large = [p for p in found if traits.of(p)[0] > LARGE]
    plain = sorted((p for p in found if traits.of(p)[0] <= LARGE and not _costly(p)), key=lambda p: p.Y.size)
    half = SEARCHED // 2  # small ones are cheap; large ones have more to refute
    return [p for some in (plain, large) for p in (*some[:half], *some[half:][-half:])]
