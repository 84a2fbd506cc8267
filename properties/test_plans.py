"""A plan does what the text of a loss says, bit for bit, and there is none where something hangs on numbers."""

import numpy
import pytest

from benchmarks.own import drawn
from benchmarks.own_losses.specs import SPECS
from gradcheck import Loss
from gradcheck.problem import Problem
from gradcheck.readings.running import Running, plans
from gradcheck.referees import own

QUANTITIES = ("loss", "D", "theta", "b", "X")
ORDERS = (("loss",), ("X", "loss"), QUANTITIES)
KINKED = ("hinge",)


def read(problem, quantity):
    """Without a plan."""
    before = plans.PLANS.set(None)
    try:
        return own.truth(problem).computed(quantity)
    finally:
        plans.PLANS.reset(before)


def require_same(one, other):
    (value, allowed), (again, more) = one, other
    assert value.midpoint.tobytes() == again.midpoint.tobytes()
    assert allowed.tobytes() == more.tobytes()


def posed(L=3, d=2, n=4, seed=0, labels=None):
    draw = numpy.random.default_rng(seed)
    labels = draw.integers(0, L, n) if labels is None else labels
    theta, b, X = (draw.standard_normal(shape) for shape in ((L, d), (L, 1), (d, n)))
    return Problem(theta, b, X, numpy.eye(L)[:, labels])


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize("name", SPECS)
def test_what_is_done_by_a_plan_is_what_is_read(name, dtype):
    """In whatever order quantities are asked for, so that a plan may know some of them alone."""
    pytest.importorskip("ml_dtypes")
    problems = [p.with_law(SPECS[name]) for p in drawn(dtype, 6, seed=3)]
    with plans.kept():
        for problem in [*problems, *problems[::-1]]:
            for order in ORDERS:
                truth = own.truth(problem)
                for quantity in order:
                    if quantity != "D" or problem.law.of_Z:
                        require_same(truth.computed(quantity), read(problem, quantity))
        known = plans.PLANS.get().known
        assert known and all(plan.ends == (name in KINKED) for plan in known.values())
        assert all({"loss", "X"} <= set(plan.results) for plan in known.values()) != (name in KINKED)


def test_one_plan_serves_any_number_of_features_of_a_loss_of_logits():
    with plans.kept():
        for d in (1, 2, 5):
            problem = posed(d=d, seed=d).with_law(SPECS["focal"])
            for quantity in QUANTITIES:
                require_same(own.truth(problem).computed(quantity), read(problem, quantity))
        assert len(plans.PLANS.get().known) == 1


def picking(Z, Y, *, np):
    """Of the label alone: which that is, is looked up."""
    return -np.sum(np.take_along_axis(np.log_softmax(Z), np.argmax(Y, axis=0)[None, :], axis=0))


def branching(Z, Y, *, np):
    """Another formula where the first class has a sample."""
    return np.sum(Y * Z * Z) if Y[0].sum() > 0 else np.sum(Z)


def choosing(Z, Y, *, np):
    """Entries of labels alone."""
    return np.sum(np.where(Y > 0, Z * Z, np.sin(Z)))


def stopping(Z, Y, *, np):
    """Weighed by what nothing flows back through, and what is multiplied in may be as large as that."""
    return np.sum(np.stop_gradient(np.exp(Z)) * Z * Y)


@pytest.mark.parametrize("function", [picking, branching, choosing, stopping])
def test_there_is_no_plan_where_the_numbers_decide(function):
    """The second problem has other labels: what was done to the first would be wrong of it."""
    law = Loss(function)
    with plans.kept():
        for labels in ([0, 1, 2, 0], [2, 1, 1, 2]):
            problem = posed(labels=labels).with_law(law)
            for quantity in QUANTITIES:
                require_same(own.truth(problem).computed(quantity), read(problem, quantity))
        assert all(plan.ends and not plan.results for plan in plans.PLANS.get().known.values())


def test_an_array_of_which_nothing_is_noted_ends_a_plan():
    x = Running.exact(numpy.ones(3))
    recording = plans.Recording([x])
    with plans.noted(recording):
        recording.result("first", x * x)
        recording.result("other", x * x.copy())
    assert recording.plan.ends
    assert list(recording.plan.results) == ["first"]


def test_numbers_that_are_written_over_end_a_plan():
    x = Running.exact(numpy.ones(3))
    recording = plans.Recording([x])
    with plans.noted(recording):
        x[0] = 2.0
    assert recording.plan.ends


def test_a_plan_is_of_one_run_and_a_text_that_has_changed_is_read_anew():
    weight = [2.0]

    def weighed(Z, Y, *, np):
        return np.sum(Z * Y) * weight[0]

    law, found = Loss(weighed), []
    for weight[0] in (2.0, 3.0):
        with plans.kept():
            found.append(float(own.truth(posed().with_law(law)).computed("loss")[0].midpoint))
    assert found[1] != found[0]


def test_what_hangs_on_labels_alone_is_known_of_each_of_these_labels():
    """The largest product of constants: here it is the largest weight among the labels."""

    def weighed(Z, Y, *, np):
        return np.sum(Z * Z * (Y * np.array([[2.0], [300.0], [5.0]])).sum(axis=0, keepdims=True))

    law = Loss(weighed)
    with plans.kept():
        for labels in ([0, 2, 2, 0], [0, 1, 2, 0], [0, 2, 2, 0]):
            problem = posed(labels=labels).with_law(law)
            require_same(own.truth(problem).computed("loss"), read(problem, "loss"))
            assert own.truth(problem)._grows == _grown(problem)
        assert len(plans.PLANS.get().factors) == 2


def _grown(problem):
    before = plans.PLANS.set(None)
    try:
        return own.truth(problem)._grows
    finally:
        plans.PLANS.reset(before)


def test_no_more_is_kept_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(plans, "MOST", 2)
    with plans.kept():
        for n in (2, 3, 4, 5):
            problem = posed(n=n).with_law(SPECS["focal"])
            require_same(own.truth(problem).computed("D"), read(problem, "D"))
            assert len(plans.PLANS.get().known) <= 2
