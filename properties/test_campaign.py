"""Campaigns: the same findings however they are run, nothing lost when they are stopped, and one word on what goes wrong."""

import io
import json
import logging
import multiprocessing
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import zipfile
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import partial
from http.client import IncompleteRead
from pathlib import Path
from urllib.error import HTTPError, URLError

import pytest
from click.testing import CliRunner
from rich.console import Console

from gradcheck import campaign, cases, corpus, regimes
from gradcheck.campaign import Budget, Campaign, Finding, Job, Record, database, display, github
from gradcheck.campaign.cluster import Cluster
from gradcheck.campaign.findings import ANY, Merged
from gradcheck.campaign.ledger import Ledger
from gradcheck.campaign.outcome import Outcome
from gradcheck.campaign.records import dumps, loads
from gradcheck.campaign.shard import work
from gradcheck.campaign.workers import Processes
from gradcheck.cli import main
from gradcheck.errors import Unusable
from gradcheck.settings import Target

RIGHT = """
import numpy as np

def gradients(theta, b, X, Y):
    Z = theta @ X + b
    A = np.exp(Z - Z.max(axis=0))
    return {"b": (A / A.sum(axis=0) - Y).sum(axis=1, keepdims=True) / X.shape[1]}
"""
CHECKS = ("bias_gradient", "finite")
SIZE = 12  # problems of a shard here, and in the runs of the command: a shard is a shard
OF_A_RUN = 20
MANY = 4 * SIZE
PATIENCE = 60  # seconds until a test gives up on what must come; no verdict depends on it


class Here(Executor):
    """Workers that are this process: each shard is done when it is handed out, the last one first."""

    shared, count, lost = True, 2, ()

    def __init__(self, order=lambda calls: calls) -> None:
        self.calls, self.order = [], order

    def submit(self, function, *arguments):
        future = Future()
        future.set_result(function(*arguments))
        return future

    def renewed(self) -> None:
        pass

    def stop(self) -> None:
        pass


def target(folder: Path, text: str) -> Target:
    path = folder / "model.py"
    path.write_text(text, encoding="utf-8")
    return Target("model.py", str(path))


@pytest.fixture
def wrong(tmp_path) -> Job:
    """Not divided by n, and posed what needs no strained regime to show it, whatever this version of Hypothesis draws."""
    return Job(target(tmp_path, RIGHT.replace(" / X.shape[1]", "")), checks=CHECKS, regimes=("ties",), size=SIZE)


@pytest.fixture
def expected(wrong, tmp_path, once) -> Outcome:
    """What one worker finds in the first `MANY` problems, where nothing goes wrong."""
    return once.of("a campaign", lambda: Campaign(wrong, Here(), tmp_path / "a").run(Budget(problems=MANY)))


@pytest.fixture
def right(tmp_path) -> Job:
    return Job(target(tmp_path, RIGHT), checks=CHECKS, size=SIZE)


@pytest.fixture
def small_shards(monkeypatch) -> None:
    """The command in this process hands out shards of `OF_A_RUN` problems."""
    monkeypatch.setattr(campaign, "Job", partial(Job, size=OF_A_RUN))


def keys(outcome: Outcome) -> list[tuple]:
    """Everything of the findings but when they came in and where they lie."""
    return [(*f.key, f.shard, f.failed, f.judged, f.case) for f in outcome.findings]


# ---- shards ----


def test_a_shard_is_the_same_whoever_does_it(wrong):
    assert work(wrong, 3) == work(wrong, 3)


def test_shards_pose_different_problems(right):
    """Seeds are made of the campaign's seed and the number of the shard."""
    assert len({right.seed_of(k) for k in range(100)} | {replace(right, seed=1).seed_of(k) for k in range(100)}) == 200


def test_the_swarm_dwells_on_every_regime(right):
    """Odd shards are confined to a few regimes, and come round to all of them."""
    dwelt = {name for number in range(1, 41, 2) for name in right.regimes_of(number)}
    assert dwelt == set(regimes.select(()))


def test_precisions_take_turns(right):
    both = replace(right, dtypes=("float64", "float32"))
    assert [both.dtype_of(k) for k in range(4)] == ["float64", "float32", "float64", "float32"]
    assert both.regimes_of(0) == both.regimes_of(1) == ("*",) != both.regimes_of(2)


def test_what_fails_is_one_finding_with_its_diagnosis_and_smallest_problem(wrong):
    """n = 2 is the smallest problem on which a sum is no mean."""
    (finding,) = work(wrong, 0).findings
    assert finding.key == ("bias_gradient", "Summed over the batch: not divided by n", ANY)
    assert finding.failed > 1 and '"dtype": "float64"' in finding.case
    assert len(json.loads(finding.case)["X"][0]) == 2


def test_what_is_known_is_counted_and_not_shrunk_again(wrong):
    (finding,) = work(wrong, 0).findings
    (again,) = work(wrong, 0, frozenset([finding.key])).findings
    assert (again.key, again.failed, again.case) == (finding.key, finding.failed, "")


def test_an_expected_failure_is_no_finding(wrong):
    expected = {"bias_gradient": "sums, on purpose"}
    assert work(replace(wrong, target=replace(wrong.target, expected_failures=expected)), 0).findings == ()


def test_a_failing_problem_is_on_disk_before_the_shard_is_done(wrong, tmp_path):
    """A worker that is killed leaves the problem as it was drawn."""
    work(wrong, 0, pending=str(tmp_path / "pending"))
    (path,) = (tmp_path / "pending").iterdir()
    assert path.name == "0-bias_gradient.json" and cases.load(path).check == "bias_gradient"


# ---- records ----


def test_a_record_comes_back_from_its_line(wrong):
    record = work(wrong, 0)
    assert loads(dumps(record)) == record


@pytest.mark.parametrize("line", ["", "{", "[]", "null", '{"gradcheck_shard": 2}', '{"gradcheck_shard": 1}', "\x00"])
def test_half_a_line_is_no_record(line):
    assert loads(line) is None


def test_every_cut_of_a_record_is_no_record_or_the_record(wrong):
    """A writer may be killed at any byte."""
    line = dumps(Record(1, 2, {"loss": 2}, {"loss": 0.5}))
    assert all(loads(line[:cut]) is None for cut in range(len(line)))


def finding(check="loss", diagnosis="d", regime=ANY, **more) -> Finding:
    return Finding(check, diagnosis, regime, "disagree", "said", **more)


def test_what_fails_in_any_regime_stands_for_each_of_them():
    merged = Merged()
    merged.add(Record(0, 1, {"loss": 4}, {}, (finding(case="a"),)))
    merged.add(Record(1, 1, {"loss": 6}, {}, (finding(regime="offset", case="b", failed=2), finding(diagnosis="e"))))
    assert [(f.diagnosis, f.regime, f.failed, f.judged, f.case) for f in merged.findings()] == [
        ("d", ANY, 3, 10, "a"),
        ("e", ANY, 1, 10, ""),
    ]


# ---- campaigns ----


def test_one_worker_and_two_find_the_same(wrong, tmp_path):
    """Findings are merged by the number of their shard, and each is saved once."""
    alone = Campaign(wrong, Here(), tmp_path / "a").run(Budget(problems=3 * SIZE))
    two = Campaign(wrong, Processes(2), tmp_path / "b").run(Budget(problems=3 * SIZE))
    assert keys(alone) == keys(two) and alone.problems == two.problems == 3 * SIZE
    names = [sorted(p.name for p in (tmp_path / place).rglob("*.json")) for place in "ab"]
    assert names[0] == names[1] and len(names[0]) == 2


def test_a_correct_target_has_no_finding_and_leaves_nothing(right, tmp_path):
    outcome = Campaign(right, Here(), tmp_path / "corpus").run(Budget(problems=2 * SIZE))
    assert (outcome.findings, outcome.problems, outcome.judged > 2 * SIZE) == ([], 2 * SIZE, True)
    assert not [path for path in (tmp_path / "corpus").rglob("*") if path.is_file()]


def test_what_is_in_the_corpus_is_not_new(wrong, tmp_path):
    first = Campaign(wrong, Here(), tmp_path / "corpus").run(Budget(problems=SIZE))
    second = Campaign(replace(wrong, seed=1), Here(), tmp_path / "corpus").run(Budget(problems=SIZE))
    assert [f.key for f in first.new] == [f.key for f in second.findings] and not second.new


def test_a_killed_worker_changes_no_finding(wrong, tmp_path, expected):
    """The shards that it had in hand are done again."""
    workers, killed = Processes(2), []

    def kill(outcome: Outcome) -> None:
        if not killed and outcome.records:
            victim = multiprocessing.active_children()[0]
            killed.append(victim.pid)
            victim.kill()

    found = Campaign(wrong, workers, tmp_path / "b", kill).run(Budget(problems=MANY))
    assert killed and keys(found) == keys(expected) and not found.interrupted


def test_a_target_that_takes_its_worker_with_it_is_a_finding(tmp_path):
    """After two workers it gets a process of its own, whose end is a verdict."""
    deadly = RIGHT.replace("    Z = theta", "    import os\n    os.kill(os.getpid(), 9)\n    Z = theta")
    job = Job(target(tmp_path, deadly), checks=("finite",), size=2)
    outcome = Campaign(job, Processes(1), tmp_path / "corpus").run(Budget(problems=2))
    assert {f.outcome for f in outcome.findings} == {"errored"}


def test_a_campaign_that_was_cut_short_goes_on(wrong, tmp_path, expected):
    """Finished shards are read back, also past a line that its writer did not finish; only the others are posed."""
    ledger = Ledger(tmp_path / "b", wrong)
    for number in (2, 0):
        ledger.add(work(wrong, number))
    with ledger.progress.open("a", encoding="utf-8") as file:
        file.write(dumps(work(wrong, 1))[:-20])
    found = Campaign(wrong, Here(), tmp_path / "b").run(Budget(problems=MANY))
    assert (found.resumed, found.fresh, found.problems) == (2, 2 * SIZE, MANY)
    assert keys(found) == keys(expected) and not ledger.progress.exists()


def test_a_record_after_half_a_line_is_kept(wrong, tmp_path):
    ledger = Ledger(tmp_path, wrong)
    ledger.add(Record(0, 1))
    with ledger.progress.open("a", encoding="utf-8") as file:
        file.write("{")
    ledger.add(Record(1, 1))
    assert [record.number for record in ledger.finished()] == [0, 1]


def test_a_target_that_changed_begins_anew(wrong):
    before = wrong.digest
    Path(wrong.target.target).write_text(RIGHT, encoding="utf-8")
    assert wrong.digest != before


def elsewhere(outcome: Outcome, folder: Path) -> list[Path]:
    """The cases that its findings name, all of them in the temporary folder, in which there is nothing else."""
    named = sorted(Path(finding.file) for finding in outcome.findings)
    assert named == sorted(path for path in folder.rglob("*") if path.is_file())
    return named


def test_what_an_unwritable_corpus_does_not_take_is_kept_elsewhere(wrong, tmp_path, monkeypatch):
    """A file stands where the folder should be. It is told once, and where the finding is instead."""
    (tmp_path / "corpus").write_text("", encoding="utf-8")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    outcome = Campaign(wrong, Here(), tmp_path / "corpus").run(Budget(problems=2 * SIZE))
    told, kept = outcome.notes
    assert "cannot write to the corpus" in told and str(tmp_path / "tmp") in kept
    (path,) = elsewhere(outcome, tmp_path / "tmp")
    assert cases.load(path).check == outcome.findings[0].check == "bias_gradient"


def test_a_full_disk_shows_what_is_in_no_file(wrong, tmp_path, monkeypatch):
    """Not even a temporary folder takes it: the smallest problem of every finding is shown, and can be repeated."""

    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cases, "write_bytes", full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    outcome = Campaign(wrong, Here(), tmp_path / "corpus").run(Budget(problems=2 * SIZE))
    assert len(outcome.notes) == 2 and "No space left" in next(iter(outcome.notes))
    monkeypatch.undo()
    shown = Console(file=io.StringIO(), width=80)
    display.show(outcome, "model.py", shown)
    text = shown.file.getvalue()
    (tmp_path / "case.json").write_text(text[text.index("{") : text.index("\n}") + 2], encoding="utf-8")
    assert cases.load(tmp_path / "case.json").problem.n == 2
    assert not list(tmp_path.glob("gradcheck-*"))


# ---- signals ----

LOOP = f"""
from functools import partial
from gradcheck import campaign
campaign.Job = partial(campaign.Job, size={OF_A_RUN})
from gradcheck.cli import main
main()
"""


def started(folder: Path, text: str, *words: str, workers=("--workers", "1")) -> subprocess.Popen:
    (folder / "model.py").write_text(text, encoding="utf-8")
    command = (sys.executable, "-c", LOOP, "fuzz", "model.py", *workers, "--check", "bias_gradient", *words)
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until(found) -> None:
    give_up = time.monotonic() + PATIENCE
    while not found():
        assert time.monotonic() < give_up, "nothing came"
        time.sleep(0.05)


def descendants(pid: int) -> list[int]:
    listed = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in listed.stdout.split()]


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_all_findings_saved_and_a_summary(number, tmp_path):
    process = started(tmp_path, RIGHT.replace(" / X.shape[1]", ""))
    until(lambda: list((tmp_path / "corpus" / "findings").glob("*.json")))
    process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130 and "Traceback" not in err
    assert "interrupted: " in out and "1 new finding" in out and "Summed over the batch" in out
    assert list((tmp_path / "corpus" / "progress").glob("*.jsonl"))


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
def test_a_killed_run_leaves_no_worker_and_goes_on(tmp_path):
    """kill -9 of the whole run: its workers end, and the next run finds what was there."""
    process = started(tmp_path, RIGHT.replace(" / X.shape[1]", ""))
    until(lambda: list((tmp_path / "corpus" / "findings").glob("*.json")))
    children = descendants(process.pid)
    process.kill()
    process.communicate(timeout=PATIENCE)
    until(lambda: not any(Path(f"/proc/{child}").exists() for child in children))
    again = started(tmp_path, RIGHT.replace(" / X.shape[1]", ""), "--max-examples", str(2 * OF_A_RUN))
    out, err = again.communicate(timeout=PATIENCE)
    assert again.returncode == 1 and "from a run that was cut short" in out, err


def test_a_call_that_never_returns_is_given_up_and_told(tmp_path, monkeypatch):
    """Its shard is left out; nothing that is not judged counts as agreement."""
    monkeypatch.setattr("gradcheck.campaign.run.GRACE", 0.1)
    hanging = RIGHT.replace("    Z = theta", "    import time\n    time.sleep(1000)\n    Z = theta")
    job = Job(target(tmp_path, hanging), checks=CHECKS)
    outcome = Campaign(job, Processes(1), tmp_path / "corpus").run(Budget(seconds=1))
    assert (outcome.problems, outcome.judged) == (0, 0)
    assert [note for note in outcome.notes if "with --isolate" in note]


# ---- databases ----


def test_a_folder_of_examples_is_posed_first(wrong, tmp_path):
    """What one campaign shrank, another poses before anything else."""
    shared = replace(wrong, database=str(tmp_path / "examples"))
    Campaign(shared, Here(), tmp_path / "a").run(Budget(problems=SIZE))
    first = Campaign(shared, Here(), tmp_path / "b").run(Budget(problems=SIZE))
    assert first.records[-1].problems > 0 and first.findings[0].shard == -1


@pytest.mark.parametrize(
    "address", ["ftp://host", "github://owner", "github://a/b/c", "github://token@a/b", "redis://host:port"]
)
def test_an_address_that_is_none_is_refused(address):
    with pytest.raises(Unusable, match="expected"):
        database.opened(address)


def test_a_database_that_cannot_be_reached_is_told_of_once(wrong, tmp_path):
    """Port 1 of this machine, where nobody answers."""
    pytest.importorskip("redis")
    outcome = Campaign(replace(wrong, database="redis://127.0.0.1:1/0"), Here(), tmp_path).run(
        Budget(problems=2 * SIZE)
    )
    assert [note for note in outcome.notes if "goes on without it" in note] and len(outcome.notes) == 1
    assert len(outcome.findings) == 1


@pytest.fixture
def redis_server(tmp_path):
    """A real server on loopback, on a port that was free a moment ago."""
    pytest.importorskip("redis")
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = (program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path))
    with subprocess.Popen(words, stdout=subprocess.DEVNULL) as server:
        until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0)
        yield f"redis://127.0.0.1:{port}/0", server
        server.kill()


def test_examples_are_shared_by_a_redis_server(wrong, tmp_path, redis_server):
    shared = replace(wrong, database=redis_server[0])
    Campaign(shared, Here(), tmp_path / "a").run(Budget(problems=SIZE))
    first = Campaign(shared, Processes(1), tmp_path / "b").run(Budget(problems=SIZE))
    assert first.findings[0].shard == -1 and not first.notes


def test_a_redis_server_that_goes_away_is_told_of_once(wrong, tmp_path, redis_server):
    """In the middle: the shards after it are done without."""
    address, server = redis_server

    def leave(outcome: Outcome) -> None:
        server.kill()
        server.wait()

    shared = replace(wrong, database=address)
    found = Campaign(shared, Processes(1), tmp_path / "a", leave).run(Budget(problems=3 * SIZE))
    assert found.problems == 3 * SIZE and len(found.findings) == 1
    assert len(found.notes) <= 1


def artifact(folder: Path) -> bytes:
    """A folder of examples as `actions/upload-artifact` packs it."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as packed:
        for path in sorted(folder.rglob("*")):
            packed.write(path, path.relative_to(folder).as_posix())
    return content.getvalue()


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """GitHub as Hypothesis asks it, and no network: it gives what is put into `hub["zip"]`, and raises what is an exception."""
    listed = {"name": "hypothesis-example-db", "created_at": "2026-01-01", "archive_download_url": "https://zip"}
    holds = {"zip": b"", "asked": []}

    def urlopen(request, *rest, **more):
        holds["asked"].append((request.full_url, socket.getdefaulttimeout()))
        if isinstance(holds["zip"], Exception):
            raise holds["zip"]
        return io.BytesIO(
            json.dumps({"artifacts": [listed]}).encode() if "api.github" in request.full_url else holds["zip"]
        )

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    monkeypatch.setattr("hypothesis.database.urlopen", urlopen, raising=False)  # where older versions import it
    monkeypatch.setenv("GITHUB_TOKEN", "token")
    monkeypatch.chdir(tmp_path)
    return holds


@pytest.fixture(scope="module")
def examples(tmp_path_factory) -> Path:
    """A folder of Hypothesis examples, as a campaign leaves it."""
    folder = tmp_path_factory.mktemp("shared")
    text = RIGHT.replace(" / X.shape[1]", "")
    job = Job(target(folder, text), checks=CHECKS, regimes=("ties",), size=SIZE, database=str(folder / "examples"))
    assert work(job, 0).findings
    return folder / "examples"


def test_examples_of_a_repository_are_posed_first(wrong, tmp_path, hub, examples):
    """What a workflow uploaded, fetched by one worker, and not twice; what is found goes to a folder that the next may upload."""
    hub["zip"] = artifact(examples)
    shared = replace(wrong, database="github://owner/repo")
    first = Campaign(shared, Here(), tmp_path / "b").run(Budget(problems=2 * SIZE))
    assert first.findings[0].shard == -1 and not first.notes
    assert [url for url, _ in hub["asked"]] == [
        "https://api.github.com/repos/owner/repo/actions/artifacts",
        "https://zip",
    ]
    assert all(seconds == database.SECONDS for _, seconds in hub["asked"]) and socket.getdefaulttimeout() is None
    assert list((tmp_path / database.KEPT).rglob("*"))
    work(shared, -1)
    assert len(hub["asked"]) == 4  # another campaign has the newest, not that of its last day


def refused(code: int) -> HTTPError:
    return HTTPError("https://api.github.com", code, "refused", {}, io.BytesIO())


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (refused(401), "GITHUB_TOKEN"),
        (refused(404), "does not exist"),
        (URLError("no network"), "not connect"),
        (TimeoutError("timed out"), "not connect"),
        (IncompleteRead(b""), "goes on without it"),
        (b"", "invalid"),
        (b"no zip", "invalid"),
    ],
    ids=["token", "repository", "network", "silence", "torn", "empty", "corrupt"],
)
def test_a_repository_that_gives_nothing_is_told_of_once(answer, said, *, wrong, tmp_path, hub, examples):
    """The folder of what was found before is posed all the same."""
    shutil.copytree(examples, tmp_path / database.KEPT)
    hub["zip"] = answer
    record = work(replace(wrong, database="github://owner/repo"), -1)
    (note,) = record.notes
    assert said in note and "github://owner/repo" in note and record.problems > 0


def test_half_an_artifact_is_told_of_and_the_campaign_goes_on(wrong, tmp_path, hub, examples):
    """What is not known of it is not guessed."""
    hub["zip"] = artifact(examples)[:-30]
    outcome = Campaign(replace(wrong, database="github://owner/repo"), Here(), tmp_path / "a").run(
        Budget(problems=2 * SIZE)
    )
    assert "invalid" in "".join(outcome.notes) and len(outcome.notes) == len(outcome.findings) == 1


def test_an_older_artifact_serves_where_there_is_no_network(wrong, hub, examples):
    """And that is told."""
    hub["zip"] = artifact(examples)
    shared = replace(wrong, database="github://owner/repo")
    posed = work(shared, -1).problems
    shutil.rmtree(database.KEPT)
    hub["zip"] = URLError("no network")
    record = work(shared, -1)
    (note,) = record.notes
    assert "expired artifact" in note and "goes on with what it has" in note and record.problems == posed > 0


# ---- clusters ----


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """In which the workers of the cluster are."""
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def started_cluster(folder):
    """A scheduler and two workers, each a process; one that is killed is replaced."""
    distributed = pytest.importorskip("distributed")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        made = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
        )
    with made:
        yield made


@pytest.fixture
def cluster(started_cluster, folder, monkeypatch):
    """The same, in the folder of the target."""
    monkeypatch.chdir(folder)
    return started_cluster


def test_a_cluster_with_a_worker_killed_finds_the_same(wrong, tmp_path, expected, cluster):
    """Shards of the lost worker are done again by others."""
    killed = []

    def kill(outcome: Outcome) -> None:
        if not killed and outcome.records:
            killed.append(cluster.workers[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    found = Campaign(wrong, Cluster(cluster.scheduler_address), tmp_path / "b", kill).run(Budget(problems=MANY))
    assert killed and keys(found) == keys(expected) and found.problems == MANY


@pytest.mark.skipif(os.name != "posix", reason="signals are sent as POSIX has them")
def test_a_killed_run_on_a_cluster_leaves_nothing_to_its_workers_and_goes_on(folder, cluster):
    """kill -9 of the coordinator: the corpus is whole, the cluster drops its shards, and a restart goes on."""
    text, on_it = RIGHT.replace(" / X.shape[1]", ""), ("--scheduler", cluster.scheduler_address)
    process = started(folder, text, workers=on_it)
    until(lambda: list((folder / "corpus" / "findings").glob("*.json")))
    process.kill()
    process.communicate(timeout=PATIENCE)
    held = [(path, case.problem.digest) for path, case in corpus.load(folder / "corpus")]
    assert len(held) == 1 and not list((folder / "corpus").rglob(".*"))
    until(lambda: not cluster.scheduler.tasks)
    again = started(folder, text, "--max-examples", str(2 * OF_A_RUN), workers=on_it)
    out, err = again.communicate(timeout=PATIENCE)
    assert again.returncode == 1 and "from a run that was cut short" in out and "1 known before" in out, (out, err)
    assert [(path, case.problem.digest) for path, case in corpus.load(folder / "corpus")] == held


@pytest.mark.parametrize("where", ["client", "batched", "comm.tcp", "core"])
def test_what_becomes_of_a_connection_is_told_by_us_alone(cluster, where):
    """distributed has a traceback for it, in whichever of its parts sees it first."""
    workers = Cluster(cluster.scheduler_address)
    workers.stop()
    assert not logging.getLogger(f"distributed.{where}").isEnabledFor(logging.ERROR)


def test_a_scheduler_that_is_not_there_is_refused(monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("gradcheck.cluster.SECONDS", 1)
    with pytest.raises(Unusable, match="no Dask scheduler answers"):
        Cluster("tcp://127.0.0.1:1")


# ---- GitHub ----


def test_annotations_keep_to_their_line():
    """What a target says cannot begin a command of its own."""
    said = finding(diagnosis="a\n::error::b%", check="loss")
    lines = list(github.annotations(Outcome(findings=[said]), "model.py"))
    assert len(lines) == 1 and "\n" not in lines[0] and lines[0].startswith("::error title=gradcheck%3A loss disagrees")


def test_ci_exits_1_on_a_new_finding_only(tmp_path, monkeypatch, small_shards):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    (tmp_path / "model.py").write_text(RIGHT.replace(" / X.shape[1]", ""), encoding="utf-8")
    words = ("fuzz", "model.py", "--ci", "--workers", "1", "--max-examples", "1", "--check", "bias_gradient")
    first, second = (CliRunner().invoke(main, words) for _ in range(2))
    assert first.exit_code == 1 and "::error" in first.output, first.output
    assert second.exit_code == 0 and "::error" not in second.output
    text = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert text.count("### gradcheck fuzz model.py") == 2 and "(known)" in text


# ---- refusals ----


@pytest.mark.parametrize(
    "words",
    [
        ("nothing_of_this_name",),
        ("numpy", "--check", "none"),
        ("numpy", "--regime", "none"),
        ("numpy", "--dtype", "float8"),
        ("numpy", "--database", "ftp://x"),
        ("numpy", "--workers", "1", "--scheduler", "tcp://127.0.0.1:1"),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ("fuzz", *words))
    assert result.exit_code == 2 and len(result.output.splitlines()) == 1, result.output


@pytest.mark.skipif(os.name != "posix", reason="signals are held back as POSIX has it")
def test_a_worker_that_begins_hears_no_interrupt():
    """While it imports, too: it is born with Ctrl-C held back, which this process hears afterwards as before."""
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    pool = Processes(1)
    try:
        assert signal.SIGINT in pool.submit(signal.pthread_sigmask, signal.SIG_BLOCK, ()).result()
    finally:
        pool.stop()
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == heard
