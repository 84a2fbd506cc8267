"""The command line: what it prints, how it exits, what it refuses, and what it leaves behind."""

import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner

from gradcheck.cli import main

RIGHT = """
import numpy as np

def softmax(Z):
    A = np.exp(Z - Z.max(axis=0))
    return A / A.sum(axis=0)

def gradients(theta, b, X, Y):
    D = (softmax(theta @ X + b) - Y) / X.shape[1]
    return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D}
"""

# Each is RIGHT with one line changed: what was, what is, and which check must name it.
WRONG = {
    "missing 1/n": ("(softmax(theta @ X + b) - Y) / X.shape[1]", "softmax(theta @ X + b) - Y", "theta_gradient"),
    "flipped sign": ("D @ X.T", "-D @ X.T", "theta_gradient"),
    "Y - A": ("(softmax(theta @ X + b) - Y)", "(Y - softmax(theta @ X + b))", "logits_gradient"),
    "wrong axis": ("A / A.sum(axis=0)", "A / A.sum(axis=1, keepdims=True)", "softmax"),
    "unshifted": ("np.exp(Z - Z.max(axis=0))", "np.exp(Z)", "finite"),
    "input overwritten": ("    return {", "    X *= 2\n    return {", "inputs_unchanged"),
    "NaN": ('"Z": D}', '"Z": D * np.nan}', "finite"),
}

JUNK = {
    "raises": "raise ValueError('no [bold]way[/bold]')",
    "exits": "raise SystemExit(3)",
    "None": "return None",
    "wrong shape": "return {'theta': theta.T @ theta}",
    "strings": "return {'theta': 'abc', 'b': [['x']]}",
    "complex": "return {'theta': theta + 1j}",
    "ragged": "return {'theta': [[1.0], [1.0, 2.0]]}",
    "other keys": "return {'W': theta}",
    "a number": "return 0.5",
}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, list(words))


def written(text: str, name: str = "model.py") -> str:
    Path(name).write_text(text, encoding="utf-8")
    return name


def test_a_right_gradient_agrees_and_exits_with_0(run):
    result = run("verify", written(RIGHT), "--max-examples", "25")
    assert result.exit_code == 0, result.output
    assert "agree" in result.output
    assert not Path("cases").exists()
    assert not Path(".hypothesis").exists()


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_file_exits_with_1_and_shows_place_allowance_and_a_case_that_replays(run, name):
    before, after, check = WRONG[name]
    target = written(RIGHT.replace(before, after))
    # one of them is asked by every check; the others by that one, and by one that has an allowance
    asked = ("--check", check, "--check", "logits_gradient") if name != "missing 1/n" else ()
    result = run("verify", target, "--max-examples", "40", "--json", "found.json", *asked)
    assert result.exit_code == 1
    found = json.loads(Path("found.json").read_text(encoding="utf-8"))["runs"][0]
    failure = next(f for f in found["failures"] if f["check"] == check)
    assert " ± " in result.output or "changed its input" in result.output
    replayed = run("replay", failure["case"], target)
    assert replayed.exit_code == 1
    assert check in replayed.output
    assert run("replay", failure["case"], target).output == replayed.output
    assert run("replay", failure["case"], written(RIGHT, "right.py")).exit_code == 0


@pytest.mark.parametrize("name", JUNK)
def test_a_target_that_misbehaves_is_errored_with_its_own_words_and_the_run_goes_on(run, name):
    target = written(f"def gradients(theta, b, X, Y):\n    {JUNK[name]}\n")
    result = run("verify", target, "--max-examples", "10")
    assert result.exit_code == 1
    assert "errored" in result.output
    assert "Traceback" not in result.output
    assert "on 10 problems" in result.output


BAD = {
    "no such file": ("verify", "nowhere.py:gradients"),
    "no such object": ("verify", "right.py:nothing"),
    "an object without functions": ("verify", "right.py:np"),
    "a file that cannot be imported": ("verify", "broken.py"),
    "a module that is not there": ("verify", "no_such_module_anywhere:x"),
    "a word that is no target": ("verify", "no such target"),
    "an unknown dtype": ("verify", "numpy", "--dtype", "float8"),
    "a dtype that is not offered": ("verify", "reference", "--dtype", "float16"),
    "an unknown check": ("verify", "numpy", "--check", "zz*"),
    "an unknown regime": ("verify", "numpy", "--regime", "zz*"),
    "a report into nowhere": ("verify", "numpy", "--json", "nowhere/found.json"),
    "no case": ("replay", "nowhere.json", "numpy"),
    "a corrupt case": ("replay", "corrupt.json", "numpy"),
    "a folder as a case": ("replay", ".", "numpy"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_used_is_refused_in_one_line_with_exit_2(run, name):
    written(RIGHT, "right.py")
    written("import numpy as np\nraise RuntimeError('two\\nlines')\n", "broken.py")
    written('{"gradcheck_case": 1, "check": "loss"', "corrupt.json")
    result = run(*BAD[name])
    assert result.exit_code == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("gradcheck: ")
    assert "Traceback" not in result.stderr


def test_a_missing_extra_names_the_command_that_installs_it(run, monkeypatch):
    from gradcheck.implementations import built_in

    monkeypatch.setitem(built_in.BUILT_IN, "torch", built_in.BuiltIn("", "torch", ("no_such_package",)))
    result = run("verify", "torch")
    assert result.exit_code == 2
    assert result.stderr.endswith(
        "pip install no_such_package\n"
    )  # no extra of ours: whoever has the name would be asked


def test_nothing_judged_is_not_agreement_and_exits_with_3(run):
    result = run("verify", written(RIGHT), "--check", "loss", "--max-examples", "5")
    assert result.exit_code == 3
    assert "has no loss" in result.output


def test_the_same_seed_gives_the_same_report_and_another_seed_another(run):
    target = written(RIGHT)
    reports = [
        run("verify", target, "--max-examples", "40", "--seed", s, "--json", "-").stdout for s in ("3", "3", "4")
    ]
    assert reports[0] == reports[1]
    assert json.loads(reports[0])["runs"][0]["checks"] != json.loads(reports[2])["runs"][0]["checks"]


def test_what_the_target_prints_does_not_reach_the_report_on_standard_output(run):
    noisy = RIGHT.replace("    D =", "    print('noise')\n    D =")
    report = json.loads(run("verify", written(noisy), "--max-examples", "10", "--json", "-").stdout)
    assert report["gradcheck_run"] == 1
    assert report["status"] == 0
    assert report["runs"][0]["printed"] > 0


def test_reports_as_junit_and_html_escape_what_a_target_says(run):
    target = written("def gradients(theta, b, X, Y):\n    raise ValueError('<script>&\\x07')\n")
    result = run("verify", target, "--max-examples", "10", "--junit", "found.xml", "--html", "found.html")
    assert result.exit_code == 1
    suite = ET.parse("found.xml").getroot()[0]
    assert int(suite.get("errors")) == len(suite.findall(".//error")) > 0
    page = Path("found.html").read_text(encoding="utf-8")
    assert "&lt;script&gt;" in page
    assert "<script>" not in page


def test_an_interrupt_shows_what_has_been_judged_and_exits_with_130(run):
    interrupted = "calls = 0\n" + RIGHT.replace(
        "    D =", "    global calls\n    calls += 1\n    if calls > 100:\n        raise KeyboardInterrupt\n    D ="
    )
    result = run("verify", written(interrupted), "--json", "found.json")
    assert result.exit_code == 130
    assert "interrupted" in result.output
    found = json.loads(Path("found.json").read_text(encoding="utf-8"))["runs"][0]
    assert found["interrupted"]
    assert 0 < found["problems"] < 100


def test_output_that_is_no_terminal_has_no_escape_sequences(run):
    assert "\x1b" not in run("verify", written(RIGHT), "--max-examples", "5").output
    assert "\x1b" not in run("checks").output


def test_the_lists_name_every_check_regime_and_target(run):
    from gradcheck.checks import CHECKS
    from gradcheck.implementations import BUILT_IN
    from gradcheck.regimes import REGIMES

    listed = run("checks").output
    assert all(name in listed for name in (*CHECKS, *REGIMES))
    assert all(name in run("targets").output for name in BUILT_IN)


def test_the_mistakes_are_listed_with_their_equations_and_where_they_were_seen(run):
    from gradcheck.mistakes import GROUPS, MISTAKES

    listed = run("mistakes").output
    assert all(name in listed for name in (*MISTAKES, *GROUPS.values()))
    assert "apache/mxnet#9911" in listed


def test_the_kill_matrix_says_which_check_kills_which_mistake(run, monkeypatch):
    """Two test cases at each of five seeds: some are killed by then, and what is not is null. Of a few of the table."""
    from gradcheck import kills

    few = ("gradient_doubled", "strides_ignored", "smoothing_in_the_loss_only", "guard_added_to_the_count")
    monkeypatch.setattr(kills, "MISTAKES", {name: kills.MISTAKES[name] for name in few})
    result = run("mistakes", "--kill-matrix", "--max-examples", "2", "--json", "kills.json", "--html", "kills.html")
    assert result.exit_code == 0
    assert "gradient_doubled" in Path("kills.html").read_text(encoding="utf-8")
    found = json.loads(Path("kills.json").read_text(encoding="utf-8"))
    rows = {row["mistake"]: row for row in found["mistakes"]}
    assert rows["gradient_doubled"]["first"] == [1] * 5
    assert rows["gradient_doubled"]["checks"]["bias_gradient"] == [1] * 5
    assert rows["strides_ignored"]["checks"].keys() & {"logits", "theta_gradient"} == {"logits", "theta_gradient"}
    assert "loss" not in rows["gradient_doubled"]["checks"]
    assert rows["smoothing_in_the_loss_only"]["checks"]["logits_gradient"]
    assert "gradient_doubled" in result.output
    assert run("mistakes", "--json", "kills.json").exit_code == 2
    assert run("mistakes", "--html", "kills.html").exit_code == 2


def test_saved_cases_are_never_overwritten_and_the_same_case_is_written_once(run):
    target = written(RIGHT.replace("D @ X.T", "-D @ X.T"))
    words = ("verify", target, "--max-examples", "4", "--check", "theta_gradient")
    run(*words)
    (case,) = Path("cases").iterdir()
    run(*words)
    assert list(Path("cases").iterdir()) == [case]
    case.write_text("mine", encoding="utf-8")
    run(*words)
    assert case.read_text(encoding="utf-8") == "mine"
    assert len(list(Path("cases").iterdir())) == 2


def test_help_imports_no_framework_and_nothing_heavy():
    heavy = "{'torch', 'jax', 'scipy', 'hypothesis', 'flint', 'rich', 'jinja2'}"
    code = f"import sys; import gradcheck.cli; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


# ---- several targets ----


def test_without_a_target_everything_that_pyproject_names_is_judged(run):
    written(RIGHT)
    written(RIGHT.replace("D @ X.T", "-D @ X.T"), "wrong.py")
    Path("pyproject.toml").write_text(
        '[tool.gradcheck.targets.mine]\ntarget = "model.py"\ndtypes = ["float64", "float32"]\n'
        '[tool.gradcheck.targets.known]\ntarget = "wrong.py:gradients"\nchecks = ["theta_gradient"]\n'
        'expected-failures = { theta_gradient = "flipped, on purpose" }\n',
        encoding="utf-8",
    )
    result = run("verify", "--max-examples", "30", "--json", "found.json")
    assert result.exit_code == 0, result.output
    assert "theta_gradient fails as expected: flipped, on purpose" in result.output
    runs = json.loads(Path("found.json").read_text(encoding="utf-8"))["runs"]
    assert [(r["target"], r["dtype"]) for r in runs] == [
        ("mine", "float64"),
        ("mine", "float32"),
        ("known", "float64"),
    ]
    assert run("verify", "known", "--max-examples", "5").exit_code == 0


def test_an_expected_failure_that_no_longer_fails_fails_the_run(run):
    written(RIGHT)
    Path("pyproject.toml").write_text(
        '[tool.gradcheck.targets.mine]\ntarget = "model.py"\nexpected-failures = { theta_gradient = "once wrong" }\n',
        encoding="utf-8",
    )
    result = run("verify", "mine", "--max-examples", "30", "--junit", "found.xml")
    assert result.exit_code == 1
    assert "theta_gradient agrees, but was expected to fail: once wrong" in result.output
    assert ET.parse("found.xml").getroot()[0].get("failures") == "1"


def test_no_target_and_no_pyproject_is_refused(run):
    result = run("verify")
    assert result.exit_code == 2
    assert result.stderr.startswith("gradcheck: no target is given")


def test_compare_shows_checks_beside_targets_on_the_same_problems(run):
    wrong = written(RIGHT.replace("D @ X.T", "-D @ X.T"), "wrong.py")
    result = run("compare", written(RIGHT), "numpy", wrong, "--max-examples", "12", "--json", "found.json")
    assert result.exit_code == 1
    row = next(line for line in result.output.splitlines() if line.startswith("theta_gradient "))
    assert row.count(" agree 5") == 2
    assert "disagree" in row
    runs = json.loads(Path("found.json").read_text(encoding="utf-8"))["runs"]
    assert len({r["problems"] for r in runs}) == 1
    assert run("compare", "numpy", "scipy", "--max-examples", "4").exit_code == 0


def test_a_target_set_apart_is_judged_as_it_is_in_this_process(run):
    target = written(RIGHT.replace("D @ X.T", "-D @ X.T"))
    words = ("verify", target, "--max-examples", "6", "--json", "-", "--check", "*_gradient")
    here, apart = (json.loads(run(*words, *more).stdout)["runs"][0]["checks"] for more in ((), ("--isolate",)))
    assert here == apart
    result = run("verify", target, "--isolate", "--max-examples", "2", "--check", "theta_gradient")
    assert result.exit_code == 1
    assert f"{target} --isolate" in result.output


def test_a_target_and_a_command_are_not_both_taken(run):
    result = run("verify", "numpy", "--exec", "./served")
    assert result.exit_code == 2
    assert "expected one of them" in result.stderr


# ---- targets that misbehave as programs ----

MISCHIEF = {
    "closes standard output": "import sys; sys.stdout.close()",
    "writes bytes": "import sys; sys.stdout.buffer.write(b'noise')",
    "goes elsewhere": "import os; os.chdir('/')",
}


@pytest.mark.parametrize("name", MISCHIEF)
def test_what_a_target_does_to_the_process_does_not_lose_the_run(run, name):
    target = written(RIGHT.replace("    D =", f"    {MISCHIEF[name]}\n    D ="))
    result = run("verify", target, "--max-examples", "15", "--json", "found.json")
    assert result.exit_code == 0, result.output
    assert json.loads(Path("found.json").read_text(encoding="utf-8"))["status"] == 0


def test_a_folder_that_cannot_hold_cases_is_refused_before_the_work(run):
    result = run("verify", written(RIGHT), "--cases", "model.py/cases")
    assert result.exit_code == 2
    assert "choose one with --cases" in result.stderr


def test_an_expectation_covers_a_disagreement_and_no_crash(run):
    written("def gradients(*arrays):\n    raise RuntimeError('broken build')\n")
    Path("pyproject.toml").write_text(
        '[tool.gradcheck.targets.mine]\ntarget = "model.py"\nchecks = ["theta_gradient"]\n'
        'expected-failures = { theta_gradient = "clips" }\n',
        encoding="utf-8",
    )
    assert run("verify", "mine", "--max-examples", "10").exit_code == 1


def test_an_expectation_of_no_check_is_refused(run):
    written(RIGHT)
    Path("pyproject.toml").write_text(
        '[tool.gradcheck.targets.mine]\ntarget = "model.py"\nexpected-failures = { theta_gradeint = "typo" }\n',
        encoding="utf-8",
    )
    result = run("verify", "mine", "--max-examples", "10")
    assert result.exit_code == 2
    assert "theta_gradeint" in result.stderr


def test_every_check_has_its_turn_on_the_first_problem(run):
    result = run("verify", "numpy", "--max-examples", "1", "--check", "repeatable")
    assert result.exit_code == 0
    assert "turn" not in result.output


def test_a_check_whose_turn_does_not_come_says_so():
    """Where the only problem is too large for it."""
    from gradcheck.checks import CHECKS
    from gradcheck.tally import Tally
    from gradcheck.verify import settle

    tallies = {"repeatable": Tally(CHECKS["repeatable"])}
    settle(tallies, 1)
    assert tallies["repeatable"].outcome == "skipped"
    assert tallies["repeatable"].reason == "its turn did not come in 1 problem"


def linked(to: str) -> None:
    """A link `out.json` to a place of that name."""
    try:
        Path("out.json").symlink_to(to)
    except OSError:
        pytest.skip("no symbolic links here")


@pytest.mark.parametrize("there", [True, False])
def test_a_report_onto_a_link_is_written_where_it_leads(there, run):
    """Whoever made the link wants it there; the link stays, and nothing is left beside either."""
    Path("elsewhere").mkdir()
    linked("elsewhere/real.json")
    if there:
        Path("elsewhere/real.json").write_text("{}", encoding="utf-8")
    result = run("verify", "numpy", "--max-examples", "1", "--json", "out.json")
    assert result.exit_code == 0 and Path("out.json").is_symlink()
    assert json.loads(Path("elsewhere/real.json").read_text(encoding="utf-8"))["runs"]
    assert [path.name for path in Path("elsewhere").iterdir()] == ["real.json"]


@pytest.mark.parametrize(("given", "replaced"), [("x = 1\n", False), ("\x93NUMPY", False), ("", True), ("[]", True)])
def test_a_report_replaces_a_report_and_no_work_of_somebodys(given, replaced, run):
    Path("model.py").write_text(given, encoding="utf-8")
    result = run("verify", "numpy", "--max-examples", "1", "--html", "model.py")
    assert (Path("model.py").read_text(encoding="utf-8") != given) == replaced
    assert result.exit_code == (0 if replaced else 2), result.output
    assert replaced or "it is there, and no report" in result.stderr


@pytest.mark.parametrize("to", ["out.json", "nowhere/real.json"])
def test_a_link_that_leads_nowhere_is_refused_before_the_work(to, run):
    linked(to)
    result = run("verify", "numpy", "--json", "out.json")
    assert result.exit_code == 2 and len(result.output.splitlines()) == 1, result.output
