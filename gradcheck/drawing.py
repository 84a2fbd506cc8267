"""The problems of a run: drawn by Hypothesis, of the loss that an implementation computes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded
from hypothesis.database import ExampleDatabase
from hypothesis.strategies import SearchStrategy, none, tuples

from gradcheck.errors import Unusable
from gradcheck.implementations import Implementation, posing
from gradcheck.implementations.fitting import laid
from gradcheck.implementations.told import ALIASES
from gradcheck.law import Loss
from gradcheck.problem import Problem
from gradcheck.readings import sound
from gradcheck.readings.running.plans import kept
from gradcheck.referees import lawful
from gradcheck.regimes import select
from gradcheck.strategies import laws, palette, problems
from gradcheck.strategies.arrays import Shape
from gradcheck.strategies.taken import Room

READER, FOUND = "_get_local_constants", "_local_constants"  # of Hypothesis, in versions that read sources


def pose(
    body: Callable[[Problem], None],
    *,
    dtype: str,
    regimes: tuple[str, ...],
    seed: int,
    count: int,
    shrink: bool,
    database: ExampleDatabase | None = None,
    phases: tuple[Phase, ...] = (),
    implementation: Implementation | None = None,
    shapes: tuple[Shape, ...] = (),
) -> None:
    """Run `body` on `count` problems: the same ones for the same seed, dtype and regimes.

    They are of the loss that `implementation` computes; where it declares one, or takes options, with what that asks for. Where it
    compiles for each shape, they are of `few` shapes, which follow from the seed alone.
    Of `shapes` alone, where any are named. A `database` keeps what fails; problems are taken from it only where `phases` says so.
    """
    phases = phases or ((Phase.generate, Phase.shrink) if shrink else (Phase.generate,))

    @settings(  # outside of the seed, which takes the database away
        max_examples=count,
        derandomize=False,  # the seed says what is posed; with True there is no database
        database=database,
        deadline=None,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
        verbosity=Verbosity.quiet,
    )
    @seeded(seed)
    @given(strategy(implementation, dtype, regimes, shapes or few(implementation, seed)))
    def posed(problem: Problem) -> None:
        body(problem)

    with kept(), unread():
        posed()


@contextmanager
def unread() -> Iterator[None]:
    """Within it, Hypothesis does not read the source of whatever a project has loaded for constants to draw: a second for ours.

    None is lost: it takes none of more than 50 bytes, and what problems are made of is longer. Other threads read as they did.
    """
    providers: Any = sys.modules.get("hypothesis.internal.conjecture.providers")
    read = getattr(providers, READER, None)
    if read is not None and hasattr(providers, FOUND) and not isinstance(read, Asked):
        setattr(providers, READER, Asked(providers, read))  # for good: threads would put back what others had put there
    before = UNREAD.set(True)
    try:
        yield
    finally:
        UNREAD.reset(before)


UNREAD: ContextVar[bool] = ContextVar("UNREAD", default=False)


@dataclass(frozen=True)
class Asked:
    """Hypothesis's reader of sources, but for what is done while they are not to be read: that goes by what is known already."""

    providers: Any
    read: Callable[[], Any]

    def __call__(self) -> Any:
        return getattr(self.providers, FOUND) if UNREAD.get() else self.read()


def few(implementation: Implementation | None, seed: int) -> tuple[Shape, ...]:
    """The shapes that a target is posed which compiles for each; none where it may be posed any."""
    if implementation is None or not implementation.takes.compiles:
        return ()
    return palette.among(Room(**_room(implementation)), seed)


def strategy(
    implementation: Implementation | None, dtype: str, regimes: tuple[str, ...], few: tuple[Shape, ...] = ()
) -> SearchStrategy[Problem]:
    """The problems of its loss; without options, the same as without an implementation."""
    if implementation is None or (implementation.law.plain and not implementation.takes.options):
        return problems(dtypes=(dtype,), regimes=regimes, few=few, **_room(implementation))
    if isinstance(implementation.law, Loss):
        sound.begin(implementation.law, implementation.takes.classes)
        lawful.of(implementation.law)
        left = sound.unposed(implementation.law, implementation.takes.classes)
        if regimes and (wanted := select(regimes)) and set(wanted) <= set(left):
            raise Unusable(f"{wanted[0]} is not posed: {left[wanted[0]]}")
    ignored = implementation.law.ignore is not None or "ignore" in implementation.varied
    taken = tuple(name for name in implementation.takes.options if ALIASES[name] in implementation.varied)
    options = laws(taken) if taken else none()
    drawn = tuples(
        problems(dtypes=(dtype,), regimes=regimes, ignored=ignored, few=few, **_room(implementation)), options
    )
    return drawn.map(lambda found: posing.drawn(implementation, *found))


def possible(implementation: Implementation, regimes: tuple[str, ...]) -> None:
    """Raise `Unusable` where there are no such regimes, or no problem of them that it takes."""
    strategy(implementation, "float64", regimes or ("*",))


def _room(implementation: Implementation | None) -> dict[str, Any]:
    """Which problems it takes, whatever options these have; of a loss of one's own, with finite logits."""
    if implementation is None:
        return {}
    takes = replace(implementation.takes, options=(), labels=("int64",))
    if isinstance(implementation.law, Loss):
        takes = replace(
            takes,
            without=tuple(
                dict.fromkeys((*takes.without, *sound.unposed(implementation.law, implementation.takes.classes)))
            ),
        )
    return {"takes": takes, "layout": laid(implementation)}
