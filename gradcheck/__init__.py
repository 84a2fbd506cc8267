"""gradcheck: gradient verification for softmax classifiers, from bounds that follow from the data.

The names below are the public surface. Each is imported when it is first used, so that `import gradcheck` costs nothing, and
pytest can load our plugin without NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradcheck.arithmetic import Arithmetic as Arithmetic
    from gradcheck.auditing.capture import capture as capture
    from gradcheck.auditing.run import audit as audit
    from gradcheck.conformance import conform as conform
    from gradcheck.enclosure import Enclosure as Enclosure
    from gradcheck.errors import Missing as Missing
    from gradcheck.errors import Unusable as Unusable
    from gradcheck.implementations import Implementation as Implementation
    from gradcheck.implementations import Layout as Layout
    from gradcheck.implementations import load as load
    from gradcheck.implementations.autograd import from_autograd as from_autograd
    from gradcheck.implementations.jax import from_jax as from_jax
    from gradcheck.implementations.torch import from_torch as from_torch
    from gradcheck.implementations.torch_module import from_torch_module as from_torch_module
    from gradcheck.law import CrossEntropy as CrossEntropy
    from gradcheck.problem import Problem as Problem
    from gradcheck.strategies import problems as problems
    from gradcheck.suite import parametrize as parametrize
    from gradcheck.verdict import Outcome as Outcome
    from gradcheck.verdict import Verdict as Verdict
    from gradcheck.verify import judge as judge
    from gradcheck.verify import judge_gradient as judge_gradient

_LATER = {
    "Arithmetic": "gradcheck.arithmetic",
    "CrossEntropy": "gradcheck.law",
    "Enclosure": "gradcheck.enclosure",
    "Missing": "gradcheck.errors",
    "Unusable": "gradcheck.errors",
    "Problem": "gradcheck.problem",
    "Outcome": "gradcheck.verdict",
    "Verdict": "gradcheck.verdict",
    "audit": "gradcheck.auditing.run",
    "capture": "gradcheck.auditing.capture",
    "conform": "gradcheck.conformance",
    "Implementation": "gradcheck.implementations",
    "Layout": "gradcheck.implementations",
    "load": "gradcheck.implementations",
    "from_autograd": "gradcheck.implementations.autograd",
    "from_jax": "gradcheck.implementations.jax",
    "from_torch": "gradcheck.implementations.torch",
    "from_torch_module": "gradcheck.implementations.torch_module",
    "parametrize": "gradcheck.suite",
    "problems": "gradcheck.strategies",
    "judge": "gradcheck.verify",
    "judge_gradient": "gradcheck.verify",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module 'gradcheck' has no attribute {name!r}")
    try:
        module = import_module(_LATER[name])
    except ModuleNotFoundError as missing:
        if not name.startswith("from_") or missing.name is None or missing.name.startswith("gradcheck"):
            raise
        from gradcheck.errors import Missing

        raise Missing.extra(f"gradcheck.{name}", missing.name, missing.name) from None
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_LATER])
