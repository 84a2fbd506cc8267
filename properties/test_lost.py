"""What options of a loss lose where numbers leave the range: right code in float16 is not refused for it."""

import warnings
from dataclasses import replace

import numpy as np
import pytest

from gradcheck import CrossEntropy, Implementation, Outcome, Problem, bounds, judge, referees
from gradcheck.enclosure import Enclosure
from gradcheck.model import Stages
from gradcheck.precision import named
from gradcheck.verify import select

HALF = named("float16")
VALUES = select(("loss", "*_gradient"))


def posed(law, theta, X, Y=((1.0, 0.0), (0.0, 1.0))):
    arrays = (np.array(a, dtype=np.float16) for a in (theta, [[0.0], [0.0]], X, Y))
    return Problem(*arrays, law=law)


def verdicts(problem):
    """Of the closed forms."""
    code = Stages(problem.law)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return judge(Implementation("right", code.gradients, code.loss, law=problem.law), problem, VALUES)


def test_code_that_multiplies_by_the_cap_before_it_divides_by_it_may_overflow():
    """As autograd does: c tanh(z / c) is a product, a tanh, and a quotient. An upstream gradient is the first to be met."""
    law = CrossEntropy(softcap=30.0, class_weight=(1000.0, 0.0), reduction="sum")
    truth = referees.oracle(posed(law, [[0.0], [0.0]], [[0.0, 0.0]]))
    assert np.isfinite(truth.allowed("theta")).all()  # 30 times 500, in float16
    assert np.isinf(truth.upstream("theta", np.array([16.0]), np.zeros((2, 1)))).all()
    assert np.isfinite(truth.upstream("theta", np.array([2.0]), np.zeros((2, 1)))).all()
    heavier = replace(law, class_weight=(6000.0, 0.0))
    assert np.isinf(referees.oracle(posed(heavier, [[0.0], [0.0]], [[0.0, 0.0]])).allowed("D")[:, 0]).all()


def test_what_underflows_on_its_way_through_a_cap_is_granted():
    """Multiplied by a cap of 2^-12, and then divided by it."""
    law = CrossEntropy(softcap=2.0**-12, reduction="sum")
    problem = posed(law, [[0.0], [0.0]], [[0.0, 0.0]])
    D = half([[-0.5], [0.5]]) * half(3e-4)  # of a loss that counts little
    through = half(half(D * half(2.0**-12)) / half(2.0**-12))
    off = abs(through.astype(float) - D.astype(float)).max()
    assert 0 < off <= referees.oracle(problem).allowed("D").min()


LARGE, IGNORED = [[300.0], [299.0]], [[0.0, 0.0], [0.0, 1.0]]
CASES = {
    "lse^2 overflows before it is made small": posed(CrossEntropy(z_loss=1e-4), LARGE, [[1.0, 1.0]]),
    "c is subnormal, and nothing else counts": posed(
        CrossEntropy(z_loss=1e-6, z_over="samples", ignore=-1, reduction="sum"), [[200.0], [1.0]], [[1.0, 1.0]], IGNORED
    ),
    "lambda is subnormal, and the data are 0": posed(CrossEntropy(l2=1e-6), [[1000.0], [0.0]], [[0.0, 0.0]]),
    "lambda theta overflows": posed(CrossEntropy(l2=100.0), [[1000.0], [0.0]], [[0.0, 0.0]]),
    "the cap overflows": posed(CrossEntropy(softcap=1e5), [[1.0], [0.0]], [[1.0, -1.0]]),
}


@pytest.mark.parametrize("case", CASES)
def test_right_code_is_not_refused_where_numbers_leave_the_range(case):
    failed = {name: str(v) for name, v in verdicts(CASES[case]).items() if v.failed}
    assert not failed


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_subnormal_penalty_is_still_told_from_another(factor):
    """What is granted is what rounding loses, and no more."""
    problem = CASES["lambda is subnormal, and the data are 0"]
    wrong = Stages(CrossEntropy(l2=1e-6 * factor))
    code = Implementation("wrong", wrong.gradients, law=problem.law)
    assert judge(code, problem, select(("theta_gradient",)))["theta_gradient"].outcome is Outcome.DISAGREE


def half(x):
    return np.asarray(x, dtype=np.float16)


# Each way to map logits, in float16, of theta (L, d), X (d, n), the scale and the cap.
WAYS = {
    "scaled": lambda theta, X, s, c: half(theta @ X) * half(s),
    "theta scaled": lambda theta, X, s, c: (theta * half(s)) @ X,
    "divided by the cap": lambda theta, X, s, c: half(np.tanh(half(theta @ X) / half(c))) * half(c),
    "times its inverse": lambda theta, X, s, c: half(np.tanh(half(theta @ X) * (half(1) / half(c)))) * half(c),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("number", [1e-6, 3e-5, 0.7, 30.0])
def test_mapped_logits_are_within_what_is_granted_for_numbers_of_any_size(way, number):
    """Subnormal scales, and caps whose inverse is subnormal."""
    if number < 1 and "scaled" not in way:
        number = min(1 / number, 60_000.0)
    draw = np.random.default_rng(0)
    theta, X = half(10.0 * draw.standard_normal((5, 3))), half(10.0 * draw.standard_normal((3, 40)))
    law = CrossEntropy(scale=number) if "scaled" in way else CrossEntropy(softcap=number)
    problem = Problem(theta, half(np.zeros((5, 1))), X, half(np.eye(5)[:, np.arange(40) % 5]), law=law)
    Z = problem.reals[0] @ problem.reals[2]
    size = abs(problem.reals[0]) @ abs(problem.reals[2])
    carried = HALF.eta * (1 + abs(problem.reals[2]).sum(axis=0, keepdims=True))
    delta = bounds.logits_error(size, 3, HALF)
    found = bounds.mapped(Enclosure(Z, 1e-12 * size), delta, size, carried, law=law, precision=HALF)
    computed = WAYS[way](theta, X, number, number).astype(float)
    assert (abs(computed - found.Z.midpoint) <= found.Z.radius + found.delta).all()
