"""The examples give what examples/README.md says: exit status, the checks that fail, and the lines shown."""

import configparser
import json
import re
import runpy
import shlex
import shutil
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner

import gradcheck
from gradcheck.cli import main
from gradcheck.cli.fuzz import fuzz
from gradcheck.implementations.built_in import BUILT_IN

EXAMPLES = Path(__file__).parent.parent / "examples"
PAGE = (EXAMPLES / "README.md").read_text(encoding="utf-8")
WRONG = {"theta_gradient", "bias_gradient", "gradient_of_its_own_loss"}  # what every planted mistake must fail
LAYOUT = "--samples rows --theta features-first --labels index"
HERE = {  # command -> its folder, what it needs beside NumPy, and the checks that must fail
    f"gradcheck verify classifier.py {LAYOUT}": ("student", None, set()),
    f"gradcheck verify mistaken.py {LAYOUT}": ("student", None, WRONG),
    "gradcheck verify cross_entropy.py:right": ("torch_function", "torch", set()),
    "gradcheck verify cross_entropy.py:wrong": ("torch_function", "torch", {"logits_gradient", *WRONG}),
    "gradcheck verify distillation.py:wrong --loss distillation.py --max-examples 40": (
        "losses",
        None,
        {"logits_gradient", "theta_gradient", "bias_gradient"},
    ),
}
AUDITS = {"gradcheck audit right": "5 agree", "gradcheck audit wrong": "3 disagree"}
ELSEWHERE = {  # of packages that no test installs, and of programs that test_process.py builds
    "gradcheck verify --exec ./my-softmax --dtype float64 --dtype float32",
    'gradcheck verify --exec "node softmax.mjs"',
    "gradcheck verify tinynn_loss.py --samples rows",
    f"gradcheck verify smallpebble_softmax.py {LAYOUT} --reduction sum",
    f"gradcheck verify gradzero_loss.py {LAYOUT}",
}


def shown() -> dict[str, list[str]]:
    """Each command of the page with the lines that it printed, without those that are left out."""
    blocks = re.findall(r"^    \$ (gradcheck .*)\n((?:(?:    (?!\$).*)?\n)+)", PAGE, re.MULTILINE)
    return {
        command: [line[4:] for line in lines.splitlines() if line.startswith("    ") and line.strip() != "…"]
        for command, lines in blocks
    }


def test_every_command_of_the_page_is_run_by_a_test_or_named_as_one_that_is_not():
    assert set(shown()) == set(HERE) | set(AUDITS) | ELSEWHERE


@pytest.mark.parametrize("command", HERE)
def test_an_example_prints_what_the_page_shows_and_fails_where_it_says(command, tmp_path, monkeypatch):
    folder, package, failing = HERE[command]
    if package:
        pytest.importorskip(package)
    shutil.copytree(EXAMPLES / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path / folder)
    monkeypatch.setenv("COLUMNS", "110")
    result = CliRunner().invoke(main, [*shlex.split(command)[1:], "--json", "found.json"])
    assert result.exit_code == bool(failing), result.output
    (run,) = json.loads(Path("found.json").read_text(encoding="utf-8"))["runs"]
    assert failing <= {failure["check"] for failure in run["failures"]}
    assert bool(run["failures"]) == bool(failing)
    printed = {line.strip() for line in result.output.splitlines()}
    told = [line.strip() for line in shown()[command] if line.split()[:1] in (["✗"], ["fix"], ["smallest"])]
    assert [line for line in (*told, shown()[command][-2 if failing else -1].strip()) if line not in printed] == []


def test_the_step_that_is_audited_agrees_and_its_fused_loss_does_not(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(EXAMPLES / "audit" / "train.py"))
    for command, ending in AUDITS.items():
        result = CliRunner().invoke(main, command.split()[1:])
        assert result.exit_code == (ending == "3 disagree")
        assert result.output.endswith(f"{command.split()[-1]}: {ending}\n")
        verdicts = [line.split()[:2] for line in shown()[command] if line.startswith(("Z ", "ℒ ", "∂"))]
        assert all(" ".join(words) in " ".join(result.output.split()) for words in verdicts)


def test_an_example_that_needs_a_package_says_so_in_its_docstring():
    for path in EXAMPLES.glob("*/*.py"):
        text = path.read_text(encoding="utf-8")
        if path.parent.name in ("audit", "pypi", "torch_function"):
            assert re.search(r"Needs .*pip install \w+", text), path


# ---- workflows ----

WORKFLOWS = [*(EXAMPLES / "workflows").glob("*.yml"), *(EXAMPLES.parent / ".github" / "workflows").glob("*.yml")]
PROJECT = tomllib.loads((EXAMPLES.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_asks_only_for_extras_options_and_targets_that_there_are(path):
    """They run elsewhere; here their commands are read."""
    text = path.read_text(encoding="utf-8")
    for extras in re.findall(r"pip install '\.\[(.*)\]'", text):
        assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    for words in re.findall(r"gradcheck fuzz (\S.*--ci)$", re.sub(r"\$\{\{.*?\}\}", "1", text), re.MULTILINE):
        fuzz.make_context("fuzz", words.split())
    for targets in re.findall(r"^ +target: \[(.*)\]", text, re.MULTILINE):
        assert set(targets.split(", ")) <= set(BUILT_IN)
    posed = re.findall(r"^ +extra: \[(.*)\]", text, re.MULTILINE)
    if posed:  # every target that needs a framework has a job
        own = {"", "kernels", "megatron"}  # whose job installs more
        assert sorted(", ".join(posed).split(", ")) == sorted({target.extra for target in BUILT_IN.values()} - own)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_ends_and_keeps_no_credentials(path):
    """Each job has a limit, each checkout leaves no token behind, and nothing is installed by a name that anyone may register."""
    text = path.read_text(encoding="utf-8")
    assert text.count("runs-on:") == text.count("timeout-minutes:") > 0
    assert text.count("actions/checkout@") == text.count("persist-credentials: false") > 0
    assert not re.search(r"pip install [\"']?gradcheck\b(?! @)", text)


@pytest.mark.parametrize("path", [*WORKFLOWS, EXAMPLES.parent / "action.yml"], ids=lambda path: path.name)
def test_an_action_is_the_one_that_was_read(path):
    """A tag may be moved, a hash may not; and what is given to our action is never pasted into its script."""
    text = path.read_text(encoding="utf-8")
    used = re.findall(r"uses: ([^\s@]+)@(\S+)", text)
    assert used and all(re.fullmatch("[0-9a-f]{40}", version) for _, version in used)
    assert "inputs." not in text or "inputs." not in text.split("run: |")[-1]


def test_every_tox_environment_of_a_workflow_is_there():
    """`tox -e` takes names that it does not know for environments without settings."""
    settings = configparser.ConfigParser()
    settings.read(EXAMPLES.parent / "tox.ini")
    asked = [re.findall(r"tox -e (\S+)", path.read_text(encoding="utf-8")) for path in WORKFLOWS]
    names = {name for found in asked for names in found for name in names.split(",")}
    assert names and all(settings.has_section(f"testenv:{name}") for name in names)


def test_a_kernel_that_its_tolerance_passes_is_not_explained(monkeypatch):
    monkeypatch.syspath_prepend(EXAMPLES / "kernel_test")
    tests = runpy.run_path(str(EXAMPLES / "kernel_test" / "test_kernel.py"))
    tests["test_within_a_tolerance"]()
    with pytest.raises(AssertionError) as failure:
        tests["test_explained"]()
    page = [line.removeprefix("    E   ") for line in PAGE.splitlines()]
    assert set(f"gradcheck.Unexplained: {failure.value}".splitlines()) <= set(page)
    right = tests["grad_logits"](tests["logits"], tests["labels"], tiles=lambda V: -(-V // 1024))
    gradcheck.assert_explained(right, gradcheck.ops.cross_entropy(tests["logits"], tests["labels"]), "Z")
