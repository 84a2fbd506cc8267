"""Who has what of a problem that is shared out: what is handed out comes back, and what is wrong with it is explained, or not."""

import numpy as np
import pytest

from gradcheck import Arithmetic, CrossEntropy, Problem
from gradcheck.checks import Trial
from gradcheck.implementations import Implementation, adapt
from gradcheck.parallel import faults
from gradcheck.parallel.arranged import KINDS, arranged
from gradcheck.parallel.claims import Asked
from gradcheck.parallel.gather import Odd, gathered
from gradcheck.parallel.judging import rounding
from gradcheck.parallel.shares import Shared
from gradcheck.shares import Shares

TOKENS = CrossEntropy(ignore=-100, mean_of="labelled")
SHARED = {"loss": "shared", "gradients": "shared"}


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


def test_no_sample_that_counts_has_the_number_of_those_that_do_not():
    """Where that is the number of a class: code would leave out what is meant to count."""
    given, shares, law = problem(law=CrossEntropy()), Shares("classes", 3), CrossEntropy(ignore=1)
    drawn = Problem(given.theta, given.b, given.X, np.where(given.Y[1] == 1, 0, given.Y), law=law)
    for number in range(3 * len(KINDS)):
        made = arranged(drawn, shares, number)
        Problem(made.theta, made.b, made.X, made.Y, law=law)  # it is one


def test_what_is_granted_to_ranks():
    """Log-sum-exps that are merged over the ranks, and sums that each has written down."""
    assert rounding(Arithmetic(), Shares("classes", 1)) == Arithmetic()
    assert rounding(Arithmetic(), Shares("classes", 4)) == Arithmetic(merged=4)
    assert rounding(Arithmetic(merged="L"), Shares("classes", 4)).merged == "L"
    assert rounding(Arithmetic(), Shares("samples", 3, 2, **SHARED)) == Arithmetic(pieces=6)


# ---- what is wrong with it ----


def test_what_fails_no_more_is_explained_by_nothing():
    """Of samples that all count, a sum over all that is divided by all is right."""
    given, shares = problem(law=CrossEntropy()), Shares("samples", 2)
    shared = Shared(given, given.Y.argmax(axis=0), shares)
    A = np.exp(given.theta @ given.X + given.b)
    D = (A / A.sum(axis=0) - given.Y) / given.n
    parts = [{"theta": D[:, at[0]] @ given.X[:, at[0]].T} for at in shared.samples]
    trial = Trial(adapt(Implementation("none", print)), given)
    for factor, words in ((1, ""), (2, "it were added up over the 2 ranks twice: 2 times what it must be")):
        answers = [{name: factor * part for name, part in each.items()} for each in parts]
        fault = faults.found([("theta", trial)], lambda _: Asked(shared, answers), shares)  # noqa: B023
        assert (fault.words if fault else "") == words


def test_a_factor_of_ranks_and_of_pieces_has_two_causes():
    told = faults.factors(Shares("samples", 2, pieces=2))
    assert list(told.values()) == [2, 0.5] and [words.count(", or ") for words in told] == [1, 1]
    assert list(faults.factors(Shares("samples", 3, pieces=2)).values()) == [3, 2, 1 / 3, 1 / 2]
