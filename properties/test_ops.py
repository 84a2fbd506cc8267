"""The operators of `gradcheck.ops`: right results of frameworks are explained, whatever options; what does not fit is one line."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import gradcheck
from gradcheck import ops, tensors
from gradcheck.verdict import Outcome

torch = pytest.importorskip("torch")
F = torch.nn.functional
DTYPES = {
    "float64": {},
    "float32": {},
    "bfloat16": {"inner": "float32", "stored": "bfloat16"},
    "float16": {"inner": "float32", "stored": "float16"},
}


def of(dtype, *shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(
        getattr(torch, dtype)
    )


def classes(L, *shape):
    return torch.randint(0, L, shape, generator=torch.Generator().manual_seed(1))


def agrees(actual, op, wrt=None, **declared):
    found = gradcheck.explained(actual, op, wrt, **declared)
    assert found.agrees, str(found)


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_torch_returns_is_explained(dtype):
    Z, g, y, kw = of(dtype, 6, 20), of(dtype, 6, 20, seed=2), classes(20, 6), DTYPES[dtype]
    y[2] = -100
    for name, function in (
        ("softmax", torch.softmax),
        ("log_softmax", torch.log_softmax),
        ("logsumexp", torch.logsumexp),
    ):
        for axis in (1, 0):
            leaf = Z.clone().requires_grad_()
            found = function(leaf, axis)
            c = g if found.shape == g.shape else g.select(axis, 0)
            (flow,) = torch.autograd.grad(found, leaf, c)
            op = getattr(ops, name)(Z, axis, upstream=c)
            agrees(found, op)
            agrees(flow, op, "Z", **kw)
    A, log_A = torch.softmax(Z, 1), torch.log_softmax(Z, 1)
    agrees(torch.ops.aten._softmax_backward_data(g, A, 1, A.dtype), ops.softmax_backward_data(g, A), **kw)
    agrees(
        torch.ops.aten._log_softmax_backward_data(g, log_A, 1, A.dtype), ops.log_softmax_backward_data(g, log_A), **kw
    )
    weight = torch.rand(20, dtype=Z.dtype) + 0.5
    for reduction in ("mean", "sum", "none"):
        for w in (None, weight):
            leaf = log_A.clone().requires_grad_()
            found = F.nll_loss(leaf, y, weight=w, reduction=reduction)
            c = torch.ones_like(found)
            (flow,) = torch.autograd.grad(found, leaf, c)
            op = ops.nll(log_A, y, weight=w, reduction=reduction, upstream=None if reduction != "none" else c)
            agrees(found, op, **kw)
            agrees(flow, op, "log_A", **kw)
    x, a, b = abs(of(dtype, 5, 30)), of(dtype, 5, 7), of(dtype, 7, 4)
    agrees(x.sum(1), ops.sum(x, 1), **kw)
    agrees(x.mean(), ops.mean(x), **kw)
    agrees(a @ b, ops.matmul(a, b), **kw)
    for c, beta, alpha in ((x[:, :4], 1, 1), (x[0, :4], 0.5, 2)):
        leaves = dict(zip("cab", (each.clone().requires_grad_() for each in (c, a, b)), strict=True))
        added, g = torch.addmm(*leaves.values(), beta=beta, alpha=alpha), of(dtype, 5, 4)
        op = ops.addmm(c, a, b, beta=beta, alpha=alpha, upstream=g)
        agrees(added, op, **kw)
        for name, flow in zip(leaves, torch.autograd.grad(added, leaves.values(), g), strict=True):
            agrees(flow, op, name, **kw)


LAWS = (
    {},
    {"reduction": "sum"},
    {"smoothing": 0.1},
    {"smoothing": 0.2, "smoothing_over": "others"},
    {"weight": np.linspace(0.5, 2, 9)},
    {"z_loss": 1e-3, "softcap": 5.0},
    {"scale": 0.5, "reduction": "none"},
    {"softcap": 2.0, "weight": np.linspace(0.5, 2, 9), "smoothing": 0.1, "z_loss": 0.01},
)


def by_torch(
    Z, y, *, reduction="mean", smoothing=0.0, smoothing_over="all", weight=None, z_loss=0.0, softcap=0.0, scale=1.0
):
    """The loss of each option, of tensors."""
    Z = Z * scale
    Z = softcap * torch.tanh(Z / softcap) if softcap else Z
    w = torch.ones(9, dtype=Z.dtype) if weight is None else torch.tensor(weight, dtype=Z.dtype)
    used = y >= 0
    Y = F.one_hot(y.clamp(min=0), 9).to(Z.dtype)
    rest = (1 - Y) * smoothing / 8 if smoothing_over == "others" else smoothing / 9
    each = -((Y * (1 - smoothing) + rest) * w * torch.log_softmax(Z, -1)).sum(-1)
    each = (each + z_loss * torch.logsumexp(Z, -1) ** 2) * used
    if reduction == "none":
        return each
    return each.sum() if reduction == "sum" else each.sum() / (w[y.clamp(min=0)] * used).sum()


@pytest.mark.parametrize("dtype", ("float64", "float32"))
@pytest.mark.parametrize("law", LAWS)
def test_the_cross_entropy_with_every_option(dtype, law):
    Z, y = of(dtype, 2, 5, 9).requires_grad_(), classes(9, 2, 5)
    y[1, 2] = -100
    loss = by_torch(Z, y, **law)
    c = None if loss.ndim == 0 else of(dtype, 2, 5, seed=3)
    (flow,) = torch.autograd.grad(loss, Z, c)
    op = ops.cross_entropy(Z, y, upstream=c, **law)
    agrees(loss, op)
    agrees(flow, op, "Z")
    turned = ops.cross_entropy(Z.movedim(-1, 0), y, upstream=c, samples="columns", **law)
    agrees(flow.movedim(-1, 0), turned, "Z")
    wrong = flow.clone()
    wrong[1, 3, 4] *= 1 + 2.0**-8
    found = gradcheck.explained(wrong, op, "Z")
    assert found.failed and found.place == (1, 3, 4)
    assert gradcheck.explained(wrong.movedim(-1, 0), turned, "Z").place == (4, 1, 3)


def test_a_layer_with_its_loss():
    X, theta, b, y = of("float32", 3, 4, 5), of("float32", 9, 5, seed=1), of("float32", 9, seed=2), classes(9, 3, 4)
    leaves = [a.requires_grad_() for a in (X, theta, b)]
    for reduction, c in (("mean", None), ("none", of("float32", 3, 4, seed=4))):
        loss = F.cross_entropy((X @ theta.T + b).reshape(-1, 9), y.reshape(-1), reduction=reduction)
        flows = torch.autograd.grad(loss, leaves, None if c is None else c.reshape(-1))
        op = ops.linear_cross_entropy(X, theta, y, b, reduction=reduction, upstream=c)
        for wrt, flow in zip(("X", "weight", "bias"), flows, strict=True):
            agrees(flow, op, wrt)
            assert gradcheck.explained(flow * 1.01, op, wrt).failed
        if c is None:
            agrees(loss, op)
    half = torch.nn.functional.linear(X.bfloat16(), theta.bfloat16()).float()  # as autocast has it
    loss = F.cross_entropy(half.reshape(-1, 9), y.reshape(-1))
    agrees(loss, ops.linear_cross_entropy(X.bfloat16(), theta.bfloat16(), y))


def test_masked_logits_and_rows_of_which_nothing_is_known():
    Z = of("float32", 5, 8)
    Z[:, 6] = Z[1, 2:5] = -torch.inf
    Z[3, 0], Z[4] = torch.nan, -torch.inf
    y = torch.zeros(5, dtype=torch.int64)
    for op, right in ((ops.softmax(Z), torch.softmax(Z, 1)), (ops.log_softmax(Z), torch.log_softmax(Z, 1))):
        found = gradcheck.explained(right, op)
        assert found.agrees and found.unknown == 16
        wrong = right.clone()
        wrong[1, 3] = 0.25  # a class that is masked
        assert gradcheck.explained(wrong, op).place == (1, 3)
    leaf = Z[:3].clone().requires_grad_()
    loss = F.cross_entropy(leaf, y[:3])
    loss.backward()
    agrees(loss, ops.cross_entropy(leaf, y[:3]))
    agrees(leaf.grad, ops.cross_entropy(leaf, y[:3]), "Z")
    y[2] = 6  # a class that is masked: the loss is infinite
    for reduction in ("mean", "sum", "none"):
        op, right = (
            ops.cross_entropy(leaf, y[:3], reduction=reduction),
            F.cross_entropy(leaf, y[:3], reduction=reduction),
        )
        agrees(right, op)
        assert gradcheck.explained(torch.nan_to_num(right), op).failed


def test_backward_operators_are_judged_by_what_they_are_given():
    g, A = of("float32", 4, 9), torch.softmax(of("float32", 4, 9, seed=5), 1) * 1.5  # no softmax of anything
    right = torch.ops.aten._softmax_backward_data(g, A, 1, torch.float32)
    agrees(right, ops.softmax_backward_data(g, A))
    assert gradcheck.explained(right, ops.softmax_backward_data(g, A / 1.5)).failed


def test_a_loss_of_ones_own():
    def squares(Z, Y, *, np, weight=2.0):
        return np.sum(weight * (np.exp(Z) - Y) ** 2)

    Z, Y = of("float32", 3, 4), abs(of("float32", 3, 4, seed=1))
    op = ops.loss(gradcheck.Loss(squares, weight=0.5), Z=Z, Y=Y)
    leaf = Z.clone().requires_grad_()
    loss = (0.5 * (torch.exp(leaf) - Y) ** 2).sum()
    loss.backward()
    agrees(loss, op)
    agrees(leaf.grad, op, "Z")
    assert gradcheck.explained(2 * leaf.grad, op, "Z").failed


LAW = gradcheck.CrossEntropy()
LAYER = (np.zeros((1, 4)), np.zeros((2, 4)), [0])


@pytest.mark.parametrize(
    ("asked", "said"),
    (
        (lambda: ops.cross_entropy(np.zeros((2, 3)), [0, 3]), "Y holds 3; expected class indices from 0 to 2"),
        (lambda: ops.cross_entropy(np.zeros((2, 3)), [0]), "Y has shape (1,); expected (2,)"),
        (lambda: ops.cross_entropy(np.zeros((2, 3)), [0, 1], smothing=1), "'smothing' is not known"),
        (lambda: ops.cross_entropy(np.zeros((2, 3), "i4"), [0, 1]), "Z has dtype int32"),
        (lambda: ops.cross_entropy(np.zeros((2, 3)), [0, 1], l2=0.1), "l2 is a penalty of weights"),
        (lambda: ops.softmax(np.zeros(3), 2), "no axis 2"),
        (lambda: ops.matmul(np.zeros((2, 3)), np.zeros((2, 3))), "do not fit"),
        (lambda: gradcheck.explained(np.zeros(3), ops.softmax(np.zeros(3)), "X"), "wrt='X' is not known"),
        (lambda: gradcheck.explained(np.zeros(3), np.zeros(3)), "one of gradcheck.ops; given ndarray"),
        (lambda: gradcheck.explained(np.zeros(3), ops.softmax(np.zeros(3)), accumulate="float8"), "float8"),
        (lambda: gradcheck.problems_for(ops.addmm, [(2, 3)]), "no problems are posed of addmm"),
        (lambda: gradcheck.problems_for(ops.softmax, 3), "shape 3 is not known"),
        (lambda: ops.cross_entropy(np.zeros((2, 3)), [0, 1], upstream="x"), "upstream is 'x'"),
        (lambda: ops.cross_entropy(np.zeros((2, 3)), [0, 1], ignore_index="x"), "ignore_index='x'"),
        (lambda: gradcheck.explained(np.zeros(3), ops.softmax(np.zeros(3)), filtered=2), "expected a probability"),
        (lambda: gradcheck.explained(np.zeros(3), ops.softmax(np.zeros(3)), arithmetic=3), "a gradcheck.Arithmetic"),
        (lambda: gradcheck.explained(np.zeros(3), ops.softmax(np.zeros(3)), chian=3), "no argument 'chian'"),
        (lambda: gradcheck.explained(np.zeros(3), ops.softmax(np.zeros(3)), ["Z"]), "wrt=['Z'] is not known"),
        (lambda: gradcheck.explained(np.zeros(3), ops.softmax(np.zeros(3)), False), "wrt=False is not known"),
        (lambda: ops.softmax(np.zeros((2, 3)), True), "no axis True"),
        (lambda: ops.addmm(*[np.zeros((2, 2))] * 3, beta="1"), "addmm: beta is '1'; expected a number"),
        (lambda: ops.matmul(np.zeros((0, 2)), np.zeros((2, 3))), "matmul of nothing: shapes (0, 2) and (2, 3)"),
        (lambda: ops.matmul(np.zeros(()), np.zeros(3)), "shapes () and (3,) do not fit"),
        (lambda: gradcheck.explained(np.zeros(3), ops.softmax(np.zeros(3)), "Z"), "give upstream= to the operator"),
        (lambda: gradcheck.explained(np.zeros(3), ops.sum(np.zeros((2, 3)), 0), "x"), "give upstream= to the operator"),
        (lambda: ops.softmax(np.ma.masked_array([1.0, 2.0], mask=[True, False])), "some of its entries are masked"),
        (
            lambda: gradcheck.explained(np.zeros(1), ops.linear_cross_entropy(*LAYER, reduction="none")),
            "wrt=None is not known; expected X or theta or Z",
        ),
        (lambda: ops.cross_entropy(np.zeros((2, 3)), [0, 1], law="mean"), "law is 'mean'; expected a gradcheck.Cross"),
        (lambda: ops.cross_entropy(np.zeros((2, 3)), [0, 1], law=LAW, smoothing=0.1), "smoothing= is given beside it"),
        (lambda: ops.linear_cross_entropy(*LAYER, law=LAW, weight=[1, 2]), "weight= is given beside it"),
        (lambda: ops.cross_entropy(np.zeros((2, 3)), [0, 1], smoothing=0.1, label_smoothing=0.2), "are one option"),
        (lambda: ops.cross_entropy(np.zeros((2, 3)), [0.0, 1.0]), "Y is float64 of shape (2,); expected whole numbers"),
        (lambda: ops.cross_entropy(np.zeros((2, 5, 3, 4)), np.zeros((2, 3, 4), "i8")), "give np.moveaxis(Z, 1, -1)"),
        (
            lambda: gradcheck.explained(
                np.zeros(3), ops.softmax(np.zeros(3)), arithmetic=gradcheck.Arithmetic(), inner="bfloat16"
            ),
            "inner= is given beside it",
        ),
        (lambda: gradcheck.problems_for("softmax", [(2, 3)]), "expected the function gradcheck.ops.softmax"),
        (lambda: gradcheck.problems_for(ops.softmax, []), "no shapes are given"),
        (lambda: gradcheck.problems_for(ops.softmax, [(2, 3)], count=0), "count is 0; expected a whole number from 1"),
    ),
)
def test_what_does_not_fit_is_one_line(asked, said):
    with pytest.raises(gradcheck.Unusable) as refused:
        asked()
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_what_is_added_zero_times_is_not_read():
    a, b = np.ones((2, 4), "f4"), np.ones((4, 3), "f4")
    assert gradcheck.explained(2 * a @ b, ops.addmm(np.full((2, 3), np.nan, "f4"), a, b, beta=0, alpha=2)).agrees
    nothing = ops.addmm(np.ones(3, "f4"), a, b, beta=0, upstream=np.ones((2, 3), "f4"))
    assert gradcheck.explained(np.zeros(3, "f4"), nothing, "c").agrees


@pytest.mark.parametrize(
    "shapes", [((3,), (3,)), ((2, 3), (3,)), ((3,), (4, 3, 2)), ((4, 2, 3), (3, 5)), ((1, 2, 3), (4, 3, 2))]
)
def test_products_have_the_shapes_that_numpy_has(shapes):
    a, b = (np.random.default_rng(0).standard_normal(shape).astype("f4") for shape in shapes)
    op = ops.matmul(a, b)
    assert gradcheck.explained(a @ b, op).agrees and op.views[""].shape == (a @ b).shape


def test_bfloat16_of_mlx_and_paddle_is_read_by_its_bits(monkeypatch):
    held = SimpleNamespace(dtype="paddle.bfloat16", numpy=lambda: np.array([0x3F80, 0xC000], np.uint16))
    held.detach = held.cpu = lambda: held
    assert tensors.array(held).astype("f4").tolist() == [1.0, -2.0]
    bits = SimpleNamespace(dtype="mlx.core.bfloat16", view=lambda dtype: np.array([0x3F80, 0xC000], dtype))
    monkeypatch.setitem(sys.modules, "mlx.core", SimpleNamespace(uint16=np.uint16))
    assert tensors.array(bits).astype("f4").tolist() == [1.0, -2.0]


def test_one_shape_or_regime_may_stand_alone():
    (one,) = gradcheck.problems_for(ops.softmax, (4, 5), count=1, regimes="ties")
    assert one.inputs[0].shape == (4, 5)


def test_problems_for_an_operator_are_in_rows_and_repeat():
    found = gradcheck.problems_for(ops.cross_entropy, [(4, 30)], count=5, smoothing=0.1)
    again = gradcheck.problems_for(ops.cross_entropy, [(4, 30)], count=5, smoothing=0.1)
    assert [p.inputs[0].shape for p in found] == [(4, 30)] * 5
    assert all(
        (a == b).all() for p, q in zip(found, again, strict=True) for a, b in zip(p.inputs, q.inputs, strict=True)
    )
    for p in found:
        Z = torch.tensor(p.inputs[0], requires_grad=True)
        loss = F.cross_entropy(Z, torch.tensor(p.inputs[1]), label_smoothing=0.1)
        loss.backward()
        assert not gradcheck.explained(loss, p.op).failed
        assert gradcheck.explained(Z.grad, p.op, "Z").outcome in (Outcome.AGREE, Outcome.INCONCLUSIVE)
