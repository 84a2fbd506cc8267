"""What was not judged is said, and what has to be judged is no success where it was not."""

import json
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import gradcheck
from gradcheck import Implementation, Layout, Unusable, conform
from gradcheck.cli import main
from gradcheck.implementations.naming import resembling
from gradcheck.implementations.offered import likely
from gradcheck.regimes import REGIMES
from gradcheck.reports import silent
from gradcheck.suite import suites
from gradcheck.suite import tests as of_suite
from properties.test_takes import right

pytestmark = pytest.mark.usefixtures("shared_truths")  # many are judged on the same problems


def entropy(theta, b, X, Y):
    Z = theta @ X + b
    Z = Z - Z.max(axis=0)
    return (Y * (np.log(np.exp(Z).sum(axis=0)) - Z)).sum() / X.shape[1]


CHECKS = ("theta_gradient", "bias_gradient")


def gaps(target, kind, checks=CHECKS, **asked):
    asked["checks"] = checks
    return {gap.name: gap.how for gap in conform(target, **asked).unposed if gap.kind == kind}


# ---- the line ----


def test_a_run_of_right_code_says_what_nobody_asked_for_in_a_line():
    run = conform("numpy", checks=CHECKS, max_examples=300)
    opt_in = [name for name, regime in REGIMES.items() if regime.opt_in]
    assert {gap.name: gap.how for gap in run.unposed} == {
        **dict.fromkeys(("float32", "float16", "bfloat16"), "--dtype"),
        **dict.fromkeys(opt_in, "--regime"),
    }
    assert "not posed: float32, float16, bfloat16 (--dtype); " in silent.line(run)
    assert len(silent.line(run)) <= 160


def test_what_was_asked_for_is_not_missed():
    assert "masked-class" not in gaps("numpy", "regime", regimes=["masked-class"], max_examples=20)
    assert gaps("numpy", "regime", regimes=["masked-class"], max_examples=20) == {"other regimes": "--regime"}


@pytest.mark.parametrize(
    ("target", "name", "how"),
    [
        (Implementation("C", right, layout=Layout(memory="C")), "memory-F", "--memory any"),
        (Implementation("small", right, takes=gradcheck.Takes(max_logits=100)), "large", "--max-logits"),
        (Implementation("even", right, takes=gradcheck.Takes(shapes=("n=2k",))), "odd-samples", "--shape"),
        (Implementation("none", right, takes=gradcheck.Takes(without=("sat*",))), "saturated", "--without-regime"),
    ],
)
def test_what_a_declaration_leaves_out_is_told_with_it(target, name, how):
    assert gaps(target, "regime", max_examples=300)[name] == how


def test_a_short_run_says_that_it_was_short():
    assert gaps("numpy", "regime", max_examples=3)["large"] == "--max-examples"
    even = Implementation("even", right, takes=gradcheck.Takes(shapes=("n=2k",)))
    found = gaps(even, "regime", max_examples=3)
    assert found["saturated"] == "--max-examples"
    assert found["odd-samples"] == "--shape"


def test_a_run_whose_time_was_up_asks_for_more_of_it():
    def slow(*arrays):
        time.sleep(0.01)
        return right(*arrays)

    assert gaps(slow, "regime", max_examples=500, budget=0.2)["large"] == "--budget"


def test_labels_of_several_classes_are_never_indices():
    def of_indices(theta, b, X, y):
        return right(theta, b, X, np.eye(len(theta))[:, y])

    found = gaps(Implementation("index", of_indices, layout=Layout(labels="index")), "regime", max_examples=50)
    assert found["soft-labels"] == found["label-mass"] == "--labels one-hot"
    assert found["masked-class"] == "--regime"


def test_a_problem_of_which_one_use_alone_is_declined_was_judged():
    def declining(*arrays):
        raise gradcheck.NotPosed("not today")

    target = Implementation("it", right, uses={"upstream": declining})
    run = conform(target, checks=("theta_gradient", "upstream_gradient"), max_examples=20)
    assert run.tallies["upstream_gradient"].reason == "not today"
    assert not [gap for gap in run.unposed if gap.kind == "problems"]


def test_a_regime_of_which_every_problem_is_declined_was_not_judged():
    def declining(theta, b, X, Y):
        if not ((Y == 0) | (Y == 1)).all():
            raise gradcheck.NotPosed("one-hot labels alone")
        return right(theta, b, X, Y)

    assert "soft-labels" in gaps(declining, "regime", max_examples=300)
    assert "soft-labels" not in gaps(right, "regime", max_examples=300)


def test_an_option_that_stays_at_its_default_is_told():
    def loss(theta, b, X, Y, label_smoothing=0.0, *, ignore_index=-100):
        return entropy(theta, b, X, Y)

    target = {"loss": loss, "gradients": right}
    assert set(gaps(target, "option", max_examples=5)) == {"label_smoothing", "ignore_index"}
    assert not gaps({"loss": entropy, "gradients": right}, "option", max_examples=5)


def test_it_is_in_json_and_not_where_one_line_is_asked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    quiet = CliRunner().invoke(main, ["verify", "numpy", "--max-examples", "20", "-q", "--json", "run.json"])
    assert "not posed" not in quiet.output
    (found,) = json.loads(Path("run.json").read_text())["runs"]
    assert {"kind": "dtype", "name": "float32", "how": "--dtype"} in found["not_posed"]
    both = CliRunner().invoke(
        main, ["verify", "numpy", "--max-examples", "20", "--dtype", "float64", "--dtype", "float32"]
    )
    assert "float16, bfloat16 (--dtype)" in both.output
    assert "float32," not in both.output


# ---- near names ----


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        *(("gradients", like) for like in ("gradient", "grads", "dtheta", "backward", "Gradients", "gradeints")),
        *(("loss", like) for like in ("loss_fn", "cross_entropy", "Loss")),
        ("softmax_jacobian", "jacobian"),
        ("logits", "scores"),
    ],
)
def test_a_like_name_is_offered(name, theirs):
    assert resembling(name, ["unlike", theirs]) == theirs


def test_an_unlike_name_is_not_offered():
    assert not any(
        resembling(name, ["digits", "softmin", "train", "ingredients"]) for name in ("logits", "softmax", "gradients")
    )


def test_what_resembles_is_looked_at_without_being_asked_for():
    class Lazy:
        loss = staticmethod(entropy)
        gradient = staticmethod(right)

        @property
        def grads(self):
            raise RuntimeError("asked")

    assert likely(Lazy()) == {"gradients": "gradient"}


def test_a_near_miss_is_told_where_the_function_is_missed(tmp_path, monkeypatch):
    run = conform({"loss": entropy, "gradient": right}, max_examples=10)
    assert "gradients (it has gradient: rename it)" in " ".join(run.report().split())
    with pytest.raises(Unusable, match="it has 'dtheta': rename it to gradients"):
        gradcheck.load({"dtheta": right})


METHOD = "class Classifier:\n    def gradients(self, theta, b, X, Y):\n        return theta, b\n"


@pytest.mark.parametrize(
    ("words", "end"),
    {
        ("verify", "cls.py"): "expected at least one of them; of a class write a function gradients(theta, b, X, Y) "
        "that makes one and calls it",
        ("verify", "cls.py:Classifier"): "is a class, whose functions are of its objects; of a class write a function "
        "gradients(theta, b, X, Y) that makes one and calls it",
        ("verify", "camel.py"): "it has 'computeGradients': rename it to gradients",
        ("verify", "model.ipynb"): "expected a Python file, or gradcheck.check(gradients) in a cell of it",
        ("replay", "camel.py"): "expected the case first: gradcheck replay CASE.json camel.py",
    }.items(),
)
def test_what_is_no_target_as_it_stands_is_refused_with_what_to_do(words, end, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("cls.py").write_text(METHOD)
    Path("camel.py").write_text("def computeGradients(theta, b, X, Y):\n    return theta, b\n")
    Path("model.ipynb").write_text("{}")
    found = CliRunner().invoke(main, words)
    assert (found.exit_code, found.output.count("\n")) == (2, 1)
    assert found.output.rstrip().endswith(end)


def test_a_class_of_functions_that_need_no_object_is_a_target():
    class Namespace:
        loss = staticmethod(entropy)

        def gradients(theta, b, X, Y):
            return right(theta, b, X, Y)

    assert gradcheck.load(Namespace).gradients is Namespace.gradients


# ---- what is required ----


def test_what_is_required_and_not_judged_is_no_success(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("model.py").write_text(
        "def loss(theta, b, X, Y):\n    return 0.0\n\ndef grads(theta, b, X, Y):\n    return theta\n"
    )

    def asked(*words):
        return CliRunner().invoke(main, ["verify", *words, "--max-examples", "20"])

    found = asked("numpy", "--require", "gradients,loss")
    assert (found.exit_code, "required" in found.output) == (0, False)
    found = asked("scipy", "-q", "--require", "data_gradient")
    assert (found.exit_code, "required, and not judged: data_gradient" in found.output) == (3, True)
    found = asked("model.py", "--check", "loss_is_convex", "--require", "gradients,loss")
    assert "gradients" in found.output
    assert found.exit_code == 3, found.output
    assert "it has 'grads': rename it to gradients" not in found.output  # no check of it was asked for
    assert asked("model.py", "--require", "gradients").exit_code == 1  # what disagrees comes first
    assert asked("numpy", "--require", "gardients").exit_code == 2
    table = '[tool.gradcheck.targets.mine]\ntarget = "scipy"\nrequire = ["gradients", "data_gradient"]\n'
    Path("pyproject.toml").write_text(table)
    assert asked("mine").exit_code == 3
    assert asked("mine", "--require", "gradients").exit_code == 0


def test_python_refuses_what_was_not_judged():
    target = Implementation("only the loss", loss=entropy)
    assert conform(target, max_examples=10, require=["gradients"]).lacking == ("gradients",)
    with pytest.raises(Unusable, match="required, and not judged: gradients"):
        gradcheck.check(target, max_examples=10, require=["gradients"], cases=None)
    with pytest.raises(Unusable, match="cannot be required"):
        conform(target, max_examples=10, require=["none-such"])


def test_pytest_fails_where_what_is_required_is_not_judged():
    with pytest.raises(Unusable, match="gradients is required"):
        suites(Implementation("only the loss", loss=entropy), require=["gradients"])

    def never(theta, b, X, Y):
        raise gradcheck.NotPosed("not today")

    (suite,) = suites({"loss": entropy, "gradients": never}, require=["gradients"], max_examples=10)
    said = {test.name: suite.said[test.name] for test in of_suite(suite)}
    assert said["theta_gradient"].becomes == "failed"
    assert "required, and not judged" in said["theta_gradient"].why
    assert said["loss"].becomes == "passed"


def test_what_takes_other_arguments_is_not_offered():
    """`probabilities(theta, b, X)` is no softmax of logits."""
    assert likely({"probabilities": lambda theta, b, X: 0, "grads": right}) == {"gradients": "grads"}
    assert likely({"probabilities": lambda Z: Z}) == {"softmax": "probabilities"}
