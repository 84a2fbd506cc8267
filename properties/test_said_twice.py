"""What a pyproject.toml says twice of a loss is refused: neither prevails."""

import pytest

from gradcheck.errors import Unusable
from gradcheck.settings import configured

TABLE = '[tool.gradcheck.targets.mine]\ntarget = "numpy"\n'


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("loss = { class_weight = [1, 2], class-weight = [2, 3] }", "each option once"),
        ('reduction = "sum"\nloss = { reduction = "mean" }', "reduction is said twice"),
    ],
)
def test_an_option_is_said_once(tmp_path, said, words):
    """By either of its spellings, and in either of its places."""
    (tmp_path / "pyproject.toml").write_text(TABLE + said + "\n")
    with pytest.raises(Unusable, match=words) as refused:
        configured(tmp_path)
    assert "\n" not in str(refused.value)
