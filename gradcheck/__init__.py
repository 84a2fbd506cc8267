"""gradcheck: gradient verification for softmax classifiers, from bounds instead of tolerances.

The names below are the public surface. Each is imported when it is first used, so that `import gradcheck` costs nothing, and
pytest can load our plugin without NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradcheck.conformance import conform as conform
    from gradcheck.enclosure import Enclosure as Enclosure
    from gradcheck.errors import Missing as Missing
    from gradcheck.errors import Unusable as Unusable
    from gradcheck.implementations import Implementation as Implementation
    from gradcheck.implementations import Layout as Layout
    from gradcheck.implementations import load as load
    from gradcheck.problem import Problem as Problem
    from gradcheck.strategies import problems as problems
    from gradcheck.suite import parametrize as parametrize
    from gradcheck.verdict import Outcome as Outcome
    from gradcheck.verdict import Verdict as Verdict
    from gradcheck.verify import judge as judge
    from gradcheck.verify import judge_gradient as judge_gradient

_LATER = {
    "Enclosure": "gradcheck.enclosure",
    "Missing": "gradcheck.errors",
    "Unusable": "gradcheck.errors",
    "Problem": "gradcheck.problem",
    "Outcome": "gradcheck.verdict",
    "Verdict": "gradcheck.verdict",
    "conform": "gradcheck.conformance",
    "Implementation": "gradcheck.implementations",
    "Layout": "gradcheck.implementations",
    "load": "gradcheck.implementations",
    "parametrize": "gradcheck.suite",
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
