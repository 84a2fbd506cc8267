"""What training does beside one call and one backward pass: none of it is called wrong, and none of it ends the training."""

import copy
import pickle
import warnings

import pytest

import gradcheck
from gradcheck import Disagreement, DisagreementWarning, Unusable
from gradcheck.auditing.passing import Passing

torch = pytest.importorskip("torch")
cross_entropy = torch.nn.functional.cross_entropy
checkpoint = torch.utils.checkpoint.checkpoint

L, D, N = 60, 16, 40


@pytest.fixture(autouse=True)
def _loud():
    """A warning that no test expects is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DisagreementWarning)
        yield


@pytest.fixture
def head():
    torch.manual_seed(0)
    return torch.nn.Linear(D, L)


def batch(**said):
    return torch.randn(N, D, **said), torch.randint(L, (N,))


def parts_first(head):
    """The gradient of another loss was taken before, of data alone."""
    X, y = batch(requires_grad=True)
    Z = head(X)
    torch.autograd.grad(3 * cross_entropy(Z, y), X, retain_graph=True)
    (cross_entropy(Z, y) + Z.square().mean()).backward()


def logits_first(head):
    """The gradient of the logits alone was taken before, of another multiple of the loss."""
    X, y = batch(requires_grad=True)
    Z = head(X)
    loss = cross_entropy(Z, y)
    torch.autograd.grad(3 * loss, Z, retain_graph=True)
    loss.backward()


def again(head):
    """Two passes through one graph."""
    X, y = batch(requires_grad=True)
    Z = head(X)
    cross_entropy(Z, y).backward(retain_graph=True)
    Z.square().mean().backward()


def clipped(head):
    """A hook of the user changes what flows back through the logits."""
    X, y = batch(requires_grad=True)
    Z = head(X)
    Z.register_hook(lambda gradient: gradient.clamp(-1e-3, 1e-3))
    cross_entropy(Z, y).backward()


def named(head):
    """The data by their name."""
    X, y = batch()
    cross_entropy(head(input=X), y).backward()


def in_place(head):
    """Logits that are masked in place."""
    X, y = batch(requires_grad=True)
    Z = head(X).div_(2)
    Z[:, L // 2 :] = -1e9
    cross_entropy(Z, y % (L // 2)).backward()


def checkpointed(head):
    """Computed again in the backward pass, before anything has flowed back to the first call."""
    X, y = batch(requires_grad=True)
    cross_entropy(checkpoint(lambda x: head(x).tanh() * 3, X, use_reentrant=False), y).backward()


def frozen_weight(head):
    """Frozen since; the bias is trained."""
    head.weight.requires_grad_(False)
    named(head)


@pytest.mark.parametrize(
    "step", [parts_first, logits_first, again, clipped, named, in_place, checkpointed, frozen_weight]
)
def test_a_correct_step_is_judged_and_not_called_wrong(head, step):
    with gradcheck.watch(head, every=1) as watch:
        step(head)
    assert watch.found.judged == 1 and not watch.found.wrong and not watch.found.skipped, str(watch.found)


def twice_of_data(head):
    """A penalty on the gradient of the data."""
    X, y = batch(requires_grad=True)
    loss = cross_entropy(head(X), y)
    (gradient,) = torch.autograd.grad(loss, X, create_graph=True)
    (loss + gradient.square().sum()).backward()


def twice_of_weights(head):
    """A penalty on the gradient of the weights."""
    X, y = batch(requires_grad=True)
    loss = cross_entropy(head(X), y)
    (gradient,) = torch.autograd.grad(loss, head.weight, create_graph=True)
    (loss + gradient.square().sum()).backward()


def frozen(head):
    head.requires_grad_(False)
    head(batch()[0])


def computed(head):
    torch.nn.utils.parametrizations.weight_norm(head)
    named(head)


def sparse(head):
    X, y = batch()
    cross_entropy(head((X * (X > 0)).to_sparse()), y).backward()


def of_functions(head):
    X, y = batch()
    torch.func.jvp(lambda x: cross_entropy(head(x), y), (X,), (X,))


def batched(head):
    """A Jacobian of the logits, by gradients of several at once."""
    X, _ = batch(requires_grad=True)
    several = torch.eye(L)[:2, None, :].expand(2, N, L).contiguous()
    torch.autograd.grad(head(X), X, several, is_grads_batched=True)


NOT_JUDGED = {
    batched: "cannot be read",
    twice_of_data: "create_graph",
    twice_of_weights: "create_graph",
    frozen: "require a gradient",
    computed: "computed from others",
    sparse: "cannot be read",
    of_functions: "require a gradient",
}


@pytest.mark.parametrize("step", NOT_JUDGED)
def test_what_cannot_be_judged_goes_on_and_is_told(head, step):
    with gradcheck.watch(head, every=1) as watch:
        step(head)
    assert watch.found.judged == 0 and not watch.found.wrong
    (reason,) = watch.found.skipped
    assert NOT_JUDGED[step] in reason and ".py:" not in reason


def test_a_layer_that_is_watched_can_be_exported(head):
    with gradcheck.watch(head, every=1) as watch:
        assert torch.export.export(head, batch()[:1]).module()(torch.ones(N, D)).shape == (N, L)
        named(head)
    assert watch.found.judged == 1


@pytest.mark.parametrize("changed", ["θ", "X"])
def test_numbers_that_were_changed_behind_autograd_are_not_certified(head, changed):
    """By .data, as autograd does not see; the gradient is of other numbers than the logits."""
    X, y = batch(requires_grad=changed == "θ")
    with gradcheck.watch(head, every=1) as watch:
        Z = head(X)
        (head.weight if changed == "θ" else X).data.mul_(3)
        cross_entropy(Z, y).backward()
    (reason,) = watch.found.inconclusive
    assert f"{changed} was changed in place" in reason and not watch.found.judged and not watch.found.wrong


def test_a_copy_is_not_watched_and_can_be(head):
    """As an average of the weights is, or a model that is saved."""
    with gradcheck.watch(head, every=1) as watch:
        for other in (copy.deepcopy(head), pickle.loads(pickle.dumps(head))):
            assert torch.equal(other(torch.ones(D)), torch.nn.functional.linear(torch.ones(D), head.weight, head.bias))
            assert watch.found.calls == 0
            with gradcheck.watch(other, every=1) as more:
                named(other)
            assert more.found.judged == 1


COPIES = {
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "pickle": lambda head: pickle.loads(pickle.dumps(head)),
    "DataParallel": lambda head: head._replicate_for_data_parallel(),
}


@pytest.mark.parametrize("copied", COPIES)
def test_a_copy_computes_with_what_it_holds(head, copied):
    """And not with the weights of the layer that it is a copy of; of which nothing is left once nobody looks."""
    before, own = set(vars(head)), set(vars(type(head)))
    with gradcheck.watch(head, every=1) as watch, gradcheck.watch(head, every=1):
        other = COPIES[copied](head)
        other._parameters = {"weight": torch.nn.Parameter(torch.zeros(L, D)), "bias": torch.nn.Parameter(torch.ones(L))}
        vars(other).pop("weight", None), vars(other).pop("bias", None)  # which a replica holds itself
        assert torch.equal(other(torch.ones(D)), torch.ones(L))
        assert not watch.found.calls and "forward" not in vars(other)
    assert set(vars(head)) == before and set(vars(type(head))) == own


@pytest.mark.parametrize("copied", ["copy.copy", "copy.deepcopy", "pickle"])
def test_a_copy_of_what_took_over_a_layer_holds_what_that_held(head, copied):
    """And not what the layer held whose names it took over."""
    with gradcheck.watch(head, every=1):
        other = torch.nn.Linear.__new__(torch.nn.Linear)
        vars(other).update(vars(head))
        other._parameters = {"weight": torch.nn.Parameter(torch.zeros(L, D)), "bias": torch.nn.Parameter(torch.ones(L))}
        assert torch.equal(COPIES[copied](other)(torch.ones(D)), torch.ones(L))


def test_a_class_of_its_own_copies_as_it_did(head):
    """While one of its layers is looked at, and afterwards."""

    class Head(torch.nn.Linear):
        def __getstate__(self):
            return {**vars(self), "said": True}

    own, layer = Head.__getstate__, Head(D, L)
    for _ in range(2):
        with gradcheck.watch(layer, every=1), gradcheck.watch(head, every=1):
            found = copy.copy(layer)
            assert found.said and "forward" not in vars(found)
        assert Head.__getstate__ is own


def test_a_copy_has_the_forward_that_was_put_there_before(head):
    head.forward = doubled = lambda X: 2 * torch.nn.functional.linear(X, head.weight)
    looked = Passing(head, lambda X: X)
    assert vars(copy.copy(head))["forward"] is doubled
    looked.release()
    assert head.forward is doubled


def test_a_watch_that_is_closed_looks_at_nothing_in_whatever_order(head):
    first, second = gradcheck.watch(head, every=1), gradcheck.watch(head, every=1)
    first.close()
    named(head)
    second.close()
    named(head)
    assert (first.found.calls, second.found.calls) == (0, 1)


def test_closing_lets_go_of_the_layer_even_where_it_raises(head, monkeypatch):
    """What was found in logits that nothing flowed back to is raised then."""
    usual = torch.nn.functional.linear
    with monkeypatch.context() as patched, pytest.raises(Disagreement), gradcheck.watch(head, every=1, on="raise"):
        patched.setattr(torch.nn.functional, "linear", lambda X, W, b: usual(X, W, b) * 1.01)
        head(batch()[0])
    assert "forward" not in vars(head)


def test_a_file_of_somebody_else_is_left_as_it_is_and_one_of_a_watch_goes_on(head, tmp_path):
    """As where training is resumed."""
    other, lines = tmp_path / "train.py", tmp_path / "watch.jsonl"
    other.write_text("import torch\n")
    with pytest.raises(Unusable, match="no watch has written it"):
        gradcheck.watch(head, to=other)
    assert other.read_text() == "import torch\n" and "forward" not in vars(head)
    for _ in range(2):
        with gradcheck.watch(head, to=lines):
            named(head)
    assert len(lines.read_text().splitlines()) == 4


def test_a_file_that_cannot_be_written_any_more_does_not_end_the_training(head, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    with gradcheck.watch(head, every=1, to=folder / "lines") as watch:
        (folder / "lines").unlink()
        folder.rmdir()
        with pytest.warns(RuntimeWarning, match="cannot write") as warned:
            for _ in range(2):
                named(head)
    assert len(warned) == 1 and watch.found.judged == 2


@pytest.mark.parametrize("how", ["overflow", "subnormal"])
def test_what_leaves_the_range_of_float16_is_not_unusual(head, how):
    """A gradient that overflows, as a loss scale finds out, and data that underflow when they are written down."""
    with gradcheck.watch(head, every=1) as watch:
        X, y = batch(requires_grad=True)
        X = (X * (1000 if how == "overflow" else 1e-6)).detach().requires_grad_()
        with torch.autocast("cpu", torch.float16):
            loss = cross_entropy(head(X).float(), y)
        (loss * 65536).backward()
    assert not watch.found.wrong and not watch.found.unusual
    assert watch.found.judged == (how == "subnormal") and sum(watch.found.inconclusive.values()) == (how == "overflow")


# ---- several calls of one step ----


def heads_of_one_loss(head, calls):
    """One loss of several calls."""
    sum(cross_entropy(head(X), y) for X, y in (batch(requires_grad=True) for _ in range(calls))).backward()


def micro_batches(head, calls):
    for _ in range(calls):
        heads_of_one_loss(head, 1)


def checkpointed_together(head, calls):
    """Each computed again in the backward pass."""
    X, y = batch(requires_grad=True)
    parts = [checkpoint(lambda x: head(x).tanh(), X, use_reentrant=False) for _ in range(calls)]
    sum(cross_entropy(part, y) for part in parts).backward()


def checkpointed_as_one(head, calls):
    """Calls that are made in the backward pass alone, all in one part of the model."""
    X, y = batch(requires_grad=True)
    cross_entropy(checkpoint(lambda x: sum(head(x) for _ in range(calls)), X, use_reentrant=True), y).backward()


SEVERAL = [heads_of_one_loss, micro_batches, checkpointed_together, checkpointed_as_one]


@pytest.mark.parametrize("step", SEVERAL)
def test_each_call_of_a_step_is_judged(head, step):
    with gradcheck.watch(head, every=1) as watch:
        for _ in range(2):
            step(head, 3)
        assert watch.found.judged == watch.found.calls == 6, str(watch.found)
    assert not watch.found.wrong and "0 inconclusive" in str(watch.found)


@pytest.mark.parametrize("call", [0, 1, 2])
def test_a_fault_in_any_call_of_a_step_is_found_where_every_hundredth_is_due(head, call, monkeypatch):
    """The first is due at each hundredth, and the others are judged beside it: so they are not missed for ever."""
    linear, seen = torch.nn.functional.linear, []

    def faulty(X, W, b):
        Z = linear(X, W, b)
        seen.append(Z)
        if (len(seen) - 1) % 3 == call:
            Z.data[5, 7] += 1
        return Z

    monkeypatch.setattr(torch.nn.functional, "linear", faulty)
    with gradcheck.watch(head, every=99, on="keep") as watch:
        for _ in range(34):
            heads_of_one_loss(head, 3)
    assert (watch.found.calls, watch.found.judged) == (102, 6)
    assert [seen.call for seen in watch.found.wrong] == [call, 99 + call]


@pytest.mark.parametrize(("every", "judged", "lost"), [(1, 5, 5), (4, 3, 1)])
def test_a_call_that_nothing_flows_back_to_keeps_no_other_from_being_judged(head, every, judged, lost):
    """It is known to be lost when its graph is gone, and the next makes up for it where it was due."""
    with gradcheck.watch(head, every=every) as watch:
        for _ in range(4):
            head(batch()[0])
            heads_of_one_loss(head, 1)
        kept = head(batch()[0])
        heads_of_one_loss(head, 1)
    assert kept is not None and watch.found.calls == 10
    assert (watch.found.judged, sum(watch.found.skipped.values())) == (judged, lost), str(watch.found)
    assert len(watch.found.skipped) == 1


def test_what_was_found_is_told_in_words(head):
    with gradcheck.watch(head, every=1) as watch:
        heads_of_one_loss(head, 1)
        assert "1 call, 1 judged" in str(watch.found)
        head(batch()[0])
    assert "2 calls, 1 judged" in str(watch.found) and "not judged, 1 time: nothing" in str(watch.found)


@pytest.mark.parametrize("reentrant", [False, True])
@pytest.mark.parametrize("every", [1, 2, 3])
def test_a_checkpointed_layer_is_watched_as_often_as_is_asked(reentrant, every):
    """What is computed again in the backward pass takes nobody's turn."""
    head = torch.nn.Linear(8, 50)
    with gradcheck.watch(head, every=every) as watch:
        for _ in range(12):
            X, y = torch.randn(16, 8, requires_grad=True), torch.randint(50, (16,))
            Z = torch.utils.checkpoint.checkpoint(head, X, use_reentrant=reentrant)
            torch.nn.functional.cross_entropy(Z, y).backward()
    assert watch.found.judged >= 12 // every and not watch.found.wrong
