"""The corpus: what is saved comes back, any number of processes may write, and what ships is judged before anything is drawn."""

import json
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from refused import REFUSED, judged

from gradcheck import Problem, Unusable, cases, conformance, corpus, load
from gradcheck.cases import Case
from gradcheck.cli import main
from gradcheck.implementations.built_in import BUILT_IN
from gradcheck.verdict import Outcome

LARGE = Problem(np.full((2, 3), 0.1), np.zeros((2, 1)), np.ones((3, 800)), np.eye(2)[:, np.arange(800) % 3 // 2])
SMALL = Problem(np.zeros((2, 1)), np.zeros((2, 1)), np.ones((1, 2)), np.eye(2)[:, [0, 0]])
SHIPPED = corpus.paths(corpus.SHIPPED)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, list(words))


# ---- what ships ----


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_correct_code_stands_every_problem_that_ever_found_a_fault(path):
    """By the check that it was saved for: no bound and no referee gives a false alarm on it."""
    case = cases.load(path)
    run = conformance.replay(load("numpy"), case, path)
    assert not run.failures, run.failures


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_implementation_that_failed_on_it_still_does(path):
    """Of the version that is installed; one that was mended is to be taken out of its expected failures."""
    case = cases.load(path)
    if case.target not in BUILT_IN or not BUILT_IN[case.target].installed:
        pytest.skip(f"{case.target or 'no target of ours'} is not installed")
    assert conformance.replay(load(case.target), case, path).failures


@pytest.mark.parametrize("name", REFUSED)
def test_correct_code_that_was_refused_is_refused_no_more(name):
    """By the check, on the case. At the commit before the one that mended it, it disagrees."""
    verdict = judged(name)
    assert verdict.outcome in (Outcome.AGREE, Outcome.INCONCLUSIVE), verdict


def test_every_case_of_no_target_comes_with_the_code_that_was_refused():
    """A problem alone shows no fault of a bound."""
    assert {path.stem for path in SHIPPED if not cases.load(path).target} == set(REFUSED)


def test_what_ships_has_no_case_twice():
    assert SHIPPED and not list(corpus.duplicates(corpus.load(corpus.SHIPPED)))


# ---- files ----


def test_a_large_array_stands_beside_its_case_and_comes_back(tmp_path):
    """As .npy, named by its content; the others as text."""
    path = corpus.add(tmp_path, Case(LARGE, "loss"))
    data = json.loads(path.read_text(encoding="utf-8"))
    assert data["X"].endswith(".npy") and data["Y"].endswith(".npy") and isinstance(data["theta"], list)
    assert cases.load(path).problem.digest == LARGE.digest
    assert corpus.add(tmp_path, Case(LARGE, "loss")) == path


@pytest.mark.parametrize("name", ["../x.npy", "/etc/passwd", "x.txt", "missing.npy", ""])
def test_a_case_reads_no_file_but_its_own(name, tmp_path):
    """A name of a .npy file in the same folder, which is there."""
    path = corpus.add(tmp_path, Case(LARGE, "loss"))
    data = json.loads(path.read_text(encoding="utf-8")) | {"X": name}
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(Unusable, match="X"):
        cases.load(path)


@pytest.mark.parametrize(
    "content",
    [np.array([[object()]]), np.ones(3), np.ones((3, 800), dtype=np.float32)],
    ids=["objects", "vector", "float32"],
)
def test_an_array_beside_holds_numbers_and_nothing_else(content, tmp_path):
    """No pickle is read."""
    path = corpus.add(tmp_path, Case(LARGE, "loss"))
    data = json.loads(path.read_text(encoding="utf-8")) | {"X": "other.npy"}
    path.write_text(json.dumps(data), encoding="utf-8")
    np.save(path.parent / "other.npy", content, allow_pickle=True)
    with pytest.raises(Unusable):
        cases.load(path)


def written(folder: Path, seed: int) -> list[str]:
    """What one of many processes does: the same cases as the others, in an order of its own."""
    order = np.random.default_rng(seed).permutation(20)
    scaled = (Problem(LARGE.theta * int(k), LARGE.b, LARGE.X, LARGE.Y) for k in order)
    return sorted(corpus.add(folder, Case(problem, "loss")).name for problem in scaled)


def test_many_writers_leave_every_file_whole(tmp_path):
    """Four processes write the same twenty cases at once."""
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        names = list(pool.map(written, [tmp_path] * 4, range(4)))
    assert all(found == names[0] for found in names)
    assert len({case.problem.digest for _, case in corpus.load(tmp_path)}) == 20
    assert not [path for path in tmp_path.rglob("*") if path.name.startswith(".")]


# ---- commands ----

SUMS = """
import numpy as np

def gradients(theta, b, X, Y):
    Z = theta @ X + b
    A = np.exp(Z - Z.max(axis=0))
    return {"b": (A / A.sum(axis=0) - Y).sum(axis=1, keepdims=True)}
"""


def test_cases_are_added_once_and_listed(run, tmp_path):
    path = cases.save(Case(SMALL, "loss", "mine"), tmp_path)
    first, second = run("corpus", "add", "kept", str(path)), run("corpus", "add", "kept", str(path))
    assert (first.exit_code, second.exit_code) == (0, 0) and "there already" in second.output
    listed = run("corpus", "list", "kept").output
    assert path.stem in listed and "mine" in listed and "n=2 d=1 L=2 float64" in listed


BAD = (
    "{",
    "[" * 10_000,
    '{"gradcheck_case": 1, "check": "../../escaped"}',
    "\0",
    '{"gradcheck_case": 1, "check": ["a"]}',
)


def spoilt(folder: Path) -> None:
    """A good case between files that are none, each of another kind, and a FIFO where there are any."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, text in enumerate(BAD):
        (folder / f"{number}.json").write_text(text, encoding="utf-8")
    if hasattr(os, "mkfifo"):
        os.mkfifo(folder / "fifo.json")
    cases.save(Case(SMALL, "bias_gradient"), folder)


def told(result) -> list[str]:
    """One line of standard error for each file that is none."""
    assert len(result.stderr.splitlines()) == len(BAD) + hasattr(os, "mkfifo"), result.stderr
    assert all(line.startswith("gradcheck: ") for line in result.stderr.splitlines())
    return result.stdout


def test_a_file_that_is_no_case_is_left_out_and_told(run, tmp_path):
    """The others are added, and nothing is written elsewhere."""
    spoilt(tmp_path / "given")
    result = run("corpus", "add", "kept", *map(str, sorted(Path("given").iterdir())))
    assert "bias_gradient-" in told(result) and result.exit_code == 2
    assert len(list(corpus.load(tmp_path / "kept"))) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["given", "kept"]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (("list", "kept"), "bias_gradient-"),
        (("minimise", "kept"), "1 cases"),
        (("minimise", "kept", "model.py"), "1 cases"),
        (("replay", "kept", "model.py"), "1 cases judged, 0 fail"),
    ],
)
def test_one_bad_case_ends_no_command_for_all(words, shown, run, tmp_path):
    """It is told, the others are done, and the exit status is for that."""
    (tmp_path / "model.py").write_text(
        SUMS.replace("keepdims=True)}", "keepdims=True) / X.shape[1]}"), encoding="utf-8"
    )
    spoilt(tmp_path / "kept" / "cases")
    result = run("corpus", *words)
    assert shown in told(result) and result.exit_code == 2, result.output


def test_a_case_that_fails_is_worse_than_one_that_cannot_be_used(run, tmp_path):
    (tmp_path / "model.py").write_text(SUMS, encoding="utf-8")
    spoilt(tmp_path / "kept" / "cases")
    assert run("corpus", "replay", "kept", "model.py").exit_code == 1


def test_a_case_is_added_where_others_are_spoilt(run, tmp_path):
    spoilt(tmp_path / "kept" / "cases")
    path = cases.save(Case(SMALL, "loss"), tmp_path)
    result = run("corpus", "add", "kept", str(path))
    assert "loss-" in told(result) and result.exit_code == 2


def test_what_says_nothing_new_is_taken_out(run, tmp_path):
    for target in ("a", "b"):
        corpus.add(tmp_path / "kept", Case(SMALL, "loss", target))
    assert "would be taken out" in run("corpus", "minimise", "kept", "--dry-run").output
    assert len(corpus.paths(tmp_path / "kept")) == 2
    run("corpus", "minimise", "kept")
    assert len(corpus.paths(tmp_path / "kept")) == 1


def test_a_case_that_fails_is_made_smaller(run, tmp_path):
    """A sum over 800 samples is no mean, and neither is one over 2."""
    (tmp_path / "model.py").write_text(SUMS, encoding="utf-8")
    corpus.add(tmp_path / "kept", Case(LARGE, "bias_gradient"))
    result = run("corpus", "minimise", "kept", "model.py")
    ((_, case),) = corpus.load(tmp_path / "kept")
    assert result.exit_code == 0 and case.problem.n == 2, result.output


@pytest.mark.parametrize(
    ("text", "status"), [(SUMS, 1), (SUMS.replace("keepdims=True)}", "keepdims=True) / X.shape[1]}"), 0)]
)
def test_a_replay_exits_as_verify_does(text, status, run, tmp_path):
    (tmp_path / "model.py").write_text(text, encoding="utf-8")
    corpus.add(tmp_path / "kept", Case(SMALL, "bias_gradient"))
    result = run("corpus", "replay", "kept", "model.py")
    assert result.exit_code == status and f"{status} fail" in result.output, result.output


def test_what_could_not_be_judged_is_no_agreement(run, tmp_path):
    """The target has no loss: 3, as for verify."""
    (tmp_path / "model.py").write_text(SUMS, encoding="utf-8")
    corpus.add(tmp_path / "kept", Case(SMALL, "loss"))
    assert run("corpus", "replay", "kept", "model.py").exit_code == 3


@pytest.mark.parametrize("words", [("list", "none"), ("replay", "none", "numpy"), ("minimise", "none")])
def test_a_corpus_that_is_not_there_is_refused_in_one_line(words, run):
    result = run("corpus", *words)
    assert result.exit_code == 2 and "no such corpus" in result.output and len(result.output.splitlines()) == 1


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_that_cannot_be_written_is_told(run, tmp_path):
    path = cases.save(Case(SMALL, "loss"), tmp_path)
    (tmp_path / "kept").mkdir(mode=0o500)
    assert run("corpus", "add", "kept", str(path)).exit_code == 2
