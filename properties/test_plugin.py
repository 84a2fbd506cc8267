"""The pytest plugin, in sessions of its own."""

import xml.etree.ElementTree as ET

import pytest

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


@pytest.fixture
def session(pytester):
    """Run pytest in an empty folder that holds the model, so that each check has its turn; returns its result."""
    pytester.makepyfile(model=MODEL)
    return lambda *words: pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "--gradcheck-max-examples", str(TURNS + 1), *words
    )


def test_a_target_is_judged_with_no_test_file_at_all(session):
    result = session("--gradcheck", "model.py", "-v")
    result.assert_outcomes(passed=16, skipped=35)
    result.stdout.fnmatch_lines(["gradcheck/model.py::theta_gradient-float64 PASSED*"])


def test_a_failure_is_the_panel_of_verify_without_a_frame_of_ours(session, pytester):
    result = session("--gradcheck", "model.py:flipped", "-k", "theta_gradient and not sums")
    assert result.ret == 1
    result.stdout.fnmatch_lines(
        [
            "theta_gradient [[]eq. 11–13, 17[]]  DISAGREE",
            "*but must be*",
            "*repeat    gradcheck replay cases/*.json model.py:flipped",
        ]
    )
    assert "Traceback" not in result.stdout.str()
    assert "suite.py" not in result.stdout.str()
    (case,) = (pytester.path / "cases").iterdir()
    assert case.name in result.stdout.str()


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
    result.assert_outcomes(passed=5, skipped=12)
    result.stdout.fnmatch_lines(["test_it.py::test_model[[]bias_gradient-float32[]] PASSED*"])
    session("-k", "bias_gradient-float32").assert_outcomes(passed=1, deselected=16)
    session("-m", "gradcheck").assert_outcomes(passed=4, skipped=12, deselected=1)


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
    alone = session("--gradcheck", "model.py", "--junit-xml", "alone.xml")
    shared = session("--gradcheck", "model.py", "--junit-xml", "shared.xml", "-n", "2")
    alone.assert_outcomes(passed=16, skipped=35)
    shared.assert_outcomes(passed=16, skipped=35)
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
    ],
)
def test_what_cannot_be_used_is_one_line(session, words, message):
    result = session(*words)
    assert result.ret == 4
    assert message in result.stderr.str() + result.stdout.str()
    assert "Traceback" not in result.stderr.str() + result.stdout.str()


def test_a_session_that_does_not_use_the_plugin_imports_nothing_of_ours(pytester):
    pytester.makepyfile(
        test_it="""
        import sys
        def test_it():
            ours = [name for name in sys.modules if name.split(".")[0] in ("gradcheck", "numpy", "hypothesis", "flint", "rich")]
            assert sorted(ours) == ["gradcheck", "gradcheck.pytest_plugin"]
        """
    )
    others = [word for name in ("hypothesispytest", "zarr", "cacheprovider") for word in ("-p", f"no:{name}")]
    pytester.runpytest_subprocess(*others).assert_outcomes(passed=1)
