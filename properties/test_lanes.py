"""Lanes of a tile that no class fills, and that are summed: code that is handed a cap is told of them, and of no other cap."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from gradcheck import CrossEntropy, Implementation, Layout, Problem, layouts
from gradcheck.diagnosis import diagnose
from gradcheck.drawing import pose
from gradcheck.implementations import adapt
from gradcheck.judging import Judging
from gradcheck.verify import parted, select

JUDGED = select(("loss", "*_gradient"))


def tiled(tile: int, lane: str, *, beyond: bool = False) -> Implementation:
    """Samples in rows, index labels, a cap that it is handed; `tile` 0 is the next power of 2, and `beyond` one lane too many."""

    def filled(Z: np.ndarray, softcap: float) -> np.ndarray:
        L = Z.shape[1]
        empty = (1 << (L - 1).bit_length()) - L if not tile else -L % tile
        value = {"capped": -softcap if softcap else -np.inf, "zero": 0.0, "masked": -np.inf}[lane]
        lanes = np.full((len(Z), empty + (beyond and empty > 0)), value, Z.dtype)
        return np.concatenate((np.tanh(Z / softcap) * softcap if softcap else Z, lanes), axis=1)

    def parts(theta, b, X, y, softcap):
        Z = filled((theta @ X.T + b[:, np.newaxis]).T.astype(theta.dtype), theta.dtype.type(softcap))
        moved = Z - Z.max(axis=1, keepdims=True)
        log_A = (moved - np.log(np.exp(moved).sum(axis=1, keepdims=True)))[:, : len(theta)]
        return Z[:, : len(theta)], log_A, np.eye(len(theta), dtype=Z.dtype)[y]

    def loss(theta, b, X, y, *, softcap):
        _, log_A, Y = parts(theta, b, X, y, softcap)
        return -np.where(Y > 0, log_A, 0).sum() / theta.dtype.type(len(X))

    def gradients(theta, b, X, y, *, softcap):
        bent, log_A, Y = parts(theta, b, X, y, softcap)
        D = (np.exp(log_A) - Y) / theta.dtype.type(len(X))
        if softcap:
            t = bent / theta.dtype.type(softcap)
            D = D * ((1 - t) * (1 + t))
        return {"theta": D.T @ X.astype(theta.dtype), "b": D.sum(axis=0), "Z": D}

    layout = Layout(samples="rows", labels="index")
    return Implementation("tiled", gradients, loss, layout=layout, dtypes=("float64", "float32"))


@cache
def posed(tile: int, lane: str, beyond: bool, dtype: str) -> tuple[Implementation, list[Problem], list[Problem]]:
    """The code, the problems in which it fails, and the others: with a cap, and without."""
    implementation, drawn = adapt(tiled(tile, lane, beyond=beyond)), list[Problem]()
    pose(drawn.append, dtype=dtype, regimes=("*",), seed=0, count=40, shrink=False, implementation=implementation)
    assert {bool(problem.law.softcap) for problem in drawn} == {False, True}
    return implementation, *parted(implementation, drawn, JUDGED)


def named(tile: int, lane: str, *, beyond: bool = False, dtype: str = "float64") -> tuple[tuple[str, ...], str, bool]:
    """The mistakes that are named, in words, and whether that is exact."""
    found = diagnose(*posed(tile, lane, beyond, dtype))
    assert found is not None
    return found.mistakes, found.likely, found.exact


@pytest.mark.parametrize(
    ("tile", "said", "dtype"),
    [(4, "4", "float64"), (4, "4", "float32"), (128, "128", "float64"), (0, "2^⌈log₂(L)⌉", "float64")],
)
def test_lanes_that_come_out_of_the_cap_are_told_with_their_tile(tile, said, dtype):
    """unslothai/unsloth#10616: right without a cap, where they are -inf."""
    mistakes, likely, exact = named(tile, "capped", dtype=dtype)
    assert (mistakes, exact) == (("empty_lanes_capped",), True)
    assert f"a tile of {said} classes" in likely


@pytest.mark.parametrize(("tile", "said"), [(4, "4"), (128, "128"), (0, "2^⌈log₂(L)⌉")])
def test_lanes_of_0_are_told_with_their_tile(tile, said):
    """verl-project/verl#5349: wrong with a cap and without."""
    mistakes, likely, exact = named(tile, "zero")
    assert (mistakes, exact) == (("empty_lanes_of_a_block",), True)
    assert f"block of {said} classes" in likely


@pytest.mark.parametrize("lane", ["capped", "zero"])
def test_another_number_of_lanes_is_described_and_not_named(lane):
    """One lane more than a tile of 4 has is no known mistake: an exact diagnosis would be a wrong one."""
    mistakes, _, exact = named(4, lane, beyond=True)
    assert (mistakes, exact) == ((), False)


def test_masked_lanes_are_right():
    """What the others are made of fails nowhere."""
    _, failing, passing = posed(4, "masked", False, "float64")
    assert not failing
    assert len(passing) == 40


def test_code_that_is_handed_a_cap_is_not_asked_for_another():
    """At a cap of 30 lanes of exp(-30) are below the rounding of float32: handed that, it would agree."""
    code, drawn = tiled(4, "capped"), list[Problem]()
    run = Judging(adapt(code), JUDGED, "float32")
    pose(drawn.append, dtype="float32", regimes=("*",), seed=1, count=20, shrink=False, implementation=code)
    for problem in drawn:
        run.judge(problem)
    assert any(tally.first for tally in run.tallies.values())
    thirty = adapt(replace(code, law=CrossEntropy(softcap=30.0)))
    assert not parted(thirty, [problem for problem in drawn if problem.Y.size <= layouts.ENOUGH**4], JUDGED)[0]
    assert layouts.meant(code, run.tallies.values(), run.passing) is None
