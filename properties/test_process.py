"""Implementations in a process of their own: the protocol, programs in other languages, and Python targets set apart."""

import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from gradcheck import Implementation, Layout, Problem, Unusable, conform, judge, judge_gradient, precision, processes
from gradcheck.cli import main
from gradcheck.implementations import TargetFailed, guarded, peer, protocol
from gradcheck.implementations.peer import Limits
from gradcheck.implementations.process import from_command
from gradcheck.problem import MEMORY
from gradcheck.settings import Target
from gradcheck.verdict import Outcome
from gradcheck.verify import select

ROOT = Path(__file__).parent.parent
PROBLEM = Problem(
    np.array([[0.5, -1.0], [0.25, 2.0]]), np.zeros((2, 1)), np.array([[1.0, 2.0], [3.0, -1.0]]), np.eye(2)
)
DTYPES = {**protocol.DTYPES, "bfloat16": precision.named("bfloat16").dtype}


def needed(program: str) -> None:
    """CI has every program; elsewhere the test is skipped without it."""
    if shutil.which(program) is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{program} is not installed")


def alive(pid: int) -> bool:
    """Whether the process still runs; one that has ended and waits to be collected does not."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not processes.LINUX or state.read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in "ZX"
    except (ProcessLookupError, FileNotFoundError):  # between two looks
        return False


def gone(pid: int) -> bool:
    """Whether it ends within a moment: a signal takes time to arrive."""
    until = time.monotonic() + 5
    while alive(pid) and time.monotonic() < until:
        time.sleep(0.01)
    return not alive(pid)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---- what is said ----


@st.composite
def wire_arrays(draw):
    """Arrays of any dtype and of 0 to 3 dimensions, empty ones too; they shrink to one number that is 0."""
    dtype = DTYPES[draw(st.sampled_from(sorted(DTYPES)), label="dtype")]
    shape = draw(npst.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4), label="shape")
    if dtype.kind == "i":
        return draw(npst.arrays(dtype, shape), label="numbers")
    size = int(np.prod(shape))
    bits = draw(st.binary(min_size=size * dtype.itemsize, max_size=size * dtype.itemsize), label="bits")
    return np.frombuffer(bits, dtype=dtype).reshape(shape)


@given(
    st.dictionaries(st.text(max_size=8), wire_arrays(), max_size=4), st.sampled_from(protocol.ENCODINGS), st.booleans()
)
def test_what_is_read_is_what_was_said(arrays, encoding, fortran):
    sent = {name: np.asfortranarray(array) if fortran and array.ndim else array for name, array in arrays.items()}
    stream = io.BytesIO(protocol.message({"call": "any"}, sent, encoding))
    header = protocol.header(stream.readline())
    found = protocol.read_arrays(header, stream.read, "float64")
    assert header["call"] == "any"
    assert stream.read() == b""
    assert list(found) == list(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        assert found[name].shape == array.shape
        if encoding == "raw" or array.dtype.kind in "iu":
            assert found[name].tobytes() == array.tobytes()
        else:  # JSON has one NaN
            numbers = np.isnan(array.astype(float))
            assert (np.isnan(found[name].astype(float)) == numbers).all()
            assert found[name][~numbers].tobytes() == array[~numbers].tobytes()


@given(wire_arrays())
def test_the_line_of_json_numbers_is_strict_json_and_ascii(array):
    line = protocol.message({}, {"θ": array}, "json")

    def never(word):
        raise AssertionError(word)

    assert line.isascii()
    assert line.count(b"\n") == 1
    assert json.loads(line, parse_constant=never)["arrays"] == [["θ", array.dtype.name, *array.shape]]


def test_numbers_that_are_not_listed_take_the_precision_under_test_and_null_is_nan():
    found = protocol.read_arrays({"values": {"Z": [[1, "inf"], [None, "-inf"]], "loss": 0.1}}, lambda n: b"", "float32")
    assert found["Z"].dtype == found["loss"].dtype == np.float32
    assert found["loss"].shape == ()
    assert np.isnan(found["Z"][1, 0])
    assert found["Z"][0, 1] == np.inf


def test_the_exchange_in_docs_protocol_md_is_what_is_written_and_its_answers_are_right():
    page = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
    theta, b = np.array([[0.5, 0, -1], [0, 0, 2]]), np.array([[0], [0.5]])
    X, Y = np.array([[1.0, 0], [0, 1], [1, -1]]), np.eye(2)
    arrays, head = {"theta": theta, "b": b, "X": X, "Y": Y}, {"gradcheck_protocol": 1}
    written = [
        protocol.message({**head, "call": "describe"}, {}),
        protocol.message({**head, "call": "gradients"}, arrays),
        protocol.message({**head, "call": "loss"}, arrays, "json"),
    ]
    shown = [f"{line}\n".encode() for line in page.splitlines() if line.startswith('{"gradcheck_protocol": 1, "call"')]
    question, answer = (
        bytes.fromhex(block) for block in re.findall(r"(?:^    (?:[0-9a-f]{16} ?)+\n)+", page, re.MULTILINE)
    )
    assert [shown[0], shown[1] + question, shown[2]] == written
    answered = protocol.header(re.search(r"^{\"arrays\".*$", page, re.MULTILINE)[0].encode())
    gradients = protocol.read_arrays(answered, io.BytesIO(answer).read, "float64")
    problem = Problem(theta, b, X, Y)
    assert {v.outcome for v in judge_gradient(problem, **gradients).values()} == {Outcome.AGREE}
    loss = json.loads(re.search(r"^{\"values\".*$", page, re.MULTILINE)[0])["values"]["loss"]
    given = Implementation("page", loss=lambda *arrays: loss)
    assert judge(given, problem, select(["loss"]))["loss"].outcome is Outcome.AGREE


GARBLED = {
    "no JSON": (b"hello\n", "no line of JSON"),
    "no braces": (b"[1]\n", "no line of JSON"),
    "not UTF-8": (b"\xff\xfe\n", "no line of JSON"),
    "UTF-16": ('{"arrays": []}'.encode("utf-16-le") + b"\n", "no line of JSON"),
    "a mark of byte order": (b'\xef\xbb\xbf{"arrays": []}\n', "no line of JSON"),
    "too deep": (b"[" * 100_000 + b"\n", "no line of JSON"),
    "arrays a number": (b'{"arrays": 5}\n', "expected a list"),
    "arrays a table": (b'{"arrays": {"Z": 1}}\n', "expected a list"),
    "an array without a dtype": (b'{"arrays": [["Z"]]}\n', "expected [name, dtype"),
    "an array without a name": (b'{"arrays": [[1, "float64"]]}\n', "expected [name, dtype"),
    "no such dtype": (b'{"arrays": [["Z", "float80", 1]]}\n', "float80"),
    "a dtype that is a list": (b'{"arrays": [["Z", [], 1]]}\n', "of dtype []"),
    "a size below 0": (b'{"arrays": [["Z", "float64", -1]]}\n', "whole numbers as sizes"),
    "a size that is a fraction": (b'{"arrays": [["Z", "float64", 1.5]]}\n', "whole numbers as sizes"),
    "a size that is a truth": (b'{"arrays": [["Z", "float64", true]]}\n', "whole numbers as sizes"),
    "more than memory has": (b'{"arrays": [["Z", "float64", 100000, 100000]]}\n', "no more than"),
    "too many dimensions": (b'{"arrays": [["Z", "float64"' + b", 1" * 99 + b"]]}\n" + bytes(8), "listed as"),
    "values a list": (b'{"values": [1]}\n', "expected names"),
    "values a text": (b'{"values": {"Z": [["one"]]}}\n', "no numbers"),
    "values a table": (b'{"values": {"Z": {"a": 1}}}\n', "no numbers"),
    "values too large": (b'{"values": {"Z": [1' + b"0" * 400 + b"]}}\n", "no numbers"),
    "rows of unequal length": (b'{"values": {"Z": [[1], [1, 2]]}}\n', "no numbers"),
    "another shape than listed": (b'{"arrays": [["Z", "float64", 3]], "values": {"Z": [1]}}\n', "listed as"),
}


@pytest.mark.parametrize("name", GARBLED)
def test_a_message_that_is_none_is_told_by_what_was_received(name):
    text, words = GARBLED[name]
    stream = io.BytesIO(text)
    with pytest.raises(protocol.Garbled, match=re.escape(words)):
        protocol.read_arrays(protocol.header(stream.readline()), stream.read, "float64")


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise_anything_but_garbled(data):
    stream = io.BytesIO(data)
    try:
        protocol.read_arrays(protocol.header(stream.readline()), bytes, "float64")
    except protocol.Garbled as garbled:
        assert "\n" not in str(garbled)


# ---- programs in other languages ----

PLANTED = {  # in each example: what is replaced, by what, and a check that must name it
    "c": ("(mass * to_Z[l * n + i] - Y->at[l * n + i]) / n", "mass * to_Z[l * n + i] - Y->at[l * n + i]"),
    "javascript": ("(a * mass[i] - Y[l][i]) / n", "(Y[l][i] - a * mass[i]) / n"),
}


def command(language: str, folder: Path, text: str) -> str:
    """The program of that text, built, and the command that runs it."""
    if language == "c":
        needed("cc")
        (folder / "softmax.c").write_text(text, encoding="utf-8")
        words = ["cc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", "my-softmax", "softmax.c", "-lm"]
        subprocess.run(words, check=True, cwd=folder)
        return "./my-softmax"
    needed("node")
    (folder / "softmax.mjs").write_text(text, encoding="utf-8")
    return "node softmax.mjs"


def example(language: str) -> str:
    """The text of the example."""
    (path,) = (ROOT / "examples" / language).glob("softmax.*")
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("language", PLANTED)
def test_the_example_in_another_language_agrees_in_float64_and_float32(language, folder):
    told = command(language, folder, example(language))
    words = ["verify", "--exec", told, "--dtype", "float64", "--dtype", "float32", "--max-examples", "20"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    assert "disagree" not in result.output
    assert f"{told} float64: " in result.output
    assert f"{told} float32: " in result.output


@pytest.mark.parametrize("language", PLANTED)
def test_the_example_in_another_language_with_one_planted_mistake_disagrees_and_its_case_replays(language, folder):
    before, after = PLANTED[language]
    assert example(language).count(before) == 1
    told = command(language, folder, example(language).replace(before, after))
    checks = [word for name in ("logits", "theta", "bias") for word in ("--check", f"{name}_gradient")]
    words = ["verify", "--exec", told, "--max-examples", "4", *checks, "--json", "found.json"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 1
    (run,) = json.loads(Path("found.json").read_text(encoding="utf-8"))["runs"]
    failed = {failure["check"]: failure for failure in run["failures"]}
    assert {"logits_gradient", "theta_gradient", "bias_gradient"} <= set(failed)
    replayed = CliRunner().invoke(main, ["replay", failed["logits_gradient"]["case"], "--exec", told])
    assert replayed.exit_code == 1


def test_the_example_in_c_ends_with_its_own_words_where_it_cannot_read_a_question(folder):
    told = command("c", folder, example("c"))
    ended = subprocess.run([told], input=b"hello\n", capture_output=True, check=False)
    assert ended.returncode == 1
    assert ended.stdout == b""
    assert b"not version 1" in ended.stderr


# ---- programs that do not keep to the protocol ----

PROGRAM = """
import json, os, struct, sys, time
def say(text): sys.stdout.buffer.write(text if isinstance(text, bytes) else text.encode()); sys.stdout.flush()
def told(**more): say(json.dumps({"gradcheck_protocol": 1, "functions": ["loss"], "encoding": "json", **more}) + "\\n")
asked = 0
for line in sys.stdin:
    call = json.loads(line)["call"]
    asked += call != "describe"
"""


def program(describe: str = "told()", answer: str = "say('{}\\n')", name: str = "program.py") -> str:
    """A program that says this when it is asked to describe itself, and that when its loss is called."""
    body = f"    if call == 'describe':\n        {describe}\n    else:\n        {answer}\n"
    Path(name).write_text(PROGRAM + body, encoding="utf-8")
    return shlex.join([sys.executable, "-S", name])


STRANGERS = {
    "ends at once": ("sys.exit(3)", "ended with exit status 3"),
    "ends with words": ("sys.exit('no licence')", "its last words: no licence"),
    "is killed": ("os.kill(os.getpid(), 9)", "was ended by SIGKILL"),
    "is killed by a signal without a name": ("os.kill(os.getpid(), 37)", "was ended by signal 37"),
    "writes junk": ("say('Welcome!\\n')", "b'Welcome!', which is no line of JSON"),
    "writes without end": ("[say('x' * 100000) for _ in range(100)]", "without end"),
    "hangs": ("time.sleep(60)", "took longer than 0.5 s"),
    "closes standard output": ("os.close(1); time.sleep(60)", "closed its standard input or output"),
    "another version": ("told(gradcheck_protocol=3)", "speaks protocol 3; expected 1 or 2"),
    "no version": ("say('{}\\n')", "speaks protocol None; expected 1"),
    "refuses": ("say(json.dumps({'error': 'no GPU here'}) + '\\n')", "refuses: no GPU here"),
    "functions no list": ("told(functions=5)", "functions 5; expected a list"),
    "functions misspelled": ("told(functions=['gradient'])", "expected a list of any of gradients"),
    "no functions": ("told(functions=[])", "expected a list of any of gradients"),
    "dtypes no list": ("told(dtypes='float64')", "dtypes 'float64'; expected a list"),
    "dtypes of lists": ("told(dtypes=[[]])", "dtypes [[]]; expected a list"),
    "integers as precision": ("told(dtypes=['int64'])", "expected a list of any of float64"),
    "another encoding": ("told(encoding='xml')", "encoding 'xml'; expected raw or json"),
    "a layout that is not known": ("told(layout={'samples': 'diagonal'})", "samples='diagonal'"),
    "a layout with an unknown entry": ("told(layout={'batch': 'rows'})", "layout wrongly"),
    "expected failures without a reason": ("told(expected_failures={'loss': ''})", "checks with the reason of each"),
    "a layout that is a text": ("told(layout='rows')", "layout wrongly"),
    "arrays that are none": ("told(arrays=[['Z', 'float80']])", "float80"),
}


@pytest.mark.parametrize("name", STRANGERS)
def test_a_program_that_does_not_describe_itself_is_refused_in_one_line_and_ended(name, monkeypatch):
    monkeypatch.setattr(peer, "START_LIMIT", 0.5 if name == "hangs" else 10.0)
    monkeypatch.setattr(peer, "END_LIMIT", 0.2 if "closes" in name else 5.0)
    monkeypatch.setattr(protocol, "LINE", 1 << 20)
    describe, words = STRANGERS[name]
    told = program(f"open('pid', 'w').write(str(os.getpid())); {describe}")
    result = CliRunner().invoke(main, ["verify", "--exec", told])
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert words in result.stderr
    assert gone(int(Path("pid").read_text(encoding="utf-8")))


@pytest.mark.parametrize("told", ["./nowhere --serve", "./text", "", "  ", "./it 'not closed", "a\0b"])
def test_a_command_that_cannot_be_started_is_refused_in_one_line(told):
    Path("text").write_text("no program\n", encoding="utf-8")
    with pytest.raises(Unusable) as refusal:
        from_command(told)
    assert "\n" not in str(refusal.value)


ANSWERS = {
    "far too many names": (
        "say(json.dumps({'values': {f'k{i}': 1 for i in range(10**5)}}) + '\\n')",
        f"{10**5} arrays; expected no more than {protocol.MOST}",
    ),
    "many arrays": (
        "say(json.dumps({'arrays': [[f'k{i}', 'float64', 0] for i in range(100)]}) + '\\n')",
        "100 arrays; expected no more than",
    ),
    "more than memory has, in parts": (
        "say(json.dumps({'arrays': [[f'k{i}', 'float64', 1 << 24] for i in range(9)]}) + '\\n')",
        "no more than that together",
    ),
    "a line without end": ("[say('x' * (1 << 20)) for _ in range(99)]", "and so on, without end"),
    "junk": ("say('42 apples\\n')", "answered with b'42 apples'"),
    "no such dtype": ('say(\'{"arrays": [["loss", "float80"]]}\\n\')', "float80"),
    "texts": ('say(\'{"values": {"loss": "low"}}\\n\')', "no numbers"),
    "another shape": ('say(\'{"values": {"loss": [1, 2]}}\\n\')', "loss returned shape (2,); expected ()"),
    "two arrays": ('say(\'{"values": {"loss": 1, "Z": 2}}\\n\')', "returned the arrays loss, Z; expected one"),
    "no array": ("say('{}\\n')", "returned the arrays none; expected one"),
    "its own error": ('say(\'{"error": "labels must be whole"}\\n\')', "loss labels must be whole"),
    "an end": ("sys.exit('out of paper')", "ended with exit status 1; its last words: out of paper"),
    "an end in the middle": ('say(\'{"arrays": [["loss", "float64"]]}\\n123\'); sys.exit(4)', "exit status 4"),
    "a standard output that is closed": ("os.close(1); time.sleep(60)", "closed its standard input or output"),
    "too late": ("time.sleep(60)", "took longer than 0.2 s"),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_none_is_one_clear_verdict(name, monkeypatch):
    monkeypatch.setattr(peer, "END_LIMIT", 0.1 if "closed" in name else 5.0)
    answer, words = ANSWERS[name]
    found = from_command(program(answer=answer), Limits(seconds=0.2 if name == "too late" else 10.0))
    for _ in range(2):  # it is asked again, or begun anew
        verdict = judge(found, PROBLEM, select(["loss"]))["loss"]
        assert verdict.outcome is Outcome.ERRORED
        assert words in verdict.reason
        assert "\n" not in verdict.reason


@pytest.mark.parametrize("name", ["its own error", "an end"])
def test_a_run_goes_on_after_an_answer_that_is_none(name):
    run = conform(from_command(program(answer=ANSWERS[name][0])), checks=["loss"], max_examples=7)
    ended = 7 - peer.DEATHS if name == "an end" else 0
    assert run.problems == 7
    assert run.tallies["loss"].counts == Counter({Outcome.ERRORED: 7 - ended, Outcome.SKIPPED: ended})


def test_an_answer_takes_as_long_as_it_takes_to_be_read(monkeypatch):
    found = from_command(program(answer='say(\'{"values": {"loss": 0}}\\n\')'), Limits(seconds=0.5))
    header = protocol.header

    def slowly(line):
        time.sleep(0.6)
        return header(line)

    monkeypatch.setattr(protocol, "header", slowly)
    with pytest.raises(TargetFailed, match=r"took longer than 0\.5 s"):
        found.loss(*[np.ones((2, 1)) for _ in range(4)])


def test_no_byte_of_a_line_is_searched_twice(monkeypatch):
    searched = []

    class Buffer(bytearray):
        def find(self, what, start=0):
            searched.append(len(self) - start)
            return super().find(what, start)

    line = b"{" + b" " * (1 << 20) + b"}\n"
    pieces = [line[start : start + 1000] for start in range(0, len(line), 1000)]
    asked = peer.Peer(["none"], Limits(), "none")
    asked._buffer = Buffer()

    def progress(rest, deadline):
        asked._buffer += pieces.pop(0)
        return rest

    monkeypatch.setattr(asked, "_progress", progress)
    assert asked._read_line(memoryview(b""), 0.0) == line[:-1]
    assert sum(searched) == len(line)


def test_standard_error_without_end_is_no_answer_and_is_kept_nowhere(monkeypatch, folder):
    monkeypatch.setenv("TMPDIR", str(folder))
    flood = "[os.write(2, b'x' * 100000) for _ in iter(int, 1)]"
    found = from_command(program(answer=flood), Limits(seconds=0.5))
    live = found.loss.__closure__[1].cell_contents._live[0]
    with pytest.raises(TargetFailed, match=r"took longer than 0\.5 s"):
        found.loss(*[np.ones((2, 1)) for _ in range(4)])
    assert len(live.last) == guarded.KEPT
    assert [path.name for path in folder.iterdir()] == ["program.py"]


def test_a_program_that_talks_between_two_answers_is_listened_to():
    talk = "sys.stderr.write('word ' * 100000); sys.stderr.flush(); say('{\"values\": {\"loss\": 0}}\\n')"
    found = from_command(program(answer=talk))
    for _ in range(3):
        assert found.loss(*[np.ones((2, 1)) for _ in range(4)]) == 0


def test_what_a_program_writes_after_its_answer_is_not_taken_for_the_next():
    found = from_command(program(answer='say(\'{"values": {"loss": 0}}\\n{"values": {"loss": 1}}\\n\')'))
    arrays = [np.ones((2, 1)) for _ in range(4)]
    assert found.loss(*arrays) == 0
    with pytest.raises(TargetFailed, match="after the end of its answer"):
        found.loss(*arrays)


def test_a_program_declines_a_problem_with_its_reason():
    told = program(answer='say(\'{"not_posed": "made for two classes"}\\n\')')
    run = conform(from_command(told), checks=["loss"], max_examples=5)
    assert run.tallies["loss"].reasons == {"made for two classes": 5}


def test_a_program_tells_what_it_is_known_to_fail():
    found = from_command(
        program("told(expected_failures={'loss': 'is always 0'})", 'say(\'{"values": {"loss": 0}}\\n\')')
    )
    run = conform(found, checks=["loss"], max_examples=10)
    assert run.tallies["loss"].expected == "is always 0"
    assert run.tallies["loss"].outcome is Outcome.DISAGREE
    assert not run.failed


def test_a_program_that_does_not_start_a_second_time_is_told_so_and_given_up():
    Path("once").touch()
    told = program("os.path.exists('once') or sys.exit('used up'); os.remove('once'); told()", "sys.exit(1)")
    tally = conform(from_command(told), checks=["loss"], max_examples=12).tallies["loss"]
    assert tally.counts == {Outcome.ERRORED: peer.DEATHS, Outcome.SKIPPED: 12 - peer.DEATHS}
    assert "is not called again" in tally.reason


def test_a_program_is_sent_one_precision_and_index_labels_as_integers():
    answer = "say(json.dumps({'error': str([a[:2] + [len(a) - 2] for a in json.loads(line)['arrays']])}) + '\\n')"
    found = from_command(program("told(layout={'labels': 'index', 'samples': 'rows'})", answer))
    tally = conform(found, checks=["loss"], max_examples=40).tallies["loss"]
    sent = "[['theta', 'float64', 2], ['b', 'float64', 1], ['X', 'float64', 2], ['Y', 'int64', 1]]"
    assert sent in tally.first[1].reason
    assert found.layout == Layout(samples="rows", labels="index")


# ---- Python targets set apart ----

TARGET = """
import os, sys, time, ctypes
from pathlib import Path
import numpy as np

def softmax(Z):
    A = np.exp(Z - Z.max(axis=0))
    return A / A.sum(axis=0)

def loss(theta, b, X, Y):
    Z = theta @ X + b
    top = Z.max(axis=0)
    return -(Y * (Z - top - np.log(np.exp(Z - top).sum(axis=0)))).sum() / X.shape[1]

kept = {}
calls = 0
def gradients(theta, b, X, Y):
    global calls
    calls += 1
    D = (softmax(theta @ X + b) - Y) / X.shape[1]
    found = {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D}
    BODY
    return found
"""


def target(body: str = "pass", **settings) -> Implementation:
    """A right target with one more line, in a process of its own."""
    Path("target.py").write_text(TARGET.replace("BODY", body), encoding="utf-8")
    return Target("target.py", "target.py", isolate=True, **settings).load()


DEADLY = {
    "hangs": ("time.sleep(60)", {"time_limit": 0.2}, "gradients took longer than 0.2 s"),
    "reads from nowhere": ("ctypes.string_at(0)", {}, "was ended by SIGSEGV"),
    "is killed": ("os.kill(os.getpid(), 11)", {}, "was ended by SIGSEGV"),
    "ends": ("os._exit(7)", {}, "ended with exit status 7"),
    "ends with words": (
        "os.write(2, b'assertion failed\\n'); os.abort()",
        {},
        "SIGABRT; its last words: assertion failed",
    ),
    "closes the pipes": ("os.closerange(3, 99); time.sleep(60)", {}, "closed its standard input or output"),
}


@pytest.mark.parametrize("name", DEADLY)
def test_what_ends_the_process_is_an_errored_verdict_and_after_five_of_them_a_reason_to_skip(name, monkeypatch):
    """After two of them here, but for one: each takes a process that begins anew."""
    monkeypatch.setattr(peer, "END_LIMIT", 0.1 if "closes" in name else 5.0)
    most = peer.DEATHS if name == "ends" else 2
    monkeypatch.setattr(peer, "DEATHS", most)
    body, settings, words = DEADLY[name]
    run = conform(target(body, **settings), checks=["theta_gradient", "loss"], max_examples=most + 2)
    tally = run.tallies["theta_gradient"]
    assert run.problems == most + 2
    assert tally.counts == {Outcome.ERRORED: most, Outcome.SKIPPED: 2}
    assert words in tally.first[1].reason
    assert tally.reason == f"gradients is not called again: its process has had to be ended {most} times"
    assert run.tallies["loss"].outcome is Outcome.AGREE
    (failure,) = run.failures
    assert failure.problem is tally.first[0]


RAISING = {
    "runs out of memory": ("np.ones(1 << 28)", {"memory_limit": 1024}, "raised MemoryError"),
    "exits": ("sys.exit('enough')", {}, "raised SystemExit: enough"),
    "interrupts": ("raise KeyboardInterrupt", {}, "raised KeyboardInterrupt"),
    "asks the user": ("input()", {}, "raised EOFError"),
    "raises": ("1 / 0", {}, "raised ZeroDivisionError: division by zero"),
    "returns texts": ("return 'abc'", {}, "returned str; expected theta, b, Z"),
    "returns complex numbers": ("return theta * 1j", {}, "returned theta as complex128; expected real numbers"),
    "returns ragged rows": ("return {'theta': [[1.0], [1.0, 2.0]]}", {}, "which raised ValueError"),
    "returns nothing": ("return None", {}, "returned NoneType; expected theta, b, Z"),
}


@pytest.mark.parametrize("name", RAISING)
def test_what_a_target_raises_or_returns_is_told_and_its_process_lives_on(name):
    body, settings, words = RAISING[name]
    found = target(body, **settings)
    for _ in range(peer.DEATHS + 1):  # one that is ended so often is not called again
        verdicts = judge(found, PROBLEM, select(["theta_gradient", "loss"]))
        assert verdicts["theta_gradient"].outcome is Outcome.ERRORED
        assert words in verdicts["theta_gradient"].reason
        assert "\n" not in verdicts["theta_gradient"].reason
        assert verdicts["loss"].outcome is Outcome.AGREE


BEHAVIOUR = {
    "X[...] = 0": ("inputs_unchanged", "gradients changed its input X"),
    "kept.setdefault(X.shape, D)[...] = D; found['Z'] = kept[X.shape]": ("repeatable", "both live in one buffer"),
    "found['b'] = found['b'] + calls": ("repeatable", "gave another result"),
}


@pytest.mark.parametrize("body", BEHAVIOUR)
def test_what_a_target_does_to_its_memory_is_seen_through_the_pipe(body):
    check, words = BEHAVIOUR[body]
    tally = conform(target(body), checks=[check], max_examples=10).tallies[check]
    assert tally.outcome is Outcome.DISAGREE
    assert words in tally.first[1].reason


def test_what_a_target_prints_by_any_way_does_not_disturb_the_protocol():
    noise = (
        "print('noise'); os.write(1, b'junk\\n'); os.system('echo more'); sys.__stdout__.write('x'); sys.stdout.flush()"
    )
    run = conform(target(noise), checks=["theta_gradient"], max_examples=10)
    assert run.tallies["theta_gradient"].outcome is Outcome.AGREE


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_the_verdicts_of_a_right_target_are_the_same_in_a_process_of_its_own(dtype):
    settings = {"dtype": dtype, "max_examples": 20, "regimes": ["*"], "seed": 5}
    here = conform(Target("numpy", "numpy").load(), **settings)
    there = conform(Target("numpy", "numpy", isolate=True).load(), **settings)
    assert there.target == here.target
    assert not here.failed
    for name, tally in here.tallies.items():
        if name in ("after_an_exception", "two_threads"):  # neither goes through a pipe
            assert there.tallies[name].outcome is Outcome.SKIPPED
            continue
        assert there.tallies[name].counts == tally.counts, name
        assert there.tallies[name].reasons == tally.reasons, name
        assert there.tallies[name].ratio == tally.ratio, name


def test_the_layout_of_a_target_set_apart_is_the_same():
    student = str(ROOT / "examples" / "student" / "classifier.py")
    layout = {"samples": "rows", "theta": "features-first", "labels": "index"}
    run = conform(Target("student", student, layout=layout, isolate=True).load(), max_examples=60)
    assert not run.failed
    assert run.tallies["theta_gradient"].outcome is Outcome.AGREE
    assert run.layout == Layout(**layout)


def test_a_target_set_apart_is_handed_its_arrays_as_they_lie_in_memory():
    keep = "raise ValueError(str([theta.strides, X.strides, X.dtype.name, X.flags.writeable]))"
    found = target(keep)
    for memory in MEMORY:
        arrays = [MEMORY[memory](np.ones(shape)) for shape in ((2, 3), (2, 1), (3, 4), (2, 4))]
        arrays[0] = arrays[0].astype(float)
        shown = str([arrays[0].strides, arrays[2].strides, arrays[2].dtype.name, arrays[2].flags.writeable])
        with pytest.raises(TargetFailed) as raised:
            found.gradients(*arrays)
        assert shown in str(raised.value)


# ---- nothing is left behind ----


def pids(*files: str) -> list[int]:
    """What processes have written of themselves."""
    until = time.monotonic() + 20
    while not all(Path(file).exists() and Path(file).read_text(encoding="utf-8") for file in files):
        assert time.monotonic() < until, f"{files} did not come"
        time.sleep(0.02)
    return [int(Path(file).read_text(encoding="utf-8")) for file in files]


CHILD = (
    "import subprocess; Path('own').write_text(str(os.getpid())); "
    "Path('child').write_text(str(subprocess.Popen(['sleep', '60']).pid)); time.sleep(60 * HANGS)"
)


def written(hangs: int) -> list[str]:
    body = CHILD.replace("HANGS", str(hangs))
    Path("target.py").write_text(TARGET.replace("BODY", body), encoding="utf-8")
    return [sys.executable, "-m", "gradcheck", "verify", "target.py", "--isolate", "--max-examples", "4"]


def test_no_process_remains_after_a_run_not_even_one_that_the_target_started():
    ended = subprocess.run([*written(0), "--check", "theta_gradient"], capture_output=True, check=False, timeout=60)
    assert ended.returncode == 0, ended.stdout
    assert all(map(gone, pids("own", "child")))


ORPHANS = """
import os, time
def noted(name):
    with open(name + ".new", "w") as file: file.write(str(os.getpid()))
    os.rename(name + ".new", name)
noted("own")
if not os.fork():
    os.setsid()
    if not os.fork():
        noted("orphan")
        for file in range(256):
            try: os.close(file)
            except OSError: pass
        time.sleep(300)
    os._exit(0)
while not os.path.exists("orphan"): time.sleep(0.01)
"""
linux = pytest.mark.skipif(not processes.LINUX, reason="processes are adopted and listed on Linux alone")


@linux
def test_what_a_program_has_started_ends_with_it_whatever_session_it_is_in():
    Path("orphans.py").write_text(ORPHANS, encoding="utf-8")
    found = from_command(program("exec(open('orphans.py').read()); told()"))
    both = pids("own", "orphan")
    assert all(map(alive, both))
    del found
    assert all(map(gone, both))


@linux
@pytest.mark.parametrize("how", ["SIGSTOP", "SIGKILL"])
def test_a_program_cannot_get_rid_of_its_guard(how, monkeypatch):
    monkeypatch.setattr(guarded, "STOP_LIMIT", 0.2)
    told = f"exec(open('orphans.py').read()); told(); time.sleep(1); os.kill(os.getppid(), {int(getattr(signal, how))})"
    Path("orphans.py").write_text(ORPHANS if how == "SIGSTOP" else "open('own', 'w').write(str(os.getpid()))")
    found = from_command(program(told))
    both = pids("own", "orphan") if how == "SIGSTOP" else pids("own")
    time.sleep(1.5)
    del found
    assert all(map(gone, both))


@linux
@pytest.mark.parametrize("in_a_thread", [False, True])
def test_a_program_ends_with_its_owner_and_not_with_the_thread_that_started_it(in_a_thread):
    Path("orphans.py").write_text(ORPHANS, encoding="utf-8")
    told = program("exec(open('orphans.py').read()); told()", 'say(\'{"values": {"loss": 0}}\\n\')')
    owner = (
        "import threading, time, numpy as np; from gradcheck.implementations.process import from_command; found = []\n"
        f"def start(): found.append(from_command({told!r}))\n"
        + ("one = threading.Thread(target=start); one.start(); one.join()\n" if in_a_thread else "start()\n")
        + "time.sleep(0.5); found[0].loss(*[np.ones((2, 1))] * 4); print('called', flush=True); time.sleep(300)"
    )
    process = subprocess.Popen([sys.executable, "-c", owner], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"called\n"
    both = pids("own", "orphan")
    assert all(map(alive, both))
    process.kill()
    process.communicate()
    assert all(map(gone, both))


def test_ctrl_c_in_the_middle_of_a_call_ends_the_process_and_exits_with_130():
    words = [*written(1), "--time-limit", "60"]
    # a job that a shell put into the background ignores SIGINT, and so would all that it starts
    heeding = (
        "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = [sys.executable, "-c", heeding, *words]
    client = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    found = pids("own", "child")
    assert all(map(alive, found))
    client.send_signal(signal.SIGINT)
    out, err = client.communicate(timeout=30)
    assert client.returncode == 130, err
    assert b"interrupted" in out
    assert b"Traceback" not in err
    assert all(map(gone, found))


def test_an_interrupt_in_a_call_leaves_no_answer_behind_for_the_next_one(monkeypatch):
    found = from_command(program(answer='say(\'{"values": {"loss": %d}}\\n\' % asked)'))
    arrays = [np.ones((2, 1)) for _ in range(4)]
    assert found.loss(*arrays) == 1
    assert found.loss(*arrays) == 2
    with monkeypatch.context() as patch:
        patch.setattr(peer.Peer, "_read_line", lambda *arguments: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            found.loss(*arrays)
    assert found.loss(*arrays) == 1  # a new process


def test_a_process_ends_with_the_implementation_that_it_serves():
    found = from_command(program("open('pid', 'w').write(str(os.getpid())); told()"))
    (pid,) = pids("pid")
    assert alive(pid)
    del found
    assert gone(pid)


def test_a_target_that_crashes_while_it_is_imported_is_refused_in_one_line(tmp_path):
    """It is imported in the process of its own, and nowhere else."""
    crash = tmp_path / "crash.py"
    crash.write_text("import os\nos._exit(7)\n", encoding="utf-8")
    with pytest.raises(Unusable, match="ended with exit status 7") as refusal:
        Target("crash", str(crash), isolate=True).load()
    assert "\n" not in str(refusal.value)
