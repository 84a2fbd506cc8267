"""What Python calls: every verb takes whatever names or is a target, and what it returns or raises reads well."""

import doctest
import inspect
import subprocess
import sys
import types
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import gradcheck
from docs import reference_pages
from gradcheck import Arithmetic, CrossEntropy, Disagreement, Implementation, Layout, Unusable
from gradcheck.auditing.capturing.fused import Fused
from gradcheck.auditing.capturing.step import Step
from gradcheck.auditing.capturing.traced import Traced
from gradcheck.auditing.watching.layer import Watch
from gradcheck.reports import commands

MODEL = """
import numpy as np

def gradients(theta, b, X, Y):
    Z = theta @ X + b
    A = np.exp(Z - Z.max(axis=0))
    D = A / A.sum(axis=0) - Y
    return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True)}

def right(theta, b, X, Y):
    return {name: gradient / X.shape[1] for name, gradient in gradients(theta, b, X, Y).items()}
"""
FEW = {"max_examples": 12, "checks": ("theta_gradient", "bias_gradient")}


@pytest.fixture
def model(tmp_path, monkeypatch):
    """README's model, which forgets to divide by n, as a file in the current folder and as a module."""
    (tmp_path / "model.py").write_text(MODEL, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = types.ModuleType("model")
    exec(MODEL, found.__dict__)
    return found


def forms(model):
    """The same target, in every form that there is."""
    text = '[tool.gradcheck.targets.mine]\ntarget = "model.py:right"\n'
    Path("pyproject.toml").write_text(text, encoding="utf-8")
    alone = types.ModuleType("model")
    alone.gradients = model.right
    return {
        "function": model.right,
        "module": alone,
        "mapping": {"gradients": model.right},
        "object": types.SimpleNamespace(gradients=model.right),
        "implementation": Implementation("model", model.right),
        "implementation of a function": Implementation(model.right),
        "object of a file": "model.py:right",
        "path": Path("model.py:right"),
        "name in pyproject.toml": "mine",
    }


def test_every_verb_takes_whatever_names_or_is_a_target(model):
    problem = gradcheck.Problem(np.eye(2), np.zeros((2, 1)), np.eye(2), np.eye(2))
    few = {**FEW, "max_examples": 3}
    for name, target in forms(model).items():
        assert gradcheck.load(target).offers == ("gradients",), name
        verdicts = gradcheck.judge(target, problem, ["theta_gradient"])
        assert [str(verdict.outcome) for verdict in verdicts.values()] == ["agree"], name
        assert set(gradcheck.conform(target, **few).tallies) == set(FEW["checks"])
        assert not gradcheck.check(target, **few).failed
        assert "check" in gradcheck.parametrize(target, **few).mark.args


def test_a_failure_is_raised_with_its_report_and_its_case_is_kept(model):
    with pytest.raises(Disagreement, match=r"^✗ Summed over the batch: not divided by n") as raised:
        gradcheck.check("model.py", **FEW)
    assert raised.value.run.failed and isinstance(raised.value, AssertionError)
    assert list(Path("cases").iterdir())


def test_what_is_declared_in_python_prevails_and_advice_is_in_python(model):
    run = gradcheck.check(model.gradients, law=CrossEntropy(reduction="sum"), **FEW)
    assert repr(run) == "<Run gradients float64: 2 agree on 12 problems (seed 0)>"
    assert str(run) == run.report().splitlines()[-1]
    assert gradcheck.load(model.gradients, layout=Layout(samples="rows")).layout.samples == "rows"
    assert gradcheck.load("numpy", arithmetic=Arithmetic(inner="float32")).arithmetic.inner == "float32"


def test_a_report_is_the_same_text_in_a_notebook_and_without_colours(model, monkeypatch):
    run = gradcheck.conform("model.py", **FEW)
    said = run.report()
    assert "not divided by n" in said
    shell = type("ZMQInteractiveShell", (), {})
    monkeypatch.setattr("builtins.get_ipython", shell, raising=False)  # what a kernel of Jupyter has
    assert run.report() == said
    monkeypatch.setenv("NO_COLOR", "1")
    assert run.report() == said and "not divided by n" in run._repr_html_()


def test_advice_is_given_for_where_things_are_declared():
    meant = {"meant": Layout(samples="rows", labels="index"), "meant_law": CrossEntropy(reduction="sum", smoothing=0.1)}
    given = {
        "command": "--samples rows --labels index --reduction sum --smoothing 0.1",
        "python": 'layout=Layout(samples="rows", labels="index"), law=CrossEntropy(reduction="sum", smoothing=0.1)',
        "pyproject": 'samples = "rows", labels = "index", loss = { reduction = "sum", smoothing = 0.1 }',
    }
    run = gradcheck.Run("it", "float64", 0, 1, ("*",), 1, {}, **meant)
    for door, words in given.items():
        assert commands.suggested(replace(run, door=door)) == words
    rounds = replace(run, rounds=Arithmetic(inner="float32"), door="python")
    assert commands.suggested(rounds) == 'arithmetic=Arithmetic(inner="float32")'
    weights = CrossEntropy(class_weight=(1.0, 2.0), l2=0.5, l2_bias=True)
    told = commands.suggested(replace(run, meant=Layout(), meant_law=weights, door="python"))
    assert told == "law=CrossEntropy(class_weight=(1.0, 2.0), l2=0.5, l2_bias=True)"
    assert eval(told.removeprefix("law="), {"CrossEntropy": CrossEntropy}) == weights


def test_what_is_no_target_is_one_line():
    cases = ((3, "a target is a function, a module"), ("nowhere.py", "no such file"), ("", "path or a name"))
    for target, words in cases:
        with pytest.raises(Unusable, match=words) as raised:
            gradcheck.load(target)
        assert "\n" not in str(raised.value)


def test_an_argument_that_there_is_not_is_one_line_with_the_nearest(model):
    for verb in (gradcheck.conform, gradcheck.check, gradcheck.parametrize):
        with pytest.raises(Unusable, match=r"has no argument 'max_example'; did you mean max_examples\?") as raised:
            verb(model.gradients, max_example=5)
        assert isinstance(raised.value, TypeError)
    with pytest.raises(Unusable, match="no argument 'rtol'; expected any of"):
        gradcheck.check(model.gradients, rtol=1e-3)


def test_nothing_judged_is_no_success():
    with pytest.raises(Unusable, match=r"nothing could be judged.*has no function 'loss'"):
        gradcheck.check({"softmax": lambda Z: Z}, checks=["loss"], max_examples=3)


def test_runs_and_verdicts_are_short_and_say_what_is_wrong(model):
    run = gradcheck.conform(model.gradients, max_examples=30, checks=("*_gradient",))
    assert len(repr(run)) <= 200 and "disagree" in repr(run)
    assert "divide the summed gradient" in run.report() and run.report().endswith(str(run))
    assert 'law=CrossEntropy(reduction="sum")' in run.report()
    assert run._repr_html_().count("<pre") == 1
    verdict = run.failures[0].verdict
    first, second = str(verdict).splitlines()
    assert first.startswith("disagree: ∂ℒ/∂") and "but must be" in first
    assert second.startswith("Can you blame float precision? No") and "  " not in second
    assert repr(verdict) == f"<Verdict {first}>"
    agreed = gradcheck.judge("numpy", run.failures[0].problem, ["loss"])["loss"]
    assert str(agreed).startswith("agree, test ratio") and "\n" not in str(agreed)


def test_a_notebook_obeys_nothing_that_a_target_says():
    def gradients(theta, b, X, Y):
        raise ValueError("<script>\x1b[31m</pre>\u202e::error::")

    run = gradcheck.conform(gradients, **FEW)
    shown = run._repr_html_()
    assert "<script>" not in shown and "&lt;script&gt;" in shown and shown.count("</pre>") == 1
    assert "\x1b" not in shown + run.report() and "\u202e" not in shown + run.report()
    with pytest.raises(Disagreement) as raised:
        gradcheck.check(gradients, cases=None, **FEW)
    assert raised.value._render_traceback_()[0] == "Disagreement:"


def test_assert_gradient_says_where_and_what_it_must_be():
    problem = gradcheck.Problem(np.zeros((2, 1)), np.zeros((2, 1)), np.ones((1, 2)), np.array([[1.0, 1.0], [0.0, 0.0]]))
    right = gradcheck.load("numpy").gradients(*problem.arrays())
    gradcheck.assert_gradient(problem, theta=right["theta"], b=right["b"])
    with pytest.raises(Disagreement) as raised:
        gradcheck.assert_gradient(problem, theta=2 * right["theta"], b=right["b"])
    said = str(raised.value)
    assert "∂ℒ/∂θ[1, 0] = 1, but must be 0.5 ±" in said and "eq. 11–13, 17" in said and "bias_gradient" not in said
    assert "n=2 d=1 L=2" in said and "X = [[1, 1]]" in said
    with pytest.raises(Unusable, match="expected any of theta, b, Z, X"):
        gradcheck.assert_gradient(problem, dW=right["theta"])


# ---- the names of the package ----


def test_every_public_name_is_there_with_words_on_it():
    assert {*gradcheck.__all__} <= {*dir(gradcheck)}
    for name in set(gradcheck.__all__) - {"__version__"}:
        found = getattr(gradcheck, name)
        assert (found.__doc__ or "").strip(), name
        assert not callable(found) or len(str(inspect.signature(found))) < 1700, name
    assert not hasattr(gradcheck, "no_such_name")
    assert all(name in gradcheck.__all__ or name.startswith("__") for name in dir(gradcheck))


BARE = """
import sys, inspect, pydoc
import gradcheck
assert not {"numpy", "hypothesis", "click", "pytest"} & set(sys.modules), "import gradcheck imports"
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "jax", "autograd", "ml_dtypes", "sklearn", "tensorflow", "mlx", "paddle"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
assert hasattr(gradcheck, "from_jax") and gradcheck.__version__
text = pydoc.plain(pydoc.render_doc(gradcheck))
lacking = [name for name in gradcheck.__all__ if name not in text]
assert lacking == ["__version__"] and gradcheck.__version__ in text, lacking
assert dict(inspect.getmembers(gradcheck))["from_torch"] is gradcheck.from_torch
names = {}
exec("from gradcheck import *", names)
assert {*gradcheck.__all__} <= {*names}
for make, package in ((gradcheck.from_torch, "torch"), (gradcheck.from_torch_module, "torch"), (gradcheck.from_jax, "jax"),
                      (gradcheck.from_autograd, "autograd"), (gradcheck.from_tensorflow, "tensorflow"),
                      (gradcheck.from_mlx, "mlx[cpu]"), (gradcheck.from_paddle, "paddlepaddle")):
    try:
        make(None)
    except gradcheck.Missing as missing:
        assert str(missing).endswith(f"pip install {package}"), missing
    else:
        raise AssertionError(package)
"""


def test_help_dir_star_and_hasattr_work_where_no_framework_is_installed():
    subprocess.run([sys.executable, "-c", BARE], check=True, timeout=60)


FRAMEWORKS = {
    "from_torch": "torch",
    "from_torch_module": "torch",
    "from_jax": "jax",
    "from_autograd": "autograd",
    "from_kernel": "torch",
    "capture": "torch",
    "ranks": "torch",
    "watch": "torch",
}
CRASHES = {"from_paddle": "tensorflow", "from_tensorflow": "paddle"}  # beside each other, in one process


@pytest.mark.parametrize("name", [name for name in gradcheck.__all__ if not name.startswith("__")])
def test_every_public_name_has_an_example_and_what_it_shows_is_what_happens(name):
    if CRASHES.get(name) in sys.modules:
        pytest.skip(f"{CRASHES[name]} is imported")
    if name in FRAMEWORKS or name.startswith("from_"):
        pytest.importorskip(FRAMEWORKS.get(name, name.removeprefix("from_")))
    shows_what_happens(getattr(gradcheck, name), name)


def shows_what_happens(it, name):
    shown = doctest.DocTestFinder(recurse=False).find(it, name, globs={})
    assert shown and shown[0].examples
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(shown[0])
    assert not runner.failures


@pytest.mark.parametrize("path", [path for found in reference_pages.CALLED.values() for path in found.values()])
def test_what_users_call_on_what_they_are_given_has_an_example(path):
    pytest.importorskip("jax" if "raced" in path else "torch" if "captur" in path or "watch" in path else "numpy")
    it = reference_pages.called(path)
    shows_what_happens(it.fget if isinstance(it, property) else it, path.rpartition(".")[2])


def test_every_method_of_a_step_and_a_watch_has_its_place_in_the_reference():
    told = {path for found in reference_pages.CALLED.values() for path in found.values()}
    for kind in (Step, Fused, Traced, Watch):
        home = f"{kind.__module__}.{kind.__name__}".removeprefix("gradcheck.")
        assert {f"{home}.{name}" for name in vars(kind) if not name.startswith("_")} <= told
