"""Why a check does not judge, and what it says where it disagrees without a number: in these words, and only there."""

import itertools
from collections.abc import Mapping
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from wrong import RIGHT

from gradcheck import Implementation, Outcome, Problem, Verdict, judge, model, precision
from gradcheck.arithmetic import Arithmetic
from gradcheck.checks import CHECKS, Trial
from gradcheck.checks.reading import describe
from gradcheck.checks.repeatable import elsewhere
from gradcheck.checks.table import every
from gradcheck.implementations import Layout, TargetFailed, adapt


def posed(theta, b, X, Y, dtype="float64", *, memory="C"):
    return Problem(*(np.array(array, dtype=dtype) for array in (theta, b, X, Y)), memory)


def labels(*classes, L):
    return np.eye(L)[:, list(classes)]


PLAIN = posed([[1.0], [-0.5], [0.25]], [[0.5], [0.0], [1.0]], [[1.0, -1.0]], labels(0, 2, L=3))
TWO = posed([[1.0], [-0.5]], [[0.5], [0.25]], [[1.0, -1.0]], labels(0, 1, L=2))
ALONE = posed([[1.0], [-0.5]], [[0.5], [0.0]], [[1.0]], labels(0, L=2))
MASKED = posed([[1.0], [-0.5], [0.25]], [[0.5], [-np.inf], [1.0]], [[1.0, -1.0]], labels(0, 2, L=3))
WHOLE = posed([[1.0], [-0.5]], [[0.5], [0.0]], [[1.0, -2.0]], labels(0, 1, L=2), memory="integers")
SINGLE = posed([[1.0], [-0.5]], [[0.5], [0.25]], [[1.0, -1.0]], labels(0, 1, L=2), "float32")
HUGE = posed([[250.0], [0.0]], [[0.0], [0.0]], [[256.0, 255.0]], labels(0, 1, L=2), "float16")
OVERFLOWING = posed([[60000.0], [-60000.0]], [[0.0], [0.0]], [[60000.0]], labels(0, L=2), "float16")
HEAVY = posed([[0.0], [0.0]], [[0.0], [0.0]], [[60000.0, 60000.0, 60000.0]], labels(1, 1, 1, L=2), "float16")
HEAVIER = posed([[0.0], [0.0]], [[0.0], [0.0]], [[1.5e308, 1.5e308, 1.5e308]], labels(1, 1, 1, L=2))
EDGE = posed([[0.0], [0.0]], [[np.finfo(float).max], [0.0]], [[1.0]], labels(0, L=2))
IMPROBABLE = posed([[0.0], [0.0]], [[0.0], [800.0]], [[1.0]], labels(0, L=2))
PROBABLE = posed([[0.0], [0.0]], [[0.0], [800.0]], [[1.0]], labels(1, L=2))
MASSIVE = posed([[0.0], [0.0]], [[0.0], [0.0]], [[1e-10] * 3], [[1e308] * 3, [0.0] * 3])  # b overflows, theta does not
FAR = posed([[0.0], [0.0]], [[1e17], [0.0]], [[1.0]], labels(0, L=2))  # the next number is 16 away
SQUARED = replace(RIGHT, name="squared", loss=lambda *arrays: model.loss(*arrays) * 1.5, analytic=True)
REAL = replace(RIGHT, loss=lambda *arrays: float(model.loss(*(a.real for a in arrays))))

NO_SHIFT = "no shift of these logits is exact in this precision"
OVER = "sums of this size may overflow in this precision"
ANALYTIC = "not declared analytic"
NOT_CROSS = "its loss is not the cross-entropy (see the check loss)"
CENTRAL = ("central_difference_theta", "central_difference_b", "central_difference_Z", "central_difference_jacobian")
LINES = (
    "forward_difference",
    "gradient_of_its_own_loss",
    "complex_step_of_its_own_loss",
    "loss_is_convex",
)
SCIPY = ("scipy_check_grad_theta", "scipy_check_grad_b", "scipy_check_grad_Z")
JACOBIAN = ("jacobian_of_its_own_softmax", "scipy_check_grad_jacobian")


def wide(L, d, n):
    return posed(np.ones((L, d)) / 8, np.zeros((L, 1)), np.ones((d, n)), labels(*[0] * n, L=L))


def gradients(*keys):
    return replace(RIGHT, gradients=lambda *arrays: {key: model.gradients(*arrays)[key] for key in keys})


# (check, implementation, problem, reason why it is skipped)
SKIPPED = [
    *(
        (name, RIGHT, MASKED, "a class at -inf has no difference quotient")
        for name in (*CENTRAL, *LINES, *SCIPY, *JACOBIAN)
    ),
    *((name, RIGHT, WHOLE, "perturbed data are not whole numbers") for name in (*LINES, *SCIPY)),
    *((name, RIGHT, SINGLE, "scipy.optimize.check_grad perturbs in float64") for name in (*SCIPY, JACOBIAN[1])),
    ("scipy_check_grad_theta", RIGHT, wide(2, 7, 1), "more than 12 coordinates"),
    ("scipy_check_grad_b", RIGHT, wide(13, 1, 1), "more than 12 coordinates"),
    ("scipy_check_grad_Z", RIGHT, wide(2, 1, 7), "more than 12 coordinates"),
    ("scipy_check_grad_jacobian", RIGHT, wide(7, 1, 1), "more than 6 classes"),
    *(
        (
            name,
            replace(RIGHT, softmax=lambda Z: 2 * model.softmax(Z)),
            TWO,
            "its softmax is not the softmax (see the check softmax), so no step is known to be right for it",
        )
        for name in JACOBIAN
    ),
    *((name, RIGHT, EDGE, "a step leaves this precision") for name in ("central_difference_jacobian", *JACOBIAN)),
    ("central_difference_theta", gradients("b", "Z"), TWO, "gradients returns no 'theta'"),
    ("central_difference_b", gradients("theta", "Z"), TWO, "gradients returns no 'b'"),
    ("central_difference_Z", gradients("theta", "b"), TWO, "gradients returns no 'Z'"),
    *(
        (
            name,
            SQUARED,
            TWO,
            "its loss is not the cross-entropy (see the check loss), so no step is known to be right for it",
        )
        for name in SCIPY
    ),
    ("complex_step_of_its_own_loss", replace(RIGHT, analytic=False), TWO, ANALYTIC),
    ("complex_step_of_its_own_loss", RIGHT, SINGLE, "posed in float64 only"),
    ("complex_step_of_its_own_loss", SQUARED, TWO, NOT_CROSS),
    ("complex_step_of_its_own_loss", REAL, TWO, "its loss does not return a complex number for complex arrays"),
    ("shift_invariance", RIGHT, MASKED, "a masked class has no shift"),
    ("shift_invariance", RIGHT, HUGE, NO_SHIFT),
    ("columns_do_not_mix", RIGHT, ALONE, "one sample has no other columns"),
    ("columns_do_not_mix", RIGHT, MASKED, "a masked class cannot trade places"),
    ("sample_permutation", RIGHT, ALONE, "one sample has one order"),
    ("bias_is_a_weight", RIGHT, MASKED, "theta has no entries of -inf"),
    ("duplicated_batch", gradients("Z"), TWO, "gradients returns neither 'theta' nor 'b'"),
    (
        "two_classes_are_logistic",
        RIGHT,
        PLAIN,
        "posed for two classes and labels that sum to 1, of the paper's loss or its sum",
    ),
    (
        "two_classes_are_logistic",
        RIGHT,
        posed(TWO.theta, TWO.b, TWO.X, 2 * TWO.Y),
        "posed for two classes and labels that sum to 1, of the paper's loss or its sum",
    ),
    (
        "two_classes_are_logistic",
        RIGHT,
        posed([[1.0], [0.5]], [[0.0], [-np.inf]], [[1.0]], [[1.0], [0.0]]),
        "posed for two classes and labels that sum to 1, of the paper's loss or its sum",
    ),
    ("two_classes_are_logistic", RIGHT, wide(2, 1, 513), "posed for small problems"),
    *(
        (
            "two_classes_are_logistic",
            RIGHT,
            posed(theta, b, [[0.0]], labels(0, L=2), "float16"),
            "the difference of the classes overflows in this precision",
        )
        for theta, b in (([[-6e4], [6e4]], [[0.0], [0.0]]), ([[0.0], [0.0]], [[-6e4], [6e4]]))
    ),
    ("softmax", RIGHT, OVERFLOWING, "the logits overflow in this precision"),
    *((f"{name}_gradient_sums_to_zero", RIGHT, OVERFLOWING, OVER) for name in ("theta",)),
    *(
        (name, RIGHT, HEAVY, OVER)
        for name in ("theta_gradient_sums_to_zero", "theta_gradient_from_logits_gradient", "central_difference_theta")
    ),
    ("bias_gradient_sums_to_zero", RIGHT, OVERFLOWING, OVER),
    ("complex_step_of_its_own_loss", RIGHT, HEAVIER, OVER),
    ("forward_difference", RIGHT, HEAVY, OVER),
    *(
        (name, RIGHT, MASSIVE, OVER)
        for name in (
            "central_difference_b",
            "complex_step_of_its_own_loss",
            "bias_gradient_from_logits_gradient",
            "scipy_check_grad_theta",
        )
    ),
    ("scipy_check_grad_b", RIGHT, FAR, "a step that these parameters can take changes some logit by more than 1"),
    ("shift_invariance", RIGHT, posed([[0.0]] * 2, [[0.0], [2.0**-7]], [[1.0]], labels(0, L=2), "float16"), NO_SHIFT),
    ("logits_gradient_sums_to_zero", RIGHT, OVERFLOWING, OVER),
    ("bias_gradient_from_logits_gradient", RIGHT, OVERFLOWING, OVER),
    ("probabilities_gradient", RIGHT, IMPROBABLE, "the probability of a label may underflow, so that 1/A says nothing"),
    ("chain_rule", RIGHT, IMPROBABLE, "the probability of a label may underflow, so that 1/A says nothing"),
    ("theta_gradient", gradients("b", "Z"), TWO, "gradients returns no 'theta'"),
    ("bias_gradient", gradients("theta"), TWO, "gradients returns no 'b'"),
    ("logits_gradient", gradients("theta"), TWO, "gradients returns no 'Z'"),
    ("loss", replace(RIGHT, loss=None), TWO, "right has no function 'loss'"),
    (
        "inputs_unchanged",
        replace(RIGHT, copies=True),
        TWO,
        "it is another program, which is handed copies of the arrays",
    ),
]


@pytest.mark.parametrize(
    ("check", "implementation", "problem", "reason"), SKIPPED, ids=lambda x: x if isinstance(x, str) else ""
)
def test_a_check_that_does_not_apply_says_why(check, implementation, problem, reason):
    """Skipped, with the reason."""
    found = judge(implementation, problem, [CHECKS[check]])[check]
    assert (found.outcome, found.reason) == (Outcome.SKIPPED, reason)


STATE = ("updated_in_place", "memory_given_again", "after_an_exception", "two_threads")
JUDGED = [
    ("shift_invariance", RIGHT, posed([[0.0]] * 2, [[0.0], [2.0**-6]], [[1.0]], labels(0, L=2), "float16")),
    ("probabilities_gradient", RIGHT, PROBABLE),
    ("probabilities_are_positive", RIGHT, MASKED),
    ("repeatable", replace(RIGHT, loss=lambda *arrays: float(model.loss(*arrays))), PLAIN),
    *((name, RIGHT, PLAIN) for name in ("shape_and_dtype", "inputs_unchanged", "repeatable", "finite", *STATE)),
    *((name, RIGHT, TWO) for name in (*CENTRAL, *LINES, *SCIPY, *JACOBIAN)),
    *((name, RIGHT, SINGLE) for name in (*CENTRAL, *LINES[:2], JACOBIAN[0])),
    *((name, RIGHT, WHOLE) for name in (*CENTRAL, *JACOBIAN)),
    ("scipy_check_grad_theta", RIGHT, wide(2, 6, 1)),
    ("scipy_check_grad_b", RIGHT, wide(12, 1, 1)),
    ("scipy_check_grad_Z", RIGHT, wide(2, 1, 6)),
    ("two_classes_are_logistic", RIGHT, wide(2, 1, 512)),
    ("shift_invariance", RIGHT, posed([[0.0], [0.0]], [[0.0], [0.0]], [[1.0]], labels(0, L=2))),
    ("duplicated_batch", gradients("b"), TWO),
    ("duplicated_batch", gradients("theta"), TWO),
    ("columns_do_not_mix", RIGHT, TWO),
    ("sample_permutation", RIGHT, TWO),
]


@pytest.mark.parametrize(("check", "implementation", "problem"), JUDGED, ids=lambda x: x if isinstance(x, str) else "")
def test_a_check_that_applies_agrees_with_what_is_right(check, implementation, problem):
    """On the right side of each limit that makes it skip."""
    assert judge(implementation, problem, [CHECKS[check]])[check].outcome is Outcome.AGREE


# ---- what is found in words ----


def returning(**functions):
    return replace(RIGHT, **functions)


def gradient_of(key, change):
    return returning(gradients=lambda *arrays: {**(found := model.gradients(*arrays)), key: change(found[key])})


def writing(name, number):
    """Writes into its argument of that number."""
    right = getattr(RIGHT, name)

    def function(*arrays):
        found = right(*arrays)
        arrays[number].flat[0] += 1
        return found

    return returning(**{name: function})


def nan(array):
    array = np.array(array)
    array.flat[-1] = np.nan
    return array


FOUND = [
    ("shape_and_dtype", gradient_of("theta", np.transpose), "gradients['theta'] has shape (1, 3); expected (3, 1)"),
    ("shape_and_dtype", gradient_of("b", np.ravel), "gradients['b'] has shape (3,); expected (3, 1)"),
    ("shape_and_dtype", gradient_of("Z", np.transpose), "gradients['Z'] has shape (2, 3); expected (3, 2)"),
    ("shape_and_dtype", returning(logits=lambda *a: model.logits(*a).T), "logits has shape (2, 3); expected (3, 2)"),
    ("shape_and_dtype", returning(softmax=lambda Z: model.softmax(Z).T), "softmax has shape (2, 3); expected (3, 2)"),
    (
        "shape_and_dtype",
        returning(softmax_jacobian=lambda z: model.softmax_jacobian(z)[:2]),
        "softmax_jacobian has shape (2, 3); expected (3, 3)",
    ),
    (
        "shape_and_dtype",
        gradient_of("b", lambda g: g.astype("float32")),
        "gradients['b'] has dtype float32; expected float64, as its inputs",
    ),
    (
        "shape_and_dtype",
        returning(loss=lambda *a: model.loss(*a).reshape(1)),
        "loss returned an array of float64 with shape (1,); expected one number",
    ),
    *(
        ("inputs_unchanged", writing(name, number), f"{name} changed its input {parameter}")
        for name, parameters in (
            ("gradients", ("theta", "b", "X", "Y")),
            ("loss", ("theta", "b", "X", "Y")),
            ("logits", ("theta", "b", "X")),
            ("softmax", ("Z",)),
            ("softmax_jacobian", ("z",)),
        )
        for number, parameter in enumerate(parameters)
    ),
    ("finite", gradient_of("theta", nan), "gradients['theta'][2, 0] is nan, but the exact value is finite"),
    ("finite", gradient_of("b", nan), "gradients['b'][2, 0] is nan, but the exact value is finite"),
    ("finite", gradient_of("Z", lambda g: -np.inf * nan(g) * 0 + np.where(g > 9, 0, g)), None),
    (
        "finite",
        returning(logits=lambda *a: nan(model.logits(*a))),
        "logits[2, 1] is nan, but the exact value is finite",
    ),
    (
        "finite",
        returning(softmax=lambda Z: nan(model.softmax(Z))),
        "softmax[2, 1] is nan, but the exact value is finite",
    ),
    (
        "finite",
        returning(softmax_jacobian=lambda z: nan(model.softmax_jacobian(z))),
        "softmax_jacobian[2, 2] is nan, but the exact value is finite",
    ),
    ("finite", returning(loss=lambda *a: np.inf), "loss is inf, but the exact value is finite"),
    ("probabilities_are_positive", returning(softmax=lambda Z: -model.softmax(Z)), None),
    (
        "probabilities_are_positive",
        returning(softmax=lambda Z: nan(model.softmax(Z))),
        "A[2, 1] = nan, but must be positive",
    ),
    (
        "probabilities_are_positive",
        returning(softmax=lambda Z: model.softmax(Z) * [[1, 1], [1, 1], [0, 1]]),
        "A[2, 0] = 0.0, but must be positive",
    ),
    (
        "jacobian_is_positive_semidefinite",
        returning(softmax_jacobian=lambda z: nan(model.softmax_jacobian(z))),
        "∂A/∂Z has entries that are not finite",
    ),
]


@pytest.mark.parametrize(("check", "implementation", "reason"), FOUND, ids=lambda x: x if isinstance(x, str) else "")
def test_what_is_found_wrong_is_said_with_its_place(check, implementation, reason):
    """Disagreement, in words; the right implementation agrees."""
    found = judge(implementation, PLAIN, [CHECKS[check]])[check]
    assert found.outcome is Outcome.DISAGREE
    assert reason is None or found.reason == reason
    assert judge(RIGHT, PLAIN, [CHECKS[check]])[check] == Verdict(Outcome.AGREE, *_numbers(check))


def _numbers(check):
    found = judge(RIGHT, PLAIN, [CHECKS[check]])[check]
    return ("", found.ratio, found.slack)


def test_what_may_overflow_may_be_infinite():
    """No check of conduct asks for finite numbers where a bound is infinite, and the loss, too, may be."""
    assert (
        judge(gradient_of("theta", lambda g: g + np.inf), HEAVY, [CHECKS["finite"]])["finite"].outcome is Outcome.AGREE
    )
    assert judge(RIGHT, MASKED, [CHECKS["finite"]])["finite"].outcome is Outcome.AGREE
    infinite = returning(logits=lambda *a: np.where(np.isneginf(model.logits(*a)), np.nan, model.logits(*a)))
    assert judge(infinite, MASKED, [CHECKS["finite"]])["finite"].outcome is Outcome.AGREE


BUFFER = "a later call of {0} changed the result of an earlier one: both live in one buffer"
AGAIN = "a second call of {0} with the same arguments gave another result"


@pytest.mark.parametrize("odd", [3, 4])  # after a call with other numbers, and at once
@pytest.mark.parametrize("name", ["gradients", "loss", "logits", "softmax", "softmax_jacobian"])
def test_a_buffer_and_a_memory_are_told_apart(name, odd):
    """What is overwritten by a call with other numbers; and what the same numbers give another time."""
    right, kept, calls = getattr(RIGHT, name), [], []

    def buffered(*arrays):
        found = right(*arrays)
        parts = list(found.values()) if isinstance(found, dict) else [found]
        if not kept:
            kept.extend(np.array(part) for part in parts)
        for buffer, part in zip(kept, parts, strict=True):
            buffer[...] = part
        return dict(zip(found, kept, strict=True)) if isinstance(found, dict) else kept[0]

    def counted(*arrays):
        calls.append(1)
        found = right(*arrays)
        more = len(calls) == odd
        return {**found, "b": found["b"] + more} if isinstance(found, dict) else found + more

    for function, reason in ((buffered, BUFFER), (counted, AGAIN)):
        found = judge(Implementation("odd", **{name: function}), PLAIN, [CHECKS["repeatable"]])["repeatable"]
        assert (found.outcome, found.reason) == (Outcome.DISAGREE, reason.format(name))


def test_a_buffer_is_seen_behind_a_layout_that_converts():
    """What the code itself returned is compared, not the copy that dividing by n makes of it."""
    buffer = np.zeros((2, 1))

    def summed(theta, b, X, Y):
        buffer[...] = model.theta_gradient(theta, b, X, Y) * X.shape[1]
        return {"theta": buffer}

    implementation = Implementation("summed", gradients=summed, layout=Layout(reduction="sum"))
    found = judge(implementation, TWO, [CHECKS["repeatable"]])["repeatable"]
    assert found.reason == BUFFER.format("gradients")


def test_the_problem_in_between_differs_in_every_array():
    """theta and b negated, but for a mask; every sample in the place of the next."""
    found = elsewhere(Trial(RIGHT, MASKED)).problem
    assert (found.theta == -MASKED.theta).all()
    assert found.b.tolist() == [[-0.5], [-np.inf], [-1.0]]
    assert found.b.dtype == MASKED.b.dtype
    assert (MASKED.X[:, ::-1] == found.X).all()
    assert (MASKED.Y[:, ::-1] == found.Y).all()
    square = posed(np.eye(2), [[1.0], [2.0]], [[1.0, 2.0], [3.0, 4.0]], labels(0, 1, L=2), "float32")
    found = elsewhere(Trial(RIGHT, square)).problem
    assert found.X.tolist() == [[2, 1], [4, 3]]
    assert [array.dtype for array in (found.theta, found.b, found.X, found.Y)] == [square.theta.dtype] * 4


# ---- what cannot be read ----

ERRORED = [
    (
        "theta_gradient",
        gradient_of("theta", np.transpose),
        "gradients['theta'] returned shape (1, 3); expected (3, 1); it is the transpose: did you mean --theta features-first?",
    ),
    (
        "logits_gradient",
        gradient_of("Z", np.transpose),
        "gradients['Z'] returned shape (2, 3); expected (3, 2); it is the transpose: did you mean --samples rows?",
    ),
    ("logits", returning(logits=lambda *a: model.logits(*a)[:2]), "logits returned shape (2, 2); expected (3, 2)"),
    ("softmax", returning(softmax=lambda Z: model.softmax(Z)[:2]), "softmax returned shape (2, 2); expected (3, 2)"),
    (
        "jacobian_diagonal",
        returning(softmax_jacobian=lambda z: z),
        "softmax_jacobian returned shape (3,); expected (3, 3)",
    ),
    ("loss", returning(loss=lambda *a: "high"), "loss returned str 'high'; expected real numbers of shape ()"),
    ("loss", returning(loss=lambda *a: 1j), "loss returned complex 1j; expected real numbers of shape ()"),
    ("finite", returning(softmax=lambda Z: "high"), "softmax returned str 'high'; expected real numbers"),
    (
        "theta_gradient",
        returning(gradients=lambda *a: 5),
        "gradients returned int 5; expected theta, b, Z, X by name, in this order, or theta alone",
    ),
    (
        "theta_gradient",
        returning(gradients=lambda *a: {"W": 1, "c": 2}),
        "gradients returned the keys ['W', 'c']; did you mean theta?",
    ),
]


@pytest.mark.parametrize(("check", "implementation", "reason"), ERRORED, ids=lambda x: x if isinstance(x, str) else "")
def test_what_cannot_be_read_is_said_with_what_was_expected(check, implementation, reason):
    """Errored: what was returned, what was expected, and which option may be meant."""
    found = judge(implementation, PLAIN, [CHECKS[check]])[check]
    assert (found.outcome, found.reason) == (Outcome.ERRORED, reason)


def test_whole_numbers_of_any_kind_and_floats_of_every_precision_are_numbers():
    """Signed, unsigned, float64 to bfloat16; truths and dates are not."""
    for dtype in ("int8", "uint8", *precision.NAMES):
        kind = precision.named(dtype).dtype if dtype in precision.NAMES else np.dtype(dtype)
        zero = returning(loss=lambda *a, kind=kind: np.zeros((), kind))
        assert judge(zero, PLAIN, [CHECKS["loss"]])["loss"].outcome is Outcome.DISAGREE
    assert judge(returning(loss=lambda *a: True), PLAIN, [CHECKS["loss"]])["loss"].outcome is Outcome.ERRORED


def test_a_long_value_is_cut_to_sixty_characters():
    """Fifty-seven and three dots."""
    assert describe("x" * 58) == f"str '{'x' * 58}'"
    assert describe("x" * 59) == f"str '{'x' * 56}..."
    assert describe(np.zeros((2, 1))) == "an array of float64 with shape (2, 1)"


def test_what_a_layout_cannot_express_is_skipped_with_its_reason():
    """Index labels of mass 2."""
    doubled = posed(TWO.theta, TWO.b, TWO.X, 2 * TWO.Y)
    indexed = Implementation("indexed", loss=lambda *arrays: 0.0, layout=Layout(labels="index"))
    found = judge(indexed, doubled, [CHECKS["loss"]])["loss"]
    assert (found.outcome, found.reason) == (Outcome.SKIPPED, "index labels cannot express these label masses")


@pytest.mark.parametrize("fatal", [True, False])
def test_a_call_without_a_result_is_told_in_its_own_words(fatal):
    """After the name of the function; final where it cost the process."""

    def loss(*arrays):
        raise TargetFailed("gave up", fatal=fatal)

    found = judge(replace(RIGHT, loss=loss), PLAIN, [CHECKS["loss"]])["loss"]
    assert found == Verdict(Outcome.ERRORED, "loss gave up", final=fatal)


class Stubborn:
    """It can be handed on, and not be read."""

    def __array__(self, *arguments, **options):
        raise ValueError("no array")


class Empty(Mapping):
    """It says that it has every key, and then has none."""

    def __contains__(self, key):
        return True

    def __getitem__(self, key):
        raise KeyError(key)

    def __iter__(self):
        raise ValueError("no keys")

    def __len__(self):
        return 3


class Shy:
    """Its attributes cannot be asked for."""

    def __getattr__(self, name):
        raise ValueError("no attribute")


class Closed(dict):
    """It has other keys, and does not say which."""

    def __iter__(self):
        raise ValueError("no keys")


STUBBORN = [
    (
        "softmax",
        returning(softmax=lambda Z: Stubborn()),
        "softmax returned Stubborn, which raised ValueError: no array",
    ),
    ("shape_and_dtype", returning(softmax=lambda Z: Stubborn()), "softmax returned Stubborn, which raised ValueError"),
    ("shape_and_dtype", returning(loss=lambda *a: Stubborn()), "loss returned Stubborn, which raised ValueError"),
    ("theta_gradient", returning(gradients=lambda *a: Empty()), "gradients returned Empty, which raised KeyError"),
    ("theta_gradient", returning(gradients=lambda *a: Shy()), "gradients returned Shy, which raised ValueError"),
    (
        "theta_gradient",
        returning(gradients=lambda *a: Closed(W=1)),
        "gradients returned Closed, which raised ValueError",
    ),
    ("repeatable", Implementation("odd", loss=lambda *a: Shy()), "a function returned Shy, which raised ValueError"),
    (
        "repeatable",
        Implementation("odd", loss=lambda *a: Empty()),
        "a function returned Empty, which raised ValueError",
    ),
    (
        "repeatable",
        Implementation("odd", loss=lambda *a: {"a": Stubborn()}),
        "entry 'a' returned Stubborn, which raised",
    ),
]


@pytest.mark.parametrize(("check", "implementation", "reason"), STUBBORN, ids=lambda x: x if isinstance(x, str) else "")
def test_a_value_that_raises_when_it_is_read_is_told_by_its_type(check, implementation, reason):
    """Name of the function, type of what it returned, and what that raised."""
    found = judge(implementation, PLAIN, [CHECKS[check]])[check]
    assert found.outcome is Outcome.ERRORED
    assert found.reason.startswith(reason)


class Endless(Mapping):
    """Names without end, of which none is one of ours."""

    def __iter__(self):
        return map(str, itertools.count())

    def __len__(self):
        return 2

    def __getitem__(self, key):
        if key in ("theta", "b", "Z", "X"):
            raise KeyError(key)
        return np.ones(2)


@pytest.mark.parametrize("layout", [None, Layout(samples="rows")])
def test_names_without_end_are_not_read_to_their_end(layout):
    odd = Implementation("odd", gradients=lambda *arrays: Endless(), **({"layout": layout} if layout else {}))
    found = judge(adapt(odd), PLAIN, [CHECKS["theta_gradient"], CHECKS["repeatable"]])
    assert found["theta_gradient"].outcome is Outcome.ERRORED
    assert found["theta_gradient"].reason.startswith("gradients returned the keys ['0', '1', '10'")
    assert not found["repeatable"].failed


def test_a_softmax_of_other_logits_is_read_as_suspiciously():
    """Right for the problem itself, and of another shape for any other Z."""
    calls = []

    def softmax(Z):
        calls.append(1)
        return model.softmax(Z)[: 3 if len(calls) == 1 else 2]

    implementation = returning(softmax=softmax)
    names = ("softmax", "shift_invariance")
    found = judge(implementation, PLAIN, [CHECKS[name] for name in names])
    assert found["softmax"].outcome is Outcome.AGREE
    assert found["shift_invariance"].reason == "softmax returned shape (2, 2); expected (3, 2)"


def test_a_step_that_changes_a_logit_by_exactly_one_is_taken():
    """Without any label nothing bends, and check_grad steps by 1 along b."""
    massless = posed(TWO.theta, 0 * TWO.b, TWO.X, 0 * TWO.Y)
    assert judge(RIGHT, massless, [CHECKS["scipy_check_grad_b"]])["scipy_check_grad_b"].outcome is not Outcome.SKIPPED


def test_a_declared_flush_grants_the_smallest_normal_number():
    """eta is tiny; otherwise the smallest subnormal."""
    flushed = adapt(replace(RIGHT, arithmetic=Arithmetic(subnormals="flushed")))
    assert Trial(flushed, TWO).granted.eta == 2.0**-1022
    assert Trial(RIGHT, TWO).granted.eta == 2.0**-1074


@pytest.mark.parametrize("key", ["theta", "b", "Z", "logits", "loss"])
def test_where_logits_may_overflow_nothing_needs_to_be_finite(key):
    """Infinite bounds of every quantity: inf and NaN are right."""
    wrong = (
        gradient_of(key, nan)
        if key in {"theta", "b", "Z"}
        else returning(**{key: lambda *a: nan(getattr(model, key)(*a))})
    )
    only = replace(wrong, softmax=None, softmax_jacobian=None)
    assert judge(only, OVERFLOWING, [CHECKS["finite"]])["finite"].outcome is Outcome.AGREE
    assert judge(only, TWO, [CHECKS["finite"]])["finite"].outcome is Outcome.DISAGREE


# ---- turns ----


def test_every_fourth_problem_is_three_of_twelve_turns():
    """Beginning with the number given."""
    assert [every(k) for k in range(4)] == [(0, 4, 8), (1, 5, 9), (2, 6, 10), (3, 7, 11)]


TURNS = {
    (0, 4, 8): {
        "jacobian_diagonal",
        "jacobian_off_diagonal",
        "jacobian_is_symmetric",
        "jacobian_rows_sum_to_zero",
        "jacobian_is_positive_semidefinite",
        "probabilities_gradient",
        "chain_rule",
    },
    (1, 5, 9): {
        "probabilities_sum_to_one",
        "probabilities_are_positive",
        "shift_invariance",
        "columns_do_not_mix",
        "duplicated_batch",
        "bias_is_a_weight",
        "one_sample",
        "loss_of_a_duplicated_batch",
    },
    (2, 6, 10): {
        "forward_difference",
        "gradient_of_its_own_loss",
        "complex_step_of_its_own_loss",
        "loss_is_convex",
    },
    (3, 7, 11): {
        "logits_gradient_sums_to_zero",
        "theta_gradient_sums_to_zero",
        "bias_gradient_sums_to_zero",
        "class_permutation",
        "sample_permutation",
        "theta_gradient_from_logits_gradient",
        "bias_gradient_from_logits_gradient",
        "data_gradient_from_logits_gradient",
        "two_classes_are_logistic",
        "loss_is_not_negative",
    },
    (0, 4, 8, 1, 5, 9): {"softmax"},
    (3,): {"repeatable"},
    (5,): {
        "upstream_gradient",
        "upstream_gradients_of_samples",
        "backward_twice",
        "batch_in_pieces",
        "another_precision",
    },
    (9,): {
        "functional_gradient",
        "mapped_over_samples",
        "gradient_through_a_kept_output",
        "logits_left_alone",
        "inputs_without_gradient",
        "gradient_of_labels",
        "no_sample_counts",
    },
    (7,): {"updated_in_place", "memory_given_again", "after_an_exception", "two_threads"},
    (2,): {"central_difference_theta", "scipy_check_grad_theta"},
    (6,): {"central_difference_b", "scipy_check_grad_b"},
    (10,): {"central_difference_Z", "scipy_check_grad_Z"},
    (0,): {"central_difference_jacobian"},
    (4,): {"jacobian_of_its_own_softmax"},
    (8,): {"scipy_check_grad_jacobian", "central_difference_X", "scipy_check_grad_X"},
    (): {
        "logits",
        "loss",
        "logits_gradient",
        "theta_gradient",
        "bias_gradient",
        "data_gradient",
        "shape_and_dtype",
        "inputs_unchanged",
        "finite",
    },
}


def test_checks_that_share_exact_values_share_their_turns():
    """One oracle evaluation serves the checks of one turn: of A and its Jacobian, of A, of the loss along a line, of gradients."""
    found = {}
    for name, check in CHECKS.items():
        found.setdefault(check.turns, set()).add(name)
    assert found == TURNS
    assert {name for name, check in CHECKS.items() if check.large} == {"softmax"}


def test_a_check_with_turns_is_due_at_those_numbers_and_leaves_out_large_problems():
    """The first, and modulo 12; of problems with more than 4096 entries of Z only where it says so; without turns always."""
    small, large = wide(2, 1, 2048), wide(2, 1, 2049)
    repeatable, softmax, loss = (CHECKS[name] for name in ("repeatable", "softmax", "loss"))
    assert [number for number in range(30) if repeatable.due(number, small)] == [0, 3, 15, 27]
    assert not any(repeatable.due(number, large) for number in range(12))
    assert not any(repeatable.due(number, wide(17, 1, 241)) for number in range(12))  # 4097
    assert [number for number in range(12) if softmax.due(number, large)] == [0, 1, 4, 5, 8, 9]
    assert all(loss.due(number, large) for number in range(12))


def test_an_entry_of_the_table_is_not_changed():
    """A run trusts that every check is the one that was entered."""
    with pytest.raises(FrozenInstanceError):
        CHECKS["loss"].large = True


DATA = ("data_gradient", "data_gradient_from_logits_gradient", "central_difference_X", "scipy_check_grad_X")
USES = (
    "upstream_gradient",
    "upstream_gradients_of_samples",
    "backward_twice",
    "batch_in_pieces",
    "functional_gradient",
    "mapped_over_samples",
    "another_precision",
    "gradient_through_a_kept_output",
    "no_sample_counts",
)
EQUATIONS = {
    1: {
        "softmax",
        "probabilities_sum_to_one",
        "probabilities_are_positive",
        "shift_invariance",
        "two_classes_are_logistic",
    },
    2: {
        "loss",
        *CENTRAL[:3],
        *LINES,
        "duplicated_batch",
        "loss_is_not_negative",
        "loss_of_a_duplicated_batch",
    },
    3: {"chain_rule", *DATA, *USES},
    4: {"probabilities_gradient"},
    5: {"jacobian_diagonal", "jacobian_rows_sum_to_zero", CENTRAL[3], *JACOBIAN},
    6: {
        "jacobian_off_diagonal",
        "jacobian_is_symmetric",
        "jacobian_rows_sum_to_zero",
        "columns_do_not_mix",
        CENTRAL[3],
        *JACOBIAN,
    },
    7: {"one_sample"},
    8: {"one_sample"},
    9: {"one_sample"},
    10: {"logits_gradient", "logits_gradient_sums_to_zero", "class_permutation", "sample_permutation"},
    11: {"theta_gradient"},
    12: {"theta_gradient"},
    13: {"theta_gradient"},
    14: {"bias_gradient"},
    16: {"bias_gradient"},
    15: {"bias_gradient_from_logits_gradient"},
    17: {
        "theta_gradient",
        "theta_gradient_sums_to_zero",
        "class_permutation",
        "sample_permutation",
        "two_classes_are_logistic",
        "scipy_check_grad_theta",
        CENTRAL[0],
        *LINES[:3],
    },
    18: {
        "bias_gradient",
        "bias_gradient_sums_to_zero",
        "class_permutation",
        "sample_permutation",
        "bias_is_a_weight",
        "scipy_check_grad_b",
        CENTRAL[1],
        *LINES[:3],
    },
    19: {"logits_gradient", "scipy_check_grad_Z", CENTRAL[2]},
    20: {"logits", *DATA},
    21: {"theta_gradient_from_logits_gradient"},
    22: {
        "jacobian_diagonal",
        "jacobian_off_diagonal",
        "jacobian_is_positive_semidefinite",
        CENTRAL[3],
        *JACOBIAN,
    },
}


@pytest.mark.parametrize("equation", EQUATIONS)
def test_an_equation_is_judged_by_the_checks_of_its_claim(equation):
    """Those that docs/equations.md lists, and no other."""
    assert {name for name, check in CHECKS.items() if equation in check.equations} == EQUATIONS[equation]


def test_another_result_within_rounding_is_said_to_be_that():
    """And what would grant it."""
    calls = itertools.count()

    def gradients(*arrays):
        found = RIGHT.gradients(*arrays)
        return {**found, "theta": np.nextafter(found["theta"], np.inf) if next(calls) % 2 else found["theta"]}

    p = Problem(np.array([[1.0, 0.5], [0.25, -1.0]]), np.zeros((2, 1)), np.ones((2, 3)), np.eye(2)[:, [0, 1, 0]])
    verdict = CHECKS["repeatable"].judge(Trial(adapt(Implementation("noisy", gradients)), p))
    assert verdict.failed and verdict.reason.endswith("within rounding: --deterministic no declares that")
