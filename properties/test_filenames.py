"""File names made of names: one part, in the folder that is meant, and a different one for every name."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gradcheck import Problem, cases, filenames
from gradcheck.cases import Case
from gradcheck.checks import CHECKS

NASTY = (
    "",
    ".",
    "..",
    "/",
    "../../escaped",
    "/tmp/x",
    ".hidden",
    "a\0b",
    "a\nb",
    "\x1b[31m",
    "a" * 10**5,
    "CON",
    "nul",
    "ö",
    "\ud800",
)


@pytest.mark.parametrize("name", NASTY, ids=range(len(NASTY)))
def test_any_name_is_one_plain_part(name):
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", filenames.plain(name))


@given(st.text(), st.text())
@example("a", filenames.plain("a."))
@example("a.", filenames.plain("a."))
@example("a/b", "a-b")
@example("a" * 65, "a" * 66)
def test_different_names_have_different_files(one, other):
    """The digest that stands for what is left out is in the name of nothing else."""
    assert (filenames.plain(one) == filenames.plain(other)) == (one == other)


@pytest.mark.parametrize("check", CHECKS)
def test_a_check_is_named_as_it_is(check):
    """Or every corpus would get new files."""
    assert filenames.plain(check) == check


@pytest.mark.parametrize("name", NASTY, ids=range(len(NASTY)))
def test_a_case_is_saved_in_its_folder_and_seen_by_all_commands(name, tmp_path):
    """Whatever it says that its check is; reading it is another matter."""
    problem = Problem([[1.0], [0.0]], [[0.0], [0.0]], [[1.0]], [[1.0], [0.0]])
    path = cases.save(Case(problem, name), tmp_path / "a" / "b")
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path] == list((tmp_path / "a" / "b").glob("[!.]*.json"))
    assert path.parent == Path(tmp_path, "a", "b")
