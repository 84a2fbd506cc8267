"""An option of the loss that a step has, and nobody declared, is named where an audit that declares it finds nothing wrong."""

import re

import numpy as np
import pytest

import gradcheck
from gradcheck import CrossEntropy

torch = pytest.importorskip("torch")
cross_entropy = torch.nn.functional.cross_entropy

L, D, N = 40, 12, 200


def step(loss_of, folder, *, seed=0, factor=1.0, dtype=torch.float32, keep=None, **said):
    """A dump of a head whose loss is that of these logits and labels; `keep` leaves out some arrays."""
    torch.manual_seed(seed)
    head, X, y = torch.nn.Linear(D, L), torch.randn(N, D), torch.randint(L, (N,))
    head, X = head.to(dtype), X.to(dtype).requires_grad_()
    head.factor = factor
    torch.nn.init.normal_(head.weight)
    captured = gradcheck.capture(head, folder, **said)
    loss = loss_of(head(X), y, head)
    (factor * loss).backward()
    path = captured.write(y, loss, factor=factor)
    for file in path.glob("*.npy"):
        if keep is not None and file.stem not in ("theta", "b", "X", "Y", *keep):
            file.unlink()
    return path


def smoothed(epsilon):
    return lambda Z, y, head: cross_entropy(Z, y, label_smoothing=epsilon)


def summed(Z, y, head):
    return cross_entropy(Z, y, reduction="sum")


def smoothed_over_others(Z, y, head):
    others = torch.full_like(Z, 0.2 / (L - 1)).scatter(1, y[:, None], 0.8)
    return -(others * Z.log_softmax(1)).sum(1).mean()


def with_a_z_loss(Z, y, head):
    return cross_entropy(Z, y) + 1e-3 * Z.logsumexp(1).square().mean()


def with_a_penalty(Z, y, head):
    """Of a gradient that a hook adds to, so that it is in .grad of this use."""
    head.weight.register_hook(lambda G: G + head.factor * 0.01 * head.weight.detach())
    return cross_entropy(Z, y) + 0.01 / 2 * head.weight.detach().square().sum()


def capped(Z, y, head):
    return cross_entropy(15 * torch.tanh(Z / 15), y)


def cooled(Z, y, head):
    return cross_entropy(Z / 2, y)


WEIGHTS = torch.linspace(0.5, 2, L)


def weighed(Z, y, head):
    return cross_entropy(Z, y, weight=WEIGHTS)


OPTIONS = {
    "label smoothing of ε = 0.1, not declared: with --smoothing 0.1 nothing disagrees": smoothed(0.1),
    "label smoothing of ε = 0.0834, not declared": smoothed(0.0834),
    "ε = 0.2, not declared: with --smoothing 0.2 --smoothing-over others nothing disagrees": smoothed_over_others,
    "a z-loss of 0.001 lse², not declared: with --z-loss 0.001 nothing disagrees": with_a_z_loss,
    "a penalty of 0.01/2 |θ|², not declared: with --l2 0.01 nothing disagrees": with_a_penalty,
    "a soft cap of 15, not declared: with --softcap 15 nothing disagrees": capped,
    "logits times 0.5, as by a temperature, not declared: with --scale 0.5 nothing disagrees": cooled,
    "weights of classes, not declared": weighed,
    "a sum over samples in place of a mean, not declared: with --reduction sum nothing disagrees": summed,
}


def told(path, **said):
    """What is said of ∂ℒ/∂θ; nothing where it agrees."""
    found = gradcheck.audit(path, **said)
    return next(finding.faults for finding in found.findings if finding.quantity == "grad_theta")


@pytest.mark.parametrize("words", OPTIONS)
def test_an_option_that_nobody_declared_is_named(words, tmp_path):
    """With the number, of every quantity that is off, and whatever the loss was multiplied by."""
    for factor in (1.0, 8.0):
        path = step(OPTIONS[words], tmp_path / f"{factor}", factor=factor)
        found = gradcheck.audit(path)
        wrong = [finding for finding in found.findings if finding.verdict.failed]
        assert {"loss", "grad_theta"} <= {finding.quantity for finding in wrong}
        assert all(any(words in text for text in finding.faults) for finding in wrong), wrong[-1].faults


def test_what_is_named_agrees_once_it_is_declared(tmp_path):
    path = step(smoothed(0.0834), tmp_path / "dump")
    (number,) = re.findall(r"--smoothing ([0-9.]+)", " ".join(told(path)))
    assert gradcheck.audit(path, law=CrossEntropy(smoothing=float(number))).status == 0


def test_weights_are_those_of_classes(tmp_path):
    """Up to what they are divided by."""
    (words,) = told(step(weighed, tmp_path / "dump"))
    found = np.array([float(size) for size, _ in re.findall(r"([0-9.]+) of class (\d+)", words)])
    classes = [int(c) for _, c in re.findall(r"([0-9.]+) of class (\d+)", words)]
    ratios = found / WEIGHTS.numpy()[classes]
    assert len(found) == 6 and np.ptp(ratios) < 1e-4 * ratios.max()


@pytest.mark.parametrize("keep", [("grad_theta",), ("grad_theta", "Z"), ("loss", "grad_theta")])
def test_smoothing_is_named_of_a_gradient_alone(keep, tmp_path):
    words = "label smoothing of ε = 0.1, not declared: with --smoothing 0.1 nothing disagrees"
    assert words in told(step(smoothed(0.1), tmp_path / "dump", keep=keep))


def test_a_usual_cap_is_named_of_a_gradient_alone(tmp_path):
    path = step(lambda Z, y, _: cross_entropy(30 * torch.tanh(Z / 30), y), tmp_path / "dump", keep=("grad_theta",))
    assert any("a soft cap of 30, not declared" in text for text in told(path))


def test_what_is_declared_beside_stays_declared(tmp_path):
    """Of two options, one of which was said."""
    both = step(lambda Z, y, head: smoothed(0.1)(Z, y, head) + 1e-3 * Z.logsumexp(1).square().mean(), tmp_path / "both")
    assert told(both, law=CrossEntropy(z_loss=1e-3)) == (
        "label smoothing of ε = 0.1, not declared: with --smoothing 0.1 nothing disagrees",
    )
    assert not any("not declared" in text for text in told(both))


def spoilt(fault):
    def loss_of(Z, y, head):
        head.weight.register_hook(fault)
        return smoothed(0.1)(Z, y, head)

    return loss_of


FAULTS = {
    "a row": lambda G: torch.cat([G[:3], 2 * G[3:4], G[4:]]),
    "a factor": lambda G: 1.01 * G,
    "zeros": lambda G: 0 * G,
    "noise": lambda G: G + 1e-3 * torch.randn_like(G),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("loss_of", [smoothed(0.0), spoilt], ids=["", "beside smoothing"])
def test_another_fault_is_never_called_an_option(fault, loss_of, tmp_path):
    """Nor is smoothing, where it is not all that is wrong."""
    found = spoilt(FAULTS[fault]) if loss_of is spoilt else None

    def plain(Z, y, head):
        head.weight.register_hook(FAULTS[fault])
        return cross_entropy(Z, y)

    faults = told(step(found or plain, tmp_path / "dump"))
    assert faults and not any("not declared" in text for text in faults)


def gradients(theta, X, Y, *, times=1.0, targets=None):
    """Arrays of a step of float64, with a gradient that is this many times what it must be, or of other targets (L, n)."""
    Z = theta @ X
    A = np.exp(Z) / np.exp(Z).sum(axis=0)
    D = times * (A - (np.eye(len(theta))[:, Y] if targets is None else targets)) / Y.shape[-1]
    given = {"theta": theta, "b": np.zeros(len(theta)), "X": X, "Y": Y, "Z": Z, "grad_Z": D}
    return {**given, "grad_theta": D @ X.T, "loss": -np.log(A[Y, np.arange(Y.shape[-1])]).mean()}


def words(**given):
    found = gradcheck.audit(**given).findings
    return [text for finding in found for text in finding.faults]


@pytest.mark.parametrize("times", [2.0, 0.5])
@pytest.mark.parametrize("drop", [[], ["grad_Z"], ["grad_Z", "loss"]])
def test_a_factor_is_a_factor_where_options_are_none_but_factors(times, drop):
    """Of weights of zero smoothing, and a scale of logits, are no more than that."""
    rng = np.random.default_rng(0)
    given = gradients(np.zeros((L, D)), rng.normal(size=(D, N)), rng.integers(L, size=N), times=times)
    said = words(**{name: array for name, array in given.items() if name not in drop})
    assert any(f"every entry is {times:.7g} times" in text for text in said)
    assert not any("not declared" in text for text in said)


def test_labels_of_the_other_of_two_classes_are_no_smoothing():
    """Not even where they are smoothed, too."""
    rng = np.random.default_rng(0)
    Y = rng.integers(2, size=N)
    other = 0.1 * np.eye(2)[:, Y] + 0.9 * np.eye(2)[:, 1 - Y]
    given = gradients(rng.normal(size=(2, D)), rng.normal(size=(D, N)), Y, targets=other)
    said = words(**{name: array for name, array in given.items() if name != "loss"})
    assert said and not any("not declared" in text for text in said)


def test_samples_of_a_class_each_show_no_weights_of_classes():
    """Whatever they are multiplied by: a class that two have would show whether it is the class."""
    rng = np.random.default_rng(0)
    Y, times = rng.permutation(L)[:20], np.repeat([0.5, 1.5], 10)
    given = gradients(rng.normal(size=(L, D)), rng.normal(size=(D, 20)), Y, times=times)
    said = words(**{name: array for name, array in given.items() if name != "loss"})
    assert said and not any("not declared" in text for text in said)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_of_an_honest_step_nothing_is_said(seed, dtype, tmp_path):
    found = gradcheck.audit(step(smoothed(0.0), tmp_path / "dump", seed=seed, dtype=dtype))
    assert found.status == 0 and not any(finding.faults for finding in found.findings)
    declared = step(smoothed(0.1), tmp_path / "declared", seed=seed, dtype=dtype, smoothing=0.1)
    assert gradcheck.audit(declared).status == 0


@pytest.mark.parametrize("spoil", ["weights above 1", "logits of infinity", "logits of 1e38", "no label that counts"])
def test_what_no_option_can_be_fitted_to_is_judged_all_the_same(spoil):
    """And never refused for it."""
    rng = np.random.default_rng(0)
    theta, X = (rng.normal(size=shape).astype("f4") for shape in ((L, D), (D, N)))
    Z, Y = theta @ X, rng.integers(L, size=N)
    given = {"theta": theta, "b": np.zeros(L, "f4"), "X": X, "Y": Y, "Z": Z, "grad_theta": theta, "grad_Z": Z / N}
    law = CrossEntropy()
    if spoil == "weights above 1":
        given["Y"] = rng.uniform(0, 3, (L, N)).astype("f4")
    elif spoil == "logits of infinity":
        given["Z"] = np.where(rng.uniform(size=Z.shape) < 0.1, np.float32(-np.inf), Z)
    elif spoil == "logits of 1e38":
        given["Z"] = Z * np.float32(1e37)
    else:
        law, given["Y"] = CrossEntropy(ignore=-100), np.full(N, -100)
    found = gradcheck.audit(law=law, **given)
    assert found.status == 1 and not any("not declared" in text for f in found.findings for text in f.faults)


@pytest.mark.parametrize("keep", [None, ("grad_theta",)], ids=["all", "a gradient alone"])
@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"ignore": 3}, "a mean over labelled in place of all samples, not declared: with --mean-of labelled"),
        ({"class_weight": tuple(WEIGHTS.tolist())}, "a mean over weights in place of all samples"),
    ],
)
def test_a_mean_as_frameworks_take_it_is_named_where_it_was_declared_over_all(said, words, keep, tmp_path):
    """And not called a factor, which it is one of the gradients by."""
    more = {"ignore_index": said["ignore"]} if "ignore" in said else {"weight": WEIGHTS}
    path = step(lambda Z, y, head: cross_entropy(Z, y, **more), tmp_path / "dump", keep=keep, law=CrossEntropy(**said))
    found = gradcheck.audit(path)
    wrong = [finding for finding in found.findings if finding.verdict.failed]
    assert wrong and all(any(words in told for told in finding.faults) for finding in wrong)
