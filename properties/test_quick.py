"""The quick selection has something of every file, and leaves out nothing that is not there."""

import re
from pathlib import Path

import pytest
from quick import BROWSER, ONLY, SLOW, WHOLE

FILES = {path.stem.removeprefix("test_"): path for path in sorted(Path(__file__).parent.glob("test_*.py"))}


def named(name: str) -> list[str]:
    text = FILES[name].read_text(encoding="utf-8")
    return [found[1] for found in re.finditer(r"^(?:    )?def (test_\w+)", text, re.MULTILINE)]


@pytest.mark.parametrize("name", [name for name in FILES if name != BROWSER])
def test_every_file_has_a_test_in_the_selection(name):
    left = [test for test in named(name) if not (name in SLOW and re.search(SLOW[name], test))]
    assert [test for test in left if name == "implementations" or re.search(ONLY.get(name, ""), test)]


@pytest.mark.parametrize("name", SLOW)
def test_every_word_leaves_something_out(name):
    assert [word for word in SLOW[name].split("|") if not any(re.search(word, test) for test in named(name))] == []


def test_every_file_that_is_named_is_there():
    assert {*WHOLE, *SLOW, *ONLY} <= FILES.keys()
