"""The power of the checks: which check kills which mistake, and in how many test cases."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from gradcheck.checks import CHECKS
from gradcheck.drawing import pose
from gradcheck.implementations.quiet import quiet
from gradcheck.law import CrossEntropy
from gradcheck.mistakes import MISTAKES
from gradcheck.problem import Problem
from gradcheck.verify import judge

SEEDS = range(5)
SCHEMA = 1
NAMED = 3  # checks that a reader takes in; more are counted


@dataclass(frozen=True)
class Kills:
    """Of one mistake: for each check that kills it at some seed, the test cases to the first kill at each seed.

    The numbers count from 1; None where it was not killed within `posed` test cases. `first` is that of all checks together.
    """

    mistake: str
    checks: dict[str, tuple[int | None, ...]]
    first: tuple[int | None, ...]
    posed: int

    @property
    def worst(self) -> int | None:
        """Test cases to the first kill at the worst seed."""
        return worst(self.first)


def middle(counts: tuple[int | None, ...]) -> float | None:
    """The median over the seeds; None where it is not killed at most of them."""
    found = median(float("inf") if count is None else count for count in counts)
    return None if found == float("inf") else found


def worst(counts: tuple[int | None, ...]) -> int | None:
    """The largest over the seeds; None where it is not killed at one of them."""
    known = [count for count in counts if count is not None]
    return max(known) if len(known) == len(counts) else None


def matrix(count: int, dtype: str = "float64") -> Iterator[Kills]:
    """Every mistake of the table in turn, on the same problems as a run of `count` test cases at each of the seeds."""
    posed: dict[tuple[tuple[str, ...], int, CrossEntropy], list[Problem]] = {}
    for mistake in MISTAKES.values():
        found = []
        for seed in SEEDS:
            key = mistake.regimes, seed, mistake.law
            if key not in posed:
                posed[key], regimes, it = [], key[0] or ("*",), mistake.implementation()
                add = posed[key].append
                pose(add, dtype=dtype, regimes=regimes, seed=seed, count=count, shrink=False, implementation=it)
            found.append(_first(mistake.name, posed[key]))
        names = [name for name in CHECKS if any(name in kills for kills in found)]
        checks = {name: tuple(kills.get(name) for kills in found) for name in names}
        yield Kills(mistake.name, checks, tuple(min(kills.values(), default=None) for kills in found), count)


def _first(name: str, problems: list[Problem]) -> dict[str, int]:
    """The test case at which each check first disagrees; a check that has done so judges no more."""
    implementation, kills = MISTAKES[name].implementation(), dict[str, int]()
    with quiet():
        for number, problem in enumerate(problems):
            due = [check for check in CHECKS.values() if check.name not in kills and check.due(number, problem)]
            for check, verdict in judge(implementation, problem, due).items():
                if verdict.failed:
                    kills[check] = number + 1
    return kills


def by_mistake(found: Sequence[Kills]) -> Iterator[tuple[str, ...]]:
    """A row for each mistake: median and worst test cases to the first kill, and the checks that are quickest."""
    for kills in found:
        ranked = sorted(kills.checks, key=lambda check: (middle(kills.checks[check]) or kills.posed + 1, check))
        said = [f"{check} {shown(middle(kills.checks[check]))}/{shown(worst(kills.checks[check]))}" for check in ranked]
        more = [f"{len(said) - NAMED} more"] if len(said) > NAMED else []
        yield kills.mistake, shown(middle(kills.first)), shown(kills.worst), ", ".join((*said[:NAMED], *more)) or "–"


def by_check(found: Sequence[Kills]) -> Iterator[tuple[str, ...]]:
    """A row for each check: how many mistakes it kills at every seed, median and worst test cases, and what it alone kills."""
    for check in CHECKS:
        counts = [kills.checks[check] for kills in found if check in kills.checks]
        always = [count for count in counts if worst(count) is not None]
        alone = [kills.mistake for kills in found if list(kills.checks) == [check]]
        medians = median([middle(count) or 0 for count in always]) if always else None
        slowest = max((worst(count) or 0 for count in always), default=None)
        yield check, str(len(always)), shown(medians), shown(slowest), ", ".join(alone) or "–"


def shown(count: float | None) -> str:
    """A number of test cases; a dash where there is none."""
    return "–" if count is None else f"{count:g}"


def text(found: Sequence[Kills]) -> str:
    """The whole matrix as JSON; null stands for "not within the test cases that were posed"."""
    rows = [{"mistake": k.mistake, "first": k.first, "checks": k.checks} for k in found]
    whole = {"gradcheck_kill_matrix": SCHEMA, "seeds": list(SEEDS), "test_cases": found[0].posed, "mistakes": rows}
    return json.dumps(whole, indent=1) + "\n"
