"""A head that is watched while it is trained: correct steps are not refused, faults are found in their step, and silence told."""

import json
import warnings
from contextlib import nullcontext

import pytest

import gradcheck
from gradcheck import Disagreement, DisagreementWarning, Unusable, UnusualWarning

torch = pytest.importorskip("torch")
heads = pytest.importorskip("heads")
cross_entropy = torch.nn.functional.cross_entropy

L, D, N = 60, 16, 40


@pytest.fixture(autouse=True)
def _loud():
    """A warning that no test expects is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DisagreementWarning)
        warnings.simplefilter("error", UnusualWarning)
        yield


def head(dtype=torch.float32, bias=True):
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(8, D), torch.nn.Tanh(), torch.nn.Linear(D, L, bias=bias)).to(dtype)


def batch(seed=0, dtype=torch.float32):
    g = torch.Generator().manual_seed(seed)
    return torch.randn(4, N // 4, 8, generator=g).to(dtype), torch.randint(0, L, (N,), generator=g)


def trained(model, steps=3, watched=None, auto=None, scale=1.0):
    """Steps of a head; the watch that saw all of them."""
    dtype = next(model.parameters()).dtype
    with gradcheck.watch(model[-1], every=1, **(watched or {})) as watch:
        for step in range(steps):
            X, y = batch(step, dtype)
            with torch.autocast("cpu", dtype=auto or torch.bfloat16, enabled=auto is not None):
                loss = cross_entropy(model(X).reshape(-1, L).float(), y)
            model.zero_grad()
            (loss * scale).backward()
            with torch.no_grad():
                for parameter in model.parameters():
                    parameter.sub_(parameter.grad / (10 * scale))
    return watch


# ---- correct steps ----

CORRECT = {
    "float32": {},
    "float64": {"dtype": torch.float64},
    "bfloat16": {"dtype": torch.bfloat16},
    "bfloat16 autocast": {"auto": torch.bfloat16},
    "float16 autocast, a loss scale": {"auto": torch.float16, "scale": 1024.0},
    "no bias": {"bias": False},
}


@pytest.mark.parametrize("how", CORRECT)
def test_correct_steps_are_all_judged_and_nothing_is_said_of_them(how):
    """Whatever the precision; and training goes on as it does without."""
    said = dict(CORRECT[how])
    made = {name: said.pop(name) for name in ("dtype", "bias") if name in said}
    model, other = head(**made), head(**made)
    watch = trained(model, **said)
    assert watch.found.judged == watch.found.calls == 3, str(watch.found)
    assert not (watch.found.wrong or watch.found.unusual or watch.found.inconclusive or watch.found.skipped)
    assert "nothing disagrees" in str(watch.found)
    trained_plainly(other, **said)
    assert all(torch.equal(*pair) for pair in zip(model.parameters(), other.parameters(), strict=True))


def trained_plainly(model, **said):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(gradcheck, "watch", lambda layer, **_: nullcontext(), raising=False)
        trained(model, **said)


def hooked(layer, X, y):
    Z = layer(X)
    Z.register_hook(lambda gradient: gradient / 2)
    cross_entropy(Z, y).backward()


def passed_twice(layer, X, y):
    loss = cross_entropy(layer(input=X), y)
    torch.autograd.grad(loss, X, retain_graph=True)
    (2 * loss).backward()


def penalised(layer, X, y):
    loss = cross_entropy(layer(X), y)
    (slope,) = torch.autograd.grad(loss, X, create_graph=True)
    (loss + slope.square().sum()).backward()


@pytest.mark.parametrize(
    ("step", "judged", "reason"),
    [(hooked, 1, ""), (passed_twice, 1, ""), (penalised, 0, "differentiated again")],
    ids=lambda given: getattr(given, "__name__", None),
)
def test_whatever_else_is_done_with_a_correct_gradient_nothing_disagrees(step, judged, reason):
    """A hook of somebody else's, two passes back from one call, a penalty of a gradient, which flows back by other ways, too."""
    layer, X = torch.nn.Linear(D, L), torch.randn(N, D, generator=torch.Generator().manual_seed(0)).requires_grad_()
    with gradcheck.watch(layer, every=1) as watch:
        step(layer, X, torch.arange(N))
    assert watch.found.judged == judged and not watch.found.wrong and not watch.found.unusual
    assert all(reason in told for told in watch.found.skipped) and len(watch.found.skipped) == 1 - judged


def test_a_call_that_checkpointing_repeats_is_the_one_that_is_judged():
    """It is not a step of its own, whose gradients the first would wait for in vain."""
    layer, X = torch.nn.Linear(D, L), torch.randn(N, D).requires_grad_()
    with gradcheck.watch(layer, every=1) as watch:
        for _ in range(2):
            Z = torch.utils.checkpoint.checkpoint(layer, X, use_reentrant=False)
            cross_entropy(Z, torch.arange(N)).backward()
    assert (watch.found.calls, watch.found.judged) == (2, 2) and not watch.found.skipped


def stepped(weight):
    weight.detach().add_(1)


def test_rows_are_not_computed_again_from_weights_that_were_changed_since(broken):
    """By an optimizer that steps as soon as a gradient has come: ∂ℒ/∂X comes later, and is none of these."""
    broken("grad_X")
    layer, X = torch.nn.Linear(D, L), torch.randn(N, D).requires_grad_()
    layer.weight.register_post_accumulate_grad_hook(stepped)
    with gradcheck.watch(layer, every=1) as watch:
        cross_entropy(layer(X), torch.arange(N)).backward()
    assert not watch.found.wrong and "the weights were changed" in str(watch.found)


@pytest.mark.parametrize("tie", [False, True])
def test_a_tied_head_with_micro_batches_is_judged_by_this_use_of_each(tie):
    """.grad holds the embedding's part, and those of other micro-batches."""
    model = heads.tiny(tie=tie)
    with gradcheck.watch(model.lm_head, every=1) as watch:
        for seed in range(3):
            tokens, labels = heads.ids(model, seed=seed)
            (model(tokens, labels) / 3).backward()
    assert watch.found.judged == 3 and not watch.found.wrong and not watch.found.skipped


def test_every_so_many_calls_one_is_judged():
    """The first, and then each hundredth; probes are drawn anew."""
    model = head()
    X, y = batch()
    watch = gradcheck.watch(model[-1], every=4, probes=1)
    for _ in range(9):
        cross_entropy(model(X).reshape(-1, L), y).backward()
    watch.close()
    assert (watch.found.calls, watch.found.judged) == (9, 3)


# ---- faults ----


def faulty(name):
    """A function of torch that breaks one entry of one product, as hardware would."""

    class Broken(torch.autograd.Function):
        @staticmethod
        def forward(ctx, X, W, b):
            ctx.save_for_backward(X, W)
            Z = X.reshape(-1, D) @ W.T + b
            if name == "Z":
                Z[7, 3] *= 1.25
            return Z.reshape(*X.shape[:-1], L)

        @staticmethod
        def backward(ctx, given):
            X, W = (tensor.reshape(-1, D) for tensor in ctx.saved_tensors)
            D_ = given.reshape(-1, L)
            G, H = D_.T @ X, D_ @ W
            if name == "grad_theta":
                G[5, 2] = -G[5, 2]
            if name == "grad_X":
                H[9, 1] *= 2
            if name == "NaN":
                G[1, 1] = float("nan")
            return H.reshape((*given.shape[:-1], D)), G, D_.sum(0)

    return Broken.apply


FAULTS = {
    "Z": "Z[7, 3] (sample, class)",
    "grad_theta": "∂ℒ/∂θ[5, 2] (class, feature)",
    "grad_X": "∂ℒ/∂X[9, 1] (sample, feature)",
    "NaN": "∂ℒ/∂θ[1, 1] (class, feature)",
}


@pytest.fixture
def broken(monkeypatch):
    """`torch.nn.Linear` with a fault in one of its products, of layers of L classes."""

    def plant(name):
        usual = torch.nn.functional.linear
        bad = faulty(name)
        monkeypatch.setattr(
            torch.nn.functional, "linear", lambda X, W, b: bad(X, W, b) if len(W) == L else usual(X, W, b)
        )

    return plant


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_one_entry_is_found_in_its_step_and_named(fault, broken, tmp_path):
    """With its place and what it must be; a line of JSON has the same."""
    broken(fault)
    with pytest.warns(DisagreementWarning) as warned:
        watch = trained(head(), 1, {"to": tmp_path / "lines.json"})
    (seen,) = watch.found.wrong
    assert FAULTS[fault] in str(seen) and "times what rounding explains" in str(seen)
    assert [str(one.message) for one in warned] == [str(seen)] and str(seen) in str(watch.found)
    first, line = map(json.loads, (tmp_path / "lines.json").read_text().splitlines())
    quantity = fault if fault != "NaN" else "grad_theta"
    assert first == {"gradcheck_watch": 1} and line["products"][quantity]["outcome"] == "disagree"
    assert line["products"][quantity]["entries"][0]["place"] == list(seen.entry.witness.place)


def test_a_fault_is_raised_or_kept_as_is_asked(broken):
    """Out of the backward pass; and what is kept is not told twice."""
    broken("grad_X")
    with pytest.raises(Disagreement, match=r"∂ℒ/∂X\[9, 1\]"):
        trained(head(), 1, {"on": "raise"})
    assert len(trained(head(), 2, {"on": "keep"}).found.wrong) == 2


def test_what_is_only_unusual_is_warned_of_once_and_is_no_failure(monkeypatch):
    """An entry beyond eight standard deviations, and within what rounding may do in some order."""
    usual = torch.nn.functional.linear

    class Odd(torch.autograd.Function):
        @staticmethod
        def forward(ctx, X, W, b):
            ctx.save_for_backward(X, W)
            return usual(X, W, b)

        @staticmethod
        def backward(ctx, given):
            X, W = ctx.saved_tensors
            G = given.T @ X
            G[5, 2] *= 1 + 2.0**-11
            return given @ W, G, given.sum(0)

    layer = torch.nn.Linear(D, L)
    X, y = torch.randn(4096, D, generator=torch.Generator().manual_seed(0)), torch.arange(4096) % L
    monkeypatch.setattr(torch.nn.functional, "linear", Odd.apply)
    with gradcheck.watch(layer, every=1, on="raise") as watch, pytest.warns(UnusualWarning, match="unusual") as warned:
        for _ in range(2):
            cross_entropy(layer(X), y).backward()
    assert len(warned) == 1 and not watch.found.wrong and watch.found.judged == 2
    assert {seen.entry.witness.place for seen in watch.found.unusual} == {(5, 2)}


# ---- what cannot be judged is said ----


def test_steps_that_cannot_be_judged_are_counted_with_their_reason(tmp_path):
    """No backward, evaluation, no gradient; and a call that is judged later is not lost."""
    model = head()
    X, y = batch()
    with gradcheck.watch(model[-1], every=1, to=tmp_path / "lines") as watch:
        assert "nothing was judged, which is no agreement" in str(watch.found)
        model(X)
        with torch.no_grad():
            model(X)
        model.eval()
        model(X)
        model.train()
        cross_entropy(model(X).reshape(-1, L), y).backward()
    reasons = dict(watch.found.skipped)
    assert watch.found.judged == 1 and sum(reasons.values()) == 3
    assert any("no_grad" in reason for reason in reasons) and any("eval mode" in reason for reason in reasons)
    assert any("nothing flowed back" in reason for reason in reasons)
    assert "nothing flowed back" in (tmp_path / "lines").read_text()


def test_a_gradient_that_is_not_finite_is_inconclusive_and_no_agreement():
    """As in a step whose loss scale is too large."""
    model = head()
    X, y = batch()
    with gradcheck.watch(model[-1], every=1) as watch:
        (cross_entropy(model(X).reshape(-1, L), y) * float("inf")).backward()
    assert watch.found.judged == 0 and sum(watch.found.inconclusive.values()) == 1
    assert "not finite" in next(iter(watch.found.inconclusive))


def test_closing_leaves_the_layer_as_it_was():
    model = head()
    before = dict(vars(model[-1]))
    watch = gradcheck.watch(model[-1])
    assert vars(model[-1]) != before
    watch.close()
    watch.close()
    assert vars(model[-1]) == before


def test_closing_lets_go_of_a_layer_whatever_the_last_call_has_shown(broken):
    """Of a fault that nothing flowed back from, too."""
    broken("Z")
    layer = torch.nn.Linear(D, L)
    with pytest.raises(Disagreement), gradcheck.watch(layer, every=1, on="raise"):
        layer(torch.randn(N, D))
    assert "forward" not in vars(layer)


def test_a_watch_that_is_closed_judges_nothing_where_another_has_the_layer_since():
    """It cannot be taken out from below the other."""
    layer = torch.nn.Linear(D, L)
    first, second = (gradcheck.watch(layer, every=1) for _ in range(2))
    first.close()
    cross_entropy(layer(torch.randn(N, D)), torch.arange(N)).backward()
    second.close()
    assert (first.found.calls, second.found.judged) == (0, 1)


def test_what_cannot_be_watched_is_refused_in_one_line():
    """Compiled, frozen, not linear, or with a forward of its own."""
    frozen, odd, compiled, other = (torch.nn.Linear(2, 3) for _ in range(4))
    frozen.requires_grad_(False)
    odd.forward = lambda X: X
    compiled._compiled_call_impl = other._orig_mod = lambda X: (
        X
    )  # as layer.compile() and torch.compile(layer) leave them

    class Scaled(torch.nn.Linear):
        def forward(self, X):
            return 2 * super().forward(X)

    for layer, words in (
        (compiled, "compiled"),
        (other, "compiled"),
        (frozen, "frozen"),
        (torch.nn.Tanh(), "expected the torch.nn.Linear"),
        (Scaled(2, 3), "with its own forward"),
        (odd, "was replaced"),
        (None, "expected the torch.nn.Linear"),
    ):
        with pytest.raises(Unusable, match=words):
            gradcheck.watch(layer)
    for options in ({"every": 0}, {"probes": 1.5}, {"on": "stop"}, {"to": "/no/such/folder/file"}):
        with pytest.raises(Unusable):
            gradcheck.watch(torch.nn.Linear(2, 3), **options)
