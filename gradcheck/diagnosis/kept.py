"""What is kept by an array, an address, some of the arguments, or a call that broke off: told by the checks that pose just that."""

from collections.abc import Iterator, Set
from contextlib import suppress
from dataclasses import replace
from itertools import cycle

import numpy as np

from gradcheck.checks import CHECKS, Trial
from gradcheck.checks.reading import Broken, Skip
from gradcheck.checks.state import ELSEWHERE, after
from gradcheck.diagnosis.description import Diagnosis, Part
from gradcheck.diagnosis.views import QUANTITIES, View, symbols
from gradcheck.implementations import Implementation
from gradcheck.implementations.record import FUNCTIONS
from gradcheck.mistakes import MISTAKES
from gradcheck.problem import Problem
from gradcheck.verdict import Outcome, Verdict

LOOKED = 3  # failing problems, the smallest ones: what these checks pose has their shape, and no more of them

# Which mistake each check shows; `updated_in_place` two, told apart by what is returned.
SHOWN = {
    "updated_in_place": "made_of_an_array_remembered",
    "memory_given_again": "remembered_by_address",
    "after_an_exception": "left_by_an_exception",
    "two_threads": "one_array_for_all_threads",
}

# Those that make values wrong in the course of a run, which another mistake may fit by chance.
SEEN = frozenset({"remembered_by_some_arguments", "remembered_by_address"})


def diagnose(implementation: Implementation, problems: list[Problem], done: frozenset[str]) -> Diagnosis | None:
    """What functions that are not `done` keep; None where these checks find nothing in any of them."""
    most = min(LOOKED, (len(problems) + 1) // 2)  # of few, which are all that there is time for, half
    looked = sorted(problems, key=lambda p: (p.memory == "read-only", p.entries))[:most]
    shown: dict[str, list[str]] = {}
    for function in (name for name in implementation.offers if name not in done):
        for mistake in _shown(implementation, function, looked):
            shown.setdefault(mistake, []).append(function)
    if not shown:
        return None
    digests = frozenset(problem.digest for problem in problems)
    offered = View(implementation, looked[0]).outputs.keys() & QUANTITIES.keys()
    return Diagnosis(
        tuple(_part(mistake, functions, offered) for mistake, functions in shown.items()), digests, digests
    )


def _shown(implementation: Implementation, function: str, problems: list[Problem]) -> Iterator[str]:
    """The mistake that is shown by this function alone; the first of them, since others may follow from it."""
    alone = replace(implementation, **dict.fromkeys(set(FUNCTIONS) - {function}))  # type: ignore[arg-type]
    for check, mistake in SHOWN.items():
        verdicts = (_judged(check, Trial(alone, problem), function) for problem in problems)
        found = next((v for v in verdicts if v is not None and v.outcome is Outcome.DISAGREE), None)
        if found is not None:
            same_elsewhere = check == "updated_in_place" and ELSEWHERE not in found.reason
            yield "remembered_by_some_arguments" if same_elsewhere else mistake
            return


def _judged(check: str, trial: Trial, function: str) -> Verdict | None:
    if check != "after_an_exception" or trial.refused:
        return CHECKS[check].judge(trial)
    with suppress(Broken, Skip), np.errstate(all="ignore"):
        return after(trial, function, next(_TURNS))
    return None


_TURNS = cycle(range(15, 215, 5))  # numbers that no check poses: what is left of a call that raised is found once


def _part(mistake: str, functions: list[str], offered: Set[str]) -> Part:
    names = frozenset(name for name in offered if QUANTITIES[name][0] in functions)
    checks = frozenset(check for check, shown in SHOWN.items() if shown == mistake)
    found = MISTAKES[mistake]
    return Part(found.what, names, found.fix, (mistake,), where=f", in {symbols(names)}", checks=checks, state=True)
