"""A permuted problem is judged by the permuted bounds only where the text of the loss treats all classes, or all samples, alike."""

import numpy
import pytest

from benchmarks.own import FOCAL, drawn
from benchmarks.own_losses.specs import SPECS
from gradcheck import Loss
from gradcheck.enclosure import Enclosure
from gradcheck.problem import Problem
from gradcheck.readings.running import alike, plans
from gradcheck.referees import lawful, own

TURNED = {"class_permutation": (lawful.classes, 0), "sample_permutation": (lawful.samples, 1)}
QUANTITIES = ("theta", "b", "D", "X")


def places(problem, law, quantity):
    """Where the entries of a permuted problem's gradient stand in that of the problem."""
    axis = alike.DUE[law][1][quantity]
    order = numpy.roll(numpy.arange(problem.L if law == "class_permutation" else problem.n), 1)
    return (...,) if axis is None else (slice(None),) * axis + (order,)


def permuted(problem, law, quantity):
    return own.truth(problem).permuted(law, quantity, places(problem, law, quantity))


@pytest.mark.parametrize("law", TURNED)
@pytest.mark.parametrize("name", [name for name in SPECS if name not in ("hinge", "ordinal")])
def test_what_follows_is_what_is_read_of_the_permuted_problem(name, law):
    """Both enclose the same truth, and each of the values in float64 is what the other allows."""
    turn, _ = TURNED[law]
    followed = 0
    with plans.kept():
        for problem in (p.with_law(SPECS[name]) for p in drawn("float64", 8, seed=5)):
            for quantity in QUANTITIES[:2] if not problem.law.of_Z else QUANTITIES:
                found = permuted(problem, law, quantity)
                if found is None:
                    continue
                followed += 1
                value, allowed = own.truth(turn(problem)).computed(quantity)
                assert Enclosure(value.midpoint, allowed).test_ratio(found[0].midpoint).max() <= 1
                assert Enclosure(found[0].midpoint, found[1]).test_ratio(value.midpoint).max() <= 1
    assert followed or (name, law) == ("info_nce", "sample_permutation")


def first(Z, Y, *, np):
    """The first class once more."""
    return np.sum(Z[0] * Z[0]) + np.sum(Z * Y)


def weighed(Z, Y, *, np):
    """A weight for each class."""
    return np.sum(Z * Y * np.array([[1.0], [2.0], [4.0]]))


def numbered(Z, Y, *, np):
    """A weight for each sample."""
    return np.sum(np.log_softmax(Z) * Y * (1 + np.arange(4)))


def running(Z, Y, *, np):
    """What is below a class, too."""
    return np.sum(np.cumsum(Z, axis=0) * Y)


def crossed(Z, Y, *, np):
    """Each sample with itself, by an array of constants."""
    return np.sum((Z.T @ Z) * np.eye(4)) + np.sum(Z * Y)


def both(Z, Y, *, np):
    """Classes as if they were samples, which a shape of three classes and three samples does not forbid."""
    return np.sum(Z * Z.T * Y)


@pytest.mark.parametrize(
    ("function", "law", "n"),
    [
        (first, "class_permutation", 4),
        (weighed, "class_permutation", 4),
        (running, "class_permutation", 4),
        (numbered, "sample_permutation", 4),
        (crossed, "sample_permutation", 4),
        (both, "class_permutation", 3),
        (both, "sample_permutation", 3),
    ],
)
def test_what_does_not_treat_all_alike_does_not_follow(function, law, n):
    draw = numpy.random.default_rng(0)
    theta, b, X = (draw.standard_normal(shape) for shape in ((3, 2), (3, 1), (2, n)))
    problem = Problem(theta, b, X, numpy.eye(3)[:, draw.integers(0, 3, n)]).with_law(Loss(function))
    with plans.kept():
        for quantity in ("loss", *QUANTITIES):
            assert permuted(problem, law, quantity) is None


def test_weights_of_classes_leave_all_samples_alike():
    draw = numpy.random.default_rng(0)
    theta, b, X = (draw.standard_normal(shape) for shape in ((3, 2), (3, 1), (2, 5)))
    problem = Problem(theta, b, X, numpy.eye(3)[:, draw.integers(0, 3, 5)]).with_law(Loss(weighed))
    with plans.kept():
        assert permuted(problem, "sample_permutation", "D") is not None


def test_an_axis_that_is_not_the_due_one_does_not_follow():
    """Of one sample the gradient of b is not summed, and has its column still."""
    draw = numpy.random.default_rng(0)
    theta, b, X = (draw.standard_normal(shape) for shape in ((3, 2), (3, 1), (2, 1)))
    problem = Problem(theta, b, X, numpy.eye(3)[:, :1]).with_law(FOCAL)
    with plans.kept():
        assert permuted(problem, "sample_permutation", "b") is None
        assert permuted(problem, "sample_permutation", "D") is not None


def test_without_a_plan_nothing_follows():
    problem = drawn("float64", 1, seed=5)[0].with_law(SPECS["focal"])
    assert permuted(problem, "class_permutation", "D") is None
