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


# ---- backward passes beside the one that trains ----


def of_X(loss, X, head):
    torch.autograd.grad(loss, X, retain_graph=True)


def of_the_weight(loss, X, head):
    torch.autograd.grad(loss, head.weight, retain_graph=True)


def into_X_alone(loss, X, head):
    loss.backward(inputs=[X], retain_graph=True)


def looked_at(loss, X, head):
    """With a graph that nobody uses."""
    torch.autograd.grad(loss, X, create_graph=True)


def tried(loss, X, head):
    loss.backward(retain_graph=True)
    head.zero_grad()


def tried_and_zeroed(loss, X, head):
    loss.backward(retain_graph=True)
    head.zero_grad(set_to_none=False)


BESIDE = [of_X, of_the_weight, into_X_alone, looked_at, tried, tried_and_zeroed]


@pytest.mark.parametrize("beside", BESIDE, ids=lambda beside: beside.__name__)
@pytest.mark.parametrize("tied", [False, True])
def test_what_a_pass_beside_the_step_takes_is_none_of_it(head, beside, tied, tmp_path):
    """Whether it was before or after, and whether others use the weight; and what is wrong is found all the same."""
    X, y = batch()

    def step(name, fault=0.0):
        head.zero_grad()
        captured = gradcheck.capture(head, tmp_path / name)
        loss = cross_entropy(head(X), y)
        beside(loss, X, head)
        whole = loss + (head.weight.square().sum() if tied else 0)
        whole.backward(retain_graph=True)
        if beside in (of_X, of_the_weight, looked_at):
            beside(loss, X, head)
        head.bias.grad[3] += fault
        return agrees(captured.write(y, loss))

    assert set(step("honest").values()) == {"agree"} and len(step("again")) == 6
    assert step("wrong", 0.1)["grad_b"] == "disagree"


def test_an_adversary_is_none_of_the_step(head, tmp_path):
    step = gradcheck.capture(head, tmp_path / "dump")
    X, y = batch()
    (slope,) = torch.autograd.grad(cross_entropy(head(X), y), X)
    loss = cross_entropy(head((X + 0.1 * slope.sign()).detach().requires_grad_()), y)
    loss.backward()
    assert set(agrees(step.write(y, loss)).values()) == {"agree"}


def test_gradients_that_are_taken_and_never_in_grad_are_those_of_the_step(head, tmp_path):
    """Once; of two, nothing says which."""
    X, y = batch()
    for times in (1, 2):
        step = gradcheck.capture(head, tmp_path / f"{times}")
        loss = cross_entropy(head(X), y)
        torch.autograd.grad(loss, X, retain_graph=True)
        for _ in range(times):
            torch.autograd.grad(loss, list(head.parameters()), retain_graph=True)
        if times == 1:
            assert set(agrees(step.write(y, loss)).values()) == {"agree"}
        else:
            with pytest.raises(Unusable, match="more than once"):
                step.write(y, loss)


@pytest.mark.parametrize("of", ["X", "Z", "the weight"])
def test_a_penalty_on_a_gradient_is_refused(head, of, tmp_path):
    step = gradcheck.capture(head, tmp_path / "dump")
    X, y = batch()
    Z = head(X)
    loss = cross_entropy(Z, y)
    (gradient,) = torch.autograd.grad(loss, {"X": X, "Z": Z, "the weight": head.weight}[of], create_graph=True)
    (loss + gradient.square().sum()).backward()
    with pytest.raises(Unusable, match="create_graph"):
        step.write(y, loss)


@pytest.mark.parametrize("beside", [of_X, of_the_weight, into_X_alone, tried])
def test_a_pass_beside_that_of_a_fused_loss_is_none_of_it(head, beside, tmp_path):
    X, y = batch()
    loss = cross_entropy(torch.nn.functional.linear(X, head.weight, head.bias), y)
    step = gradcheck.capture.fused(X, head.weight, head.bias, y, loss, tmp_path / "dump")
    beside(loss, X, head)
    loss.backward()
    assert set(agrees(step.write()).values()) == {"agree"}


def test_two_passes_that_train_are_added_up(head, tmp_path):
    """A loss that goes backward twice, whose .grad was not cleared between, is that of twice the loss."""
    step = gradcheck.capture(head, tmp_path / "dump")
    X, y = batch()
    loss = cross_entropy(head(X), y)
    loss.backward(retain_graph=True)
    loss.backward()
    assert set(agrees(step.write(y, loss, factor=2)).values()) == {"agree"}
