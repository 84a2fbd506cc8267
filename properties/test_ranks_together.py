"""Losses that several processes compute together: right ones agree, mistakes are named, and a rank that fails is a verdict."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import gradcheck
from gradcheck import Arithmetic, CrossEntropy, Outcome, Problem, Unusable, processes
from gradcheck.implementations.peer import Limits
from gradcheck.parallel import Shares, crew, named, telling
from gradcheck.parallel.arranged import KINDS, arranged
from gradcheck.parallel.crew import Crew
from gradcheck.parallel.gather import Odd, gathered
from gradcheck.parallel.run import Ranked, judged, rounding
from gradcheck.parallel.shares import Shared

HERE = Path(__file__).parent
LOSSES = HERE / "rank_losses.py"
TOKENS = CrossEntropy(ignore=-100, mean_of="labelled")
SHARED = {"loss": "shared", "gradients": "shared"}
MEAN = {"loss": "mean", "gradients": "mean"}


@pytest.fixture(scope="module")
def pair():
    """Two processes of gloo, for every test that needs some."""
    torch = pytest.importorskip("torch")
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("torch has no gloo")
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
    run = judged(f"{LOSSES}:{function}", pair, shares, law, dtype=dtype, count=12)
    assert set(outcomes(run).values()) == {Outcome.AGREE} and len(outcomes(run)) >= 4, outcomes(run)
    assert run.problems == 12 and run.fault is None


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
    run = judged(f"{LOSSES}:{function}", pair, shares, law, count=12)
    assert Outcome.DISAGREE in outcomes(run).values()
    assert words in run.fault.words and 2 * run.fault.explained >= run.fault.examined, run.fault
    text = Ranked(function, "float64", 0, 12, law, Arithmetic(), (run,)).report()
    assert f"as if {run.fault.words}" in text and "--seed 0" in text


def test_the_example_smooths_over_its_own_classes(pair):
    file, law = HERE.parent / "examples" / "ranks" / "parallel.py", CrossEntropy(smoothing=0.1)
    assert not judged(f"{file}:vocabulary", pair, Shares(), law, count=12).failed
    run = judged(f"{file}:own_classes", pair, Shares(), law, count=12)
    assert run.fault.words == "each rank smoothed over its own classes alone"


# ---- how processes end ----


@pytest.fixture
def fake(monkeypatch):
    """Ranks that import no framework."""
    monkeypatch.setattr(crew, "PROGRAM", (str(HERE / "fake_ranks.py"),))

    def start(word, seconds=5.0, count=2):
        with Crew(2, Limits(seconds, 0)) as made:
            found = judged(word, made, Shares(), count=count)
            pids = [peer._live[0].process.pid for peer in made.peers]
        return found, pids

    return start


ENDS = {
    "exits": (r"rank 1 did not return: its process ended with exit status 3; its last words: the last that rank 1 says; "
              r"rank 0 waited for it"),
    "raises": "rank 1 raised ValueError: of rank 1",
    "rubbish": "every rank answered with b'rubbish'",
    "shape": r"rank 1 returned a loss of shape \(3,\); expected \(\)",
}  # fmt: skip


@pytest.mark.parametrize("word", ENDS)
def test_a_rank_that_fails_is_a_verdict_of_one_line(word, fake):
    found, _ = fake(word)
    verdict = next(wrong.verdict for wrong in found.wrong if wrong.name == "loss")
    assert verdict.outcome is Outcome.ERRORED
    pytest.raises(AssertionError, match=ENDS[word]).__enter__  # the pattern is read below
    import re

    assert re.match(ENDS[word], verdict.reason), verdict.reason
    assert found.failed


def test_a_rank_that_hangs_is_a_verdict(fake):
    found, _ = fake("hangs", seconds=0.3)
    assert found.wrong[0].verdict.reason == "rank 1 took longer than 0.3 s, and its process was ended"
