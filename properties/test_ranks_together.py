"""Losses that several processes compute together: right ones agree, mistakes are named, and a rank that fails is a verdict."""

import importlib.util
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

import gradcheck
from gradcheck import Arithmetic, CrossEntropy, Outcome, Unusable, processes
from gradcheck.implementations.peer import Limits
from gradcheck.parallel import forks, named, rank
from gradcheck.parallel.crew import Crew
from gradcheck.parallel.judging import judged
from gradcheck.parallel.run import Ranked
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
    "idle": (Shares("samples"), TOKENS),
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
    "classes_of_pieces": (Shares("classes", pieces=2, **MEAN), CrossEntropy(), "the mean of the pieces' means"),
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
    text = " ".join(Ranked(function, (run,)).report().split())
    assert run.diagnosis.likely in text and "repeat gradcheck ranks" in text and "--seed 0" in text


def test_parameters_that_no_rank_differentiates_by_have_a_gradient_of_zero(pair):
    run = judged(f"{LOSSES}:detached", pair, Shares("samples"), TOKENS, count=4)
    failed = {name for name, outcome in outcomes(run).items() if outcome is Outcome.DISAGREE}
    assert failed == {"theta_gradient"} and run.failures[0].verdict.witness.computed == 0


def test_results_may_be_coarser_and_lie_in_buffers(pair):
    coarse = Arithmetic(inner="bfloat16")
    run = judged(f"{LOSSES}:buffers", pair, Shares("samples", pieces=2), TOKENS, coarse, dtype="float32", count=4)
    assert set(outcomes(run).values()) == {Outcome.AGREE} and len(outcomes(run)) == 3, outcomes(run)


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
        ({"target": ""}, "'' names no script; expected file.py:function or package.module:function"),
        ({"target": ":loss"}, "':loss' names no script"),
        ({"target": "a.py:b:c"}, "'a.py:b:c' names no script"),
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


def test_a_rank_begins_no_ranks(monkeypatch):
    """As a script does that is loaded by each of them, and calls `gradcheck.ranks` as it is loaded."""
    for name, value in rank.environment(1, 2, 0).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        Unusable, match='loaded by a rank, and begins ranks; expected that below `if __name__ == "__main__"'
    ):
        gradcheck.ranks("a.py:loss")


def test_a_function_is_found_by_its_file():
    assert named.word(outcomes) == f"{Path(__file__).resolve()}:outcomes"
    assert named.word("script.py") == named.word(Path("script.py")) == "script.py:loss"


def test_what_fails_on_one_rank_in_the_same_way_is_told_there(fake):
    wrong, ended = fake("wrong:"), fake("exits")
    one = replace(wrong, shares=Shares(ranks=1))
    told = "it fails on one rank, too: see there first"
    assert told in Ranked("a", (one, wrong)).report() and told not in Ranked("a", (wrong, wrong)).report()
    both = Ranked("a", (one, ended)).report()
    assert told not in both and "ended with exit status 3" in both


def test_the_command(program, capsys, tmp_path, monkeypatch):
    from gradcheck.cli import run

    monkeypatch.chdir(tmp_path)
    options = ["--ranks", "2", "--no-alone", "--max-examples", "2"]
    assert run(["ranks", "a:raises", *options]) == 1
    out = capsys.readouterr().out
    assert "2 ranks  ✗ ℒ, ∂ℒ/∂Z, ∂ℒ/∂θ, ∂ℒ/∂b, ∂ℒ/∂X errored" in out and "rank 1 raised ValueError" in out, out
    assert run(["ranks", "a:raises", "--ranks", "2,x"]) == 2
    assert "no list of numbers of ranks; expected such as 2,3,4" in capsys.readouterr().err
