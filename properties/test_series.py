"""Losses of one's own along a line: Taylor series of every primitive, and differences whose bend they bound."""

from dataclasses import replace

import flint
import numpy as np
import pytest

import gradcheck.numpy as gnp
from gradcheck import Implementation, Loss, Problem
from gradcheck.checks import CHECKS
from gradcheck.checks import taylor as checks
from gradcheck.checks.trial import Trial
from gradcheck.readings.balls import Balls
from gradcheck.readings.primitives import PRIMITIVES, Primitive
from gradcheck.readings.running.conditions import Condition
from gradcheck.readings.series import NoSeries, Series, capped
from gradcheck.readings.tape import Variable
from gradcheck.referees import oracle, taylor
from gradcheck.referees.cumulants import Move
from gradcheck.verdict import Outcome
from properties.own_losses import FOCAL, KERNEL, cross_entropy, focal, gradients, hinge, loss, squares

x = flint.arb_series  # of one entry
HALF = np.array([[0.5, -0.25, 1.5], [0.75, 2.0, -1.25]])
SMALL = HALF / 4

# A function in NumPy notation, where it is read, and the same of python-flint's series of each entry.
EACH = {
    "exp": (gnp.exp, HALF, lambda s: s.exp()),
    "log": (gnp.log, abs(HALF), lambda s: s.log()),
    "sqrt": (gnp.sqrt, abs(HALF), lambda s: s.sqrt()),
    "sin": (gnp.sin, HALF, lambda s: s.sin()),
    "cos": (gnp.cos, HALF, lambda s: s.cos()),
    "arccos": (gnp.arccos, SMALL, lambda s: s.acos()),
    "tanh": (gnp.tanh, HALF, lambda s: ((2 * s).exp() - 1) / ((2 * s).exp() + 1)),
    "expm1": (gnp.expm1, HALF, lambda s: s.exp() - 1),
    "log1p": (gnp.log1p, SMALL, lambda s: (1 + s).log()),
    "sigmoid": (gnp.sigmoid, HALF, lambda s: 1 / (1 + (-s).exp())),
    "softplus": (gnp.softplus, HALF, lambda s: (1 + s.exp()).log()),
    "cube": (lambda Z: Z**3, HALF, lambda s: s * s * s),
    "power": (lambda Z: Z**2.5, abs(HALF), lambda s: (s.log() * 2.5).exp()),
    "negative power": (lambda Z: Z**-2, HALF, lambda s: 1 / (s * s)),
    "raise": (lambda Z: Z**Z, abs(HALF), lambda s: (s.log() * s).exp()),
    "reciprocal": (lambda Z: 1 / Z, HALF, lambda s: 1 / s),
    "quotient": (lambda Z: (Z - 1) / (Z * Z + 1), HALF, lambda s: (s - 1) / (s * s + 1)),
    "absolute": (abs, HALF, lambda s: s if s[0] > 0 else -s),
    "maximum": (lambda Z: gnp.maximum(Z * Z, 1), HALF, lambda s: s * s if s[0] * s[0] > 1 else x([1])),
    "minimum": (lambda Z: gnp.minimum(Z, Z * Z * Z), HALF, lambda s: s if s[0] < s[0] ** 3 else s * s * s),
    "sign": (lambda Z: gnp.sign(Z) * Z * Z, HALF, lambda s: s * s if s[0] > 0 else -s * s),
    "where": (lambda Z: gnp.where(Z > 0, Z * Z, 2 * Z), HALF, lambda s: s * s if s[0] > 0 else 2 * s),
    "comparison": (lambda Z: (Z > 0) * Z, HALF, lambda s: s if s[0] > 0 else x([0])),
}


def boxed(entries):
    """An array of objects, which NumPy would take for sequences."""
    array = np.empty(len(entries), dtype=object)
    array[:] = [boxed(entry) if isinstance(entry, list) else entry for entry in entries]
    return np.stack(array) if isinstance(entries[0], list) else array


def columns(function):
    """Of the entries of each column."""
    return lambda a: boxed([function(list(column)) for column in a.T]).T


def _softmax(column):
    powers = [s.exp() for s in column]
    return [p / sum(powers[1:], powers[0]) for p in powers]


# The same of whole arrays of entries, as arrays of objects.
WHOLE = {
    "softmax": (gnp.softmax, columns(_softmax)),
    "log_softmax": (gnp.log_softmax, columns(lambda c: [s.log() for s in _softmax(c)])),
    "logsumexp": (lambda Z: gnp.logsumexp(Z * Z), lambda a: boxed([(u.exp() + v.exp()).log() for u, v in (a * a).T])),
    "softmax of rows": (lambda Z: gnp.softmax(Z, axis=1), lambda a: columns(_softmax)(a.T).T),
    "sums": (
        lambda Z: (Z * Z).sum(axis=0) + Z.sum() + Z.mean(axis=1)[1],
        lambda a: boxed([s + a.sum() + a[1].sum() / 3 for s in (a * a).sum(axis=0)]),
    ),
    "cumsum": (lambda Z: gnp.cumsum(Z * Z, axis=1), lambda a: np.cumsum(a * a, axis=1)),
    "max": (lambda Z: gnp.max(Z * Z, axis=0), lambda a: boxed([max(c, key=lambda s: float(s[0])) for c in (a * a).T])),
    "matmul": (lambda Z: (Z * Z) @ Z.T, lambda a: (a * a) @ a.T),
    "matmul of a line": (
        lambda Z: Z @ np.arange(6.0).reshape(3, 2) - Z[:, :2],
        lambda a: a @ np.arange(6).reshape(3, 2) - a[:, :2],
    ),
    "moves": (
        lambda Z: gnp.concatenate([Z.T[1:], gnp.reshape(Z * Z, (3, 2))]),
        lambda a: np.concatenate([a.T[1:], (a * a).reshape(3, 2)]),
    ),
    "norm": (lambda Z: gnp.norm(Z, axis=0), lambda a: boxed([s.sqrt() for s in (a * a).sum(axis=0)])),
    "whole": (lambda Z: np.ones_like(Z) * Z - np.zeros_like(Z), lambda a: a),
}  # fmt: skip
MOVE = np.array([[1.0, -2.0, 0.5], [0.0, 1.0, -1.0]])


def read(function, start, about, count=4):
    with flint.ctx.workprec(128), capped(count):
        found = function(Variable(Series.line(Balls.exact(start), Balls.exact(MOVE), about)))
        return found.array.settled() if isinstance(found.array, Series) else found.array


def exactly(function, start, t, count=4):
    """By python-flint's own series at t."""
    with flint.ctx.workprec(256), capped(count):
        entries = [x([flint.arb(a) + flint.arb(v) * t, v]) for a, v in zip(start.ravel(), MOVE.ravel(), strict=True)]
        array = np.empty(start.shape, dtype=object)
        array.ravel()[:] = entries
        return function(array)


def require(found, exact, count=4, sharp=None):
    assert found.shape == exact.shape
    for k in range(count):
        held = found.term(k).entries
        for ball, entry in zip(held, exact.ravel().tolist(), strict=True):
            assert ball.overlaps(flint.arb(entry[k]))
            assert sharp is None or ball.rad() < sharp


ALL = {**{name: (f, at, np.vectorize(g, otypes=[object])) for name, (f, at, g) in EACH.items()},
       **{name: (f, HALF, g) for name, (f, g) in WHOLE.items()}}  # fmt: skip


@pytest.mark.parametrize("name", ALL)
def test_coefficients_are_those_of_series_and_over_an_interval_contain_them(name):
    function, start, exact = ALL[name]
    require(read(function, start, flint.arb(0)), exactly(exact, start, 0), sharp=1e-30)
    wide = read(function, start, flint.arb(0, 2.0**-7))
    for t in (-(2.0**-7), 2.0**-9, 2.0**-7):
        require(wide, exactly(exact, start, flint.arb(t)))


def test_whole_powers_of_what_may_be_0_are_known():
    about = Series(Balls([x([flint.arb(0, 0.5)]), x([0, 1])], (2,)))  # one that does not move, and one that does
    with capped(4):
        square, fifth = about.power(2.0).balls.entries, about.power(5.0).balls.entries
        assert square[0][0].contains(0.25) and fifth[0][0].contains(-(2.0**-5)) and not fifth[0][0].contains(1)
        assert [square[1][k] for k in range(4)] == [0, 0, 1, 0] and about.power(0.0).balls.entries[1][0] == 1


@pytest.mark.parametrize("count", (2, 3, 5))
def test_as_many_coefficients_as_are_asked_for(count):
    function, start, exact = ALL["tanh"]
    require(read(function, start, flint.arb(0), count), exactly(exact, start, 0, count), count, sharp=1e-30)


def test_a_line_is_put_together_before_the_interval_is():
    found = read(lambda Z: (Z - Z[:1]) * 2, HALF, flint.arb(0, 1))
    assert all(ball == 0 for ball in found.term(0).entries[:3])
    assert float(found.term(0).entries[3].rad()) == pytest.approx(2.0, rel=1e-6)  # |2 (0 - 1)|, not 2 (0 + 1) + ...


def test_a_sum_of_lines_is_a_line():
    """It is read about the same ball as they are."""
    line = Series.line(Balls.exact(HALF), Balls.exact(MOVE), flint.arb(0, 1))
    (found, *_) = line.sum(axis=1).settled().term(0).entries
    assert found.contains(1.75 + 0.5) and found.contains(1.75 - 0.5) and not found.contains(1.75 + 0.75)


def test_there_is_no_series_of_a_choice_that_is_in_doubt():
    """By a comparison of what does not move, which no step turns: of numbers that are not known well enough."""
    doubted = Condition(HALF > 0, np.zeros(HALF.shape, dtype=bool))
    with pytest.raises(NoSeries, match="a kink of where"):
        read(lambda Z: gnp.where(doubted, Z, 2 * Z), HALF, flint.arb(0))


@pytest.mark.parametrize(
    ("function", "reason"),
    (
        (lambda Z: gnp.relu(Z - 0.5), "a kink of maximum may lie"),
        (lambda Z: abs(Z - 0.5), "a kink of abs may lie"),
        (lambda Z: gnp.where(Z > 0.5, Z, 2 * Z), "a kink of a comparison may lie"),
        (lambda Z: gnp.max(Z[:, :1] + 0 * Z, axis=1), "a kink of max may lie"),
        (lambda Z: gnp.sign(Z - 0.501), "a kink of sign may lie"),
        (lambda Z: 1 / (Z - 0.5), "a pole of divide may lie"),
        (lambda Z: gnp.stop_gradient(Z) * Z, "stops a gradient"),
    ),
)
def test_where_there_is_no_series_that_is_said(function, reason):
    with pytest.raises(NoSeries, match=reason):
        read(function, HALF, flint.arb(0, 2.0**-7))


def test_a_primitive_that_is_not_of_each_entry_and_says_nothing_has_none():
    novel = Primitive("novel", np.sort, (lambda g, y, a: g,), None, lambda a: a, each=False)
    try:
        with pytest.raises(NoSeries, match="no Taylor series of novel is known"):
            read(novel, HALF, flint.arb(0))
    finally:
        del PRIMITIVES["novel"]


# ---- differences of losses ----


def bending(theta, b, X, Y, *, np):
    """Of the parameters alone, by functions that bend."""
    A = np.sigmoid(theta @ np.tanh(X)) * np.softplus(b)
    return (A * Y).sum() + (theta**4).mean() + np.sqrt((b * b).sum() + 1)


def margin(Z, Y, *, np):
    """Of the largest of the other classes, which a condition on the labels picks out."""
    other = np.max(np.where(Y > 0.5, -np.inf, Z), axis=0)
    return np.relu(1 + other - (Z * Y).sum(axis=0)).sum()


def kinked(Z, Y, *, np, at=0.0):
    return (np.relu(Z - at) * (1 + Y)).sum()


def problem(dtype="float64", seed=0, scale=1.0, n=4):
    L, d = 3, 2
    rng = np.random.default_rng(seed)
    arrays = (
        rng.normal(size=(L, d)),
        rng.normal(size=(L, 1)),
        scale * rng.normal(size=(d, n)),
        np.eye(L)[:, rng.integers(0, L, n)],
    )
    return Problem(*(array.astype(dtype) for array in arrays))


def signs(p, *names):
    rng = np.random.default_rng(1)
    arrays = dict(zip(("theta", "b", "X"), p.reals, strict=False))
    moved = {name: rng.choice([-1.0, 1.0], array.shape) * (name in names) for name, array in arrays.items()}
    return Move(moved["theta"], moved["b"], moved["X"] if "X" in names else None)


LOSSES = (cross_entropy, focal, hinge, squares, bending, margin)


@pytest.mark.parametrize("function", LOSSES)
@pytest.mark.parametrize("seed", range(3))
def test_differences_of_the_mathematical_loss_enclose_the_truth_and_are_sharp(function, seed):
    p = problem(seed=seed, scale=(1.0, 1e-3, 10.0)[seed]).with_law(Loss(function))
    truth = oracle(p)
    for referee, names in ((taylor.forward, ("theta", "b")), (taylor.central, ("theta",)), (taylor.central, ("X",))):
        move = signs(p, *names)
        taken = referee(p, move)
        parts = [(truth.enclosure(name), getattr(taken.move, name)) for name in names]
        exact = sum(float((found.midpoint * moved).sum()) for found, moved in parts)
        size = sum(float((abs(found.midpoint) * abs(moved)).sum()) for found, moved in parts)
        assert abs(exact - float(taken.enclosure.midpoint)) <= 1e-14 * size
        assert float(taken.enclosure.radius) <= 1e-15 * size
    if p.law.of_Z:
        taken = taylor.central_logits(p, signs(p, "theta").theta @ np.ones((2, 4)) + 0.5)
        exact = float((truth.enclosure("D").midpoint * taken.move.theta).sum())
        assert (
            abs(exact - float(taken.enclosure.midpoint))
            <= 1e-14 * abs(truth.enclosure("D").midpoint * taken.move.theta).sum()
        )


@pytest.mark.parametrize("function", LOSSES)
@pytest.mark.parametrize("dtype", ("float64", "float32", "float16"))
def test_what_a_step_leaves_out_is_bounded(function, dtype):
    """Of a loss that is not rounded at all, the difference quotient is off by no more than the bound."""
    p = problem(dtype).with_law(Loss(function))
    noise, move = 4 * p.precision.u, signs(p, "theta", "b")
    exactly = lambda q: known(oracle(q.with_arrays(*q.reals)).enclosure("loss"))
    taken = taylor.own(p, move, exactly, noise)
    truth = oracle(p.with_arrays(*p.reals))
    exact = sum(float((truth.enclosure(name).midpoint * getattr(taken.move, name)).sum()) for name in ("theta", "b"))
    assert abs(exact - float(taken.enclosure.midpoint)) <= float(taken.enclosure.radius) + 1e-13
    assert float(taken.enclosure.radius) <= 8 * noise + 1e-13


@pytest.mark.parametrize("function", LOSSES)
def test_long_steps_of_the_mathematical_loss_are_corrected_by_what_they_leave_out(function):
    p = problem().with_law(Loss(function))
    truth, move = oracle(p), signs(p, "theta", "b")
    exact = sum(float((truth.enclosure(name).midpoint * getattr(move, name)).sum()) for name in ("theta", "b")) / 64
    with flint.ctx.workprec(128):
        start, step = taylor._exact(p), {name: Balls.exact(getattr(move, name) / 64) for name in ("theta", "b")}
        found = taylor._forward(p, start, step), taylor._central(p, start, step)
    for taken, times in zip(found, (1, 2), strict=True):
        assert abs(times * exact - float(taken.midpoint)) <= float(taken.radius) + 1e-14
        assert float(taken.radius) < 0.05


def test_the_rounding_of_either_loss_counts():
    p = problem().with_law(FOCAL)
    for wide in (0.0, 0.25):
        radii = iter((wide, 0.25 - wide))
        value = lambda q, radii=radii: replace(oracle(q).enclosure("loss"), radius=np.asarray(next(radii)))
        assert 0.25 <= float(taylor.own(p, signs(p, "theta"), value, 1e-15).enclosure.radius) < 0.26


def test_a_bend_that_is_not_finite_is_none():
    p = problem().with_law(Loss(lambda theta, Y, *, np: np.sqrt((theta * theta).sum()) + Y.sum(), name="norm"))
    p = p.with_arrays(0 * p.theta, p.b, p.X, p.Y)
    with pytest.raises(NoSeries, match="how the loss bends over the step is not known to be finite"):
        taylor.forward(p, signs(p, "theta"))


def known(found):
    return replace(found, radius=found.radius + 1e-15)


def judged(name, p, **functions):
    return CHECKS[name].judge(Trial(replace(KERNEL, law=p.law, **functions), p))


OWN = "gradient_of_its_own_loss"
CORRECT = ("forward_difference", "central_difference_theta", "central_difference_Z", "central_difference_X")


@pytest.mark.parametrize("dtype", ("float64", "float32"))
@pytest.mark.parametrize("name", (OWN, *CORRECT))
def test_right_code_agrees_and_a_gradient_by_another_factor_does_not(name, dtype):
    p = problem(dtype).with_law(FOCAL)
    assert judged(name, p).outcome is Outcome.AGREE
    factor = p.theta.dtype.type(1 + (1e-7 if dtype == "float64" else 0.02))
    wrong = lambda *arrays: {key: value * factor for key, value in gradients(*arrays).items()}
    assert judged(name, p, gradients=wrong).outcome is Outcome.DISAGREE


def test_a_loss_and_a_gradient_that_are_wrong_alike_are_consistent():
    p = problem().with_law(FOCAL)
    twice = {"loss": lambda *a: 2 * loss(*a), "gradients": lambda *a: {k: 2 * v for k, v in gradients(*a).items()}}
    assert judged(OWN, p, **twice).outcome is Outcome.AGREE
    assert judged("loss", p, **twice).outcome is judged("forward_difference", p, **twice).outcome is Outcome.DISAGREE
    alone = judged(OWN, p, loss=twice["loss"])  # how another loss bends is not known
    assert alone.outcome is Outcome.SKIPPED and "its loss is not focal" in alone.reason


def test_a_loss_that_is_right_at_the_problem_alone_is_none_to_take_differences_of():
    p = problem().with_law(FOCAL)
    elsewhere = lambda theta, *others: loss(theta, *others) * (1 if (theta == p.theta).all() else 2)
    found = judged(OWN, p, loss=elsewhere)
    assert found.outcome is Outcome.SKIPPED and "its loss is not focal" in found.reason


def test_another_loss_with_its_own_gradient_is_consistent_though_it_bends_more():
    p = problem().with_law(FOCAL)
    more = {
        "loss": lambda theta, *others: loss(theta, *others) + 10 * (theta**4).sum(),
        "gradients": lambda theta, *others: {**(g := gradients(theta, *others)), "theta": g["theta"] + 40 * theta**3},
    }
    assert judged(OWN, p, **more).outcome is Outcome.AGREE


def test_its_own_loss_stands_for_the_loss_to_within_both_their_errors():
    p = problem().with_law(FOCAL)
    trial = Trial(KERNEL, p)
    value, allowed = trial.truth_of(p).computed("loss")
    for share in (0.0, 0.9):
        off = Trial(replace(KERNEL, loss=lambda *arrays, share=share: value.midpoint + share * allowed), p)
        assert float(checks.own_loss(off, p, True).radius / allowed) == pytest.approx(1 + share, rel=1e-2)


def test_a_bias_is_moved_by_what_changes_the_loss():
    for seed in range(6):
        p = problem(seed=seed).with_law(FOCAL)
        two = p.with_arrays(p.theta[:2], p.b[:2], p.X, np.eye(2)[:, [0, 1, 1, 0]])
        assert judged("central_difference_b", two).outcome is Outcome.AGREE


def test_a_kink_in_the_step_is_skipped_with_the_reason():
    p = problem().with_law(Loss(kinked))

    def its_gradients(theta, b, X, Y):
        D = (theta @ X + b > 0) * (1 + Y)
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D, "X": theta.T @ D}

    code = {"loss": lambda t, b, X, Y: (np.maximum(t @ X + b, 0) * (1 + Y)).sum(), "gradients": its_gradients}
    assert {judged(name, p, **code).outcome for name in (OWN, *CORRECT)} == {Outcome.AGREE}
    near = p.with_arrays(p.theta, p.b - (p.theta @ p.X + p.b)[:, :1] + 1e-11, p.X, p.Y)
    found = judged(OWN, near, **code)
    assert found.outcome is Outcome.SKIPPED and found.reason == "a kink of maximum may lie in the step"
    assert judged("forward_difference", near, **code).outcome is Outcome.AGREE  # whose steps are far shorter
    at = p.with_arrays(0 * p.theta, 0 * p.b, p.X, p.Y)
    assert {judged(name, at, **code).outcome for name in (OWN, *CORRECT)} == {Outcome.SKIPPED}


def test_large_problems_are_left_out_and_a_step_that_tells_nothing_is():
    for large in (problem(n=200), problem(n=65)):
        reason = judged(OWN, large.with_law(FOCAL)).reason
        assert reason == "more than 512 numbers, or 64 samples: how such a loss bends is not read"
    coarse = judged(OWN, problem("float16").with_law(FOCAL))
    assert coarse.outcome in (Outcome.AGREE, Outcome.SKIPPED)
    even = problem().with_law(Loss(lambda Z, Y: (Z * 0).sum(), name="nothing"))
    nothing = judged("forward_difference", even, gradients=lambda *a: {k: 0 * v for k, v in gradients(*a).items()})
    assert nothing.outcome is Outcome.SKIPPED


def test_bias_and_theta_are_moved_only_where_their_gradient_is_returned():
    only = Implementation("only", lambda *a: {"theta": gradients(*a)["theta"]}, loss, law=FOCAL)
    for name in (OWN, "forward_difference"):
        assert CHECKS[name].judge(Trial(only, problem().with_law(FOCAL))).outcome is Outcome.AGREE
