"""What a run has not judged, and what would: precisions, regimes, options of the loss, functions, and problems that were declined.

A run that is silent about them reads as if it had judged them.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from gradcheck.checks import Check, Trial
from gradcheck.implementations import FUNCTIONS, Implementation
from gradcheck.implementations.fitting import laid
from gradcheck.implementations.told import unvaried
from gradcheck.law import Loss
from gradcheck.readings import sound
from gradcheck.regimes import REGIMES
from gradcheck.spread import regimes_of
from gradcheck.verdict import Outcome, Verdict

ENOUGH = 300  # problems: in so many all regimes are reached that are in every run
REASONS = 16  # of problems that were declined, which are told apart


@dataclass(frozen=True)
class Gap:
    """A dtype, a regime, an option, a function or problems that were not judged; `how` is what would, or why they were not."""

    kind: str
    name: str
    how: str = ""


class Asked(NamedTuple):
    """What a run was asked for, and how many problems it has judged."""

    dtype: str
    regimes: tuple[str, ...]
    checks: tuple[Check, ...]
    problems: int


class Watch:
    """Which regimes have not been met yet by a problem on which anything was judged, and how many problems were declined."""

    def __init__(self, implementation: Implementation) -> None:
        self.out_of_order = laid(implementation).memory == "C"  # it is handed copies in C order
        self.left = list(REGIMES)
        self.declined: Counter[str] = Counter()

    def add(self, trial: Trial, verdicts: Mapping[str, Verdict]) -> None:
        """Look at one problem and what was said of it."""
        if trial.declined and (trial.declined in self.declined or len(self.declined) < REASONS):
            self.declined[trial.declined] += 1
        if any(verdict.outcome is not Outcome.SKIPPED for verdict in verdicts.values()):
            met = regimes_of(trial.problem)  # which the tallies ask for, too
            self.left = [name for name in self.left if name not in met or self.copied(name)]

    def copied(self, name: str) -> bool:
        """Whether it is of a memory order that the target never sees."""
        return self.out_of_order and name.startswith("memory-")


def gaps(implementation: Implementation, watch: Watch, run: Asked) -> tuple[Gap, ...]:
    """Everything that a run has not judged."""
    told = f"of {run.problems} problems"
    return (
        *(Gap("dtype", name, "--dtype") for name in implementation.dtypes if name != run.dtype),
        *_regimes(implementation, watch, run),
        *(Gap("option", name, how) for name, how in unvaried(implementation)),
        *_functions(implementation, run.checks),
        *(Gap("problems", f"{count} {told}", f"declined: {why}") for why, count in watch.declined.items()),
    )


def _regimes(implementation: Implementation, watch: Watch, run: Asked) -> Iterator[Gap]:
    if run.regimes != ("*",):
        yield Gap("regime", "other regimes", "--regime")
        return
    takes, law = implementation.takes, implementation.law
    own = sound.unposed(law) if isinstance(law, Loss) else {}
    for name in watch.left:
        if name in own:
            yield Gap("regime", name, own[name])
        elif name in takes.refused:
            yield Gap("regime", name, "--without-regime")
        elif REGIMES[name].opt_in:
            yield Gap("regime", name, "--regime")
        elif watch.copied(name):
            yield Gap("regime", name, "--memory any")
        elif not takes.any_shape:
            yield Gap("regime", name, "--shape" if takes.shapes else "--max-logits")
        else:
            yield Gap("regime", name, "--max-examples" if run.problems < ENOUGH else "")


def _functions(implementation: Implementation, checks: Iterable[Check]) -> Iterator[Gap]:
    """Those that the checks of this run would call."""
    asked = {name for check in checks for name in check.needs}
    for name in FUNCTIONS:
        if name in asked and name not in implementation.offers:
            yield Gap("function", name, implementation.missing(name))
