"""Ranks without PyTorch: functions of NumPy arrays, as their annotations say, which make connections of their own."""

import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import gradcheck
from gradcheck import CrossEntropy, Unusable
from gradcheck.implementations.peer import Limits
from gradcheck.parallel import forks, forms, rank
from gradcheck.parallel.crew import Crew
from gradcheck.parallel.judging import judged
from gradcheck.parallel.plain import Plain
from gradcheck.shares import Shares

EXAMPLES = Path(__file__).parent.parent / "examples" / "ranks"


def test_ranks_that_know_numpy_alone_are_judged(monkeypatch):
    """They speak over sockets; no framework is imported, nor by what forks them."""
    monkeypatch.setattr(forks, "PROGRAM", ("-c", "import sys; sys.modules['torch'] = None; " + forks.PROGRAM[1]))
    with Crew(2, Limits(30.0, 0)) as crew:
        right, wrong = (
            judged(f"{EXAMPLES / 'sockets.py'}:{name}", crew, Shares(), count=8) for name in ("vocabulary", "own_sums")
        )
    assert not right.failed and all(tally.judged for tally in right.tallies.values())
    assert wrong.diagnosis.likely == "as if each rank took the softmax of its own classes alone"


def test_processes_of_jax_are_judged():
    jax = pytest.importorskip("jax")
    if not hasattr(jax, "shard_map"):
        pytest.skip("this JAX has no jax.shard_map")
    word, limits = f"{EXAMPLES / 'shard_map_loss.py'}:vocabulary", {"time_limit": 120.0, "memory_limit": 0}
    found = gradcheck.ranks(word, ranks=(2,), alone=False, even=True, max_examples=2, **limits)
    assert found.status == 0 and all(tally.judged for tally in found.runs[0].tallies.values()), found.report()


def annotated(theta: np.ndarray, b: np.ndarray, X: np.ndarray, y: np.ndarray, *, tokens): ...
def generic(theta: NDArray[np.float64], b, X, y): ...
def quoted(theta: "np.ndarray", b: "NDArray[np.float64]", X, y): ...
def bare(theta, b, X, y, *, classes): ...
def two(Z: np.ndarray, y: np.ndarray): ...
def three(theta: np.ndarray, X: np.ndarray, y: np.ndarray): ...


@pytest.mark.parametrize(("function", "plain"), [(annotated, True), (generic, True), (quoted, True), (bare, False)])
def test_annotations_say_which_arrays_are_handed_over(function, plain):
    assert forms.of("a", function).plain is plain


@pytest.mark.parametrize("function", [two, three])
def test_functions_of_numpy_arrays_take_all_of_them(function):
    """Nobody but PyTorch would take what they return back to θ and X."""
    with pytest.raises(Unusable, match=r"a takes [23] NumPy arrays; expected loss\(theta, b, X, y\)$"):
        forms.of("a", function)


def test_pieces_are_added_up_and_buffers_that_are_used_again_are_no_matter():
    buffer = np.zeros(())

    def loss(theta: np.ndarray, b: np.ndarray, X: np.ndarray, y: np.ndarray):
        buffer[...] = X.sum()
        X[...] = 0
        return {"loss": buffer, "theta": np.ones((1, 1)), "X": None}

    given = {"theta": np.zeros((1, 1)), "b": np.zeros(1), "X0": np.full((1, 1), 2.0), "X1": np.full((1, 1), 3.0)}
    given |= {"Y0": np.zeros(1, int), "Y1": np.zeros(1, int)}
    found = Plain(forms.of("a", loss))(given, {"pieces": 2}, CrossEntropy())
    assert {name: value.item() for name, value in found.items()} == {"loss0": 2.0, "loss1": 3.0, "theta": 2.0}
    assert given["X1"] == 3.0


def test_a_function_of_tensors_says_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "torch.distributed", None)
    with pytest.raises(Unusable, match=r"whose arrays are not said to be np.ndarray, needs torch"):
        rank.begun(f"{__file__}:bare")
