"""Enclosures and problems: what they accept, and that they never accept too much."""

import numpy as np
import pytest
from scipy import sparse

from gradcheck.enclosure import Enclosure
from gradcheck.errors import ProblemError
from gradcheck.problem import MEMORY, Problem
from gradcheck.verdict import Comparison, Outcome


def test_a_value_on_the_edge_of_the_enclosure_is_accepted_and_one_beyond_is_not():
    enclosure = Enclosure(np.array([1.0]), np.array([0.5]))
    assert enclosure.test_ratio([1.5])[0] <= 1
    assert enclosure.test_ratio([1.5000001])[0] > 1


@pytest.mark.parametrize("computed", [np.nan, np.inf, -np.inf])
def test_no_finite_enclosure_accepts_a_value_that_is_not_finite(computed):
    assert Enclosure(np.zeros(1), np.ones(1)).test_ratio([computed])[0] == np.inf


def test_an_infinite_radius_is_inconclusive_and_never_an_agreement():
    comparison = Comparison("Z", np.ones((1, 1)), Enclosure(np.ones((1, 1)), np.zeros((1, 1))), np.full((1, 1), np.inf))
    assert comparison.verdict().outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize("memory", MEMORY)
def test_every_memory_order_hands_over_the_same_values(memory):
    theta, X = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
    problem = Problem(theta, np.zeros((2, 1)), X, np.eye(2)[:, [0, 1, 0, 1]], memory)
    given = problem.arrays()
    assert (given[0] == theta).all() and (given[2] == X).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"theta": np.zeros(2)}, "two dimensions"),
        ({"X": np.zeros((2, 1))}, "expected (1, 1)"),
        ({"Y": np.full((2, 1), np.nan)}, "finite"),
        ({"Y": np.array([[-1.0], [2.0]])}, "0 or more"),
        ({"b": np.zeros((2, 1), dtype="float32")}, "one dtype"),
        ({"X": np.zeros((1, 1), dtype=int)}, "astype"),
        ({"memory": "D"}, "memory"),
        ({"X": np.ma.masked_all((1, 1))}, "X cannot be read as an array: a masked array"),
        ({"X": sparse.csr_array(np.ones((1, 1)))}, "X cannot be read as an array: a sparse csr_array"),
        ({"b": np.full((2, 1), -np.inf)}, "masked"),
    ],
)
def test_a_bad_problem_is_refused_with_what_was_given_and_what_was_expected(change, message):
    good = {"theta": np.zeros((2, 1)), "b": np.zeros((2, 1)), "X": np.zeros((1, 1)), "Y": np.eye(2)[:, :1]}
    with pytest.raises(ProblemError) as refusal:
        Problem(**{**good, **change})
    assert message in str(refusal.value)
