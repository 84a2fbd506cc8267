"""What fails on ranks is kept: as cases that repeat to the last bit, and in the reports that `verify` writes."""

import json
import os
import shlex
import signal
from pathlib import Path

import numpy as np
import pytest

import gradcheck
from gradcheck import CrossEntropy, Problem, Unusable, cases, conformance, processes, reports
from gradcheck.cases import Case
from gradcheck.cli import run
from gradcheck.implementations.peer import Limits
from gradcheck.parallel import forks, kept
from gradcheck.parallel.crew import Crew
from gradcheck.parallel.judging import judged
from gradcheck.repeating import ALONE
from gradcheck.shares import Shares

HERE = Path(__file__).parent
LAW = CrossEntropy(smoothing=0.1)
EXAMPLE = HERE.parent / "examples" / "ranks" / "parallel.py"


@pytest.fixture
def program(monkeypatch, tmp_path):
    """Ranks that import no framework, in a folder of their own; none of them is left."""
    monkeypatch.setattr(forks, "PROGRAM", (str(HERE / "fake_ranks.py"),))
    monkeypatch.chdir(tmp_path)
    before = set(processes.descendants(os.getpid()))
    yield
    assert set(processes.descendants(os.getpid())) <= before


def found_of(word, **given):
    """The run of two ranks that fails."""
    found = gradcheck.ranks(word, ranks=(2,), alone=False, cases="cases", **given)
    assert found.failed
    return found.runs[0]


# ---- cases ----


def test_ranks_of_gloo_repeat_to_the_last_bit(monkeypatch, tmp_path):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    run = found_of(f"{EXAMPLE}:own_classes", law=LAW, max_examples=6)
    known = next(failure for failure in run.failures if failure.check.name == "theta_gradient")
    path = Path(known.case)
    again = kept.replay(f"{EXAMPLE}:own_classes", cases.load(path), path)
    assert [failure.verdict for failure in again.failures] == [known.verdict] and known.again == ""
    assert again.diagnosis.likely == "as if each rank smoothed over its own classes alone"
    assert not kept.replay(f"{EXAMPLE}:vocabulary", cases.load(path), path).failed


def test_a_failure_is_saved_with_its_shares_and_repeats(program):
    run = found_of("wrong:", max_examples=3, split="samples", loss="shared")
    for failure in run.failures:
        path = Path(failure.case)
        saved = cases.load(path)
        assert (failure.again, saved.shares) == ("", run.shares) and saved.shares == Shares(
            "samples", 2, 1, "shared", "sum"
        )
        again = kept.replay("wrong:", saved, path)
        assert [f.verdict for f in again.failures] == [failure.verdict] and again.shares == run.shares
        assert kept.replay("declines:", saved, path).failures == ()


def test_what_does_not_fail_by_itself_is_said(program):
    run = found_of("later:", max_examples=4)
    assert {failure.again for failure in run.failures} == {ALONE} and ALONE in run.report()


ZERO = Problem(np.zeros((2, 1)), np.zeros((2, 1)), np.zeros((1, 1)), np.eye(2)[:, :1])
CASE = json.loads(cases.dumps(Case(ZERO, "loss", "a.py:loss", shares=Shares())))
REFUSED = {
    "it has ranks, which are of schema 3": {"gradcheck_case": 2},
    "ranks is None; expected an object of split, ranks": {"ranks": None},
    "ranks is 'x'; expected an object of split": {"ranks": {"x": 1}},
    "ranks 65 is not known; expected a whole number from 1 to 64": {"ranks": {"ranks": 65}},
    r"split \['classes'\] is not known": {"ranks": {"split": ["classes"]}},
    r"loss \{'a': 1\} is not known": {"ranks": {"loss": {"a": 1}}},
    "even is 1; expected true or false": {"ranks": {"even": 1}},
}


@pytest.mark.parametrize("line", REFUSED)
def test_a_case_of_ranks_is_read_by_its_types(line, tmp_path):
    path = tmp_path / "case.json"
    path.write_text(json.dumps(CASE))
    assert cases.load(path).shares == Shares()
    path.write_text(json.dumps({**CASE, **REFUSED[line]}))
    with pytest.raises(Unusable, match=line):
        cases.load(path)


ASKED = {
    "is a case of ranks, and no script is given": [],
    "--samples is not said of a case of ranks": ["right:", "--samples", "rows"],
    "--pieces is not said of a case of ranks": ["right:", "--pieces", "2"],
    "--isolate is not said of a case of ranks": ["right:", "--isolate"],
    "softmax is not judged on ranks; expected any of loss, theta_gradient": ["right:", "--check", "softmax"],
    "nothing:loss cannot be run on ranks": ["nothing"],
}


@pytest.mark.parametrize("line", ASKED)
def test_what_cannot_be_replayed_is_refused(line, program, capsys):
    Path("case.json").write_text(json.dumps(CASE))
    assert run(["replay", "case.json", *ASKED[line]]) == 2
    assert line in capsys.readouterr().err


def test_no_door_but_replay_takes_a_case_of_ranks(program, capsys):
    Path("case.json").write_text(json.dumps(CASE))
    assert run(["corpus", "add", "corpus", "case.json"]) == 2
    assert (
        "case.json is a case of 2 ranks; only `gradcheck replay case.json SCRIPT:FUNCTION`" in capsys.readouterr().err
    )
    case = cases.load("case.json")
    with pytest.raises(Unusable, match=r"case.json is a case of 2 ranks; only `gradcheck replay"):
        conformance.replay(gradcheck.load("numpy"), case, Path("case.json"))
    with pytest.raises(Unusable, match="is a case of one process"):
        kept.replay("right:", Case(case.problem, "loss"), Path("case.json"))


# ---- reports ----


def test_reports_are_those_of_verify_and_the_command_repeats(program, capsys):
    files = [word for kind in ("json", "junit", "html") for word in (f"--{kind}", f"found.{kind}")]
    given = ["--ranks", "2", "--no-alone", "--max-examples", "3", "--split", "samples", "--smoothing", "0.1"]
    assert run(["ranks", "wrong:", *given, *files]) == 1
    out = capsys.readouterr().out
    assert "wrote found.json, found.junit, found.html, 1 case in cases" in out
    said = json.loads(Path("found.json").read_text())
    (found,) = said["runs"]
    assert (said["gradcheck_run"], said["status"], found["target"]) == (1, 1, "wrong: on 2 ranks")
    assert found["ranks"] == {**Shares("samples").said, "loss": "sum"}
    assert [each["name"] for each in found["checks"]][:2] == ["loss", "logits_gradient"]
    repeat = next(line.split(maxsplit=1)[1] for line in out.splitlines() if line.startswith("  repeat "))
    assert found["causes"][0]["repeat"] == repeat and 'tests="5" failures="1"' in Path("found.junit").read_text()
    assert "wrong: on 2 ranks" in (page := Path("found.html").read_text())
    assert "gradcheck ranks wrong: --smoothing 0.1 --ranks 2 --split samples" in page
    assert run(shlex.split(repeat)[1:]) == 1
    assert "loss  disagree" in capsys.readouterr().out


# ---- how ranks are begun ----


def test_ranks_are_started_where_none_can_be_forked(program):
    pytest.importorskip("torch")  # whose import is what they are forked for
    with Crew(2, Limits(5.0, 0)) as crew:
        assert judged("wrong", crew, Shares(), count=2).failed
        origin = crew.origin._live.process.pid
        assert set(processes.descendants(origin)) >= {peer._live[0].process.pid for peer in crew.peers}
        os.kill(origin, signal.SIGKILL)  # and with it all that it has forked
        crew.close()
        with Crew(2, Limits(5.0, 0), crew.origin) as other:
            assert judged("wrong", other, Shares(), count=2).failed and not crew.origin._live


def test_a_rank_draws_numbers_of_its_own(program):
    """NumPy draws its seed when it is imported, which ranks that are forked have not done themselves."""
    (failure,) = found_of("draws:", max_examples=1).failures
    assert len({float(picture.computed) for picture in failure.pictures}) == 2


# ---- on a cluster ----


def test_a_worker_elsewhere_finds_the_same(tmp_path, monkeypatch):
    """A world of ranks is one task: same verdicts, same cases, same report, and nothing is left."""
    distributed = pytest.importorskip("distributed")
    pytest.importorskip("torch")
    monkeypatch.chdir(HERE.parent)
    word, given = "examples/ranks/parallel.py:own_classes", {"alone": False, "law": LAW, "max_examples": 4}
    here = gradcheck.ranks(word, ranks=(2,), cases=tmp_path / "cases", **given)
    monkeypatch.chdir(tmp_path)  # where the worker is
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as made:
        monkeypatch.chdir(HERE.parent)
        there = gradcheck.ranks(word, ranks=(2,), cases=tmp_path / "cases", scheduler=made.scheduler_address, **given)
        with pytest.raises(Unusable, match="cannot be run on ranks"):
            # of one task: another would be begun meanwhile, and goes on to its end
            gradcheck.ranks("nothing.py:loss", ranks=(2,), alone=False, scheduler=made.scheduler_address)
        left = [pid for worker in made.workers.values() for pid in processes.descendants(worker.pid)]
    assert reports.FORMATS["json"](there.runs) == reports.FORMATS["json"](here.runs) and here.failed and not left
    assert there.report() == here.report()
