"""What a target changes in this process is put back after each call, and no target changes another's verdict."""

import gc
import locale
import os
import random
import shutil
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest
from click.testing import CliRunner

from gradcheck import Implementation, Problem, Unusable, conform, judge, load
from gradcheck.checks import Trial
from gradcheck.cli import main
from gradcheck.implementations import floats, home
from gradcheck.implementations.descriptors import kept_descriptors
from gradcheck.implementations.quiet import quiet
from gradcheck.implementations.surroundings import PARTS, Surroundings
from gradcheck.verdict import Outcome

PROBLEM = Problem(
    np.array([[0.5, -1.0], [0.25, 2.0]]), np.zeros((2, 1)), np.array([[1.0, 2.0], [3.0, -1.0]]), np.eye(2)
)
CORRECT = """
import numpy as np
def gradients(theta, b, X, Y):
    Z = theta @ X + b
    A = np.exp(Z - Z.max(axis=0))
    D = (A / A.sum(axis=0) - Y) / X.shape[1]
    return D @ X.T, D.sum(axis=1, keepdims=True), D
"""
FLUSHING = """
import ctypes, sys
def flush():
    class Environment(ctypes.Structure):
        _fields_ = [("x87", ctypes.c_uint32 * 7), ("mxcsr", ctypes.c_uint32)]
    libm, now = ctypes.CDLL(None), Environment()
    libm.fegetenv(ctypes.byref(now))
    now.mxcsr |= 0x8040
    libm.fesetenv(ctypes.byref(now))
"""
TURNING = """
import ctypes
def flush():
    ctypes.CDLL(None).fesetround(0x800)
"""
IN_A_CALL = "right = gradients\ndef gradients(*arrays):\n    flush()\n    return right(*arrays)\n"
WAYS = {"flushes": FLUSHING, "turns": TURNING}

x86 = pytest.mark.skipif(
    not sys.platform.startswith("linux") or os.uname().machine != "x86_64", reason="writes a register of x86 on Linux"
)


@pytest.fixture(autouse=True)
def process(tmp_path, monkeypatch):
    """A folder of its own, and a process in which nothing has been seen to change."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(floats, "changed", False)
    yield tmp_path
    floats.mend()


def written(name, text):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
    return name


def read():
    """Everything that is put back, and how NumPy and Python treat what is called."""
    parts = {name: part.read() for name, part in PARTS.items()}
    return {
        **parts,
        "errstate": np.geterr(),
        "errcall": np.geterrcall(),
        "trace": sys.gettrace(),
        "profile": sys.getprofile(),
    }


def _filter():
    warnings.filterwarnings("error", message="of a target")


def _filters():
    warnings.filters = []


def _signal():
    signal.signal(signal.SIGTERM, lambda *seen: None)


def _locale():
    other = "C" if locale.setlocale(locale.LC_ALL) != "C" else "C.UTF-8"
    try:
        locale.setlocale(locale.LC_ALL, other)
    except locale.Error:
        pytest.skip(f"no locale {other} here")


def _trace():
    sys.settrace(lambda *seen: None)


def _profile():
    sys.setprofile(lambda *seen: None)


def _stream(name):
    return lambda: setattr(sys, name, open(os.devnull, encoding="utf-8"))


# What a target does, by the entry of `read` that it changes.
CHANGES = {
    "errstate": ("errstate", lambda: np.seterr(all="raise")),
    "errcall": ("errcall", lambda: np.seterrcall(print)),
    "warnings": ("warnings", _filter),
    "other-warnings": ("warnings", _filters),
    "folder": ("working directory", lambda: os.chdir("/")),
    "stdout": ("streams", _stream("stdout")),
    "stderr": ("streams", _stream("stderr")),
    "stdin": ("streams", _stream("stdin")),
    "recursion": ("recursion limit", lambda: sys.setrecursionlimit(sys.getrecursionlimit() + 7)),
    "signal": ("signal handlers", _signal),
    "umask": ("umask", lambda: os.umask(0o011)),
    "locale": ("locale", _locale),
    "thresholds": ("collection of garbage", lambda: gc.set_threshold(5, 6, 7)),
    "no-collection": ("collection of garbage", gc.disable),
    "callbacks": ("collection of garbage", lambda: gc.callbacks.append(lambda *seen: sys.exit(0))),
    "trace": ("trace", _trace),
    "profile": ("profile", _profile),
}


def right(theta, b, X, Y):
    Z = theta @ X + b
    A = np.exp(Z - Z.max(axis=0))
    D = (A / A.sum(axis=0) - Y) / X.shape[1]
    return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D}


@pytest.mark.parametrize("ends", ["returns", "raises"])
@pytest.mark.parametrize("name", CHANGES)
def test_what_a_call_changes_is_put_back_after_it(name, ends):
    entry, change = CHANGES[name]
    seen = []

    def gradients(*arrays):
        change()
        seen.append(read()[entry])
        if ends == "raises":
            raise ValueError("in the end")
        return right(*arrays)

    before = read()
    trial = Trial(Implementation("changes", gradients=gradients), PROBLEM)
    if ends == "raises":
        with pytest.raises(Exception, match="in the end"):
            trial.call("gradients", *PROBLEM.arrays())
    else:
        trial.call("gradients", *PROBLEM.arrays())
    after = read()
    assert seen[0] != before[entry]
    assert after == before


@pytest.mark.skipif(sys.platform == "win32", reason="descriptors are another matter there")
@pytest.mark.parametrize("how", ["closed", "turned", "taken"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_standard_descriptors_are_put_back_after_a_run(number, how):
    """As by a library in C, which prints to none of Python's streams; `taken` is one that somebody else has opened since."""
    before, many, nowhere = os.fstat(number), len(os.listdir("/dev/fd")), os.open(os.devnull, os.O_RDWR)
    with quiet():
        if how == "turned":
            os.dup2(nowhere, number)
        else:
            os.close(number)
        if how == "taken":
            assert os.open(os.devnull, os.O_RDWR) == number
    os.close(nowhere)
    assert os.path.samestat(os.fstat(number), before)
    assert len(os.listdir("/dev/fd")) == many


def test_a_closed_descriptor_stays_closed():
    kept = os.dup(0)
    try:
        os.close(0)
        with kept_descriptors():
            pass
        with pytest.raises(OSError, match="descriptor"):
            os.fstat(0)
    finally:
        os.dup2(kept, 0)
        os.close(kept)


def test_who_asks_for_input_is_at_its_end():
    """A question that nobody sees would be waited for without end."""
    with quiet(), pytest.raises(EOFError):
        input("learning rate? ")


def test_a_filter_that_is_put_back_is_in_force_again():
    def call():
        warnings.simplefilter("ignore")

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Surroundings().call(call)
        with pytest.raises(UserWarning):
            warnings.warn("heard", stacklevel=1)


def test_an_alarm_that_a_call_has_set_does_not_ring_afterwards():
    if not hasattr(signal, "SIGALRM"):
        pytest.skip("no alarms here")

    def call():
        signal.signal(signal.SIGALRM, lambda *seen: None)
        signal.setitimer(signal.ITIMER_REAL, 1000)

    Surroundings().call(call)
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_random_states_are_put_back_after_a_run_and_chance_is_still_seen():
    def gradients(*arrays):
        scale = 1 + np.random.random() + random.random()
        return {key: value * scale for key, value in right(*arrays).items()}

    python, (_, numbers, place, *_) = random.getstate(), np.random.get_state()
    with quiet():
        verdicts = judge(Implementation("draws", gradients=gradients), PROBLEM)
    assert verdicts["repeatable"].outcome is Outcome.DISAGREE
    assert random.getstate() == python
    assert (np.random.get_state()[1] == numbers).all() and np.random.get_state()[2] == place


def test_a_recursion_limit_that_is_raised_when_a_target_is_loaded_stays_and_a_lower_one_does_not():
    limit = sys.getrecursionlimit()
    try:
        with quiet():
            sys.setrecursionlimit(limit + 100)
        assert sys.getrecursionlimit() == limit + 100
        with quiet():
            sys.setrecursionlimit(limit)
        assert sys.getrecursionlimit() == limit + 100
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize("change", ["errstate", "other-warnings", "folder", "stdout"])
def test_a_target_that_changes_the_process_is_judged_by_its_results_and_its_neighbour_as_alone(change, once):
    def gradients(*arrays):
        with np.errstate(all="ignore"):
            found = right(*arrays)
        CHANGES[change][1]()
        return found

    alone = once.of("numpy alone", lambda: conform(load("numpy"), max_examples=15, seed=3))
    changing = conform(Implementation("changes", gradients=gradients), max_examples=15, seed=3)
    beside = conform(load("numpy"), max_examples=15, seed=3)
    assert not changing.failed, changing.failures
    assert _verdicts(beside) == _verdicts(alone)


def _verdicts(run):
    return {name: (tally.counts, tally.ratio, tally.slack) for name, tally in run.tallies.items()}


# ---- the floating-point environment ----


def test_this_process_is_steady_and_every_row_of_the_canary_is_exact():
    from fractions import Fraction

    assert floats.steady() and floats.steady_in_short()
    for kind, each in floats.KINDS.items():
        for p, bits in floats.FORMATS.items():
            for x, y, z in each(bits, p):
                exact = Fraction(float(x)) * Fraction(float(y))
                apart = abs(Fraction(float(z)) - exact) * 2 ** (p - 1)
                assert apart == 0 if kind == floats.FLUSHED else apart == Fraction(1, 4)


@x86
@pytest.mark.parametrize(
    ("way", "bits"), [("FTZ", 0x8000), ("DAZ", 0x40), ("down", 0x2000), ("up", 0x4000), ("zero", 0x6000)]
)
def test_each_setting_is_seen_and_set_back(way, bits):
    flush = {}
    exec(FLUSHING.replace("0x8040", hex(bits)), flush)
    flush["flush"]()
    seen, short, said = floats.steady(), floats.steady_in_short(), floats.how()
    mended = floats.mend()
    assert not seen and not short
    assert said == (floats.FLUSHED if way in ("FTZ", "DAZ") else floats.TURNED)
    assert mended


@x86
@pytest.mark.parametrize("when", ["loaded", "called"])
@pytest.mark.parametrize("way", WAYS)
def test_a_target_that_changes_the_floating_point_environment_is_moved_and_told_of(way, when):
    text = WAYS[way] + CORRECT + ("flush()\n" if when == "loaded" else IN_A_CALL)
    target = load(written("changes.py", text))
    assert floats.steady()
    run = conform(target, max_examples=20, seed=3)
    assert floats.steady()
    (note,) = run.notes
    assert "in a process of its own (--isolate)" in note
    assert (floats.FLUSHED if way == "flushes" else floats.TURNED) in note
    assert sum(tally.judged for tally in run.tallies.values()) > 0
    assert not any(tally.counts[Outcome.ERRORED] for tally in run.tallies.values())


@x86
def test_a_moved_target_is_judged_as_one_that_is_isolated_from_the_beginning():
    wrong = (
        FLUSHING
        + CORRECT
        + "right = gradients\ndef gradients(*arrays):\n    flush()\n    theta, b, D = right(*arrays)\n"
    )
    wrong += "    return np.where(abs(theta) < 1e-30, 0, theta).astype(theta.dtype), b, D\n"
    written("wrong.py", wrong)
    arguments = [
        "verify",
        "wrong.py",
        "--dtype",
        "float32",
        "--regime",
        "subnormal",
        "--max-examples",
        "8",
        "--json",
        "-",
    ]
    moved, isolated = (CliRunner().invoke(main, [*arguments, *more]) for more in ([], ["--isolate"]))
    assert moved.exit_code == isolated.exit_code == 1

    def checks(result):
        import json

        return json.loads(result.stdout)["runs"][0]["checks"]

    assert checks(moved) == checks(isolated)


@x86
@pytest.mark.parametrize("when", ["loaded", "called"])
def test_compare_does_not_blame_a_neighbour(when, once):
    written("flushes.py", FLUSHING + CORRECT + ("flush()\n" if when == "loaded" else IN_A_CALL))
    few = ["--max-examples", "12", "--seed", "3"]
    result = CliRunner().invoke(main, ["compare", "flushes.py", "numpy", *few])
    alone = once.of("numpy verified alone", lambda: CliRunner().invoke(main, ["verify", "numpy", *few]))
    line = next(line for line in alone.output.splitlines() if line.startswith("numpy float64: "))
    assert line in result.output
    assert "process of its own" in " ".join(result.output.split())


@x86
def test_an_implementation_without_a_name_is_told_of_and_set_back():
    flush = {}
    exec(FLUSHING, flush)

    def gradients(*arrays):
        flush["flush"]()
        return right(*arrays)

    run = conform(Implementation("object", gradients=gradients), max_examples=20, seed=3)
    assert floats.steady()
    assert run.notes == (f"a call changed the floating-point environment: {floats.FLUSHED}; {home.HERE}",)
    flush["flush"]()
    run = conform(Implementation("object", gradients=right), max_examples=20, seed=3)
    assert floats.steady()
    assert len(run.notes) == 1 and "before the target was called" in run.notes[0]
    assert not run.failed


@x86
def test_where_it_cannot_be_set_back_nothing_is_judged(monkeypatch):
    flush = {}
    exec(FLUSHING, flush)

    def gradients(*arrays):
        flush["flush"]()
        return right(*arrays)

    with monkeypatch.context() as without:
        without.setattr(floats, "DEFAULTS", {})
        with pytest.raises(Unusable, match="which cannot be set back here"):
            conform(Implementation("object", gradients=gradients), max_examples=20, seed=3)
    assert floats.mend()


def test_functions_in_the_place_of_those_that_were_loaded_are_not_moved_with_them():
    from dataclasses import replace

    target = load(written("mine.py", CORRECT))
    assert target.home.start is not None
    assert replace(target, name="other").home is target.home
    assert replace(target, gradients=right).home.start is None


def test_a_library_linked_with_fast_math_is_seen():
    """Where crtfastmath.o is linked into it: gcc before 13, on x86. Both targets load it; only the first sees it do so."""
    if not shutil.which("gcc") or os.name == "nt":
        pytest.skip("needs gcc")
    written("fast.c", "int any(void) { return 1; }\n")
    subprocess.run(["gcc", "-shared", "-fPIC", "-Ofast", "-o", "libfast.so", "fast.c"], check=True)
    loads = f"import ctypes\nctypes.CDLL({os.path.abspath('libfast.so')!r})\n"
    there = "import sys; from gradcheck.implementations import floats; exec(sys.argv[1]); print(floats.steady())"
    told = subprocess.run([sys.executable, "-c", there, loads], check=True, capture_output=True, text=True).stdout
    if told.strip() == "True":
        pytest.skip("this gcc does not link what flushes subnormals into a shared library")
    first, second = (load(written(name, loads + CORRECT)) for name in ("first.py", "second.py"))
    assert floats.steady()
    for target in (first, second):
        (note,) = conform(target, max_examples=5, seed=3).notes
        assert "in a process of its own" in note
