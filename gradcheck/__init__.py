"""gradcheck: gradient verification for softmax classifiers, from bounds that follow from the data.

    gradcheck.check(model.gradients)                       # raises Disagreement with what is wrong, or returns the run
    gradcheck.conform("my_model.py").report()              # the same as text, whatever was found

    @gradcheck.parametrize("my_model.py", dtypes=("float64", "float32"))
    def test_my_model(check):                              # one test of each check, for pytest
        check()

    @given(gradcheck.problems())
    def test_my_gradient(problem):                         # with Hypothesis alone
        theta, b = my_gradients(*problem.arrays())
        gradcheck.assert_gradient(problem, theta=theta, b=b)

A target is a function, a module, an Implementation, a path or a name. The names below are the public surface; each is imported
when it is first used, so that `import gradcheck` costs nothing, and pytest can load our plugin without NumPy.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradcheck import ops as ops
    from gradcheck.api.frameworks import from_autograd as from_autograd
    from gradcheck.api.frameworks import from_jax as from_jax
    from gradcheck.api.frameworks import from_mlx as from_mlx
    from gradcheck.api.frameworks import from_paddle as from_paddle
    from gradcheck.api.frameworks import from_tensorflow as from_tensorflow
    from gradcheck.api.frameworks import from_torch as from_torch
    from gradcheck.api.frameworks import from_torch_module as from_torch_module
    from gradcheck.api.targets import load as load
    from gradcheck.api.verbs import assert_gradient as assert_gradient
    from gradcheck.api.verbs import check as check
    from gradcheck.api.verbs import conform as conform
    from gradcheck.api.verbs import judge as judge
    from gradcheck.arithmetic import Arithmetic as Arithmetic
    from gradcheck.asserted import Unexplained as Unexplained
    from gradcheck.asserted import assert_explained as assert_explained
    from gradcheck.asserted import explained as explained
    from gradcheck.auditing.capture import capture as capture
    from gradcheck.auditing.run import audit as audit
    from gradcheck.auditing.watch import watch as watch
    from gradcheck.benches.posing import problems_for as problems_for
    from gradcheck.enclosure import Enclosure as Enclosure
    from gradcheck.errors import Disagreement as Disagreement
    from gradcheck.errors import DisagreementWarning as DisagreementWarning
    from gradcheck.errors import Missing as Missing
    from gradcheck.errors import Unusable as Unusable
    from gradcheck.errors import UnusualWarning as UnusualWarning
    from gradcheck.implementations import Implementation as Implementation
    from gradcheck.implementations import Layout as Layout
    from gradcheck.implementations import NotPosed as NotPosed
    from gradcheck.implementations import Takes as Takes
    from gradcheck.implementations.kernels.made import from_kernel as from_kernel
    from gradcheck.law import CrossEntropy as CrossEntropy
    from gradcheck.law import Loss as Loss
    from gradcheck.parallel.run import ranks as ranks
    from gradcheck.problem import Problem as Problem
    from gradcheck.strategies import problems as problems
    from gradcheck.suite import parametrize as parametrize
    from gradcheck.verdict import Outcome as Outcome
    from gradcheck.verdict import Verdict as Verdict
    from gradcheck.verify import Run as Run
    from gradcheck.verify import judge_gradient as judge_gradient

    __version__: str

__all__ = [
    "Arithmetic",
    "CrossEntropy",
    "Disagreement",
    "DisagreementWarning",
    "Enclosure",
    "Implementation",
    "Layout",
    "Loss",
    "Missing",
    "NotPosed",
    "Outcome",
    "Problem",
    "Run",
    "Takes",
    "Unexplained",
    "Unusable",
    "UnusualWarning",
    "Verdict",
    "__version__",
    "assert_explained",
    "assert_gradient",
    "audit",
    "capture",
    "check",
    "conform",
    "explained",
    "from_autograd",
    "from_jax",
    "from_kernel",
    "from_mlx",
    "from_paddle",
    "from_tensorflow",
    "from_torch",
    "from_torch_module",
    "judge",
    "judge_gradient",
    "load",
    "ops",
    "parametrize",
    "problems",
    "problems_for",
    "ranks",
    "watch",
]

_HOMES = {
    "gradcheck.api.frameworks": (
        "from_autograd",
        "from_jax",
        "from_mlx",
        "from_paddle",
        "from_tensorflow",
        "from_torch",
        "from_torch_module",
    ),
    "gradcheck.api.targets": ("load",),
    "gradcheck.api.verbs": ("assert_gradient", "check", "conform", "judge"),
    "gradcheck.arithmetic": ("Arithmetic",),
    "gradcheck.asserted": ("Unexplained", "assert_explained", "explained"),
    "gradcheck.auditing.capture": ("capture",),
    "gradcheck.auditing.run": ("audit",),
    "gradcheck.auditing.watch": ("watch",),
    "gradcheck.benches.posing": ("problems_for",),
    "gradcheck.enclosure": ("Enclosure",),
    "gradcheck.errors": ("Disagreement", "DisagreementWarning", "Missing", "Unusable", "UnusualWarning"),
    "gradcheck.implementations": ("Implementation", "Layout", "NotPosed", "Takes"),
    "gradcheck.implementations.kernels.made": ("from_kernel",),
    "gradcheck.law": ("CrossEntropy", "Loss"),
    "gradcheck.parallel.run": ("ranks",),
    "gradcheck.problem": ("Problem",),
    "gradcheck.strategies": ("problems",),
    "gradcheck.suite": ("parametrize",),
    "gradcheck.verdict": ("Outcome", "Verdict"),
    "gradcheck.verify": ("Run", "judge_gradient"),
}
_LATER = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("gradcheck")
    if name == "ops":
        return import_module("gradcheck.ops")
    if name not in _LATER:
        raise AttributeError(f"module 'gradcheck' has no attribute {name!r}")
    return getattr(import_module(_LATER[name]), name)


def __dir__() -> list[str]:
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))} - {"__getattr__", "__dir__"})
