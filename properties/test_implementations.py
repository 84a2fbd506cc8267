"""Every built-in target agrees with the mathematics in every precision and regime that it is made for, or is known not to."""

import importlib
import os
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import settings
from mission import ELSEWHERE

import gradcheck
from gradcheck import Layout, Unusable, conform, load
from gradcheck.checks import CHECKS
from gradcheck.errors import Missing
from gradcheck.implementations import BUILT_IN
from gradcheck.regimes import REGIMES
from gradcheck.verdict import FAILURES, Outcome

DTYPES = ("float64", "float32", "float16", "bfloat16")
OPT_IN = tuple(name for name, regime in REGIMES.items() if regime.opt_in)

# Frameworks that compile for every shape are posed a fraction of the problems.
SLOWER = {"jax": 8, "optax": 12, "tinygrad": 30, "liger": 4, "cut": 30}
# Of a loss whose options are arguments: posed here in short, and at length in a job of their own in CI.
OPTIONS = {
    "torch-options": 12,
    "torch-probabilities": 12,
    "torch-chunked": 12,
    "optax-smoothed": 4,
    "sklearn-options": 12,
    "tinygrad-smoothed": 2,
    "tinygrad-options": 2,
    "tinygrad-weights": 2,
    "keras-options": 12,
    "keras-sparse": 12,
    "tensorflow-options": 12,
    "tensorflow-sparse": 12,
    "mlx-options": 12,
    "paddle-options": 12,
    "liger": 8,
    "liger-fused": 8,
    "cut-cross-entropy": 3,
    "megatron": 12,
}
PLAIN = [name for name in BUILT_IN if name not in OPTIONS]


@pytest.fixture(autouse=True)
def shared(shared_truths):
    """All targets are judged on the same problems."""


def examples(name, share=1):
    """As many in CI as elsewhere: the seeds are fixed, and a job of its own poses others to each framework at length."""
    most = max(settings().max_examples // 4, 50)
    return max(share * most // SLOWER.get(name.partition("-")[0], 1), 3)


BESIDE = {"paddle": "tensorflow", "tensorflow": "paddle"}  # both in one process crash it


def loaded(name):
    """The target; where its package is missing, a skip that says so, and in CI a failure."""
    other = BESIDE.get(BUILT_IN[name].extra)
    if other in sys.modules:
        pytest.skip(f"{other} is imported, beside which {BUILT_IN[name].extra} crashes")
    try:
        return load(name)
    except Missing as missing:
        if os.environ.get("CI") and BUILT_IN[name].extra not in ELSEWHERE:
            raise
        pytest.skip(str(missing))


def disagreements(run):
    return [f"{f.check.name} on {f.problem!r}: {f.verdict}" for f in run.failures]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", PLAIN)
def test_a_built_in_target_agrees_on_every_problem_within_the_papers_contract(name, dtype):
    """Equations (1)-(22), over all regimes that are not opt-in."""
    target = loaded(name)
    if dtype not in target.dtypes:
        pytest.skip(f"{name} is not made for {dtype}")
    run = conform(target, dtype=dtype, max_examples=examples(name), seed=1)
    assert disagreements(run) == []
    assert run.tallies["theta_gradient"].expected or run.tallies["theta_gradient"].outcome is Outcome.AGREE


@pytest.mark.parametrize("regime", OPT_IN)
@pytest.mark.parametrize("name", PLAIN)
def test_a_built_in_target_agrees_outside_the_papers_contract_too(name, regime):
    """Label masses other than 1 (the gradient is (A·diag(1ᵀY) - Y)/n), masked classes, whole numbers.

    Every two of target, regime and precision (of the first two) meet once.
    """
    dtypes = loaded(name).dtypes[:2]
    dtype = dtypes[(PLAIN.index(name) + OPT_IN.index(regime)) % len(dtypes)]
    run = conform(loaded(name), dtype=dtype, regimes=(regime,), max_examples=examples(name), seed=2)
    assert disagreements(run) == []


@pytest.mark.parametrize("name", OPTIONS)
def test_a_target_whose_options_are_arguments_agrees_whatever_they_are(name):
    """Weights of 0 and 1e6, a smoothing of 1, samples that do not count; masked classes beside them."""
    target = loaded(name)
    assert target.varied
    run = conform(target, dtype=target.dtypes[0], max_examples=OPTIONS[name], seed=0)
    assert disagreements(run) == []
    assert run.tallies["loss"].judged and run.tallies["theta_gradient"].judged
    masked = conform(target, dtype=target.dtypes[0], regimes=("masked-class",), max_examples=OPTIONS[name], seed=1)
    assert disagreements(masked) == []


@pytest.mark.parametrize("name", [name for name in BUILT_IN if BUILT_IN[name].installed])
def test_a_target_takes_options_if_it_is_listed_to(name):
    assert bool(loaded(name).takes.options) == (name in OPTIONS)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_known_disagreement_shows_and_is_named_with_its_reason(name):
    target = loaded(name)
    for dtype in target.dtypes[:2]:
        known = {target.expected(check, dtype) for check in CHECKS} - {""}
        if known:
            run = conform(target, dtype=dtype, max_examples=examples(name, 2), seed=3)
            shown = {tally.expected for tally in run.tallies.values() if tally.outcome in FAILURES}
            assert shown == known
            assert all(len(reason) > 30 for reason in known)


def test_an_expected_failure_is_strict_both_ways():
    """A check that fails without being expected to fails the run, and so does one that was expected to fail and does not."""
    right, named = load("numpy"), {"logits": "Z is forgotten"}
    wrong = replace(right, logits=lambda theta, b, X: 0 * b + 0 * X[:1])
    runs = [
        conform(target, checks=("logits",), max_examples=20)
        for target in (right, replace(right, expected_failures=named), wrong, replace(wrong, expected_failures=named))
    ]
    assert [run.failed for run in runs] == [False, True, True, False]
    assert [run.tallies["logits"].stale for run in runs] == [False, True, False, False]


def test_every_expected_failure_names_a_check_there_is():
    for name in BUILT_IN:
        if BUILT_IN[name].installed or BUILT_IN[name].extra not in ELSEWHERE:
            assert {key.partition("/")[0] for key in loaded(name).expected_failures} <= set(CHECKS)


def test_the_same_seed_gives_the_same_verdicts_and_another_seed_other_problems():
    first, again, other = (conform(load("numpy"), max_examples=30, seed=seed) for seed in (5, 5, 6))
    ratios = [{name: tally.ratio for name, tally in run.tallies.items()} for run in (first, again, other)]
    assert ratios[0] == ratios[1] != ratios[2]


def test_a_target_that_is_made_for_one_precision_is_not_asked_for_another():
    assert load("reference").dtypes == ("float64",)


# ---- any differentiable loss of a framework ----


def framework(name):
    """The package; where it is missing, a skip, and in CI a failure."""
    if os.environ.get("CI"):
        return importlib.import_module(name)
    return pytest.importorskip(name)


def torch_losses():
    torch = framework("torch")
    right = torch.nn.functional.cross_entropy
    return gradcheck.from_torch, right, lambda Z, Y: right(torch.clamp(Z, -10, 10), Y)


def jax_losses():
    jax = framework("jax")
    right = lambda Z, Y: -jax.nn.log_softmax(Z)[jax.numpy.arange(len(Y)), Y].mean()
    return gradcheck.from_jax, right, lambda Z, Y: right(jax.numpy.clip(Z, -10, 10), Y)


def autograd_losses():
    anp, special = framework("autograd.numpy"), framework("autograd.scipy.special")
    right = lambda Z, Y: anp.mean(special.logsumexp(Z, axis=1) - Z[np.arange(len(Y)), Y])
    return gradcheck.from_autograd, right, lambda Z, Y: right(anp.clip(Z, -10, 10), Y)


LOSSES = {"torch": torch_losses, "jax": jax_losses, "autograd": autograd_losses}
INDEXED = Layout(samples="rows", labels="index")


@pytest.mark.parametrize("name", LOSSES)
def test_any_loss_of_logits_becomes_an_implementation_and_a_clipped_one_disagrees(name):
    adapter, right, wrong = LOSSES[name]()
    linear = lambda theta, b, X: X @ theta.T + b
    for loss, failed in ((right, False), (wrong, True)):
        run = conform(
            adapter(loss, logits=linear, layout=INDEXED), max_examples=examples(name), checks=("*_gradient", "loss")
        )
        assert run.failed == failed
        assert all(run.tallies[check].judged for check in ("logits_gradient", "data_gradient", "loss"))


@pytest.mark.parametrize("name", LOSSES)
def test_any_loss_of_parameters_becomes_an_implementation_and_a_forgotten_mean_disagrees(name):
    """theta and b by the framework's engine; in rows, and without a bias."""
    adapter, right, _ = LOSSES[name]()
    flat = lambda theta, b, X, Y: right(X @ theta.T + b, Y)
    absent = lambda theta, X, Y: right(X @ theta.T, Y)
    summed = lambda theta, b, X, Y: flat(theta, b, X, Y) * len(Y)
    bare = replace(INDEXED, bias="absent")
    for loss, layout, failed in ((flat, INDEXED, False), (absent, bare, False), (summed, INDEXED, True)):
        run = conform(adapter(loss, layout=layout), max_examples=examples(name), checks=("*_gradient", "loss"))
        assert run.failed == failed
        assert all(run.tallies[f"{variable}_gradient"].judged for variable in ("theta", "bias", "data"))
    assert adapter(summed, layout=replace(INDEXED, reduction="sum"), name="mine").name == "mine"
    assert adapter(flat, layout=INDEXED).offers == ("gradients", "loss")


def held(name):
    """Ways to keep X out of what is differentiated, and what a framework cannot differentiate."""
    if name == "torch":
        return [lambda X: X.detach()]
    if name == "jax":
        jax = framework("jax")
        return [
            jax.lax.stop_gradient,
            lambda X: jax.pure_callback(lambda a: a, jax.ShapeDtypeStruct(X.shape, X.dtype), X),
        ]
    return [framework("autograd.tracer").getval, framework("autograd.extend").primitive(lambda X: X + 0.0)]


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_without_a_gradient_of_the_data_is_judged_by_its_others(name):
    """X is held, cannot be differentiated, or is made of whole numbers: no failure, and no zeros in its place."""
    adapter, right, _ = LOSSES[name]()
    theta, b = np.array([[1.0, -2.0], [0.5, 3.0], [0.0, 1.0]]), np.array([0.5, 0.0, -1.0])
    X, Y = np.array([[1.0, 2.0], [-1.0, 0.5]]), np.array([2, 0])
    for hold in (None, *held(name)):
        linear = lambda theta, b, X, hold=hold: (hold(X) if hold else X) @ theta.T + b
        flat = lambda theta, b, X, Y, linear=linear: right(linear(theta, b, X), Y)
        for made in (adapter(right, logits=linear, layout=INDEXED), adapter(flat, layout=INDEXED)):
            found = made.gradients(theta, b, X, Y)
            assert found.keys() - {"Z"} == {"theta", "b"} | ({"X"} if hold is None else set())
    whole = adapter(right, logits=lambda theta, b, X: (X[:, :, None] * theta.T).sum(axis=1) + b, layout=INDEXED)
    assert "X" not in whole.gradients(theta, b, X.astype(int), Y)


def test_a_module_of_weights_and_bias_becomes_an_implementation():
    """Logits, or the loss itself; with a bias and without; one that leaves out the bias disagrees."""
    torch = framework("torch")
    nn, cross_entropy = torch.nn, torch.nn.functional.cross_entropy

    class Fused(nn.Linear):
        def forward(self, X, Y):
            return cross_entropy(super().forward(X), Y)

    class Biasless(nn.Linear):
        def forward(self, X):
            return nn.functional.linear(X, self.weight, 0 * self.bias)

    for module, failed in (
        (nn.Linear(4, 3), False),
        (nn.Linear(4, 3, bias=False), False),
        (nn.Sequential(nn.Linear(4, 3)), False),
        (Fused(4, 3), False),
        (Biasless(4, 3), True),
    ):
        before = [parameter.clone() for parameter in module.parameters()]
        run = conform(gradcheck.from_torch_module(module), max_examples=20)
        assert run.failed == failed, disagreements(run)
        assert run.tallies["theta_gradient"].judged and run.tallies["bias_gradient"].judged
        assert all(torch.equal(*pair) for pair in zip(before, module.parameters(), strict=True))
    with pytest.raises(Unusable, match="expected one matrix"):
        gradcheck.from_torch_module(nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)))


def test_a_generic_adapter_says_how_to_install_what_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.delitem(sys.modules, "gradcheck.implementations.jax", raising=False)
    monkeypatch.delattr("gradcheck.implementations.jax", raising=False)
    with pytest.raises(Missing, match=r"gradcheck\.from_jax needs jax, which is not installed; pip install jax$"):
        gradcheck.from_jax(lambda theta, b, X, Y: 0.0)
