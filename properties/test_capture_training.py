"""What a step may have beside one forward and one backward pass when it is captured, and what is refused in a line."""

import copy

import numpy as np
import pytest

import gradcheck
from gradcheck import Unusable
from gradcheck.auditing.run import audit_path

torch = pytest.importorskip("torch")
cross_entropy = torch.nn.functional.cross_entropy

L, D, N = 30, 8, 20


@pytest.fixture
def head():
    torch.manual_seed(0)
    return torch.nn.Linear(D, L)


def batch():
    return torch.randn(N, D, requires_grad=True), torch.randint(L, (N,))


def agrees(path):
    return {finding.quantity: str(finding.verdict.outcome) for finding in audit_path(path).findings}


def test_the_gradient_of_the_logits_taken_before_is_none_of_the_step(head, tmp_path):
    """And data that are given by name are data."""
    step = gradcheck.capture(head, tmp_path / "dump")
    X, y = batch()
    Z = head(input=X)
    loss = cross_entropy(Z, y)
    torch.autograd.grad(loss, Z, retain_graph=True)
    loss.backward()
    assert set(agrees(step.write(y, loss)).values()) == {"agree"}


def test_a_gradient_that_is_differentiated_itself_is_refused(head, tmp_path):
    step = gradcheck.capture(head, tmp_path / "dump")
    X, y = batch()
    loss = cross_entropy(head(X), y)
    (gradient,) = torch.autograd.grad(loss, X, create_graph=True)
    (loss + gradient.square().sum()).backward()
    with pytest.raises(Unusable, match="create_graph"):
        step.write(y, loss)


def test_a_weight_that_is_computed_from_others_since_is_refused(head, tmp_path):
    """The step itself goes on."""
    step = gradcheck.capture(head, tmp_path / "dump")
    torch.nn.utils.parametrizations.weight_norm(head)
    X, y = batch()
    loss = cross_entropy(head(X), y)
    loss.backward()
    with pytest.raises(Unusable, match="computed from others"):
        step.write(y, loss)


def test_what_was_captured_is_let_go_of_in_whatever_order(head, tmp_path):
    """Nothing is held once it is written, and a watch that began since goes on."""
    first = gradcheck.capture(head, tmp_path / "first")
    with gradcheck.watch(head, every=1) as watch:
        second = gradcheck.capture(head, tmp_path / "second")
        X, y = batch()
        loss = cross_entropy(head(X), y)
        loss.backward()
        for step in (first, second):
            assert set(agrees(step.write(y, loss)).values()) == {"agree"}
            assert not step._uses.calls
        cross_entropy(head(X), y).backward()
        assert watch.found.calls == 2 and not first._uses.calls and not second._uses.calls
    assert "forward" not in vars(head) and "forward" not in vars(copy.deepcopy(head))


def test_a_mapping_without_a_bias_has_none(tmp_path):
    rng = np.random.default_rng(0)
    theta, X = rng.normal(size=(L, D)), rng.normal(size=(D, N))
    path = gradcheck.capture(
        {"theta": theta, "b": None, "X": X, "Y": rng.integers(L, size=N), "Z": theta @ X}, tmp_path / "dump"
    )
    assert agrees(path) == {"Z": "agree"}


@pytest.mark.parametrize("rank", [-1, True, "../../elsewhere"])
def test_a_rank_is_a_number_and_never_a_path(head, tmp_path, rank):
    with pytest.raises(Unusable, match="rank="):
        gradcheck.capture(head, tmp_path / "dump", ranks="samples", rank=rank)


def test_an_embedding_is_refused_at_once(tmp_path):
    with pytest.raises(Unusable, match="Embedding"):
        gradcheck.capture(torch.nn.Embedding(L, D), tmp_path / "dump")
