"""What the options of a loss make of ranges, of a distribution's weight, and of the classes that are left where some are masked."""

import numpy as np
import pytest

from gradcheck import CrossEntropy, Implementation, Layout, Problem, judge
from gradcheck.bounds.folding import Folded
from gradcheck.checks import CHECKS
from gradcheck.implementations import adapt
from gradcheck.implementations.posing import drawn
from gradcheck.referees import ball
from gradcheck.verdict import Outcome

WEIGHTS = (1.0, 255.875)


def of(dtype, theta, b, X, Y, **law):
    return Problem(*(np.array(a, dtype) for a in (theta, b, X, Y)), law=CrossEntropy(**law))


def two_classes(first, second, Y, dtype="float16", **law):
    return of(dtype, [[first], [second]], [[0], [0]], [[12.125, 12.375]], Y, **law)


@pytest.mark.parametrize(("weights", "known"), [(WEIGHTS, False), ((1.0, 1.0), True)])
def test_a_sum_over_all_classes_that_is_smoothed_afterwards_may_overflow(weights, known):
    """sum w (-log A) of the class without a label is 66000, times smoothing / L it is 3300: PyTorch's order, in float16."""
    p = two_classes(0, -10.5, [[1, 1], [0, 0]], class_weight=weights, smoothing=0.0999755859375, mean_of="weights")
    terms = np.float16(weights[1]) * np.float16(10.5) * p.X[0]
    with np.errstate(over="ignore"):
        assert np.isfinite(terms.sum(dtype=np.float16)) == known
    assert np.isfinite(ball.truth(p).allowed("loss")) == known


@pytest.mark.parametrize(("weight", "known"), [(2.0**-20, False), (2.0**-12, True)])
def test_code_that_divides_by_a_small_sum_of_weights_first_may_overflow(weight, known):
    """1 / N, which automatic differentiation forms before it is multiplied by a weight as small as N."""
    p = two_classes(0, 0, [[0, 0], [1, 1]], class_weight=(1.0, weight), mean_of="weights")
    with np.errstate(over="ignore"):
        assert np.isfinite(np.float16(1 / (2 * weight))) == known
    truth = ball.truth(p)
    assert [np.isfinite(truth.allowed(name)).all() for name in ("D", "theta", "b", "loss")] == [known] * 4


def test_the_weight_of_a_distribution_is_a_sum_of_products():
    """L - 1 roundings more than that of a label that is one class; none where each class is weighed by its own."""
    spread, one = np.full((9, 1), 1 / 9), np.eye(9)[:, :1]
    found = {}
    for name, Y in (("distribution", spread), ("class", one)):
        for by in ("label", "class"):
            p = of(
                "float64", np.zeros((9, 1)), np.zeros((9, 1)), [[1.0]], Y, class_weight=(0.5,) * 9, smoothing_weight=by
            )
            found[name, by] = Folded(p, p.precision).relative(1)
    assert found["distribution", "label"] - found["distribution", "class"] >= 8 * 2.0**-53
    assert found["class", "label"] == found["class", "class"]


def weighted(theta, b, X, y, *, weight, ignore_index):
    """By hand, rows: the mean over the weights of what counts, whose logits of -inf have no part in it."""
    Z = X @ theta.T + b
    used = y != ignore_index
    lse = Z.max(axis=1) + np.log(np.exp(Z - Z.max(axis=1, keepdims=True)).sum(axis=1))
    terms = weight[y[used]] * (lse[used] - Z[used, y[used]])
    return terms.sum() / weight[y[used]].sum()


@pytest.mark.parametrize("ignore", [-100, 0, 1, 2])
@pytest.mark.parametrize("masked", [[1], [2], [0], [1, 2], [0, 2]])
def test_weights_and_ignored_samples_stay_where_classes_are_masked(masked, ignore):
    """Classes that are taken out take their weights along, down to one class; an ignored one keeps its place among the others."""
    label = next(k for k in range(3) if k not in masked)
    b, Y = np.array([[0.5], [0.25], [-0.5]]), np.zeros((3, 2))
    b[masked], Y[label, 0] = -np.inf, 1
    if ignore == label:
        return  # nothing would count
    law = {"class_weight": (0.5, 2.0, 0.25), "ignore": ignore, "mean_of": "weights"}
    p = of("float64", [[1.0], [2.0], [-1.0]], b, [[1.0, 0.5]], Y, **law)
    rows = Layout(samples="rows", labels="index")
    code = Implementation("by hand", loss=weighted, layout=rows, law=CrossEntropy(mean_of="weights"))
    verdict = judge(adapt(code), drawn(code, p), [CHECKS["loss"]])["loss"]
    assert verdict.outcome is (Outcome.AGREE if len(masked) == 1 else Outcome.INCONCLUSIVE)  # of one class it is 0


def test_a_penalty_of_masked_classes_is_refused():
    """The weights of a masked class are penalised, and are not judged."""
    with pytest.raises(ValueError, match="penalised"):
        of("float64", [[1.0], [2.0]], [[0.0], [-np.inf]], [[1.0]], [[1.0], [0.0]], l2=1.0)
