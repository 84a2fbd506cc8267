"""Cases: what is saved comes back bit for bit, and a file that is no case is refused in one line."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import Problem, Unusable, precision, problems
from gradcheck.cases import Case, dumps, load, save
from gradcheck.problem import MEMORY

DATA = st.data()
EVERY = ("*", "label-mass", "masked-class", "integers")
ZERO = Problem(np.zeros((2, 1)), np.zeros((2, 1)), np.zeros((1, 1)), np.eye(2)[:, :1])


@pytest.mark.parametrize("dtype", precision.NAMES)
@given(data=DATA)
def test_a_saved_problem_comes_back_bit_for_bit(dtype, data):
    """Hexadecimal floats are exact: the digest is the same, and so are the bytes, -0 included."""
    names = st.sampled_from(["", "loss", "theta_gradient"])
    texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    p = data.draw(problems(dtypes=(dtype,), regimes=EVERY), label="problem")
    case = Case(p, data.draw(names, label="check"), data.draw(texts, label="target"))
    with tempfile.TemporaryDirectory() as folder:
        back = load(save(case, Path(folder)))
    assert back.problem.digest == p.digest
    for name in ("theta", "b", "X", "Y"):
        assert getattr(back.problem, name).tobytes() == getattr(p, name).tobytes()
        assert getattr(back.problem, name).dtype == p.theta.dtype
    assert (back.check, back.target, back.problem.memory) == (case.check, case.target, p.memory)


@pytest.mark.parametrize("memory", MEMORY)
def test_every_memory_order_comes_back(memory):
    """As a name: the arrays themselves are written row by row."""
    p = Problem(ZERO.theta, ZERO.b, ZERO.X, ZERO.Y, memory)
    assert json.loads(dumps(Case(p)))["memory"] == memory


@pytest.mark.parametrize("value", [-0.0, 5e-324, 1.7976931348623157e308, 0.1, -(2.0**-1022)])
def test_every_float_comes_back(value, tmp_path):
    """Zeros with a sign, subnormals, and the largest."""
    p = Problem(np.full((2, 1), value), ZERO.b, ZERO.X, ZERO.Y)
    assert load(save(Case(p), tmp_path)).problem.theta.tobytes() == p.theta.tobytes()


def test_the_same_case_is_written_once(tmp_path):
    """A second run finds the file of the first."""
    assert save(Case(ZERO, "loss"), tmp_path) == save(Case(ZERO, "loss"), tmp_path)
    assert len(list(tmp_path.iterdir())) == 1


def test_another_case_of_the_same_name_is_not_overwritten(tmp_path):
    """It gets a longer name, and the other file stays as it was."""
    path = save(Case(ZERO, "loss"), tmp_path)
    path.write_text("mine", encoding="utf-8")
    other = save(Case(ZERO, "loss"), tmp_path)
    assert other != path
    assert path.read_text(encoding="utf-8") == "mine"
    assert load(other).problem.digest == ZERO.digest


def test_where_every_name_is_taken_nothing_is_written(tmp_path):
    """`Unusable`, with what to do."""
    for _ in range(8):
        save(Case(ZERO), tmp_path).write_text("mine", encoding="utf-8")
    with pytest.raises(Unusable, match="choose another folder"):
        save(Case(ZERO), tmp_path)
    assert {path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == {"mine"}


def test_nothing_is_left_beside_a_case(tmp_path):
    """Written whole or not at all: no half-written file stays."""
    path = save(Case(ZERO), tmp_path / "new" / "folder")
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    """`Unusable`, and the file stays as it was."""
    (tmp_path / "cases").write_text("mine", encoding="utf-8")
    with pytest.raises(Unusable, match="cannot save a case in"):
        save(Case(ZERO), tmp_path / "cases")
    assert (tmp_path / "cases").read_text(encoding="utf-8") == "mine"


# ---- files that are no cases ----


def refusal(path: Path) -> str:
    """The message: one line, of the only exception that may be raised."""
    with pytest.raises(Unusable) as refused:
        load(path)
    message = str(refused.value)
    assert message
    assert "\n" not in message and "\r" not in message
    return message


def changed(**changes: object) -> bytes:
    """A valid case with some entries replaced; `...` takes the entry away."""
    data = {**json.loads(dumps(Case(ZERO, "loss", "numpy"))), **changes}
    return json.dumps({key: value for key, value in data.items() if value is not ...}).encode()


KEYS = ("gradcheck_case", "check", "target", "dtype", "memory", "theta", "b", "X", "Y")
CORRUPT = {
    "empty": b"",
    "white space": b" \n\t",
    "not JSON": b"theta = [[1]]",
    "cut off": changed()[:-20],
    "two cases": changed() + changed(),
    "binary": bytes(range(256)),
    "zeros": bytes(64),
    "UTF-16": changed().decode().encode("utf-16"),
    "with a byte order mark": b"\xef\xbb\xbf" + changed(),
    "a number": b"1",
    "a list": b"[]",
    "null": b"null",
    "an object without entries": b"{}",
    "another schema": changed(gradcheck_case=3),
    "a schema in words": changed(gradcheck_case="1"),
    **{f"without {key}": changed(**{key: ...}) for key in KEYS},
    **{f"{key} is null": changed(**{key: None}) for key in KEYS},
    **{f"{key} is an object": changed(**{key: {"a": 1}}) for key in KEYS},
    "unknown dtype": changed(dtype="float8"),
    "a dtype of two lines": changed(dtype="float\n64"),
    "unknown memory order": changed(memory="D"),
    "a memory order of two lines": changed(memory="C\nF"),
    "no rows": changed(theta=[]),
    "rows without entries": changed(theta=[[], []]),
    "ragged rows": changed(theta=[["0x1p+0"], ["0x1p+0", "0x1p+0"]]),
    "one row too many": changed(theta=[["0x1p+0"]] * 3),
    "rows of rows": changed(theta=[[["0x1p+0"]], [["0x1p+0"]]]),
    "numbers": changed(theta=[[1.0], [2.0]]),
    "words": changed(theta=[["one"], ["two"]]),
    "decimal fractions": changed(theta=[["0.1"], ["1.5"]]),
    "text in place of rows": changed(theta="12"),
    "text in place of a row": changed(theta=["1", "2"]),
    "an object in place of rows": changed(theta={"1": 0, "2": 0}),
    "true in place of a number": changed(theta=[[True], [False]]),
    "not a number": changed(theta=[["nan"], ["0x0p+0"]]),
    "infinity": changed(theta=[["inf"], ["0x0p+0"]]),
    "too large for float64": changed(theta=[["0x1p+5000"], ["0x0p+0"]]),
    "too small for float64": changed(theta=[["0x1p-5000"], ["0x0p+0"]]),
    "too precise for float64": changed(theta=[["0x1.00000000000001p+0"], ["0x0p+0"]]),
    "too large for float16": changed(dtype="float16", theta=[["0x1p+20"], ["0x0p+0"]]),
    "too precise for bfloat16": changed(dtype="bfloat16", theta=[["0x1.01p+0"], ["0x0p+0"]]),
    "too small for float32": changed(dtype="float32", theta=[["0x1p-1000"], ["0x0p+0"]]),
    "negative labels": changed(Y=[["-0x1p+0"], ["0x1p+1"]]),
    "every class masked": changed(b=[["-inf"], ["-inf"]]),
    "fractions as whole numbers": changed(memory="integers", X=[["0x1p-1"]]),
    "deep lists": b"[" * 100_000,
    "deep objects": b'{"a":' * 100_000,
    "deep rows": changed(theta=0).replace(b'"theta": 0', b'"theta": ' + b"[" * 500 + b"]" * 500),
    "a whole number of 10000 digits": changed(gradcheck_case=0).replace(b": 0", b": " + b"1" * 10_000, 1),
    "half a surrogate pair": changed(dtype="\ud800"),
}


@pytest.mark.parametrize("what", CORRUPT)
def test_a_file_that_is_no_case_is_refused_in_one_line(what, tmp_path):
    """`Unusable`, and no other exception."""
    path = tmp_path / "case.json"
    path.write_bytes(CORRUPT[what])
    refusal(path)


def test_a_directory_is_no_case(tmp_path):
    """Nor is a file that is not there."""
    assert "cannot read" in refusal(tmp_path)
    assert "no such case file" in refusal(tmp_path / "none.json")


def assert_case_or_refused(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "case.json"
        path.write_bytes(content)
        try:
            load(path)
        except Unusable as refused:
            assert len(str(refused).splitlines()) == 1


@given(content=st.binary(max_size=200))
def test_bytes_are_a_case_or_refused(content):
    """Whatever they are."""
    assert_case_or_refused(content)


@given(data=DATA)
def test_a_damaged_case_is_a_case_or_refused(data):
    """Any piece of it replaced by any other text."""
    text = changed().decode()
    start = data.draw(st.integers(0, len(text) - 1), label="start")
    end = data.draw(st.integers(start, min(len(text), start + 40)), label="end")
    piece = data.draw(st.text(st.sampled_from('0123456789abxp+-.,:[]{}" \ntruenfl'), max_size=12), label="piece")
    assert_case_or_refused((text[:start] + piece + text[end:]).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=6) | st.just("0x1p+0"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(data=DATA)
def test_a_case_with_another_entry_is_a_case_or_refused(data):
    """Any entry replaced by any JSON."""
    key = data.draw(st.sampled_from(KEYS), label="entry")
    assert_case_or_refused(changed(**{key: data.draw(JSON, label="value")}))
