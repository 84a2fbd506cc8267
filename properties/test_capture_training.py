"""What a step may have beside one forward and one backward pass when it is captured, and what is refused in a line."""

import copy
import threading

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


def trained(head):
    """Labels and the loss of one step."""
    X, y = batch()
    loss = cross_entropy(head(X), y)
    loss.backward()
    return y, loss


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
    told = trained(head)
    with pytest.raises(Unusable, match="computed from others"):
        step.write(*told)


def test_what_was_captured_is_let_go_of_in_whatever_order(head, tmp_path):
    """Nothing is held once it is written, and a watch that began since goes on."""
    first = gradcheck.capture(head, tmp_path / "first")
    with gradcheck.watch(head, every=1) as watch:
        second = gradcheck.capture(head, tmp_path / "second")
        X, y = batch()
        loss = cross_entropy(head(X), y)
        loss.backward()
        for step in (first, second):
            found = agrees(step.write(y, loss))
            assert set(found.values()) == {"agree"} and "grad_theta" in found
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


def overflowed(head):
    """A loss scale that was too large, so that no step was made."""
    X, y = batch()
    (cross_entropy(head(X), y) * 1e38 * 1e3).backward()


def of_an_adversary(head):
    X, y = batch()
    (-cross_entropy(head(X), y)).backward()


@pytest.mark.parametrize("before", [overflowed, of_an_adversary, trained])
@pytest.mark.parametrize("to_none", [True, False])
def test_a_pass_of_other_data_that_was_cleared_is_none_of_the_step(head, before, to_none, tmp_path):
    """Where labels are those of the calls since; and what is wrong with these is found, as is a micro-batch that was lost."""

    def step(name, fault=0.0):
        captured, told = gradcheck.capture(head, tmp_path / name), []
        for kind in (before, before, trained):
            head.zero_grad(set_to_none=to_none)
            told.append(kind(head))
        head.bias.grad[3] += fault
        return captured, told

    captured, told = step("honest")
    found = agrees(captured.write(*told[-1]))
    assert set(found.values()) == {"agree"} and len(found) == 6
    captured, told = step("wrong", 0.1)
    assert agrees(captured.write(*told[-1]))["grad_b"] == "disagree"
    if before is trained:
        captured, told = step("lost")
        labels, losses = ([one[k] for one in told] for k in (0, 1))
        assert agrees(captured.write(labels, losses))["grad_theta"] == "disagree"


@pytest.mark.parametrize("reentrant", [True, False])
def test_calls_that_checkpointing_makes_again_are_in_the_order_of_the_forward_pass(head, reentrant, tmp_path):
    """And not from the last to the first, as they are computed again."""
    checkpoint = torch.utils.checkpoint.checkpoint
    step = gradcheck.capture(head, tmp_path / "dump")
    X, y = batch()

    def summed(X, y):
        return cross_entropy(head(X), y, reduction="sum")

    parts = zip(X.split(N // 4), y.split(N // 4), strict=True)
    loss = sum(checkpoint(summed, *part, use_reentrant=reentrant) for part in parts) / N
    loss.backward()
    found = agrees(step.write(y, loss, num_items=N))
    assert set(found.values()) == {"agree"} and len(found) == 6


@pytest.mark.parametrize("direct", [False, True], ids=["all of them", "one beside them"])
@pytest.mark.parametrize("within", [(True,), (True, True), (True, True, True), (True, False), (False, True)])
def test_calls_of_checkpoints_within_checkpoints_are_in_the_order_of_the_forward_pass(head, within, direct, tmp_path):
    """Of two micro-batches that go backward once both have gone forward, and of each checkpoint's two halves."""

    def summed(X, y, within):
        if not within:
            return cross_entropy(head(X), y, reduction="sum")
        first, second = zip(X.split(len(X) // 2), y.split(len(y) // 2), strict=True)
        found = torch.utils.checkpoint.checkpoint(summed, *first, within[1:], use_reentrant=within[0])
        if direct:
            return found + summed(*second, within[1:])
        return found + torch.utils.checkpoint.checkpoint(summed, *second, within[1:], use_reentrant=within[0])

    step = gradcheck.capture(head, tmp_path / "dump")
    X, y = torch.randn(32, D, requires_grad=True), torch.randint(L, (32,))
    losses = [summed(*part, within) / 32 for part in zip(X.split(16), y.split(16), strict=True)]
    for loss in losses:
        loss.backward()
    found = agrees(step.write(y, sum(losses), num_items=32))
    assert set(found.values()) == {"agree"} and len(found) == 6


@pytest.mark.parametrize("first", [True, False])
def test_what_a_hook_of_the_weight_makes_of_its_gradient_is_in_grad_and_judged(head, first, tmp_path):
    """Whether it was there before the capture or not."""

    def doubled():
        return head.weight.register_hook(lambda gradient: 2 * gradient)

    handle = doubled() if first else None
    step = gradcheck.capture(head, tmp_path / "dump")
    handle = handle or doubled()
    told = trained(head)
    assert agrees(step.write(*told))["grad_theta"] == "disagree"
    handle.remove()
    assert not head.weight._backward_hooks


@pytest.mark.parametrize("factor", [1.0, 3.0, 8.0])
def test_gradients_that_were_clipped_are_refused_and_those_of_a_loss_scale_divided(head, factor, tmp_path):
    """By a scale that is no power of two, too; and a hook that shrinks a gradient is no clipping."""
    X, y = batch()

    def step(name, since):
        head.zero_grad()
        captured = gradcheck.capture(head, tmp_path / name)
        loss = cross_entropy(head(X), y)
        (factor * loss).backward()
        since(head.parameters())
        return captured.write(y, loss, factor=factor)

    def divided(parameters):
        for parameter in parameters:
            parameter.grad.mul_(1 / factor)

    assert set(agrees(step("divided", divided)).values()) == {"agree"}
    with pytest.raises(Unusable, match="times what came to it, as where gradients were clipped"):
        step("clipped", lambda parameters: torch.nn.utils.clip_grad_norm_(parameters, 0.01))
    for parameter in head.parameters():
        parameter.register_hook(lambda gradient: gradient * 0.7)
    assert agrees(step("hooked", lambda _: None))["grad_theta"] == "disagree"


def clamped(head, tmp_path, since):
    """What is said of the parameters' gradients where this was done to them since."""
    captured = gradcheck.capture(head, tmp_path / "dump")
    X, y = batch()
    loss = cross_entropy(head(X.to(head.weight.dtype)), y)
    loss.backward()
    with torch.no_grad():
        since(head.weight.grad, head.bias.grad)
    found = audit_path(captured.write(y, loss)).findings
    return {finding.quantity: " ".join(finding.faults) for finding in found if finding.verdict.failed}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_gradients_that_were_clipped_by_value_are_said_to_be(head, dtype, tmp_path):
    """They disagree, since a clamp may be the fault itself."""
    limit = 0.005
    told = clamped(head.to(dtype), tmp_path, lambda *_: torch.nn.utils.clip_grad_value_(head.parameters(), limit))
    assert set(told) == {"grad_theta", "grad_b"}
    for words in told.values():
        assert "entries are exactly ±0.005, the largest of all, where the gradient is larger" in words
        assert "as after clip_grad_value_(0.005)" in words


CLAMPED = {
    "and one more entry": lambda G, b: (G.clamp_(-0.005, 0.005), G[abs(G).argmin() // D].mul_(0.5)),
    "from below": lambda G, b: G.copy_(torch.where(abs(G) < 0.005, G.sign() * 0.005, G)),
    "all of a size": lambda G, b: G.sign_(),
    "one alone": lambda G, b: G.clamp_(-abs(G).max() * 0.99, abs(G).max() * 0.99),
    "of the other sign": lambda G, b: G.copy_(torch.where(abs(G) > 0.005, -G.sign() * 0.005, G)),
    "not to the largest": lambda G, b: G[3:].clamp_(-0.005, 0.005),
}


@pytest.mark.parametrize("fault", CLAMPED)
def test_what_is_more_than_clipping_by_value_is_not_called_so(head, fault, tmp_path):
    told = clamped(head.double(), tmp_path, CLAMPED[fault])
    assert "clip_grad_value_" not in told["grad_theta"]


def test_a_wrong_factor_of_two_classes_is_not_called_clipping():
    """Whose rows are alike but for the sign, so that all entries of a column are of one size."""
    rng = np.random.default_rng(0)
    theta, b, X, y = rng.normal(size=(2, 1)), np.zeros((2, 1)), rng.normal(size=(1, 8)), rng.integers(2, size=8)
    A = np.exp(theta @ X + b)
    D = (A / A.sum(axis=0) - np.eye(2)[:, y]) / 8
    halved = {"grad_theta": D @ X.T / 2, "grad_b": D.sum(axis=1, keepdims=True) / 2}
    found = gradcheck.audit(theta=theta, b=b, X=X, Y=y, **halved).findings
    words = {finding.quantity: " ".join(finding.faults) for finding in found if finding.verdict.failed}
    assert set(words) == {"grad_theta", "grad_b"} and "clip_grad_value_" not in " ".join(words.values())


@pytest.mark.parametrize("cleared", [True, False])
def test_a_gradient_that_is_added_to_that_of_another_step_is_refused(head, cleared, tmp_path):
    """As where zero_grad is forgotten; and where it is not, whenever it is called before the backward pass, nothing is said."""
    captured = gradcheck.capture(head, tmp_path / "dump")
    descent = torch.optim.SGD(head.parameters(), 0.1)
    trained(head)
    descent.step()
    X, y = batch()
    loss = cross_entropy(head(X), y)
    if cleared:
        descent.zero_grad()
    loss.backward()
    if cleared:
        assert set(agrees(captured.write(y, loss)).values()) == {"agree"}
    else:
        with pytest.raises(Unusable, match=r"another step.*expected zero_grad"):
            captured.write(y, loss)


@pytest.mark.parametrize("how", ["frozen", "no_grad"])
def test_a_call_without_a_graph_is_not_said_to_be_none(head, how, tmp_path):
    step = gradcheck.capture(head, tmp_path / "dump")
    head.requires_grad_(how == "no_grad")
    with torch.set_grad_enabled(how == "frozen"):
        loss = cross_entropy(head(torch.randn(N, D)), torch.randint(L, (N,)))
    with pytest.raises(Unusable, match="no gradients were recorded"):
        step.write(torch.randint(L, (N,)), loss)


# ---- layers that are more than a product, and calls with other weights ----

linear, Linear = torch.nn.functional.linear, torch.nn.Linear


class Named(Linear):
    """A product by its own text, in each of these ways."""

    how = staticmethod(linear)

    def forward(self, X):
        return self.how(X, self.weight, self.bias)


PRODUCTS = {
    "linear": linear,
    "matmul": lambda X, W, b: X @ W.T + b,
    "addmm": lambda X, W, b: torch.addmm(b, X.reshape(-1, D), W.T).reshape(*X.shape[:-1], L),
    "einsum": lambda X, W, b: torch.einsum("...d,ld->...l", X, W) + b,
    "bias first": lambda X, W, b: b + X.matmul(W.mT),
}
OTHERS = {
    "scaled": lambda X, W, b: 2 * linear(X, W, b),
    "capped": lambda X, W, b: 30 * torch.tanh(linear(X, W, b) / 30),
    "normalised data": lambda X, W, b: linear(torch.nn.functional.normalize(X), W, b),
    "normalised weights": lambda X, W, b: linear(X, torch.nn.functional.normalize(W), b),
    "adapted": lambda X, W, b: linear(X, W, b) + X[..., :1],
    "no bias of its own": lambda X, W, b: linear(X, W, 2 * b),
    "without its bias": lambda X, W, b: X @ W.T,
    "alpha": lambda X, W, b: torch.addmm(b, X.reshape(-1, D), W.T, alpha=2),
    "cast": lambda X, W, b: linear(X.bfloat16(), W.bfloat16(), b.bfloat16()).float(),
}


def head_of(how):
    torch.manual_seed(0)
    made = Named(D, L)
    made.how = how
    return made


@pytest.mark.parametrize("how", PRODUCTS)
@pytest.mark.parametrize("shape", [(N,), (4, N // 4)])
@pytest.mark.parametrize("trained", [True, False])
def test_a_forward_of_its_own_that_is_the_product_is_captured(how, shape, trained, tmp_path):
    """Whether the data require a gradient or not."""
    head = head_of(PRODUCTS[how])
    X, y = torch.randn(*shape, D).requires_grad_(trained), torch.randint(L, (N,))
    step = gradcheck.capture(head, tmp_path / "dump")
    loss = cross_entropy(head(X).reshape(-1, L), y)
    loss.backward()
    found = agrees(step.write(y, loss))
    assert set(found.values()) == {"agree"} and "grad_theta" in found


@pytest.mark.parametrize("how", OTHERS)
@pytest.mark.parametrize("trained", [True, False])
def test_a_forward_of_its_own_that_is_more_is_refused_in_a_line(how, trained, tmp_path):
    """And not called wrong; training goes on."""
    head = head_of(OTHERS[how])
    step = gradcheck.capture(head, tmp_path / "dump")
    loss = cross_entropy(head(torch.randn(N, D).requires_grad_(trained)), torch.randint(L, (N,)))
    loss.backward()
    with pytest.raises(Unusable, match="the logits are not X θᵀ") as raised:
        step.write(torch.randint(L, (N,)), loss)
    assert "\n" not in str(raised.value) and head.weight.grad is not None


def test_a_forward_that_takes_or_gives_more_is_refused_in_a_line(tmp_path):
    class More(Linear):
        def forward(self, X, scale=1):
            return super().forward(X), scale

    for number, call in enumerate((lambda head, X: head(X)[0], lambda head, X: head(X, scale=1)[0])):
        head = More(D, L)
        step = gradcheck.capture(head, tmp_path / f"{number}")
        cross_entropy(call(head, torch.randn(N, D)), torch.randint(L, (N,))).backward()
        with pytest.raises(Unusable, match="its forward"):
            step.write(torch.randint(L, (N,)))


def test_a_forward_that_somebody_replaced_is_looked_at(head, tmp_path):
    plain = head.forward
    head.forward = lambda X: plain(X) / 2
    step = gradcheck.capture(head, tmp_path / "dump")
    told = trained(head)
    with pytest.raises(Unusable, match="Div"):
        step.write(*told)


def test_a_call_with_other_weights_is_none_of_the_layer(head, tmp_path):
    """And computes with these; with its own it is one."""
    step = gradcheck.capture(head, tmp_path / "dump")
    X, y = batch()
    others = {name: (2 * parameter).detach().requires_grad_() for name, parameter in head.named_parameters()}
    Z = torch.func.functional_call(head, others, (X,))
    assert torch.equal(Z, linear(X, others["weight"], others["bias"]))
    loss = cross_entropy(Z, y)
    loss.backward()
    with pytest.raises(Unusable, match="functional_call"):
        step.write(y, loss)
    loss = cross_entropy(torch.func.functional_call(head, dict(head.named_parameters()), (X,)), y)
    loss.backward()
    assert set(agrees(step.write(y, loss)).values()) == {"agree"}


def test_what_has_no_numbers_is_refused_at_once(head, tmp_path):
    """By all three ways to capture."""
    nothing = torch.nn.Linear(D, L, device="meta")
    X, y = batch()
    loss = cross_entropy(head(X), y)
    W = nothing.weight
    for capture in (
        lambda: gradcheck.capture(nothing, tmp_path / "dump"),
        lambda: gradcheck.capture({"theta": W, "b": None, "X": X, "Y": y}, tmp_path / "dump"),
        lambda: gradcheck.capture.fused(X, W, None, y, loss, tmp_path / "dump"),
    ):
        with pytest.raises(Unusable, match="meta device, and has no numbers") as raised:
            capture()
        assert "\n" not in str(raised.value)


# ---- what somebody says of a step and is nothing of the kind ----

SPARSE, NOWHERE, WORDS = torch.zeros(N).to_sparse(), torch.zeros(N, device="meta"), np.array(["a"] * N)
TOLD = {
    "labels": (SPARSE, NOWHERE, WORDS, [[]], torch.zeros(N), np.zeros(N, "M8[s]")),
    "loss": (SPARSE, NOWHERE, "a loss"),
    "factor": (0, 10**400, "a", SPARSE),
    "num_items": (SPARSE, "a", float("nan"), float("inf"), 1j, {}),
    "upstream": (SPARSE, WORDS, "a", {}),
    "pieces": (SPARSE, WORDS, "a", [1], 10**400),
    "shift": (SPARSE, WORDS, "a", 1),
}


@pytest.mark.parametrize("name", TOLD)
def test_what_is_told_and_no_such_thing_is_refused_in_a_line(head, name, tmp_path):
    step = gradcheck.capture(head, tmp_path / "dump")
    labels, loss = trained(head)
    for value in TOLD[name]:
        with pytest.raises(Unusable) as raised:
            step.write(**{"labels": labels, "loss": loss, name: value})
        assert len(str(raised.value).splitlines()) == 1 and len(str(raised.value)) < 300
    assert not (tmp_path / "dump").exists()


def test_what_is_declared_and_no_such_thing_is_refused_in_a_line(head, tmp_path):
    X, y = batch()
    loss = cross_entropy(linear(X, head.weight, head.bias), y)
    for call in (
        lambda: gradcheck.capture(head, tmp_path / "dump", law="mean"),
        lambda: gradcheck.capture(head, tmp_path / "dump", arithmetic=WORDS),
        lambda: gradcheck.capture(head, tmp_path / "dump", ranks=WORDS),
        lambda: gradcheck.capture(head, [tmp_path]),
        lambda: gradcheck.capture.fused(X, head.weight, "b", y, loss, tmp_path / "dump"),
        lambda: gradcheck.capture.fused(X, head.weight, head.bias, y, 1.0, tmp_path / "dump"),
        lambda: gradcheck.watch(head, to=7),
        lambda: gradcheck.watch(head, on=WORDS),
        lambda: gradcheck.watch(head, arithmetic="blocked:256"),
        lambda: gradcheck.audit(tmp_path, law="mean"),
        lambda: gradcheck.Arithmetic(sums=[]),
    ):
        with pytest.raises(Unusable) as raised:
            call()
        assert len(str(raised.value).splitlines()) == 1 and len(str(raised.value)) < 300
    assert "forward" not in vars(head) and not list(tmp_path.iterdir())


def through_the_version(tensor):
    with torch.no_grad():
        tensor.mul_(2)


def past_the_version(tensor):
    tensor.data.mul_(2)


def test_parts_of_one_buffer_are_data_of_their_own(head, tmp_path):
    """Though whoever fills one counts up the version of all."""
    step, X, y = gradcheck.capture(head, tmp_path / "dump"), torch.zeros(2, N // 2, D), torch.randint(L, (2, N // 2))
    losses = []
    for part, labels in zip(X, y, strict=True):
        part.copy_(torch.randn(N // 2, D))
        losses.append(cross_entropy(head(part), labels))
        (losses[-1] / 2).backward()
    assert set(agrees(step.write(list(y), losses, factor=0.5)).values()) == {"agree"}


@pytest.mark.parametrize("write", [through_the_version, past_the_version])
@pytest.mark.parametrize("what", ["weight", "bias", "data"])
def test_numbers_that_were_changed_since_the_call_are_refused(head, write, what, tmp_path):
    """As by an optimizer, and by the next batch in the same buffer."""
    step = gradcheck.capture(head, tmp_path / "dump")
    X, y = torch.randn(N, D), torch.randint(L, (N,))
    loss = cross_entropy(head(X), y)
    loss.backward()
    write(X if what == "data" else getattr(head, what))
    with pytest.raises(Unusable, match=f"the layer's {what} w.* changed since it was called"):
        step.write(y, loss)


@pytest.mark.parametrize("write", [through_the_version, past_the_version])
def test_so_is_the_buffer_of_a_fused_loss_and_its_labels_are_those_of_then(head, write, tmp_path):
    X, y = torch.randn(N, D), torch.randint(L, (N,))
    for number, buffer in enumerate((y, X)):
        loss = cross_entropy(X @ head.weight.T + head.bias, y)
        step = gradcheck.capture.fused(X, head.weight, head.bias, y, loss, tmp_path / f"{number}")
        loss.backward()
        write(buffer)
        if buffer is y:
            assert set(agrees(step.write()).values()) == {"agree"}
            y.copy_(torch.randint(L, (N,)))
    with pytest.raises(Unusable, match="X was changed since the loss was computed"):
        step.write()


@pytest.mark.parametrize("before", [True, False])
def test_another_use_of_the_weight_may_have_a_pass_of_its_own(head, before, tmp_path):
    """As an auxiliary loss of an embedding that is tied to it: .grad has both, and this use is judged alone."""
    step = gradcheck.capture(head, tmp_path / "dump")

    def auxiliary():
        head.weight[:5].square().sum().backward()

    if before:
        auxiliary()
    y, loss = trained(head)
    if not before:
        auxiliary()
    path = step.write(y, loss)
    assert set(agrees(path).values()) == {"agree"} and audit_path(path).shared == ("grad_theta",)


def test_a_gradient_that_was_made_sparse_is_one(head, tmp_path):
    step = gradcheck.capture(head, tmp_path / "dump")
    y, loss = trained(head)
    head.weight.grad = head.weight.grad.to_sparse()
    assert set(agrees(step.write(y, loss)).values()) == {"agree"}


@pytest.mark.parametrize("looks", ["capture", "watch"])
def test_a_layer_that_two_threads_call_at_a_time_has_its_weight_afterwards(looks, head, tmp_path, monkeypatch):
    """The one that comes second finds the other's alias in the place of the weight, and must not put that back."""

    weight, (X, y), linear = head.weight, batch(), torch.nn.functional.linear
    entered, left = [threading.Event(), threading.Event()], threading.Event()

    def slow(*given):
        number = [first, second].index(threading.current_thread())
        entered[number].set()
        (left if number else entered[1]).wait(9)  # the second begins while the first is there, and ends after it
        return linear(*given)

    monkeypatch.setattr(torch.nn.functional, "linear", slow)
    looking = gradcheck.capture(head, tmp_path / "dump") if looks == "capture" else gradcheck.watch(head, every=1)
    parts, losses = [slice(0, 5), slice(5, N)], [None, None]

    def called(k):
        losses[k] = cross_entropy(head(X[parts[k]]), y[parts[k]])

    first, second = (threading.Thread(target=called, args=(k,)) for k in range(2))
    first.start(), entered[0].wait(9)
    second.start(), first.join(9)
    left.set(), second.join(9)
    for loss in losses:
        (loss / 2).backward()
    if looks == "capture":
        told = agrees(looking.write([y[part] for part in parts], losses, factor=0.5))
        assert set(told.values()) == {"agree"}
    else:
        assert not looking.found.wrong and looking.found.judged
        looking.close()
    assert head._parameters["weight"] is weight


@pytest.mark.parametrize("sparse", ["to_sparse", "to_sparse_csr"])
def test_data_may_be_sparse(head, sparse, tmp_path):
    step, X, y = gradcheck.capture(head, tmp_path / "dump"), torch.randn(N, D).relu(), torch.randint(L, (N,))
    loss = cross_entropy(head(getattr(X, sparse)()), y)
    loss.backward()
    assert set(agrees(step.write(y, loss)).values()) == {"agree"}


def test_a_share_of_a_loss_scale_is_divided_by_the_scale(head, tmp_path):
    """As by GradScaler.unscale_, where each of two losses was halved and scaled."""
    X, y = batch()
    step, losses = gradcheck.capture(head, tmp_path / "dump"), []
    for part in (slice(0, N // 2), slice(N // 2, N)):
        losses.append(cross_entropy(head(X[part]), y[part]))
        (losses[-1] * (1024 / 2)).backward()
    for parameter in head.parameters():
        parameter.grad.div_(1024)
    path = step.write([y[: N // 2], y[N // 2 :]], losses, factor=1024 / 2)
    assert set(agrees(path).values()) == {"agree"}


def test_labels_of_several_calls_without_a_loss_are_refused(head, tmp_path):
    X, y = batch()
    step = gradcheck.capture(head, tmp_path / "dump")
    for part in (slice(0, N // 2), slice(N // 2, N)):
        (cross_entropy(head(X[part]), y[part]) / 2).backward()
    with pytest.raises(Unusable, match="nothing says whether each has a mean of its own"):
        step.write([y[: N // 2], y[N // 2 :]], factor=0.5)


def test_clipping_is_refused_though_the_weight_is_used_again(head, tmp_path):
    """What became of the bias shows it."""
    step = gradcheck.capture(head, tmp_path / "dump")
    X, y = batch()
    loss = cross_entropy(head(X), y)
    (loss + head.weight[0].sum()).backward()
    torch.nn.utils.clip_grad_norm_(head.parameters(), 1e-3)
    with pytest.raises(Unusable, match="as where gradients were clipped"):
        step.write(y, loss)
