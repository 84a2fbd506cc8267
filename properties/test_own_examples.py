"""The losses of examples/losses: right kernels agree, wrong ones are refused in what they get wrong, as the page says."""

import importlib
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

import gradcheck
from gradcheck import numpy as space
from gradcheck.checks import CHECKS, Trial
from gradcheck.cli import main
from gradcheck.conventions import adapt
from gradcheck.drawing import pose
from gradcheck.implementations.losses import load
from gradcheck.verdict import Outcome

ROOT = Path(__file__).parent.parent
LOSSES = ROOT / "examples" / "losses"
PAGE = (ROOT / "docs" / "own-loss.md").read_text(encoding="utf-8")
JUDGED = ("loss", "logits_gradient", "theta_gradient", "bias_gradient", "data_gradient")
WRONG = {  # what each wrong kernel fails, of its own loss
    "focal.py:wrong": set(JUDGED) - {"loss"},
    "distillation.py:wrong": set(JUDGED) - {"loss"},
    "t5x.py:wrong": set(JUDGED),
    "infonce.py:wrong": {"logits_gradient", "theta_gradient", "data_gradient"},  # of b, what flows through keys is 0
    "ordinal.py:wrong": set(JUDGED),
    "arcface.py:wrong": {"theta_gradient", "data_gradient"},
    "arcface.py:unclamped": {"theta_gradient", "data_gradient"},
}
RIGHT = sorted({word.split(":")[0] + ":right" for word in WRONG})


@pytest.fixture(scope="module", autouse=True)
def beside():
    """Kernels import what stands beside them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(LOSSES))
        yield


def verdicts(word, dtype, count):
    """What the checks of values say of a kernel on so many small problems: check -> outcomes."""
    file, name = word.split(":")
    kernel = getattr(importlib.import_module(file.removesuffix(".py")), name)
    it = gradcheck.Implementation(
        name,
        kernel.gradients,
        kernel.loss,
        law=load(str(LOSSES / file), {}),
        takes=gradcheck.Takes(shapes=("L=..6,d=2..5,n=..12",)),
        dtypes=("float64", "float32"),
    )
    found = {check: set() for check in JUDGED}

    def judge(problem):
        trial = Trial(adapt(it), problem)
        for check in JUDGED:
            found[check].add(CHECKS[check].judge(trial).outcome)

    pose(judge, dtype=dtype, regimes=("*",), seed=0, count=count, shrink=False, implementation=it)
    return found


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("word", RIGHT)
def test_a_right_kernel_agrees_and_is_judged(word, dtype):
    found = verdicts(word, dtype, 10)
    assert not any(Outcome.DISAGREE in outcomes for outcomes in found.values()), found
    assert Outcome.AGREE in found["loss"] and Outcome.AGREE in found["theta_gradient"]


@pytest.mark.parametrize("word", WRONG)
def test_a_wrong_kernel_is_refused_in_what_it_gets_wrong(word):
    found = verdicts(word, "float64", 32 if "unclamped" in word else 10)
    assert {check for check, outcomes in found.items() if Outcome.DISAGREE in outcomes} == WRONG[word]


def test_the_page_shows_the_specification_and_what_verify_prints(tmp_path, monkeypatch):
    source = (LOSSES / "focal.py").read_text(encoding="utf-8")
    assert PAGE.split("```python\n")[1].split("```")[0].strip() in source
    (tmp_path / "losses").mkdir()
    for path in LOSSES.glob("*.py"):
        shutil.copy(path, tmp_path / "losses")
    monkeypatch.chdir(tmp_path / "losses")
    command = "verify focal.py:wrong --loss focal.py --max-examples 40"
    block = re.search(rf"^    \$ gradcheck {re.escape(command)}\n((?:    .*\n|\n)+)", PAGE, re.MULTILINE)
    result = CliRunner().invoke(main, command.split())
    assert result.exit_code == 1
    printed = {line.strip() for line in result.output.splitlines()}
    shown = [line.strip() for line in block[1].splitlines() if "worst ratio" not in line]
    assert [line for line in shown if line not in printed] == [] and len(shown) > 4


def test_every_function_of_the_page_is_one_that_there_is():
    listed = re.search(r"gradcheck.numpy: generated -->\n\n(.*?)\n\n<!-- end", PAGE, re.DOTALL)[1]
    assert sorted(re.findall(r"`(\w+)`", listed)) == space.__all__
