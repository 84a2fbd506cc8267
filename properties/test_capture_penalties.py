"""A penalty is another use of a weight than the layer's: judged where it can be told from others, and otherwise said to be none."""

import pytest
from test_capture_training import D, L, N, agrees, batch, cross_entropy

import gradcheck
from gradcheck.auditing.run import audit_path

torch = pytest.importorskip("torch")


@pytest.fixture
def head():
    torch.manual_seed(0)
    return torch.nn.Linear(D, L)


def penalty(head, times=0.1):
    return times / 2 * (head.weight.square().sum() + head.bias.square().sum())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("times", [0.1, 0.2, 0.0, -0.1])
def test_a_penalty_that_was_declared_is_judged(head, dtype, times, tmp_path):
    """With another factor, and where it was left out, too."""
    head.to(dtype)
    X, y = batch()
    step = gradcheck.capture(head, tmp_path / "dump", l2=0.1, l2_bias=True)
    loss = cross_entropy(head(X.to(dtype)), y)
    (loss + penalty(head, times)).backward()
    found = audit_path(step.write(y, loss + penalty(head)))
    told = {f.quantity: str(f.verdict.outcome) for f in found.findings}
    assert found.shared == ()
    coarse = {"inconclusive"} if dtype is torch.bfloat16 else set()  # where no entry of ∂ℒ/∂b is more than its limit
    assert {told["grad_theta"], told["grad_b"]} <= ({"agree"} | coarse if times == 0.1 else {"disagree"})
    assert {told["Z"], told["loss"], told["grad_Z"], told["grad_X"]} == {"agree"}


def test_beside_another_use_the_gradient_is_of_this_one_and_without_it(head, tmp_path):
    X, y = batch()
    step = gradcheck.capture(head, tmp_path / "dump", l2=0.1, l2_bias=True)
    loss = cross_entropy(head(X), y) + penalty(head)
    (loss + head.weight[3].sum()).backward()
    found = audit_path(step.write(y, loss))
    assert {str(f.verdict.outcome) for f in found.findings} == {"agree"}
    assert found.shared == ("grad_theta",)  # and that of b is judged with its penalty
    assert "nor the declared penalty" in found.alone


def test_a_batch_in_which_no_sample_counts_has_a_penalty_all_the_same(head, tmp_path):
    """Its loss is no number, and so that of all is not judged; gradients are."""
    X, y = batch()
    y[:5] = -100
    step = gradcheck.capture(head, tmp_path / "dump", l2=0.1, l2_bias=True)
    losses = []
    for part in (slice(0, 5), slice(5, N)):
        losses.append(cross_entropy(head(X[part]), y[part]).nan_to_num(0.0 if part.start else float("nan")))
        losses[-1] = losses[-1] + penalty(head)
        (losses[-1] / 2).backward()
    told = agrees(step.write([y[:5], y[5:]], losses, factor=0.5))
    assert "loss" not in told and set(told.values()) == {"agree"}


@pytest.mark.parametrize("factors", [(0.5, 0.5), (0.25, 0.75)])
def test_each_of_several_losses_has_the_penalty(head, factors, tmp_path):
    X, y = batch()
    step = gradcheck.capture(head, tmp_path / "dump", l2=0.1, l2_bias=True)
    losses = []
    for part, factor in zip((slice(0, 5), slice(5, N)), factors, strict=True):
        losses.append(cross_entropy(head(X[part]), y[part]) + penalty(head))
        (losses[-1] * factor).backward()
    path = step.write([y[:5], y[5:]], losses, factor=list(factors))
    assert set(agrees(path).values()) == {"agree"} and audit_path(path).shared == ()


@pytest.mark.parametrize("options", [{"num_items": N}, {}], ids=["a count of all", "a sum"])
def test_several_losses_with_a_divisor_in_common_and_factors_of_their_own(head, options, tmp_path):
    """The divisor is that of all, and not what each batch counts."""
    X, y = batch()
    step = gradcheck.capture(head, tmp_path / "dump", reduction="sum")
    losses, factors = [], (1.0, 3.0)
    for part, factor in zip((slice(0, 5), slice(5, N)), factors, strict=True):
        losses.append(cross_entropy(head(X[part]), y[part], reduction="sum") / options.get("num_items", 1))
        (losses[-1] * factor).backward()
    assert set(agrees(step.write([y[:5], y[5:]], losses, factor=list(factors), **options)).values()) == {"agree"}


def test_a_batch_of_several_in_which_no_sample_counts(head, tmp_path):
    """The mean of none is NaN, and its gradients are 0."""
    X, y = batch()
    y[:5] = -100
    step = gradcheck.capture(head, tmp_path / "dump")
    losses = []
    for part in (slice(0, 5), slice(5, N)):
        losses.append(cross_entropy(head(X[part]), y[part]))
        (losses[-1] / 2).backward()
    assert losses[0].isnan()
    assert set(agrees(step.write([y[:5], y[5:]], losses, factor=0.5)).values()) == {"agree"}
