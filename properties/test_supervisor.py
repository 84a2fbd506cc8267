"""A run in a process of its own: its exit status means that something was judged, and nothing is left behind."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from gradcheck import Unusable, load, processes
from gradcheck.board import SIZE, Board
from gradcheck.cli import main

pty = pytest.importorskip("pty")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs processes that fork")
linux = pytest.mark.skipif(not processes.LINUX, reason="processes are adopted and listed on Linux alone")

GOOD = """
import atexit, collections, ctypes, itertools, os, signal, subprocess, sys, threading, time
import numpy as np
calls = 0
def good(theta, b, X, Y):
    global calls
    calls += 1
    Z = theta @ X + b
    A = np.exp(Z - Z.max(0))
    D = (A / A.sum(0) - Y) / X.shape[1]
    return {"theta": D @ X.T, "b": D.sum(1, keepdims=True)}
def wrong(*arrays):
    found = good(*arrays)
    return {**found, "theta": 2 * found["theta"]}
def noted(name, number):
    with open(name + ".new", "w") as file:
        file.write(str(number))
    os.rename(name + ".new", name)
"""
COMMAND = [sys.executable, "-m", "gradcheck"]


def started(*words, **settings):
    """The command itself, heeding signals also where whoever runs the tests does not."""
    heeding = "import os, signal, sys; [signal.signal(n, signal.SIG_DFL) for n in (1, 2, 15)]; os.execv(sys.argv[1], sys.argv[1:])"
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", heeding, *COMMAND, *words], **{**pipes, **settings})


def ran(*words, **settings):
    process = started(*words, **settings)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def written(body, name="target.py"):
    Path(name).write_text(GOOD + body, encoding="utf-8")
    return name


def state(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return "X"


def alive(pid):
    return state(pid) not in "ZX"


def awaited(what, seconds=60):
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.01)


def pids(*names):
    awaited(lambda: all(map(os.path.exists, names)))
    return [int(Path(name).read_text(encoding="utf-8")) for name in names]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    return tmp_path


# ---- no target ends a run ----

ENDED = "the target ended the run with exit status 0"
EARLY = ", before anything was judged; with --isolate, that is a verdict"
# What a target does: the exit status, and a word of standard output or error.
TARGETS = {
    "exits in a call": ("def gradients(*a): os._exit(0)", 1, ENDED + EARLY),
    "exits later": (
        "def gradients(*a):\n    if calls > 6: os._exit(0)\n    return good(*a)",
        1,
        "of 8 problems judged); with --isolate",
    ),
    "exits in C": ("def gradients(*a): ctypes.CDLL(None).exit(0)", 1, ENDED),
    "exits when it is imported": ("os._exit(0)", 1, ENDED + EARLY),
    "crashes": ("def gradients(*a): ctypes.string_at(0)", 1, "the run was ended by SIGSEGV"),
    "is killed": ("def gradients(*a): os.kill(os.getpid(), 9)", 1, "the run was ended by SIGKILL"),
    "exits at exit": ("atexit.register(lambda: os._exit(0))\ngradients = wrong", 1, "disagree"),
    "takes sys.exit away": (
        "def gradients(*a):\n    sys.exit = lambda *x: None\n    return wrong(*a)",
        1,
        "disagree",
    ),
    "traces": (
        "def gradients(*a):\n    sys.settrace(lambda *x: (_ for _ in ()).throw(SystemExit(0)))\n    return good(*a)",
        1,
        "SystemExit",
    ),
    "exits when it is looked into": (
        "class X:\n    def __getattr__(self, name): raise SystemExit(0)\ngradients = X()",
        2,
        "target.py:gradients cannot be looked into: SystemExit: 0",
    ),
    "exits when it is read": (
        "class X:\n    def __array__(self, *a, **k): raise SystemExit(0)\ndef gradients(*a): return {'theta': X()}",
        1,
        "SystemExit",
    ),
    "exits when it is shown": (
        "class X(Exception):\n    def __str__(self): raise SystemExit(0)\ndef gradients(*a): raise X",
        1,
        "SystemExit",
    ),
    "leaves a thread": (
        "def gradients(*a):\n    if threading.active_count() < 4: threading.Thread(target=time.sleep, args=(600,)).start()\n"
        "    return good(*a)",
        0,
        "agree",
    ),
    "closes all files": ("os.closerange(0, 512)\ngradients = good", 0, "agree"),
    "raises where nobody hears": (
        "class X:\n    def __del__(self): raise SystemExit(0)\ndef fail(): raise ValueError\n"
        "def gradients(*a):\n    x = X()\n    x.x = x\n    threading.Thread(target=fail).start()\n    return good(*a)",
        0,
        "agree",
    ),
}


FEW = ("--max-examples", "8", "--check", "theta_gradient")  # with one check most of a run is its beginning and its end


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_cannot_end_a_run_with_status_0_and_nothing_judged(name):
    """One of them is asked by every check, of which some have threads of their own."""
    body, status, words = TARGETS[name]
    asked = FEW[:2] if "thread" in name else FEW
    code, out, err = ran("verify", f"{written(body)}{':gradients' * ('looked' in name)}", *asked)
    assert code == status, err
    # the interpreter itself may crash where a function that traces it raises: then that is told
    assert words in out + err or (name == "traces" and "SIGSEGV" in err)
    assert "Traceback" not in err
    assert len(err.splitlines()) <= 1


@pytest.mark.parametrize(
    "words",
    [
        ["compare", "target.py", "numpy"],
        ["replay", "case.json", "target.py"],
        ["corpus", "replay", "cases", "target.py"],
    ],
)
def test_nor_does_it_end_any_other_command(words, folder):
    import numpy as np

    from gradcheck import cases
    from gradcheck.problem import Problem

    case = cases.Case(
        Problem(np.ones((2, 1)), np.ones((2, 1)), np.ones((1, 1)), np.array([[1.0], [0.0]])), "theta_gradient"
    )
    for place in (Path("case.json"), Path("cases/cases/case.json"), Path("cases/case.json")):
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(cases.dumps(case), encoding="utf-8")
    written("def gradients(*a): os._exit(0)")
    code, _, err = ran(*words)
    assert code == 1
    assert err.startswith(f"gradcheck: {ENDED}")


def test_nor_a_campaign_that_loads_it():
    code, _, err = ran("fuzz", written("os._exit(0)"), "--max-examples", "20", "--workers", "1")
    assert code == 1
    assert err.startswith(f"gradcheck: {ENDED}")


@pytest.mark.parametrize("body", ["os._exit(0)", "def gradients(*a): os._exit(0)"])
def test_nor_pytest(body):
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--gradcheck", written(body)]
    ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
    assert ended.returncode == 1
    assert ENDED in ended.stderr


def test_pytest_passes_on_what_it_judged():
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--gradcheck-max-examples",
        "3",
        "-k",
        "theta_gradient",
        "--junitxml=a.xml",
    ]
    for target, status in (("numpy", 0), (written("gradients = wrong"), 1)):
        ended = subprocess.run([*words, "--gradcheck", target], capture_output=True, check=False, timeout=120)
        assert ended.returncode == status
        assert Path("a.xml").read_text(encoding="utf-8").rstrip().endswith("</testsuites>")


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["verify", "numpy", *FEW], 0),
        (["verify", "target.py", "--max-examples", "2", "--check", "theta_gradient"], 1),
        (["verify", "nowhere.py"], 2),
        (["verify", "--no-such-option"], 2),
        (["verify", "target.py", "--max-examples", "2", "--check", "softmax"], 3),
        (["checks"], 0),
        ([], 2),
        (["--version"], 0),
        (["verify", "--help"], 0),
    ],
)
def test_the_status_of_a_command_is_passed_on(words, status):
    written("gradients = wrong")
    code, out, err = ran(*words)
    assert code == status, err
    assert out or err


def test_whatever_is_asked_of_an_object_of_a_target_cannot_end_the_process():
    written("class X:\n    @property\n    def gradients(self): raise SystemExit(0)\nx = X()")
    with pytest.raises(Unusable, match=r"target.py:x cannot be looked into: SystemExit: 0 \(.*target.py:\d+\)"):
        load("target.py:x")


UNDER = """
import mmap, os, sys
from gradcheck import supervisor
def work():
    supervisor.tell("3 of 5 read")
    {body}
sys.exit(supervisor.supervised(work, {fault}))
"""


def supervised(body, fault=2):
    text = UNDER.format(body=body.replace("\n", "\n    "), fault=fault)
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False, timeout=60)


def test_a_mapped_file_that_is_cut_short_is_one_line_and_status_2():
    Path("file").write_bytes(bytes(1 << 20))
    ended = supervised(
        "file = open('file', 'r+b')\nmapped = mmap.mmap(file.fileno(), 0)\nos.truncate('file', 0)\nreturn mapped[1 << 19]"
    )
    assert ended.returncode == 2
    assert ended.stderr == (
        "gradcheck: the run was ended by SIGBUS (3 of 5 read); a file that was being read has been cut short\n"
    )


@pytest.mark.parametrize("status", [0, 1, 3, 130])
def test_a_status_counts_once_what_was_printed_is_written(status):
    ended = supervised(f"print('report')\nreturn {status}")
    assert (ended.returncode, ended.stdout, ended.stderr) == (status, "report\n", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a disk that is always full")
def test_what_cannot_be_written_is_status_2():
    with open("/dev/full", "w", encoding="utf-8") as full:
        text = UNDER.format(body="print('report')\n    return 0", fault=1)
        words = [sys.executable, "-E", "-c", f"import sys; sys.path[:] = {sys.path}\n{text}"]  # -E: stdout has a buffer
        ended = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 2
    assert ended.stderr == "gradcheck: cannot write to standard output: No space left on device\n"


def test_who_reads_no_further_gets_no_complaint():
    ended = subprocess.run(
        f"{sys.executable} -m gradcheck checks | head -1", shell=True, capture_output=True, text=True, check=False
    )
    assert ended.stdout.startswith("check")
    assert ended.stderr == ""


def test_a_board_holds_one_line_of_any_text():
    board = Board()
    assert (board.told, board.status, board.seen, board.heard, board.late) == ("", None, None, False, False)
    board.tell("θ\x1b[31m\n" + "x" * 2 * SIZE)
    assert board.told.startswith("θ?[31m?xxx")
    board.tell("short")
    assert board.told == "short"
    board.finish(3)
    board.see(-11)
    assert (board.status, board.seen) == (3, -11)


# ---- nothing is left behind ----

LEAVES = """
def gradients(*a):
    if calls == 3:
        noted("own", os.getpid())
        noted("child", subprocess.Popen(["sleep", "300"], start_new_session=True).pid)
        if not os.fork():
            os.setsid()
            if not os.fork():
                noted("orphan", os.getpid())
                time.sleep(300)
            os._exit(0)
        while not os.path.exists("orphan"): time.sleep(0.01)
        noted("ready", 1)
        HANGS
    return wrong(*a)
"""
SLEEPS = "time.sleep(300)"
STUCK = "collections.deque(itertools.repeat(0), maxlen=0)"  # and no handler of Python's ever runs
APART = {"here": [], "isolated": ["--isolate", "--time-limit", "200"]}


def gone(*names):
    for pid in pids(*names):
        awaited(lambda pid=pid: not alive(pid), 20)


@linux
@pytest.mark.parametrize("where", APART)
def test_what_a_target_has_started_ends_with_the_run_whatever_session_it_is_in(where):
    right = LEAVES.replace("HANGS", "").replace("wrong", "good")  # what is wrong would be explained first
    code, out, err = ran("verify", written(right), *APART[where], *FEW)
    assert code == 0, err
    assert " agree" in out
    gone("own", "child", "orphan")


ENDS = [*((each, "here") for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL))]
ENDS += [(each, "isolated") for each in (signal.SIGINT, signal.SIGKILL)]  # the others come by the same way


@linux
@pytest.mark.parametrize(("number", "where"), ENDS)
def test_a_run_that_is_ended_shows_what_was_judged_and_leaves_nothing(number, where):
    process = started("verify", written(LEAVES.replace("HANGS", SLEEPS)), *APART[where])
    pids("ready")
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    if number == signal.SIGKILL:
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130
        assert "interrupted, so this is not the whole run" in out
        assert [line for line in err.splitlines() if not line.endswith("; the run goes on")] == []
    gone("own", "child", "orphan")


FOUND = """
def loss(*a): return 7.0
def gradients(*a):
    noted("ready", os.getpid())
    HANGS
"""


@linux
@pytest.mark.parametrize("who", ["the command", "the run"])
def test_a_run_that_is_killed_has_told_what_it_found(who):
    process = started("verify", written(FOUND.replace("HANGS", SLEEPS)))
    (run,) = pids("ready")
    os.kill(process.pid if who == "the command" else run, signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    said = "ended from outside" if who == "the command" else "the run was ended by SIGKILL"
    told = "(target.py float64 judging; loss disagrees: ℒ = 7, but must be 0.693147"
    assert err.startswith(f"gradcheck: {said} {told}"), err


@linux
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_campaign_that_is_ended_leaves_no_worker_and_no_isolated_target(number):
    words = ["--isolate", "--time-limit", "200", "--workers", "1", "--minutes", "10"]
    process = started("fuzz", written(LEAVES.replace("HANGS", SLEEPS)), *words)
    pids("ready")
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 130)
    gone("own", "child", "orphan")


@linux
def test_what_tidies_up_after_others_is_ended_last():
    """It must not be ended together with those whose semaphores it removes; and it may not take long."""
    tidies = (
        "import sys, time  # multiprocessing.resource_tracker\nsys.stdin.read()\ntime.sleep(0.2)\nopen('tidied', 'w')"
    )
    body = LEAVES.replace(
        "HANGS", f"subprocess.Popen([sys.executable, '-c', {tidies!r}], stdin=subprocess.PIPE); {SLEEPS}"
    )
    process = started("verify", written(body))
    pids("ready")
    time.sleep(0.5)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    gone("own", "child", "orphan")
    awaited(lambda: os.path.exists("tidied"), 20)


@linux
def test_code_that_heeds_no_interrupt_is_ended_by_the_third():
    process = started("verify", written(LEAVES.replace("HANGS", STUCK)))
    pids("ready")
    for _ in range(3):
        process.send_signal(signal.SIGINT)
        time.sleep(0.7)  # two within half a second are one that came by two ways
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.startswith("gradcheck: interrupted, before anything was judged; what was running did not heed it")
    gone("own", "child", "orphan")


@linux
@pytest.mark.parametrize("whom", ["os.getpid()", "os.getppid()"])
def test_a_process_that_a_target_has_stopped_heeds_an_interrupt(whom):
    name = written(
        f"def gradients(*a):\n    noted('stopped', 1)\n    os.kill({whom}, signal.SIGSTOP)\n    time.sleep(600)"
    )
    process = started("verify", name, "--max-examples", "15")
    pids("stopped")
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "interrupted" in out + err


@linux
def test_any_process_of_a_run_that_is_killed_takes_the_others_along():
    process = started("verify", written(LEAVES.replace("HANGS", SLEEPS)))
    (own,) = pids("own")
    pids("ready")
    (second,) = [pid for pid in processes.descendants(process.pid) if own in processes.descendants(pid)]
    os.kill(second, signal.SIGKILL)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert err.startswith("gradcheck: the run was ended by SIGKILL")
    gone("own", "child", "orphan")


@linux
def test_what_was_there_before_a_run_outlives_it():
    """A shell that has started something becomes the command by exec."""
    shell = f"sleep 60 > /dev/null 2>&1 & echo $! > before; exec {sys.executable} -m gradcheck verify numpy --max-examples 2"
    ended = subprocess.run(["sh", "-c", shell], capture_output=True, check=False, timeout=60)
    (before,) = pids("before")
    assert ended.returncode == 0
    assert alive(before)
    os.kill(before, signal.SIGKILL)


def test_a_hang_up_is_ignored_where_that_was_asked_for():
    body = "def gradients(*a):\n    noted('ready', 1)\n    time.sleep(0.05)\n    return good(*a)"
    words = ["nohup", *COMMAND, "verify", written(body), "--max-examples", "10", "--check", "theta_gradient"]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    pids("ready")
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0


def test_no_folder_is_left_in_the_temporary_one(folder):
    temporary = folder / "temporary"
    temporary.mkdir()
    apart, campaign = ["verify", "numpy", "--isolate"], ["fuzz", "numpy", "--workers", "1"]
    for words in (["verify", "numpy", "--max-examples", "3"], [*apart, *FEW], [*campaign, *FEW]):
        assert ran(*words, env={**os.environ, "TMPDIR": str(temporary)})[0] == 0
    assert not list(temporary.iterdir())


# ---- the terminal ----


def on_terminal(*words):
    """The process of a command on a terminal of its own, and the other end of that."""
    pid, terminal = pty.fork()
    if not pid:
        with contextlib.suppress(BaseException):
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_DFL)
            os.environ["COLUMNS"] = "100"
            os.execv(words[0], words)
        os._exit(127)
    return pid, terminal


def read(terminal, until, seconds=60):
    """What appears there, up to a word, or to the end."""
    found, end = b"", time.monotonic() + seconds
    while until not in found:
        assert time.monotonic() < end, found
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                data = os.read(terminal, 4096)
            except OSError:
                break
            if not data:
                break
            found += data
    return found


def test_ctrl_c_on_a_terminal_is_one_interrupt():
    """All processes of the group are sent it; one that came twice would end what shows the results, too."""
    body = "def gradients(*a):\n    if calls == 100: time.sleep(60)\n    return good(*a)"
    pid, terminal = on_terminal(*COMMAND, "verify", written(body))
    shown = read(terminal, b"judging")
    os.write(terminal, b"\x03")
    shown += read(terminal, b"\0")
    _, status = os.waitpid(pid, 0)
    assert os.waitstatus_to_exitcode(status) == 130
    assert shown.count(b"interrupted,") == 1
    assert b"Traceback" not in shown


@linux
def test_a_run_stops_and_goes_on_as_a_job_of_a_shell():
    body = "def gradients(*a):\n    noted('own', os.getpid())\n    time.sleep(0.05)\n    return good(*a)"
    pid, terminal = on_terminal("/bin/sh", "-i")
    command = f"{' '.join(COMMAND)} verify {written(body)} --max-examples 20 --check theta_gradient\n"
    os.write(terminal, command.encode())
    (own,) = pids("own")
    os.write(terminal, b"\x1a")
    # One after another: those below first, and the run itself last.
    awaited(lambda: {state(each) for each in processes.descendants(pid)} == {"T"})
    assert state(own) == "T"
    os.write(terminal, b"fg\necho END''ED=$?=\n")
    assert b"ENDED=0=" in read(terminal, b"ENDED=0=")
    os.write(terminal, b"exit\n")
    os.waitpid(pid, 0)


# ---- limits ----


@pytest.mark.parametrize("limit", ["inf", "nan", "-inf", "1e300", "86401", "0", "-1"])
def test_a_time_limit_is_a_number_of_seconds_up_to_a_day(limit, folder):
    result = CliRunner().invoke(main, ["verify", "numpy", "--isolate", f"--time-limit={limit}"])
    assert result.exit_code == 2
    assert "--time-limit" in result.stderr
    (folder / "pyproject.toml").write_text(
        f'[tool.gradcheck.targets.a]\ntarget = "numpy"\nisolate = true\ntime-limit = {limit}\n', encoding="utf-8"
    )
    result = CliRunner().invoke(main, ["verify", "a"])
    assert result.exit_code == 2
    assert "expected a number above 0, up to 86400" in result.stderr


def test_a_fault_of_our_own_is_one_line_and_no_verdict(monkeypatch, capsys):
    """The last net; where it happened is shown on request."""
    from gradcheck.cli import group, lists  # noqa: F401

    def broken(*_, **__):
        raise ZeroDivisionError("nobody thought of this")

    monkeypatch.setattr(group.main, "main", broken)
    assert group.run([]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    monkeypatch.setenv(group.TRACEBACK, "1")
    with pytest.raises(ZeroDivisionError):
        group.run([])
