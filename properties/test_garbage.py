"""Garbage is looked for seldom while problems are judged, and as before where somebody has chosen otherwise, and afterwards."""

import gc

import pytest

from gradcheck import garbage
from gradcheck.conformance import conform
from gradcheck.implementations import load


@pytest.fixture(autouse=True)
def as_before():
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)


@pytest.mark.parametrize(
    ("chosen", "within"), [((700, 10, 10), garbage.SELDOM), ((10**6, 1, 1), 10**6), ((0, 10, 10), 0)]
)
def test_a_run_puts_back_how_often_garbage_is_looked_for(chosen, within):
    seen = set()
    gc.set_threshold(*chosen)
    conform(load("numpy"), max_examples=3, progress=lambda doing, done: seen.add((doing, gc.get_threshold())))
    assert ("judging", (within, *chosen[1:])) in seen
    assert gc.get_threshold() == chosen
