"""gradcheck: gradient verification for softmax classifiers, from bounds instead of tolerances.

The names below are the public surface. What needs Hypothesis or python-flint is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gradcheck.enclosure import Enclosure as Enclosure
from gradcheck.errors import Missing as Missing
from gradcheck.errors import Unusable as Unusable
from gradcheck.problem import Problem as Problem
from gradcheck.verdict import Outcome as Outcome
from gradcheck.verdict import Verdict as Verdict

if TYPE_CHECKING:
    from gradcheck.conformance import conform as conform
    from gradcheck.implementations import Implementation as Implementation
    from gradcheck.implementations import Layout as Layout
    from gradcheck.implementations import load as load
    from gradcheck.strategies import problems as problems
    from gradcheck.verify import judge as judge
    from gradcheck.verify import judge_gradient as judge_gradient

_LATER = {
    "conform": "gradcheck.conformance",
    "Implementation": "gradcheck.implementations",
    "Layout": "gradcheck.implementations",
    "load": "gradcheck.implementations",
    "problems": "gradcheck.strategies",
    "judge": "gradcheck.verify",
    "judge_gradient": "gradcheck.verify",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'gradcheck' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER])
