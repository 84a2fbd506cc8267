"""Distributions are told from what nearly is one, in exact arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import masses
from gradcheck.masses import sum_to_one

SPLIT = st.integers(0, 2**62).map(lambda whole: whole / 2**62)


@given(st.lists(st.tuples(SPLIT, st.integers(0, 70)), min_size=1, max_size=5))
def test_what_is_said_is_what_fractions_say(columns):
    """Of two entries that the other rounds to, and of a third that is too small for either."""
    Y = np.array([[a, 1 - a, 2.0 ** -(k + 1) if k < 70 else 0.0] for a, k in columns]).T
    exact = all(sum(map(Fraction, column)) == 1 for column in Y.T.tolist())
    assert sum_to_one(Y) == exact


@pytest.mark.parametrize(
    ("column", "found"),
    [
        ([0.25, 0.75], True),
        ([0.25, 0.75 + 2.0**-53], False),
        ([0.25, 0.75, 2.0**-62], False),
        ([0.25, 0.75, 2.0**-80], False),  # no whole number of parts
        ([0.5 - 2.0**-70, 0.5, 2.0**-70], False),  # of which the first is rounded to a half
        ([0.25 - 2.0**-54, 0.75, 2.0**-54], True),
        ([2.0, -1.0], True),
        ([2.0, -1.0 + 2.0**-53], False),
        ([1.0, 1.0], False),
        ([np.inf, 0.0], False),
        ([2.0**-4] * 16, True),
        ([0.1] * 10, False),
    ],
)
def test_columns_that_are_near_to_one(column, found):
    assert sum_to_one(np.array([column]).T) == found
    assert not sum_to_one(np.array([column, [1.0] + [0.5] * (len(column) - 1)]).T)


def test_no_sum_leaves_the_whole_numbers():
    """A sum that is a little more than 1 fits into 64 bits."""
    Y = np.full((2**10, 1), 2.0**-10)
    Y[0] += 2.0**-42
    assert not sum_to_one(Y)
    assert masses.WHOLE * (1 + 2**10 * 2.0**-52) < 2.0**63
