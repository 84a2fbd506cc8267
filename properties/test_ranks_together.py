"""Losses that several processes compute together: right ones agree, mistakes are named, and a rank that fails is a verdict."""

import importlib.util
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import gradcheck
from gradcheck import Arithmetic, CrossEntropy, Outcome, Problem, Unusable, processes
from gradcheck.implementations.peer import Limits
from gradcheck.parallel import forks, named
from gradcheck.parallel.arranged import KINDS, arranged
from gradcheck.parallel.crew import Crew
from gradcheck.parallel.gather import Odd, gathered
from gradcheck.parallel.judging import judged, rounding
from gradcheck.parallel.run import Ranked
from gradcheck.parallel.shares import Shared
from gradcheck.shares import Shares

HERE = Path(__file__).parent
LOSSES = HERE / "rank_losses.py"
TOKENS = CrossEntropy(ignore=-100, mean_of="labelled")
SHARED = {"loss": "shared", "gradients": "shared"}
MEAN = {"loss": "mean", "gradients": "mean"}


@pytest.fixture(scope="module")
def pair():
    """Two processes of gloo, for every test that needs some."""
    if importlib.util.find_spec("torch") is None:  # imported by them alone
        pytest.skip("torch is not installed")
    with Crew(2, Limits(30.0, 0)) as found:
        yield found


def outcomes(run):
    return {name: tally.outcome for name, tally in run.tallies.items() if tally.judged}


RIGHT = {
    "classes": (Shares("classes"), CrossEntropy()),
    "samples": (Shares("samples"), TOKENS),
    "pieces": (Shares("samples", pieces=2), TOKENS),
    "all_reduced": (Shares("sequence", pieces=2, **SHARED), TOKENS),
}


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
@pytest.mark.parametrize("function", RIGHT)
def test_right_losses_of_ranks_agree(function, dtype, pair):
    shares, law = RIGHT[function]
    run = judged(f"{LOSSES}:{function}", pair, shares, law, dtype=dtype, count=8)
    assert set(outcomes(run).values()) == {Outcome.AGREE} and len(outcomes(run)) >= 4, outcomes(run)
    assert run.problems == 8 and run.diagnosis is None


WRONG = {
    "softmax": (Shares("classes"), CrossEntropy(), "took the softmax of its own classes alone"),
    "maximum": (Shares("classes"), CrossEntropy(), "subtracted a maximum of its own"),
    "labels": (Shares("classes"), CrossEntropy(), "without the number of its first"),
    "means": (Shares("samples", **MEAN), TOKENS, "the mean of the ranks' means"),
    "means_of_pieces": (Shares("samples", pieces=2, **MEAN), TOKENS, "the mean of the pieces' means"),
    "kept": (Shares("samples", **SHARED), TOKENS, "kept its own part"),
    "twice": (Shares("samples", **SHARED), TOKENS, "added up over the 2 ranks twice"),
    "left": (Shares("samples", **SHARED), TOKENS, "the part of rank 1 were left out"),
}


@pytest.mark.parametrize("function", WRONG)
def test_what_ranks_do_wrong_is_named(function, pair):
    shares, law, words = WRONG[function]
    run = judged(f"{LOSSES}:{function.removesuffix('_of_pieces')}", pair, shares, law, count=8)
    assert Outcome.DISAGREE in outcomes(run).values()
    explained, examined = next(f.explained for f in run.failures if f.verdict.outcome is Outcome.DISAGREE)
    assert words in run.diagnosis.likely and 2 * explained >= examined > 0, run.diagnosis
    text = Ranked(function, (run,)).report()
    assert run.diagnosis.likely in text and "repeat: gradcheck ranks" in text and "--seed 0" in text


def test_the_example_smooths_over_its_own_classes(pair):
    file, law = HERE.parent / "examples" / "ranks" / "parallel.py", CrossEntropy(smoothing=0.1)
    assert not judged(f"{file}:vocabulary", pair, Shares(), law, count=8).failed
    run = judged(f"{file}:own_classes", pair, Shares(), law, count=8)
    assert run.diagnosis.likely == "as if each rank smoothed over its own classes alone"


# ---- how processes end ----


@pytest.fixture
def program(monkeypatch):
    """Ranks that import no framework; none of them is left."""
    monkeypatch.setattr(forks, "PROGRAM", (str(HERE / "fake_ranks.py"),))
    before = set(processes.descendants(os.getpid()))
    yield
    assert set(processes.descendants(os.getpid())) <= before


@pytest.fixture(scope="module")
def fakes():
    """Two of them, for every test that needs some; they are started again where one has ended."""
    with pytest.MonkeyPatch.context() as patch, Crew(2, Limits(5.0, 0)) as made:
        patch.setattr(forks, "PROGRAM", (str(HERE / "fake_ranks.py"),))
        yield made


@pytest.fixture
def fake(fakes):
    """What is found of a function of theirs."""

    def start(word, seconds=5.0, count=2):
        fakes.limits = Limits(seconds, 0)
        return judged(word, fakes, Shares(), count=count)

    return start


ENDS = {
    "exits": "rank 1 did not return: its process ended with exit status 3; its last words: the last that rank 1 says; "
    "rank 0 waited for it",
    "raises": "rank 1 raised ValueError: of rank 1 (fake_ranks.py:44)",
    "hangs": "rank 1 took longer than 0.5 s, and its process was ended",
    "rubbish": "every rank answered with b'rubbish', which is no line of JSON in braces",
    "shape": "rank 1 returned a loss of shape (3,); expected ()",
}


@pytest.mark.parametrize("word", ENDS)
def test_a_rank_that_fails_is_a_verdict_of_one_line(word, fake):
    found = fake(word, seconds=0.5 if word == "hangs" else 5.0)
    verdict = next(failure.verdict for failure in found.failures if failure.check.name == "loss")
    assert verdict.outcome is Outcome.ERRORED and found.failed
    assert verdict.reason.replace(f"{HERE}{os.sep}", "") == ENDS[word]


def test_what_a_rank_declines_is_not_judged(fake):
    found = fake("declines")
    assert not found.judged and {tally.reason for tally in found.tallies.values()} == {"not of this size"}
    found = fake("alone_declines", count=1)
    assert {tally.reason for tally in found.tallies.values()} == {"not of this size (said by rank 1 alone)"}


def test_a_script_that_cannot_be_loaded_is_refused(fake):
    with pytest.raises(Unusable, match="nothing cannot be run on ranks: there is no nothing"):
        fake("nothing")


def test_an_interrupt_ends_every_rank(program):
    def interrupted(doing, done):
        raise KeyboardInterrupt

    found = gradcheck.ranks("right:", ranks=(2,), alone=False, progress=interrupted)
    assert found.interrupted and [run.problems for run in found.runs] == [1] and "interrupted" in found.report()


# ---- who has what ----


def problem(L=7, d=2, n=12, law=TOKENS):
    random = np.random.default_rng(L * n)
    Y = np.eye(L)[random.integers(0, L, n)].T
    arrays = random.normal(size=(L, d)), random.normal(size=(L, 1)), random.normal(size=(d, n)), Y
    return Problem(*arrays, law=law)


@pytest.mark.parametrize("pieces", [1, 2])
@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("split", ["classes", "samples", "sequence"])
def test_what_is_handed_out_comes_back(split, k, pieces):
    """Each entry is of one rank and one piece; gradients by logits and data of each are put in their places."""
    given = problem()
    shared = Shared(given, given.Y.argmax(axis=0), Shares(split, k, pieces))
    handed = [shared.handed(r) for r in range(k)]
    answers = [
        {**{f"X{i}": each[f"X{i}"] for i in range(pieces)}, "theta": each["theta"], "b": each["b"]} for each in handed
    ]
    found = {name: gathered(shared, answers, name) for name in ("theta", "b", "X")}
    times = {
        "theta": 1 if split == "classes" else k,
        "b": 1 if split == "classes" else k,
        "X": k if split == "classes" else 1,
    }
    for name, each in found.items():
        assert np.allclose(each.values[0], times[name] * getattr(given, name), rtol=1e-15, atol=0)
    assert gathered(shared, answers, "Z") is None
    labels = np.concatenate([each[f"Y{i}"].ravel() for each in handed for i in range(pieces)])
    assert sorted(labels) == sorted(np.tile(given.Y.argmax(axis=0), k if split == "classes" else 1))
    assert {shared.said(r)["tokens"] for r in range(k)} == {given.n}


def test_results_that_are_no_parts_of_the_whole_are_named():
    given = problem()
    shared = Shared(given, given.Y.argmax(axis=0), Shares("classes", 2))
    right = [{"loss0": np.zeros(()), "theta": each["theta"]} for each in map(shared.handed, range(2))]
    for change, words in (
        ({"theta": np.zeros((7, 2))}, r"rank 1 returned a gradient of theta of shape \(7, 2\); expected \(3, 2\)"),
        ({"theta": np.zeros((3, 2), bool)}, "rank 1 returned a gradient of theta of dtype bool"),
        ({"theta": None}, "rank 1 returns no theta, and rank 0 does"),
    ):
        odd = {name: value for name, value in {**right[1], **change}.items() if value is not None}
        with pytest.raises(Odd, match=words):
            gathered(shared, [right[0], odd], "theta")


def test_what_is_not_finite_is_not_excused():
    given = problem(law=CrossEntropy(reduction="none"))
    shared = Shared(given, given.Y.argmax(axis=0), Shares("samples", 2))
    for odd in (np.inf, np.nan):
        found = gathered(shared, [{"loss0": np.full(6, odd)}, {"loss0": np.zeros(6)}], "loss")
        assert not np.isfinite(found.values) and found.own == 0


@pytest.mark.parametrize("split", ["classes", "samples"])
def test_problems_that_are_arranged_for_ranks_are_problems(split):
    law, shares = CrossEntropy(ignore=-100, mean_of="labelled"), Shares(split, 3)
    seen = set()
    for number in range(3 * len(KINDS)):
        made = arranged(problem(law=law), shares, number)
        Problem(made.theta, made.b, made.X, made.Y, law=law)  # it is one
        seen.add(made.digest)
        counted = [made.Y[:, at].any() for at in np.array_split(np.arange(made.n), 3)]
        assert sum(counted) >= 2
    assert len(seen) == (13 if split == "classes" else 10)


def test_what_is_granted_to_ranks():
    """Log-sum-exps that are merged over the ranks, and sums that each has written down."""
    assert rounding(Arithmetic(), Shares("classes", 1)) == Arithmetic()
    assert rounding(Arithmetic(), Shares("classes", 4)) == Arithmetic(merged=4)
    assert rounding(Arithmetic(merged="L"), Shares("classes", 4)).merged == "L"
    assert rounding(Arithmetic(), Shares("samples", 3, 2, **SHARED)) == Arithmetic(pieces=6)


# ---- what is asked for, and told ----


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"split": "features"}, "split 'features' is not known; expected classes, samples, sequence"),
        ({"ranks": (0,)}, "ranks 0 is not known; expected a whole number from 1 to 64"),
        ({"pieces": 99}, "pieces 99 is not known"),
        ({"loss": "max"}, "loss 'max' is not known; expected sum, shared, mean"),
        ({"dtype": "float8"}, "float8"),
        ({"target": lambda Z, y: Z}, "cannot be found by other processes"),
        ({"target": ""}, "no script is given"),
        ({"law": SimpleNamespace(own=True)}, "a loss of one's own is not judged on ranks"),
        ({"law": "mean"}, "law is 'mean'; expected a gradcheck.CrossEntropy"),
        ({"arithmetic": "float32"}, "arithmetic is 'float32'; expected a gradcheck.Arithmetic"),
        ({"ranks": None}, "ranks is None; expected numbers of processes"),
        ({"ranks": "2,3"}, "ranks is '2,3'; expected numbers of processes"),
        ({"ranks": (), "alone": False}, "no number of ranks is given"),
        ({"ranks": 99}, "ranks 99 is not known"),
        ({"max_examples": 0}, "max_examples is 0; expected a whole number from 1"),
        ({"seed": "x"}, "seed is 'x'; expected a whole number from 0"),
        ({"time_limit": -1}, "time_limit is -1; expected a number from 0.001"),
        ({"memory_limit": -3}, "memory_limit is -3; expected a whole number from 0"),
    ],
)
def test_what_cannot_be_asked_is_refused(given, words):
    with pytest.raises(Unusable, match=words):
        gradcheck.ranks(**{"target": "a.py:loss", **given})


def test_a_function_is_found_by_its_file():
    assert named.word(problem) == f"{Path(__file__).resolve()}:problem"
    assert named.word("script.py") == named.word(Path("script.py")) == "script.py:loss"


def test_the_command(program, capsys, tmp_path, monkeypatch):
    from gradcheck.cli import run

    monkeypatch.chdir(tmp_path)
    options = ["--ranks", "2", "--no-alone", "--max-examples", "2"]
    assert run(["ranks", "a:raises", *options]) == 1
    out = capsys.readouterr().out
    assert "2 ranks  ✗ ℒ, ∂ℒ/∂Z, ∂ℒ/∂θ, ∂ℒ/∂b, ∂ℒ/∂X errored" in out and "rank 1 raised ValueError" in out, out
    assert run(["ranks", "a:raises", "--ranks", "2,x"]) == 2
    assert "no list of numbers of ranks; expected such as 2,3,4" in capsys.readouterr().err
