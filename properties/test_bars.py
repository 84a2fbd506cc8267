"""What keeps a check from every problem: for each bar what it lets pass and what it does not; and which turns a check takes."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import used

from gradcheck import CrossEntropy, Implementation, Layout, Problem, Unusable
from gradcheck.checks import CHECKS, Trial, around, bars, select
from gradcheck.checks.table import every
from gradcheck.implementations import adapt

PLAIN = CrossEntropy()
NUMPY = Implementation("it", gradients=lambda theta, b, X, Y: {}, dtypes=("float64", "float32"))
USES = used.uses(used.Right())
USED, FEW = (
    replace(NUMPY, uses={name: USES[name] for name in names}) for names in (("left", "pieces"), ("left", "some"))
)


def law(**options):
    return CrossEntropy(**options)


SCALED, CAPPED, Z_LOSS, L2 = law(scale=0.5), law(softcap=30.0), law(z_loss=0.1), law(l2=0.5)
L2_BIAS, SMOOTH, WEIGHED = law(l2=0.5, l2_bias=True), law(smoothing=0.1), law(class_weight=(1.0, 2.0))
IGNORED, NO_CLASS, SUM, NONE = law(ignore=0), law(ignore=-100), law(reduction="sum"), law(reduction="none")
LABELLED, WEIGHTS, COUNT = law(mean_of="labelled"), law(mean_of="weights"), law(mean_of=7)
LAWS = (
    PLAIN,
    SCALED,
    CAPPED,
    Z_LOSS,
    L2,
    L2_BIAS,
    SMOOTH,
    WEIGHED,
    IGNORED,
    NO_CLASS,
    SUM,
    NONE,
    LABELLED,
    WEIGHTS,
    COUNT,
)
OWN_SUM = "a cap, a z-loss or a penalty has a sum of its own"

# bar, what it says, and the losses that it keeps it from
OF_LOSSES = [
    (
        bars.rounds_nearby,
        "how a loss with a scale, a cap, a z-loss or a penalty rounds nearby is not derived",
        (SCALED, CAPPED, Z_LOSS, L2, L2_BIAS),
    ),
    (bars.has_options, "posed for the paper's loss", LAWS[1:]),
    (bars.named_classes, "classes of different weights, or one that is ignored, cannot be renamed", (WEIGHED, IGNORED)),
    (bars.penalised, "a penalty tells theta from b", (L2, L2_BIAS)),
    (
        bars.not_logistic,
        "posed for two classes and labels that sum to 1, of the paper's loss or its sum",
        (SCALED, CAPPED, Z_LOSS, L2, L2_BIAS, SMOOTH, WEIGHED),
    ),
    (bars.penalised_weights, "a penalty is of θ, and not of the Z that is posed in its place", (L2, L2_BIAS)),
    (bars.added_to("Z"), OWN_SUM, (CAPPED, Z_LOSS)),
    (bars.added_to("theta"), OWN_SUM, (CAPPED, Z_LOSS, L2, L2_BIAS)),
    (bars.added_to("b"), OWN_SUM, (CAPPED, Z_LOSS, L2_BIAS)),
    (
        bars.one_number,
        "posed where the loss is one number for each sample (--reduction none)",
        tuple(each for each in LAWS if each is not NONE),
    ),
    (bars.uncapped, "posed for a loss without a cap or a penalty of its own", (CAPPED, L2, L2_BIAS)),
    (
        bars.plain_labels,
        "posed for the paper's loss, or its sum, of which labels are weights",
        tuple(each for each in LAWS if each not in (PLAIN, SUM, NONE, COUNT)),
    ),
    (
        bars.counts_samples,
        "posed where a mean is over the samples, and there is no penalty",
        (L2, L2_BIAS, LABELLED, WEIGHTS, COUNT),
    ),
]


@pytest.mark.parametrize(("bar", "words", "barred"), OF_LOSSES, ids=lambda x: getattr(x, "__name__", ""))
def test_a_bar_keeps_a_check_from_these_losses_and_from_no_other(bar, words, barred):
    assert [bar(NUMPY, each, "float64") for each in LAWS] == [words * (each in barred) for each in LAWS]


OTHER = "it offers no other precision, or is known to fail in it"
THREADS = "it is not declared to be called from several threads (--threads)"
# bar, implementation, precision, and what it says
OF_TARGETS = [
    (bars.coarse, NUMPY, "float64", ""),
    (bars.coarse, NUMPY, "float32", "scipy.optimize.check_grad perturbs in float64"),
    (bars.not_analytic, NUMPY, "float64", "not declared analytic"),
    (bars.not_analytic, replace(NUMPY, analytic=True), "float64", ""),
    (bars.not_float64, NUMPY, "float64", ""),
    (bars.not_float64, NUMPY, "float32", "posed in float64 only"),
    (bars.in_copies, NUMPY, "float64", ""),
    (
        bars.in_copies,
        replace(NUMPY, copies=True),
        "float64",
        "it is another program, which is handed copies of the arrays",
    ),
    (bars.answers("left"), NUMPY, "float64", "it has no function 'upstream gradients'"),
    (bars.answers("left"), USED, "float64", ""),
    (bars.answers("pieces"), FEW, "float64", "it cannot be asked for two batches in one backward"),
    (
        bars.plain_labels,
        replace(NUMPY, layout=Layout(labels="index")),
        "float64",
        "labels that are indices have no gradient",
    ),
    (bars.one_thread, NUMPY, "float64", THREADS),
    (bars.one_thread, replace(NUMPY, threads=True), "float64", ""),
    (bars.another_offered, NUMPY, "float64", ""),
    (bars.another_offered, replace(NUMPY, dtypes=("float64",)), "float64", OTHER),
]


@pytest.mark.parametrize(("bar", "target", "dtype", "words"), OF_TARGETS)
def test_a_bar_keeps_a_check_from_what_was_not_declared_for_it(bar, target, dtype, words):
    assert bar(target, PLAIN, dtype) == words


@pytest.mark.parametrize(
    ("known", "dtypes", "dtype", "other"),
    [
        ((), ("float64", "float32"), "float64", "float32"),
        ((), ("float64", "float32"), "float32", "float64"),
        ((), ("float32", "float16"), "float16", "float32"),
        ((), ("float16", "bfloat16"), "float16", ""),
        (("loss/float32",), ("float64", "float32"), "float64", ""),
        (("loss/float64",), ("float64", "float32"), "float16", "float32"),
        (("loss",), ("float64", "float32"), "float64", ""),
    ],
)
def test_the_other_precision_is_one_that_it_is_made_for_and_not_known_to_fail_in(known, dtypes, dtype, other):
    target = SimpleNamespace(dtypes=dtypes, expected_failures=dict.fromkeys(known, "known"))
    assert bars.another(target, dtype) == other


def problem(L=2, d=1, n=1, Y=None):
    Y = np.eye(L)[:, np.arange(n) % L] if Y is None else np.array(Y)
    draw = np.random.default_rng(0)
    return Problem(draw.standard_normal((L, d)), np.zeros((L, 1)), draw.standard_normal((d, Y.shape[1])), Y)


def test_a_check_takes_its_turns_and_of_large_problems_only_where_it_says_so():
    check, small, large = CHECKS["one_sample"], problem(), problem(2, 1, 2049)
    assert every(1) == (1, 5, 9) and every(3) == (3, 7, 11)
    assert [k for k in range(25) if check.due(k, small)] == [0, 1, 5, 9, 13, 17, 21]
    assert not any(check.due(k, large) for k in range(12)) and replace(check, large=True).due(1, large)
    assert replace(check, turns=()).due(2, large) and not replace(check, large=True).due(2, large)
    assert check.due(0, problem(2, 1, 2048)) and not check.due(0, problem(2, 2049, 1))
    square = CHECKS["jacobian_is_symmetric"]
    assert square.due(0, problem(362)) and not square.due(0, problem(363)) and check.due(0, problem(363))
    assert check.group == "rewordings"


def test_checks_are_chosen_by_globs_in_the_order_of_the_table():
    assert select([]) == select(["*"]) == tuple(CHECKS.values())
    assert [check.name for check in select(["softmax", "logits"])] == [
        name for name in CHECKS if name in ("logits", "softmax")
    ]
    with pytest.raises(Unusable) as told:
        select(["nothing*"])
    assert str(told.value) == "no check matches 'nothing*'; `gradcheck checks` lists them"


def test_what_writes_into_logits_is_told_with_the_first_of_them_by_its_bits():
    one, other = np.array([[0.0, 2.5], [1.0, 4.0]]), np.array([[0.0, 2.5], [1.0, 4.5]])
    words = "the loss writes into the logits: Z[1, 1] was 4, and is 4.5; whatever made them and keeps its output has another"
    assert around._changed("the loss", one, other) == f"{words} gradient then"
    other[0, 0], other[1, 0] = -0.0, 7.0
    assert around._changed("it", one, other).startswith("it writes into the logits: Z[0, 0] was 0, and is -0;")


def test_inputs_that_need_no_gradient_are_named():
    assert around._others(["theta", "b", "X"], "theta") == "b and X need"
    assert around._others(["theta", "b"], "b") == "θ needs"
    assert around._others(["X"], "X") == "labels need"


def test_a_gradient_of_labels_is_compared_between_two_labels_of_a_sample():
    """-log A/n up to a number for each sample: Z of one class less Z of the other, over n, with the errors of both."""
    p = problem(3, 2, 3, [[0.5, 1.0, 0.0], [0.25, 0.0, 0.25], [0.25, 0.0, 0.75]])
    trial = Trial(adapt(USED), p)
    computed = np.arange(9.0).reshape(3, 3) + 5
    (found,) = around._of_labels(trial, computed)
    Z, error = trial.truth.enclosure("Z"), trial.truth.label_gradient()
    first, at = [0, 0, 2], np.arange(3)
    due = (Z.midpoint[first, at] - Z.midpoint) / 3
    sizes = abs(computed) + abs(computed[first, at]) + (abs(Z.midpoint) + abs(Z.midpoint[first, at])) / 3
    radius = (Z.radius + Z.radius[first, at]) / 3 + 4 * 2.0**-53 * sizes
    labelled = np.array([[0, 0, 0], [1, 0, 1], [1, 0, 0]])
    assert found.quantity == "∂ℒ/∂Y, between two labels"
    np.testing.assert_array_equal(found.computed, labelled * (computed - computed[first, at]))
    for mine, formula in (
        (found.referee.midpoint, due),
        (found.referee.radius, radius),
        (found.allowed, error + error[first, at]),
    ):
        np.testing.assert_allclose(mine, np.where(labelled, formula, 0), rtol=2.0**-48)
    assert list(around._of_labels(Trial(trial.implementation, problem(2, 1, 3)), np.zeros((2, 3)))) == []


@pytest.mark.parametrize(("theta", "scale"), [(0.25, 0.5), (1.0, 0.5), (3.0, 0.125), (2.0**40, 2.0**-41)])
def test_logits_before_a_tanh_are_made_about_one_by_a_power_of_two(theta, scale):
    p = problem().with_arrays(
        np.array([[theta], [-theta]]), np.zeros((2, 1)), np.array([[1.5 if theta > 1 else 1.0]]), np.eye(2)[:, :1]
    )
    small = around.capped(p)
    assert (small.theta == p.theta * scale).all() and small.X is not None and (small.X == p.X).all()
    assert (small.law.softcap, small.law.scaled) == (1.0, "after")
