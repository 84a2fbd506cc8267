"""The pytest plugin, in sessions of its own."""

import xml.etree.ElementTree as ET

import pytest

from gradcheck import judged, places
from gradcheck.checks.table import TURNS

pytest_plugins = ("pytester",)

MODEL = """
import numpy as np

def gradients(theta, b, X, Y):
    A = np.exp(theta @ X + b - (theta @ X + b).max(axis=0))
    D = (A / A.sum(axis=0) - Y) / X.shape[1]
    return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True)}

def flipped(theta, b, X, Y):
    return {key: -g for key, g in gradients(theta, b, X, Y).items()}
"""


COUNTED = """
import os
own = gradients

def gradients(*arrays):
    with open(os.path.join(os.path.dirname(__file__), "judging"), "a") as file:
        print(os.getpid(), file=file)
    return own(*arrays)
"""


@pytest.fixture
def session(pytester):
    """Run pytest in an empty folder that holds the model, so that each check has its turn; returns its result."""
    pytester.makepyfile(model=MODEL)
    return lambda *words: pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "--gradcheck-max-examples", str(TURNS + 1), *words
    )


def test_a_target_is_judged_with_no_test_file_at_all(session):
    result = session("--gradcheck", "model.py", "-v")
    result.assert_outcomes(passed=19, skipped=9)
    result.stdout.fnmatch_lines(["gradcheck/model.py::theta_gradient-float64 PASSED*"])


def test_a_failure_is_the_story_of_verify_without_a_frame_of_ours(session, pytester):
    result = session("--gradcheck", "model.py:flipped", "-k", "theta_gradient and not sums")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "(Y - A)/n in place of (A - Y)/n*: ∂ℒ/∂θ*but must be*",
            "*fix       A - Y, not Y - A*",
            "*∂ℒ/∂θ *yours *exact *ratio*",
            "*repeat    gradcheck replay cases/*.json model.py:flipped",
        ]
    )
    assert "Traceback" not in result.stdout.str()
    assert "suite.py" not in result.stdout.str()
    (case,) = (pytester.path / "cases").iterdir()
    assert case.name in result.stdout.str()


@pytest.mark.parametrize("ci", ["", "true"])
def test_a_cause_is_told_by_one_test_and_named_by_the_others(session, monkeypatch, ci):
    """On CI, where pytest cuts nothing off, and elsewhere."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("CI", ci)
    result = session("--gradcheck", "model.py:flipped", "-k", "(theta_gradient or bias_gradient) and not sums")
    assert result.stdout.str().count("raising the logit of the label lowers the loss") == 1
    result.stdout.fnmatch_lines(
        [
            "FAILED *theta_gradient-float64 - (Y - A)/n in place of*",
            "FAILED *bias_gradient-float64 - same cause as theta_gradient-float64: ∂ℒ/∂b*must be*",
        ]
    )


def test_parametrize_makes_one_test_of_each_check_and_k_and_m_select(session, pytester):
    pytester.makepyfile(
        test_it="""
        import gradcheck

        @gradcheck.parametrize("model.py:gradients", dtypes=("float64", "float32"), checks=("*_gradient",))
        def test_model(check):
            check()

        def test_other(): pass
        """
    )
    result = session("-v")
    result.assert_outcomes(passed=5, skipped=10)
    result.stdout.fnmatch_lines(["test_it.py::test_model[[]bias_gradient-float32[]] PASSED*"])
    session("-k", "bias_gradient-float32").assert_outcomes(passed=1, deselected=14)
    session("-m", "gradcheck", "--collect-only").stdout.fnmatch_lines(["*14/15 tests collected (1 deselected)*"])


def test_files_are_found_from_rootdir_and_the_folder_of_the_test_and_what_is_not_is_one_line(session, pytester):
    pytester.makeini("[pytest]")
    folder = pytester.mkdir("tests")
    (folder / "beside.py").write_text(MODEL, encoding="utf-8")
    start = "import gradcheck\nit = gradcheck.parametrize("
    ending = ', checks=["theta_gradient"], max_examples=3)\n@it\ndef test_it(check): check()\n'
    (folder / "test_root.py").write_text(start + '"model.py:gradients"' + ending, encoding="utf-8")
    (folder / "test_beside.py").write_text(start + '"beside.py:gradients"' + ending, encoding="utf-8")
    (folder / "test_nowhere.py").write_text(start + '"nowhere.py"' + ending, encoding="utf-8")
    (folder / "test_misspelt.py").write_text(start + '"model.py", max_example=3)\n', encoding="utf-8")
    (folder / "test_nothing.py").write_text(start + '"model.py:gradients", checks=["jacobian*"])\n', encoding="utf-8")
    pytester.chdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = session("--continue-on-collection-errors")
    result.assert_outcomes(passed=2, errors=3)
    said = result.stdout.str()
    assert "gradcheck: no such file: nowhere.py" in said and "did you mean max_examples?" in said
    assert "no check can be asked of it in float64; jacobian_diagonal: " in said and "has no function" in said
    assert "suite.py" not in said and ".py:" not in said.split("short test summary")[0].replace(
        "model.py:gradients", ""
    )


def test_expected_failures_are_strict_xfails_with_their_reason(session, pytester):
    pytester.makepyfile(
        test_it="""
        import gradcheck, model
        known = {"theta_gradient": "flipped, on purpose", "repeatable": "it is repeatable"}
        it = gradcheck.Implementation("known", gradients=model.flipped, expected_failures=known)

        @gradcheck.parametrize(it, checks=("theta_gradient", "repeatable", "loss"))
        def test_model(check):
            check()
        """
    )
    result = session("-rxs")
    result.assert_outcomes(xfailed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["*XPASS(strict)*it is repeatable*", "*flipped, on purpose*", "*known has no function 'loss'*"]
    )


def test_workers_agree_with_one_process_and_reports_carry_ratio_and_bits(session, pytester):
    pytest.importorskip("xdist")
    pytester.makepyfile(model=MODEL + COUNTED)
    several = ("--gradcheck", "model.py", "-k", "gradient")
    alone = session(*several, "--junit-xml", "alone.xml")
    calls = set((pytester.path / "judging").read_text().split())
    shared = session(*several, "--junit-xml", "shared.xml", "-n", "2")
    assert {(found["passed"], found["skipped"]) for found in map(type(alone).parseoutcomes, (alone, shared))} == {
        (4, 6)
    }
    assert (
        len(calls) == 1 and len({*(pytester.path / "judging").read_text().split()} - calls) == 1
    )  # one process judges
    found = [measured(pytester.path / name) for name in ("alone.xml", "shared.xml")]
    assert found[0] == found[1]
    assert found[0]["theta_gradient-float64", "test_ratio"] != "–"
    assert int(found[0]["theta_gradient-float64", "effective_bits"]) >= 50


def measured(path):
    return {
        (case.get("name"), prop.get("name")): prop.get("value")
        for case in ET.parse(path).iter("testcase")
        for prop in case.iter("property")
    }


def test_ini_options_hold_where_the_command_line_says_nothing(pytester):
    pytester.makepyfile(model=MODEL)
    pytester.makeini("[pytest]\ngradcheck_max_examples = 3\ngradcheck_cases = elsewhere\n")
    pytester.runpytest_subprocess("--gradcheck", "model.py:flipped", "-k", "bias_gradient", "--junit-xml", "a.xml")
    assert measured(pytester.path / "a.xml")["bias_gradient-float64", "judged"] in "123"
    assert (pytester.path / "elsewhere").is_dir()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--gradcheck", "nowhere.py"), "gradcheck: no such file: nowhere.py"),
        (("--gradcheck", "reference", "--gradcheck-dtype", "float16"), "does not offer float16"),
        (("--gradcheck", "reference", "--gradcheck-seed", "x"), "seed is 'x'; expected a whole number"),
        (("--gradcheck", "reference", "--gradcheck-budget", "soon"), "budget is 'soon'; expected seconds above 0"),
        (("--gradcheck", "reference", "--gradcheck-budget", "nan"), "budget is nan; expected seconds above 0"),
    ],
)
def test_what_cannot_be_used_is_one_line(pytester, monkeypatch, words, message):
    """In this process, which keeps nothing of it; the first of them in one of its own, too, where a session is supervised."""
    monkeypatch.setattr(judged, "DEFAULTS", judged.Defaults())
    monkeypatch.setattr(places, "FOLDERS", [])
    apart = [pytester.runpytest_subprocess] * ("nowhere.py" in words)
    for ran in (pytester.runpytest_inprocess, *apart):
        result = ran("-p", "no:cacheprovider", *words)
        assert result.ret == 4
        assert message in result.stderr.str() + result.stdout.str()
        assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_a_check_whose_turn_does_not_come_in_time_is_skipped(session):
    result = session("--gradcheck", "model.py:gradients", "--gradcheck-budget", "1e-6", "-k", "bias_gradient", "-rs")
    assert result.ret == 0
    result.stdout.fnmatch_lines(["*its turn did not come in 1e-06 s*"])


def test_a_session_that_does_not_use_the_plugin_imports_nothing_of_ours(pytester):
    pytester.makepyfile(
        test_it="""
        import sys
        def test_it():
            ours = [name for name in sys.modules if name.split(".")[0] in ("gradcheck", "numpy", "hypothesis", "flint", "rich")]
            assert sorted(ours) == ["gradcheck", "gradcheck.places", "gradcheck.pytest_plugin"]
        """
    )
    others = [word for name in ("hypothesispytest", "zarr", "cacheprovider") for word in ("-p", f"no:{name}")]
    pytester.runpytest_subprocess(*others).assert_outcomes(passed=1)
