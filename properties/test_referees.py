"""Referees: each encloses what the balls enclose, on every problem that the strategies can pose."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import Enclosure, Problem, model, precision, problems, referees
from gradcheck.referees import Truth, ball, central, complex_step, cumulants, float64, forward, scipy_check_grad
from gradcheck.referees.cumulants import Move

PRECISIONS = pytest.mark.parametrize("dtype", precision.NAMES)
QUANTITIES = ("Z", "A", "loss", "D", "theta", "b")
DATA = st.data()
LARGE = 512  # logits, above which balls take seconds: a choice of cost
SMOOTH = ("*", "label-mass")  # regimes with difference quotients: no class at -inf, no whole numbers


def drawn(data: st.DataObject, dtype: str, *regimes: str) -> Problem:
    """A problem for balls: large ones are cut down to their first samples."""
    regime = data.draw(st.sampled_from(regimes), label="regime")
    p = data.draw(problems(dtypes=(dtype,), regimes=(regime,)), label="problem")
    n = min(p.n, max(1, LARGE // p.L))
    return Problem(p.theta, p.b, p.X[:, :n], p.Y[:, :n], p.memory)


def directions(data: st.DataObject, p: Problem) -> Move:
    """A sign, or nothing, for every parameter; the same again and again where there are many."""
    count = min(p.parameters, 64)
    signs = st.lists(st.sampled_from([1.0, -1.0, 0.0]), min_size=count, max_size=count)
    flat = np.resize(data.draw(signs, label="direction"), p.parameters)
    return Move(flat[: p.theta.size].reshape(p.theta.shape), flat[p.theta.size :].reshape(p.b.shape))


def along(truth: Truth, move: Move) -> Enclosure:
    """<gradient, move>, of the gradient that the balls enclose."""
    theta, b = truth.enclosure("theta"), truth.enclosure("b")
    value = move.project(theta.midpoint, b.midpoint)
    return value.inflate(move.spread(theta.radius, b.radius))


# ---- values ----


@PRECISIONS
@given(data=DATA)
def test_float64_arithmetic_encloses_what_balls_enclose(dtype, data):
    """|float64 - exact| is at most the rounding bound at u = 2**-53, for every quantity."""
    p = drawn(data, dtype, "*", "label-mass", "masked-class", "integers")
    wide, sharp = float64.truth(p), ball.truth(p)
    assert [q for q in QUANTITIES if not wide.enclosure(q).meets(sharp.enclosure(q))] == []


@given(data=DATA)
def test_more_bits_give_balls_inside_those_of_fewer_bits(data):
    """Both contain the exact value, and the radius is no more than the rounding to float64."""
    p = drawn(data, "float64", *SMOOTH)
    few, many = ball.truth(p).values, ball.Values(p, 1024)
    for quantity in QUANTITIES:
        coarse, fine = getattr(few, quantity), getattr(many, quantity)
        assert coarse.meets(fine)
        assert (coarse.radius <= 2.0**-52 * abs(fine.midpoint) + 2.0**-60).all()


@given(data=DATA)
def test_softmax_and_its_jacobian_in_float64_enclose_those_of_balls(data):
    """Of logits that are taken as exact (eq. 1, 5, 6)."""
    p = drawn(data, "float64", *SMOOTH)
    Z = ball.truth(p).enclosure("Z").midpoint
    assert float64.softmax(Z).meets(ball.softmax(Z))
    assert float64.softmax_jacobian(Z[:, 0]).meets(ball.softmax_jacobian(Z[:, 0]))


@given(data=DATA)
def test_the_logistic_model_is_the_softmax_of_two_classes(data):
    """sigma(z) = softmax(0, z)_2: two independent ways to the same gradient."""
    p = drawn(data, "float64", "two-classes")
    theta, b = p.theta.copy(), p.b.copy()
    theta[0], b[0] = 0, 0
    reduced = Problem(theta, b, p.X, p.Y)
    assert ball.logistic_gradient(reduced).meets(ball.truth(reduced).enclosure("theta"))


@given(data=DATA)
def test_a_masked_class_is_exactly_nothing(data):
    """b = -inf: Z = -inf, A = 0, and every gradient 0, with radius 0."""
    p = drawn(data, "float64", "masked-class")
    truth = referees.oracle(p)
    for quantity, value in (("Z", -np.inf), ("A", 0), ("D", 0), ("theta", 0), ("b", 0)):
        found = truth.enclosure(quantity)
        assert (found.midpoint[p.masked] == value).all()
        assert (found.radius[p.masked] == 0).all()
        assert (truth.allowed(quantity)[p.masked] == 0).all()


@given(data=DATA)
def test_the_other_classes_do_not_notice_a_masked_one(data):
    """The problem without the class has the same exact values."""
    p = drawn(data, "float64", "masked-class")
    keep = ~p.masked
    if keep.sum() < 2:
        return  # one class alone is no problem: A = 1
    without = Problem(p.theta[keep], p.b[keep], p.X, p.Y[keep])
    for quantity in ("Z", "A", "D", "theta", "b"):
        assert referees.oracle(p).enclosure(quantity).take(keep).meets(ball.truth(without).enclosure(quantity))


# ---- difference quotients ----


@PRECISIONS
@pytest.mark.parametrize("referee", [central, forward], ids=["central", "forward"])
@given(data=DATA)
def test_differences_of_the_mathematical_loss_enclose_the_gradient(referee, dtype, data):
    """|estimate - <gradient, move>| is at most truncation and rounding, both bounded from the data."""
    p = drawn(data, dtype, *SMOOTH)
    truth = ball.truth(p)
    posed = Problem(*p.reals)
    exact = Truth(posed, truth.values, truth.magnitude)
    taken = referee.enclose(posed, directions(data, p), float64.loss, exact.nearby_float64_error)
    assert taken.enclosure.meets(along(truth, taken.move))


@PRECISIONS
@pytest.mark.parametrize("referee", [central, forward], ids=["central", "forward"])
@given(data=DATA)
def test_differences_of_a_loss_in_its_own_precision_enclose_the_gradient(referee, dtype, data):
    """The same where loss and parameters are rounded to the precision under test: the move is the one that was made."""
    p = drawn(data, dtype, *SMOOTH)
    truth = ball.truth(p)
    taken = referee.enclose(
        p, directions(data, p), lambda moved: float(model.loss(*moved.arrays())), truth.nearby_loss_error
    )
    if np.isfinite(taken.enclosure.radius):  # otherwise a step has left the range, and nothing is known
        assert taken.enclosure.meets(along(truth, taken.move))


@given(data=DATA)
def test_central_differences_say_something(data):
    """A referee that is always vacuous would enclose everything: with logits within 2, one sample carries weight."""
    p = drawn(data, "float64", "single-sample")
    theta, b, X, _ = p.reals
    size = float((abs(theta) @ abs(X) + abs(b)).max())
    gentle = Problem(theta / max(1.0, size), b / max(1.0, size), np.sign(X), p.Y)
    move = Move(np.zeros(p.theta.shape), 1.0 * p.Y)  # n = 1: the bias of the label
    truth = ball.truth(gentle)
    taken = central.enclose(gentle, move, float64.loss, truth.nearby_float64_error)
    if gentle.label_index is not None:
        assert not taken.enclosure.vacuous


@given(data=DATA)
def test_complex_steps_of_the_closed_form_enclose_the_gradient(data):
    """Im loss(p + i h V)/h = <gradient, V> up to a few u."""
    p = drawn(data, "float64", *SMOOTH)
    truth, move = ball.truth(p), directions(data, p)
    taken = complex_step.enclose(truth, move, model.loss)
    assert taken is not None
    assert taken.meets(along(truth, move))


def test_a_loss_that_is_not_complex_has_no_complex_step():
    """None, rather than a derivative of 0."""
    p = Problem(np.zeros((2, 1)), np.zeros((2, 1)), np.ones((1, 1)), np.eye(2)[:, :1])
    assert complex_step.enclose(ball.truth(p), Move(p.theta, p.b), lambda *arrays: 1.0) is None


def _posed(variable: str, p: Problem) -> tuple[Problem, str, str]:
    """Z is posed as theta with the identity for data."""
    if variable != "Z":
        return p, variable, variable
    Z = ball.truth(p).enclosure("Z").midpoint
    return Problem(Z, np.zeros(p.b.shape), np.eye(p.n), p.Y), "theta", "Z"


@pytest.mark.parametrize("variable", ["theta", "b", "Z"])
@given(data=DATA)
def test_scipy_check_grad_stays_below_its_limit_for_the_right_gradient(variable, data):
    """norm(gradient - forward differences) <= norm(h M2/2 + 2 e/h + the gradient's own rounding), where in reach."""
    p, name, key = _posed(variable, drawn(data, "float64", *SMOOTH))
    truth = ball.truth(p)
    start = p.reals[0 if name == "theta" else 1]
    moments, noise = scipy_check_grad.second_moments(p, name), truth.nearby_loss_error
    h = scipy_check_grad.steps(moments, noise, start.ravel())
    if (h[:, np.newaxis] * cumulants.coordinate_ranges(p, name) > cumulants.REACH).any():
        return  # the noise is not bounded that far away, and the check skips the problem
    sizes: list[float] = []

    def at(flat: np.ndarray) -> tuple[np.ndarray, ...]:
        new = flat.reshape(start.shape)
        return (new, p.b, p.X, p.Y) if name == "theta" else (p.theta, new, p.X, p.Y)

    def loss(flat: np.ndarray) -> float:
        sizes.append(abs(float(model.loss(*at(flat)))))
        return sizes[-1]

    found = scipy_check_grad.norm(loss, lambda flat: model.gradients(*at(flat))[key].ravel(), start.ravel(), h)
    assert found <= scipy_check_grad.limit(moments, h, noise, max(sizes), truth.allowed(name).ravel())


@pytest.mark.parametrize("variable", ["theta", "b", "Z"])
def test_scipy_check_grad_exceeds_its_limit_for_a_wrong_gradient(variable):
    """One part in a million is enough: a limit that nothing exceeds would be no limit."""
    p, name, key = _posed(
        variable, Problem(np.array([[0.5], [0.25]]), np.zeros((2, 1)), np.ones((1, 3)), np.eye(2)[:, [0, 1, 0]])
    )
    truth = ball.truth(p)
    start = p.reals[0 if name == "theta" else 1]
    moments, noise = scipy_check_grad.second_moments(p, name), truth.nearby_loss_error
    h = scipy_check_grad.steps(moments, noise, start.ravel())

    def at(flat: np.ndarray) -> tuple[np.ndarray, ...]:
        new = flat.reshape(start.shape)
        return (new, p.b, p.X, p.Y) if name == "theta" else (p.theta, new, p.X, p.Y)

    found = scipy_check_grad.norm(
        lambda flat: float(model.loss(*at(flat))),
        lambda flat: model.gradients(*at(flat))[key].ravel() * (1 + 2e-6),
        start.ravel(),
        h,
    )
    assert found > scipy_check_grad.limit(moments, h, noise, 1.0, truth.allowed(name).ravel())
