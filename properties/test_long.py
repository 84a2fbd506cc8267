"""Texts of others have no length of their own: a reason of a megabyte costs what a reason costs."""

import json
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from gradcheck import cases, regimes, verify
from gradcheck.checks.reading import describe
from gradcheck.cli import main
from gradcheck.errors import Unusable, raised, text
from gradcheck.implementations import Implementation
from gradcheck.problem import Problem
from gradcheck.verdict import Verdict

LONG = 10**6
RAISES = f"""
calls = []
def gradients(theta, b, X, Y):
    calls.append(1)
    raise ValueError("B" * {LONG} + str(len(calls)))
"""
# It speaks the protocol, and poses nothing, with a reason that is new each time.
DECLINES = """
import json, sys
n = 0
for line in sys.stdin.buffer:
    head = json.loads(line)
    if head["call"] == "describe":
        told = {"gradcheck_protocol": 1, "functions": ["gradients"], "dtypes": ["float64"], "encoding": "json", "name": "N" * 10**6}
    else:
        n += 1
        told = {KIND: "B" * 10**6 + str(n)}
    sys.stdout.write(json.dumps(told) + "\\n")
    sys.stdout.flush()
"""


def reported(*words: str) -> tuple[str, dict[str, str]]:
    """What a run says on the terminal, and in each report."""
    kinds = ("json", "junit", "html")
    result = CliRunner().invoke(
        main, ["verify", *words, "--max-examples", "10", *(w for kind in kinds for w in (f"--{kind}", f"found.{kind}"))]
    )
    assert result.exit_code in (1, 3), result.output
    return result.output, {kind: Path(f"found.{kind}").read_text(encoding="utf-8") for kind in kinds}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_ten_exceptions_of_a_megabyte_are_less_than_one(folder):
    Path("raises.py").write_text(RAISES, encoding="utf-8")
    shown, files = reported("raises.py")
    assert len(shown) < LONG and all(len(file) < LONG for file in files.values()), {k: len(v) for k, v in files.items()}
    (run,) = json.loads(files["json"])["runs"]
    reason = run["failures"][0]["verdict"]["reason"]
    assert run["problems"] == 10 and "ValueError: BBBB" in reason and reason.endswith("raises.py:5)"), reason


@pytest.mark.skipif(sys.platform == "win32", reason="pipes that can be waited for")
@pytest.mark.parametrize("kind", ["not_posed", "error"])
def test_ten_reasons_of_a_process_of_a_megabyte_are_less_than_one(folder, kind):
    Path("serves.py").write_text(DECLINES.replace("KIND", repr(kind)), encoding="utf-8")
    shown, files = reported("--exec", f"{sys.executable} serves.py")
    assert "BBBB" in files["json"] and len(shown) < LONG
    assert all(len(file) < LONG for file in files.values()), {k: len(v) for k, v in files.items()}


def test_an_exception_of_twenty_megabytes_is_neither_copied_nor_split():
    wrong = ValueError("B " * 10**7)
    tracemalloc.start()
    try:
        said = raised(wrong)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10**6 and said.startswith("ValueError: B B B") and said.endswith(" more)") and len(said) < 600


@pytest.mark.parametrize("name", [f"{'x' * 5000}.py", f"{'x/' * 50_000}y.py:f", "x" * 10**5, f"{'x' * 5000}:f"])
@pytest.mark.parametrize("command", [("verify",), ("compare",), ("fuzz",), ("audit",), ("corpus", "list"), ("replay",)])
def test_a_name_that_is_too_long_for_a_file_is_refused_in_a_line(folder, command, name):
    result = CliRunner().invoke(main, [*command, name])
    assert result.exit_code == 2 and len(result.output) < 1500 and len(result.output.splitlines()) == 1, result.output


class Boundless(str):
    """A text of a target's own type, which does what it likes."""

    def __len__(self):
        raise SystemExit(0)

    __getitem__ = split = isprintable = __len__


class Meta(type):
    """Whose classes have no name."""

    @property
    def __name__(cls):
        raise SystemExit(0)


class Nameless(Exception, metaclass=Meta):
    """An exception that cannot be told of."""

    __traceback__ = property(lambda self: 1 / 0)  # type: ignore[assignment]
    __class__ = property(lambda self: 1 / 0)  # type: ignore[assignment]

    def __str__(self):
        return Boundless("\x1b" * 1000)


class Misplaced(SyntaxError):
    filename = property(lambda self: 1 / 0)


def test_what_an_exception_says_of_itself_is_read_with_suspicion():
    assert raised(Nameless()) == "Nameless: " + "\x1b" * 500 + "... (500 more)"
    assert "raises ZeroDivisionError" in raised(Misplaced("x"))
    assert text(Boundless("x"), str) == "x"


def test_no_file_is_opened_to_tell_where_an_exception_was_raised(monkeypatch):
    """A target may say that it was made from /dev/zero."""
    import linecache

    monkeypatch.setattr(linecache, "updatecache", lambda *given: pytest.fail("a file is read"))
    monkeypatch.setattr(linecache, "checkcache", lambda *given: pytest.fail("a file is looked at"))
    try:
        exec(compile("1 / 0", "/dev/zero", "exec"))
    except ZeroDivisionError as wrong:
        assert raised(wrong) == "ZeroDivisionError: division by zero (/dev/zero:1)"


def test_a_name_of_ten_million_characters_is_made_no_pattern_of(tmp_path, monkeypatch):
    def bounded(name: str, glob: str) -> bool:
        assert len(glob) <= regimes.LONGEST
        return False

    monkeypatch.setattr(regimes, "fnmatchcase", bounded)
    for select in (verify.select, regimes.select):
        with pytest.raises(Unusable) as refused:
            select(["*" * 10**7])
        said = str(refused.value)
        assert len(said) < 1000 and ("expected one of" in said or "lists them" in said)


@pytest.mark.parametrize("entry", ["check", "target", "dtype", "memory", "theta", "gradcheck_case"])
def test_a_refusal_never_repeats_a_megabyte(tmp_path, entry):
    path = tmp_path / "case.json"
    column = [["0x1.0000000000000p+0"], ["0x0.0p+0"]]
    whole = {"gradcheck_case": 1, "check": "", "target": "", "dtype": "float64", "memory": "C"}
    whole |= {"theta": column, "b": column, "X": column[:1], "Y": column}
    for value in ("A" * LONG, ["A" * LONG], [["A" * LONG]], {"A" * LONG: 1}, 10**4000):
        path.write_text(json.dumps({**whole, entry: value}), encoding="utf-8")
        result = CliRunner().invoke(main, ["replay", str(path), "numpy"])
        if entry != "target" or value != "A" * LONG:
            assert result.exit_code == 2
            assert len(result.output) < 2000 and len(result.output.splitlines()) == 1, result.output[:3000]
        else:
            assert len(cases.load(path).target) < 600


def test_a_mapping_of_many_names_is_told_of_in_a_line():
    names = {f"k{number}": 1.0 for number in range(10**5)}
    (verdict,) = _judged(Implementation("wrong", gradients=lambda *arrays: names))
    assert "returned the keys ['k0', 'k1', " in verdict.reason and len(verdict.reason) < 700


def test_an_array_of_many_fields_is_told_of_in_a_line():
    wide = np.zeros(2, dtype=[(f"f{number}", "f8") for number in range(10**4)])
    (verdict,) = _judged(Implementation("wrong", gradients=lambda *arrays: {"theta": wide}))
    assert "an array of [('f0', '<f8'), " in verdict.reason and len(verdict.reason) < 800


def test_a_list_of_millions_is_not_written_out():
    given = [["a"] * 10**6] * 4
    tracemalloc.start()
    try:
        said = describe(given)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 10**6 and len(said) < 70 and said.startswith("list [['a', 'a', 'a',")


def _judged(implementation: Implementation) -> list[Verdict]:
    problem = Problem(np.ones((2, 1)), np.zeros((2, 1)), np.ones((1, 1)), np.array([[1.0], [0.0]]))
    return list(verify.judge(implementation, problem, verify.select(["theta_gradient"])).values())
