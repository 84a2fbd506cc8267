"""Campaigns among files, servers, disks and terminals that may be anything: one starts and ends, and what was found is kept."""

# ruff: noqa: F401, F811  # fixtures are imported, and asked for by their names

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import CancelledError, Future
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_campaign import (
    CHECKS,
    LOOP,
    MANY,
    OF_A_RUN,
    PATIENCE,
    RIGHT,
    SIZE,
    Here,
    expected,
    finding,
    keys,
    right,
    small_shards,
    started,
    target,
    until,
    wrong,
)

from gradcheck import cases, clock, corpus
from gradcheck.campaign import Budget, Campaign, Job, Record, database, metered, records, run
from gradcheck.campaign.findings import ANY, HURRIED, Merged
from gradcheck.campaign.ledger import Ledger
from gradcheck.campaign.outcome import Outcome
from gradcheck.campaign.shard import work
from gradcheck.campaign.stopping import stoppable
from gradcheck.campaign.workers import Processes
from gradcheck.cli import main

SUMS = RIGHT.replace(" / X.shape[1]", "")
posix = pytest.mark.skipif(os.name != "posix", reason="signals and FIFOs are as POSIX has them")

# ---- records and findings of others ----

CASE = {
    **{"gradcheck_case": 1, "check": "loss", "target": "t", "dtype": "float64", "memory": "C"},
    **{"theta": [["0x1.0000000000000p+0"], ["0x0.0p+0"]], "b": [["0x0.0p+0"], ["0x0.0p+0"]]},
    **{"X": [["0x1.0000000000000p+0"]], "Y": [["0x1.0000000000000p+0"], ["0x0.0p+0"]]},
}
FINDING = {"check": "loss", "diagnosis": "x", "regime": "any", "outcome": "disagree", "said": "s"}
RECORD = {
    "gradcheck_shard": 1,
    "number": 0,
    "problems": 200,
    "judged": {"loss": 200},
    "ratios": {},
    "findings": [FINDING],
}
DEEP = "[" * 10_000 + "]" * 10_000


def of(base: dict, **more) -> str:
    return json.dumps(base | more)


FOUND = [
    *(
        {"check": given}
        for given in ("../../../OUT", "/tmp/OUT", "", "a\nb", "a\0", ".x", "x" * 10**5, ["a"], {"a": 1}, None, 1)
    ),
    *({"diagnosis": given} for given in (["a"], {}, None, 1)),
    *({"regime": given} for given in ("weird", ["any"], None)),
    *({"outcome": given} for given in ("weird", "agree", ["disagree"], 1)),
    *({"failed": given} for given in ("a", -1, 1.5, True, 10**400, None)),
    *({"first": given} for given in ("a", -1.0, None)),
    *({"shard": "a"}, {"said": 1}, {"fix": []}, {"file": {}}, {"known": 1}),
]
OF_SHARD = [
    *({"file": "../x"}, {"known": True}, {"case": "{"}, {"case": DEEP}, {"case": "[]"}, {"case": "{}"}),
    *({"case": of(CASE, check=check)} for check in ("/tmp/OUTCASE", "softmax", "", 1)),
    *({"case": of(CASE, X="../x.npy")}, {"case": of(CASE, theta=[[1]])}),
]
LINES = [
    *("[]", "null", "1", '"a"', DEEP, '{"a":' * 10_000, "\x1b", "NaN", "1" * 10_000, '{"gradcheck_shard": 1}'),
    *(of(RECORD, number=given) for given in ("a", -2, 1.5, True, None, [0], 10**400)),
    *(of(RECORD, problems=given) for given in ("a", -1, 10**400, None)),
    *(of(RECORD, judged=given) for given in ([], {"../x": 1}, {"loss": "a"}, {"loss": -1}, {"loss": 10**400}, 1)),
    *(of(RECORD, ratios=given) for given in ([], {"x": 1.0}, {"loss": "a"}, {"loss": -1.0}, {"loss": None})),
    *(of(RECORD, findings=given) for given in ({}, [1], [[]], [{}], "a", None)),
    *(of(RECORD, notes=given) for given in ("a", [1], {})),
    *(of(RECORD, findings=[FINDING | more]) for more in (*FOUND, *OF_SHARD)),
]


def test_what_is_here_is_a_record_before_it_is_spoilt():
    """Or nothing would be shown by what follows."""
    assert records.loads(of(RECORD)).findings[0].key == ("loss", "x", ANY)
    assert records.loads(of(RECORD, findings=[FINDING | {"case": of(CASE)}])).findings[0].case


@pytest.mark.parametrize("line", LINES, ids=range(len(LINES)))
def test_a_line_that_is_no_record_is_none(line):
    """Whatever else it is; no exception comes of it."""
    assert records.loads(line) is None and records.loads(line.encode()) is None


def test_lines_that_are_no_records_are_told_and_posed_again(wrong, tmp_path, expected):
    """One good line among them counts; the campaign finds what it would have found, and writes nothing elsewhere."""
    ledger = Ledger(tmp_path / "b" / "corpus", wrong)
    ledger.add(work(wrong, 1))
    with ledger.progress.open("a", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in LINES)
    found = Campaign(wrong, Here(), tmp_path / "b" / "corpus").run(Budget(problems=MANY))
    assert (found.resumed, found.problems) == (1, MANY) and keys(found) == keys(expected)
    assert [note for note in found.notes if f"{len(LINES)} lines" in note]
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["corpus"]


@pytest.mark.parametrize("more", FOUND, ids=range(len(FOUND)))
def test_a_file_that_is_no_finding_is_told_and_the_campaign_starts(more, right, tmp_path):
    place = tmp_path / corpus.FINDINGS / "x.json"
    place.parent.mkdir()
    place.write_text(of({"gradcheck_finding": 1, "target": "model.py"} | FINDING, **more), encoding="utf-8")
    campaign = Campaign(right, Here(), tmp_path)
    assert not campaign.merged.known and len(campaign.ledger.notes) == 1
    place.write_text(of({"gradcheck_finding": 1, "target": "model.py"} | FINDING), encoding="utf-8")
    assert Campaign(right, Here(), tmp_path).merged.known == {("loss", "x", ANY)}


@posix
def test_what_is_no_regular_file_is_told_and_not_waited_for(right, tmp_path):
    """A FIFO among the findings, and one in the place of the progress."""
    ledger = Ledger(tmp_path, right)
    for place in (tmp_path / corpus.FINDINGS / "x.json", ledger.progress):
        place.parent.mkdir()
        os.mkfifo(place)
    outcome = Campaign(right, Here(), tmp_path).run(Budget(problems=SIZE))
    assert outcome.problems == SIZE and len([note for note in outcome.notes if "a FIFO" in note]) == 2


@posix
def test_a_link_in_the_place_of_the_progress_is_not_followed(right, tmp_path):
    """A corpus of somebody else may hold one; the file that it leads to is as it was."""
    ledger = Ledger(tmp_path / "corpus", right)
    ledger.progress.parent.mkdir(parents=True)
    (tmp_path / "mine").write_text("mine", encoding="utf-8")
    ledger.progress.symlink_to(tmp_path / "mine")
    outcome = Campaign(right, Here(), tmp_path / "corpus").run(Budget(problems=SIZE))
    assert outcome.problems == SIZE and [note for note in outcome.notes if "cannot write to the corpus" in note]
    assert (tmp_path / "mine").read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("text", ["{", DEEP, of(CASE, check="../x"), of(CASE, check=["a"]), "\0"])
def test_a_saved_case_that_cannot_be_used_is_told_and_the_others_are_judged(text, tmp_path, monkeypatch, small_shards):
    """The campaign goes on; exit status 2, since nothing disagrees."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(RIGHT, encoding="utf-8")
    (tmp_path / "corpus" / "cases").mkdir(parents=True)
    (tmp_path / "corpus" / "cases" / "bad.json").write_text(text, encoding="utf-8")
    (tmp_path / "corpus" / "cases" / "good.json").write_text(of(CASE, check="bias_gradient"), encoding="utf-8")
    words = ("fuzz", "model.py", "--workers", "1", "--max-examples", "1", "--check", "bias_gradient")
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2 and f"{OF_A_RUN} problems in 1 shard" in result.stdout, result.output
    assert len([line for line in result.stderr.splitlines() if "bad.json" in line]) == 1


# ---- time ----


def test_a_shard_whose_time_is_up_ends_by_itself(wrong, tmp_path):
    """With its first problem, so that something is judged; what failed is a finding by the problem as it was drawn."""
    one = replace(wrong, target=target(tmp_path, RIGHT.replace('{"b": (', '{"b": 1 + (')))
    record = work(one, 0, left=clock.Left(0.0, time.time() - 30))
    assert record.late and record.problems == 1
    (found,) = record.findings
    assert found.diagnosis == HURRIED and '"check": "bias_gradient"' in found.case


def test_a_failure_that_was_not_diagnosed_is_what_its_check_is_known_for():
    """It is not news."""
    known = ("loss", "d", "offset")
    merged = Merged([known])
    merged.add(Record(0, 1, {"loss": 4}, {}, (finding(diagnosis=HURRIED, case="a"), finding("softmax", HURRIED))))
    assert [(f.key, f.known) for f in merged.findings()] == [(known, True), (("softmax", HURRIED, ANY), False)]


def test_a_budget_of_time_ends_without_a_shard_that_is_given_up(wrong, tmp_path):
    """A target that takes its time with each call would need minutes for a shard."""
    slow = replace(
        wrong, target=target(tmp_path, SUMS.replace("    Z =", "    import time\n    time.sleep(0.02)\n    Z ="))
    )
    outcome = Campaign(replace(slow, size=10**5), Processes(1), tmp_path / "corpus").run(Budget(seconds=4))
    assert outcome.judged and outcome.findings and not outcome.notes
    assert all(record.late for record in outcome.records.values())
    assert not list((tmp_path / "corpus" / "progress").glob("*.jsonl"))


def test_a_clock_that_was_set_does_not_shorten_a_budget():
    """What was waited is taken off, unless it cannot have been waited."""
    now = time.time()
    said = {
        waited: clock.Left(100.0, now - waited).moment() - time.monotonic() for waited in (0, 40, 120, 10**6, -(10**6))
    }
    assert {waited: round(left) for waited, left in said.items()} == {
        0: 100,
        40: 60,
        120: -20,
        10**6: 100,
        -(10**6): 100,
    }


def test_every_precision_has_its_shards(right, tmp_path):
    """A budget of problems is of each; where a budget of time left one out, that is said, and is no agreement of its own."""
    both = replace(right, dtypes=("float64", "float32"))
    outcome = Campaign(both, Here(), tmp_path / "a").run(Budget(problems=1, dtypes=2))
    assert sorted(outcome.records) == [0, 1] and not outcome.notes
    one = Campaign(both, Here(), tmp_path / "b").run(Budget(problems=1))
    assert one.judged and list(one.notes) == ["no problem was posed in float32 by the time that the campaign ended"]


# ---- workers that fail, and go away ----


class Failing(Here):
    """Workers whose shards raise this from some number on."""

    def __init__(self, problem: BaseException, after: int, *, shared: bool = False) -> None:
        super().__init__()
        self.problem, self.after, self.shared, self.lost = problem, after, shared, ()

    def submit(self, function, *arguments):
        if arguments[1] < self.after:
            return super().submit(function, *arguments)
        future = Future()
        future.set_exception(self.problem)
        return future


class Closed(Failing):
    def submit(self, function, *arguments):
        if arguments[1] >= self.after:
            raise self.problem
        return super().submit(function, *arguments)


@pytest.mark.parametrize("kind", [Failing, Closed])
def test_a_cluster_that_is_gone_ends_the_campaign_with_what_was_found(kind, wrong, tmp_path, expected):
    """And the same command goes on from there."""
    outcome = Campaign(wrong, kind(CancelledError("lost"), 2), tmp_path / "b").run(Budget(problems=MANY))
    assert "the workers are gone" in outcome.ended and outcome.ended in outcome.notes
    assert (outcome.problems, len(outcome.findings), outcome.interrupted) == (2 * SIZE, 1, False)
    again = Campaign(wrong, Here(), tmp_path / "b").run(Budget(problems=MANY))
    assert (again.resumed, again.problems) == (2, MANY) and not again.ended
    for f in expected.findings:
        assert [(g.failed, g.judged, g.known) for g in again.findings if g.key == f.key] == [(f.failed, f.judged, True)]


def test_a_shard_that_cannot_be_done_is_told_and_the_others_are(wrong, tmp_path):
    """Five in a row end it: the next could not be done, either."""
    outcome = Campaign(wrong, Failing(RuntimeError("no"), 2, shared=True), tmp_path).run(Budget(problems=10 * SIZE))
    assert outcome.problems == 2 * SIZE and "5 shards in a row" in outcome.ended and len(outcome.findings) == 1
    assert (
        len([note for note in outcome.notes if "could not be done, and is not counted: RuntimeError: no" in note]) >= 5
    )


@posix
def test_a_scheduler_that_is_killed_ends_in_a_summary(tmp_path):
    """A real one: the finding is shown, its exit status is 1, and standard error has one line."""
    pytest.importorskip("distributed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    module = (sys.executable, "-m")
    host, port = address.removeprefix("tcp://").split(":")
    scheduler = subprocess.Popen(
        (*module, "distributed.cli.dask_scheduler", "--host", host, "--port", port, "--no-dashboard"), **quiet
    )
    worker = subprocess.Popen(
        (*module, "distributed.cli.dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"), **quiet
    )
    try:
        until(lambda: socket.socket().connect_ex((host, int(port))) == 0)
        process = started(tmp_path, SUMS, workers=("--scheduler", address))
        until(lambda: list((tmp_path / "corpus" / "findings").glob("*.json")))
        scheduler.kill()
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        scheduler.kill()
        worker.kill()
    assert process.returncode == 1 and "cut short: " in out and "1 new finding" in out, (out, err)
    assert "the workers are gone" in err and "Traceback" not in err


# ---- signals and terminals ----


@posix
@pytest.mark.usefixtures("hearing")
def test_a_hangup_ends_it_as_a_request_to_end_does(tmp_path):
    process = started(tmp_path, SUMS)
    try:
        until(lambda: list((tmp_path / "corpus" / "findings").glob("*.json")))
        process.send_signal(signal.SIGHUP)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert process.returncode == 130 and "interrupted: " in out and "1 new finding" in out and not err


@posix
def test_under_nohup_it_goes_on():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stopped = threading.Event()
        with stoppable(stopped):
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        assert not stopped.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


@posix
@pytest.mark.usefixtures("hearing")
def test_a_terminal_that_is_gone_loses_nothing(tmp_path):
    """The hangup comes, nothing can be written any more, and the exit status still says it."""
    import pty

    (tmp_path / "model.py").write_text(SUMS, encoding="utf-8")
    ours, theirs = pty.openpty()
    words = (sys.executable, "-c", LOOP, "fuzz", "model.py", "--workers", "1", "--check", "bias_gradient")
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    process = subprocess.Popen(
        words, cwd=tmp_path, start_new_session=True, env=os.environ | {"TERM": "xterm"}, **streams
    )
    os.close(theirs)
    reading = threading.Thread(target=_drained, args=(ours,), daemon=True)
    reading.start()
    try:
        until(lambda: list((tmp_path / "corpus" / "findings").glob("*.json")))
        process.send_signal(signal.SIGSTOP)
        os.close(ours)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGCONT)
        assert process.wait(timeout=PATIENCE) == 130
    finally:
        process.kill()
    assert list((tmp_path / "corpus" / "progress").glob("*.jsonl"))


def _drained(descriptor: int) -> None:
    try:
        while os.read(descriptor, 1 << 16):
            pass
    except OSError:
        return


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a full disk is a device of Linux")
def test_a_report_on_a_full_disk_changes_no_exit_status(tmp_path):
    (tmp_path / "model.py").write_text(SUMS, encoding="utf-8")
    words = ("fuzz", "model.py", "--workers", "1", "--check", "bias_gradient", "--max-examples", "1")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            (sys.executable, "-c", LOOP, *words),
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 1 and b"Traceback" not in done.stderr and list(tmp_path.glob("corpus/findings/*.json"))


def test_a_display_that_fails_ends_no_campaign(wrong, tmp_path):
    def gone(outcome: Outcome) -> None:
        raise OSError(5, "Input/output error")

    outcome = Campaign(wrong, Here(), tmp_path, gone).run(Budget(problems=2 * SIZE))
    assert outcome.problems == 2 * SIZE and outcome.findings[0].file


def test_what_failed_in_a_shard_that_was_given_up_stays(tmp_path, monkeypatch):
    """Its problem as drawn, which is told of and is no agreement."""
    monkeypatch.setattr(run, "GRACE", 0.5)
    calls = "    global calls\n    calls += 1\n    time.sleep(1000 if calls > 3 else 0)\n"
    hangs = "import time\ncalls = 0\n" + SUMS.replace("    Z =", calls + "    Z =")
    job = Job(target(tmp_path, hangs), checks=("bias_gradient",), regimes=("ties",))
    outcome = Campaign(job, Processes(1), tmp_path / "corpus").run(Budget(seconds=3))
    (path,) = outcome.unshrunk
    assert cases.load(path).check == "bias_gradient" and [note for note in outcome.notes if "was not done" in note]


# ---- servers ----


class Server:
    """A Redis server made up: it answers every command by `answer`, which is given the connection."""

    def __init__(self, answer) -> None:
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.answer, self.asked = answer, 0
        threading.Thread(target=self.serve, daemon=True).start()

    @property
    def address(self) -> str:
        return f"redis://127.0.0.1:{self.listening.getsockname()[1]}/0"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.asked += 1
            threading.Thread(target=self.talk, args=(connection,), daemon=True).start()

    def talk(self, connection: socket.socket) -> None:
        try:
            self.answer(connection)
        except OSError:
            return


def drips(connection: socket.socket) -> None:
    """A byte at a time, without an end."""
    while True:
        connection.sendall(b"+")
        time.sleep(0.05)


def floods(connection: socket.socket) -> None:
    """A bulk of ten gigabytes."""
    connection.recv(1 << 16)
    connection.sendall(b"$10000000000\r\n")
    while True:
        connection.sendall(b"x" * (1 << 20))


def silent(connection: socket.socket) -> None:
    connection.recv(1 << 16)
    time.sleep(1000)


@pytest.mark.parametrize("answer", [drips, floods, silent])
def test_a_server_that_is_slow_or_endless_is_told_of_once_and_left(answer, wrong, tmp_path, monkeypatch):
    """No shard after the first waits for it again."""
    pytest.importorskip("redis")
    monkeypatch.setattr(database, "SECONDS", 1)
    monkeypatch.setattr(metered, "MOST", 4 << 20)
    server = Server(answer)
    outcome = Campaign(replace(wrong, database=server.address), Here(), tmp_path).run(Budget(problems=3 * SIZE))
    (note,) = outcome.notes
    assert "goes on without it" in note and server.address in note
    assert outcome.problems == 3 * SIZE and len(outcome.findings) == 1 and server.asked <= 2


def obeys(held: dict):
    """What a Redis server answers to what Hypothesis asks."""

    def answer(connection: socket.socket) -> None:
        file, queued = connection.makefile("rb"), None
        while head := file.readline():
            words = [file.read(int(file.readline()[1:]) + 2)[:-2] for _ in range(int(head[1:]))]
            name = words[0].upper()
            if name == b"MULTI":
                queued, reply = [], b"+OK\r\n"
            elif name == b"EXEC":
                reply, queued = b"*%d\r\n%s" % (len(queued), b"".join(queued)), None
            elif queued is not None:
                queued.append(_done(held, *words))
                reply = b"+QUEUED\r\n"
            else:
                reply = {b"HELLO": b"%1\r\n+proto\r\n:3\r\n", b"PUBLISH": b":0\r\n"}.get(name, b"+OK\r\n")
            connection.sendall(reply)

    return answer


def _done(held: dict, name: bytes, key: bytes, *given: bytes) -> bytes:
    if name == b"SMEMBERS":
        return b"*%d\r\n" % len(held.get(key, ())) + b"".join(b"$%d\r\n%s\r\n" % (len(v), v) for v in held.get(key, ()))
    if name == b"SADD":
        held.setdefault(key, set()).update(given)
    return b":1\r\n"


def test_a_server_that_answers_is_used(wrong, tmp_path):
    """What one campaign found, the next poses first."""
    pytest.importorskip("redis")
    held: dict = {}
    shared = replace(wrong, database=Server(obeys(held)).address)
    Campaign(shared, Here(), tmp_path / "a").run(Budget(problems=SIZE))
    first = Campaign(shared, Here(), tmp_path / "b").run(Budget(problems=SIZE))
    assert held and first.findings[0].shard == -1 and not first.notes


@pytest.mark.parametrize("address", ["github://a/..", "github://a/.", "github://ä/b", "github://../b"])
def test_a_repository_is_no_folder_elsewhere(address):
    with pytest.raises(cases.Unusable, match="expected"):
        database.opened(address)
