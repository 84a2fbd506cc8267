"""docs/equations.md maps identities to referees: every cell names checks there are, or says why there is none."""

import re
from pathlib import Path

import pytest

from docs.generate import MAP, REFEREES
from gradcheck.checks import CHECKS

ROOT = Path(__file__).parents[1]
ASKED = ("∂ℒ/∂θ", "∂ℒ/∂b", "∂ℒ/∂Z", "A(1 − A)", "−AᵢAⱼ")


@pytest.mark.parametrize("identity", MAP)
def test_every_cell_names_a_check_or_a_reason(identity):
    assert len(MAP[identity]) == len(REFEREES)
    for cell in MAP[identity]:
        names = re.findall(r"`(\w+)`", cell)
        assert cell.startswith("–: ") or (names and set(names) <= set(CHECKS))


def test_a_page_shows_a_property_as_it_stands():
    """Word for word."""
    source = (ROOT / "properties" / "test_theta_gradient.py").read_text(encoding="utf-8")
    shown = re.search(
        r"```python\n(@closed_forms.*?)```", (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8"), re.DOTALL
    )
    assert shown and shown[1] in source


@pytest.mark.parametrize("identity", ASKED)
def test_central_differences_and_check_grad_judge_every_identity(identity):
    """θ, b, Z, A(1 − A) and −AᵢAⱼ: the mission, with no empty cell."""
    cells = dict(zip(REFEREES, MAP[identity], strict=True))
    due = {"∂ℒ/∂θ": "theta", "∂ℒ/∂b": "b", "∂ℒ/∂Z": "Z"}.get(identity, "jacobian")
    assert f"`central_difference_{due}`" in cells["central differences"]
    assert f"`scipy_check_grad_{due}`" in cells["check_grad"]
