"""What torch was told that products may round to is asked by a watch, a capture and an audit in one way: granted, or not judged."""

import json

import pytest
from test_audit import outcomes, step
from test_audit_devices import torch as to_torch

import gradcheck
from gradcheck import Arithmetic, Unusable
from gradcheck.auditing import flags
from gradcheck.auditing.run import audit_path

torch = pytest.importorskip("torch")
MATMUL = torch.backends.cuda.matmul
FLAGS = [(kind, flag) for kind, several in flags.REDUCED.items() for flag in several]
PRODUCTS = {"Z", "grad_theta", "grad_X"}


@pytest.fixture(autouse=True)
def as_it_was():
    """All of it; torch's own object takes no monkeypatch."""
    before = {flag: getattr(MATMUL, flag) for _, flag in FLAGS}
    precise = torch.get_float32_matmul_precision()
    for flag in before:
        setattr(MATMUL, flag, False)
    yield
    torch.set_float32_matmul_precision(precise)
    for flag, value in before.items():
        setattr(MATMUL, flag, value)


@pytest.fixture
def gpu(monkeypatch):
    """Tensors of the CPU, as those of a GPU as far as flags are asked."""
    real = flags.read
    monkeypatch.setattr(flags, "read", lambda device: real("cuda"))


def arrays(dtype):
    return {name: to_torch(array) for name, array in step(dtype).items() if array.ndim}


def captured(path, dtype, **said):
    torch.manual_seed(0)
    head = torch.nn.Linear(12, 40).to(dtype)
    X, y = torch.randn(30, 12, dtype=dtype, requires_grad=True), torch.randint(40, (30,))
    captured = gradcheck.capture(head, path, **said)
    loss = torch.nn.functional.cross_entropy(head(X), y)
    loss.backward()
    return captured.write(y, loss)


def watched(dtype, **said):
    head = torch.nn.Linear(12, 40).to(dtype)
    with gradcheck.watch(head, every=1, **said) as watch:
        X = torch.randn(30, 12, dtype=dtype, requires_grad=True)
        torch.nn.functional.cross_entropy(head(X), torch.randint(40, (30,))).backward()
    return watch.found


@pytest.mark.parametrize(("kind", "flag"), FLAGS)
def test_sums_that_may_be_in_16_bits_are_not_judged_and_it_is_said_what_to_set(kind, flag, gpu, tmp_path):
    """By none of the three; what is no product is judged as ever, and so is all of it where sums are declared."""
    dtype, words = getattr(torch, kind), f"set torch.backends.cuda.matmul.{flag} = False"
    setattr(MATMUL, flag, True)
    dump = captured(tmp_path / "dump", dtype)
    assert json.loads((dump / "layout.json").read_text())["flags"][flag] is True
    setattr(MATMUL, flag, False)  # the dump says what it was
    for found in (audit_path(dump), _with(flag, lambda: gradcheck.audit(**arrays(kind)))):
        reasons = {f.quantity for f in found.findings if words in f.verdict.reason}
        assert reasons == PRODUCTS and len(found.findings) > len(PRODUCTS)
    assert words in _with(flag, lambda: str(watched(dtype)))
    declared = Arithmetic(accumulate="float32")
    for found in (
        audit_path(dump, accumulate="float32"),
        _with(flag, lambda: gradcheck.audit(**arrays(kind), arithmetic=declared)),
    ):
        assert not any(words in f.verdict.reason for f in found.findings) and found.status == 0
    assert _with(flag, lambda: watched(dtype, arithmetic=declared)).judged == 1


def _with(flag, work):
    setattr(MATMUL, flag, True)
    try:
        return work()
    finally:
        setattr(MATMUL, flag, False)


def test_without_logits_nothing_is_judged_that_follows_from_such_a_product(gpu):
    MATMUL.allow_bf16_reduced_precision_reduction = True
    given = {name: array for name, array in arrays("bfloat16").items() if name != "Z"}
    found = gradcheck.audit(**given)
    assert set(outcomes(found).values()) == {"inconclusive"} and found.status == 3


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_flags_of_16_bits_say_nothing_of_others(dtype, gpu, tmp_path):
    for _, flag in FLAGS:
        setattr(MATMUL, flag, True)
    assert set(outcomes(audit_path(captured(tmp_path / "dump", dtype))).values()) == {"agree"}
    assert watched(dtype).judged == 1


def rounded(tensor):
    """To TF32, as an operand."""
    bits = tensor.detach().clone().view(torch.int32)
    return ((bits + 0xFFF + ((bits >> 13) & 1)) & ~0x1FFF).view(torch.float32)


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_products_of_tf32_are_granted_where_they_were_allowed_and_nowhere_else(device, monkeypatch, tmp_path):
    real = flags.read
    monkeypatch.setattr(flags, "read", lambda _: real(device))
    torch.manual_seed(0)
    X, theta, y = torch.randn(200, 64), torch.randn(40, 64), torch.randint(40, (200,))
    Z = rounded(X) @ rounded(theta).T
    D = (torch.softmax(Z.double(), 1) - torch.nn.functional.one_hot(y, 40)).float() / 200
    given = {"theta": theta, "b": None, "X": X, "Y": y, "Z": Z, "grad_theta": rounded(D).T @ rounded(X)}
    for allowed, outcome in (("high", "agree"), ("highest", "disagree")):
        torch.set_float32_matmul_precision(allowed)
        dump = gradcheck.capture(given, tmp_path / allowed, samples="rows")
        torch.set_float32_matmul_precision("highest")
        assert outcomes(audit_path(dump)) == {"Z": outcome, "grad_theta": outcome}
        torch.set_float32_matmul_precision(allowed)
        found = gradcheck.audit(samples="rows", **given)
        assert outcomes(found) == {"Z": outcome, "grad_theta": outcome}
        assert found.arithmetic.inner == ("tf32" if allowed == "high" else "")


def test_what_is_declared_prevails_over_a_flag(gpu):
    torch.set_float32_matmul_precision("high")
    assert gradcheck.audit(**arrays("float32"), arithmetic=Arithmetic(inner="bfloat16")).arithmetic.inner == "bfloat16"


@pytest.mark.parametrize("said", [3, {"float32": "tf64"}, {"allow_tf32": True}, {FLAGS[0][1]: "yes"}])
def test_flags_that_nobody_knows_are_refused_in_a_line(said, tmp_path):
    dump = captured(tmp_path / "dump", torch.float32)
    layout = json.loads((dump / "layout.json").read_text())
    (dump / "layout.json").write_text(json.dumps({**layout, "flags": said}))
    with pytest.raises(Unusable, match="flags") as raised:
        audit_path(dump)
    assert "\n" not in str(raised.value)


def test_a_watch_grants_tf32_where_it_is_allowed():
    """And not where it is not: a product of operands that were rounded to it is then a fault."""

    class Rounded(torch.autograd.Function):
        @staticmethod
        def forward(ctx, X, W, b):
            return rounded(X) @ rounded(W).T + b

        @staticmethod
        def backward(ctx, D):
            return None, None, None

    torch.manual_seed(0)
    head = torch.nn.Linear(64, 40)
    for allowed, wrong in (("high", False), ("highest", True)):
        torch.set_float32_matmul_precision(allowed)
        with gradcheck.watch(head, every=1, on="keep") as watch:
            watch._forward = lambda X: Rounded.apply(X, head._parameters["weight"], head._parameters["bias"])
            head(torch.randn(200, 64, requires_grad=True))
        assert bool(watch.found.wrong) is wrong
