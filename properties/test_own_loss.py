"""A loss of one's own: a specification through every door, the laws that hold for it, and what is wrong with one in a line."""

import json
import re
from dataclasses import replace
from enum import Enum, StrEnum
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner

import gradcheck
from gradcheck import Implementation, Layout, Loss, Problem, Unusable, cases, conformance, verify
from gradcheck.checks import CHECKS, Trial
from gradcheck.checks.own import BARRED, CLAIMS, OF_Z, OF_Z_ALONE
from gradcheck.cli import main
from gradcheck.drawing import pose
from gradcheck.implementations import losses
from gradcheck.implementations.posing import same_loss
from gradcheck.law import CrossEntropy
from gradcheck.law.own import LAWS
from gradcheck.mistakes import MISTAKES
from gradcheck.printable import clipped
from gradcheck.readings import sound
from gradcheck.readings.program import Program
from gradcheck.referees import lawful
from gradcheck.settings import Target, configured
from gradcheck.verdict import Outcome
from properties import own_losses
from properties.own_losses import FOCAL, KERNEL, cross_entropy, focal, hinge, squares

HERE = own_losses.__file__


def problem(L=3, d=2, n=4, dtype="float64", seed=0):
    draw = np.random.default_rng(seed)
    Y = np.eye(L)[:, draw.integers(0, L, n)]
    arrays = draw.standard_normal((L, d)), draw.standard_normal((L, 1)), draw.standard_normal((d, n)), Y
    return Problem(*(array.astype(dtype) for array in arrays))


# ---- a specification ----


def test_a_loss_is_a_law_without_options_of_the_cross_entropy():
    assert FOCAL.own and not FOCAL.plain and not FOCAL.folds and FOCAL.of_classes(7) is FOCAL
    assert FOCAL.said == {
        "loss": "focal",
        "from": "own_losses.py:focal",
        "digest": FOCAL.digest,
        "options": {"gamma": 2.0},
    }
    assert FOCAL == Loss(focal, gamma=2) != Loss(focal, gamma=1.0)
    assert hash(FOCAL) == hash(Loss(focal)) and repr(FOCAL) == "Loss(focal, gamma=2.0)"
    assert CrossEntropy().own is False and gradcheck.Loss is Loss


def test_what_a_text_says_is_data_and_runs_nothing():
    read = CrossEntropy.read(json.loads(json.dumps(FOCAL.said)))
    assert read == FOCAL and isinstance(read, Loss) and read.function is None and read.said == FOCAL.said
    with pytest.raises(Unusable, match="the loss focal is named by data, which nothing runs; say where it is: --loss"):
        gradcheck.judge_gradient(problem().with_law(read), theta=np.zeros((3, 2)))


@pytest.mark.parametrize(
    "said",
    [
        {"loss": 3, "from": "", "digest": "", "options": {}},
        {"loss": "f", "from": "", "digest": "", "options": [1]},
        {"loss": "f", "from": "", "digest": "", "options": {"a": {}}},
        {"loss": "f", "from": "", "digest": "", "more": 1},
        {"loss": "f" * 300, "from": "", "digest": ""},
    ],
)
def test_data_that_say_something_else_are_refused_in_a_line(said):
    with pytest.raises(Unusable, match=r"^[^\n]*$"):
        CrossEntropy.read(said)


def test_the_digest_is_of_the_text_and_of_what_it_uses():
    space = {"__name__": "made"}
    texts = []
    for number in (2, 3):
        exec(f"def helper(x):\n    return x * {number}\ndef made(Z, Y):\n    return helper(Z * Y).sum()\n", space)
        texts.append(Loss(space["made"]).digest)
    assert texts[0] != texts[1]


def test_a_long_name_is_clipped():
    """It stands in each line that names the loss."""
    assert Loss(lambda Z, Y: Z.sum(), name="x" * 60).name == "x" * 60
    assert Loss(lambda Z, Y: Z.sum(), name="x" * 100).name == clipped("x" * 100, 60) != "x" * 100


def scaled(by):
    def made(Z, Y):
        return (Z * Y).sum() * by

    return made


def weighted(by, Z, Y):
    return (Z * Y).sum() * by


class Called:
    def __init__(self, by):
        self.by = by

    def __call__(self, Z, Y):
        return weighted(self.by, Z, Y)


@pytest.mark.parametrize("make", [scaled, Called, lambda by: partial(weighted, by), lambda by: Called(by).__call__])
def test_the_digest_is_of_what_a_function_encloses_and_is_bound_to(make):
    assert Loss(make(2.0)) == Loss(make(2.0))
    assert Loss(make(2.0)) != Loss(make(3.0))


@pytest.mark.parametrize(("one", "other"), [(0.0, -0.0), (1, True), ((1.0, 0.0), (1.0, -0.0))])
def test_options_that_a_text_may_tell_apart_make_two_losses(one, other):
    """Or what is known of one would be said of the other: the reciprocals of zeros differ in sign."""

    def loss(Z, Y, *, np, w=2.0):
        return (w * Z * Y).sum()

    assert Loss(loss, w=one) != Loss(loss, w=other)
    assert Loss(loss, w=one) == Loss(loss, w=one)
    assert Loss(loss) == Loss(loss, w=2) == Loss(loss, w=np.float64(2))
    assert Loss(loss, w=np.float64(2)).options == {"w": 2.0} and Loss(loss, w=np.int64(2)) == Loss(loss)
    word = Loss(loss, w=StrEnum("Kind", "mean").mean).options["w"]
    assert (type(Loss(loss, w=np.float64(2)).options["w"]), type(word), word) == (float, str, "mean")
    assert Loss(loss, w=Enum("Kind", {"mean": "mean"}, type=str).mean).options == {"w": "mean"}


def test_two_functions_of_one_line_are_two():
    one, other = (lambda Z, Y: (Z * Y).sum()), (lambda Z, Y: (Z * Z).sum())
    assert Loss(one) != Loss(other)


def recurrent(Z, Y, *, np):
    state = np.sum(Z[:, 0])
    for _ in range(3000):
        state = state / 2 + 1
    for column in range(Z.shape[1]):
        state = np.logaddexp(state, Z[0, column])
    return state


def test_a_loop_may_be_longer_than_python_recurses_and_is_posed_no_large_problems():
    theta, b, X = np.ones((2, 1)), np.zeros((2, 1)), np.ones((1, 3))
    assert (
        Program(Loss(recurrent), {"theta": theta, "b": b, "X": X, "Y": np.eye(2)[:, [0, 1, 1]]}).gradient("Z").sum() > 0
    )
    assert "large" in sound.unposed(Loss(recurrent))


def printing(Z, Y):
    print("here")
    return (Z * Y).sum()


def test_what_a_specification_prints_is_not_among_the_results(capsys):
    gradcheck.check(gradients_of_labels, law=Loss(printing), max_examples=5)
    assert capsys.readouterr().out == ""


def gradients_of_labels(theta, b, X, Y):
    return {"Z": Y + 0 * (theta @ X + b)}


def tversky(Z, Y, *, np, a=0.3, b=0.7):
    A = np.softmax(Z)
    return np.mean((A * Y).sum(axis=1) / (1 + a * A.sum(axis=1) + b * Y.sum(axis=1)))


def test_an_option_that_is_called_as_an_array_is_refused():
    with pytest.raises(
        Unusable, match=r"^the loss tversky has a default of b, which is an array; call the option otherwise$"
    ):
        Loss(tversky)


def test_a_loss_of_an_empty_name_is_refused():
    found = CliRunner().invoke(main, ["verify", "reference", "--loss", ""])
    assert (found.exit_code, found.output) == (2, "gradcheck: --loss is empty; expected FILE[:NAME]\n")


def raises(Z, Y, *, np):
    raise ValueError("not like this")


def vector(Z, Y):
    return (Z * Y).sum(axis=0)


def word(Z, Y):
    return "loss"


def nothing(Z, Y):
    pass


def constant(Z, Y):
    return (Y * Y).sum()


def unknown(Z, Y):
    return np.fft.fft(Z).real.sum()


def random(Z, Y):
    return (Z * Y).sum() * np.random.default_rng().random()


def complex_number(Z, Y):
    return (Z * Y * 1j).sum()


def named_otherwise(W, b, X, Y):
    return (W @ X + b).sum()


def of_labels(Y):
    return Y.sum()


def of_any(*arrays):
    return 0.0


def needs(Z, Y, *, alpha):
    return (Z * Y).sum() * alpha


def transformed(Z, Y, *, np):
    return np.fft(Z)[0].sum()


def spread(Z, Y):
    return Z.item(0)


def written_into(Z, Y):
    Z[0] = 1
    return Z.sum()


LINES = {
    transformed: r"np.fft is not among the functions that a loss may be written in \(gradcheck.numpy lists them\)",
    spread: "arrays of a loss have no .item; gradcheck.numpy lists the functions",
    written_into: r"test_own_loss.py:\d+: a loss writes into an array; write it with where",
    raises: r"the loss raises cannot be read at test_own_loss.py:\d+: ValueError: not like this",
    vector: "the loss vector returns an array of shape .4,.; expected one number",
    word: "the loss word returns str 'loss'; expected one number",
    nothing: "the loss nothing returns NoneType None; expected one number",
    constant: "the loss constant is no function of its arguments",
    unknown: r"the loss unknown cannot be read at test_own_loss.py:\d+: .*numpy.fft",
    random: "the loss random is no function of its arguments: read twice, of the same arrays, it returns ",
    complex_number: "the loss complex_number returns a complex number; expected a real one",
    named_otherwise: "the loss named_otherwise has a parameter W; expected some of theta, b, X and Y, or Z and Y",
    of_labels: "the loss of_labels is a function of Y; expected some of theta",
    of_any: "the loss of_any has a parameter arrays; expected some of theta",
    needs: "the loss needs needs alpha, which has no default: --loss-option alpha=VALUE",
    3: "a loss is 3; expected a function of arrays",
}


@pytest.mark.parametrize("function", LINES, ids=lambda function: getattr(function, "__name__", str(function)))
def test_a_specification_that_is_wrong_is_one_clear_line(function):
    with pytest.raises(Unusable, match=LINES[function]) as refusal:
        gradcheck.conform(KERNEL, law=Loss(function), max_examples=5)
    assert "\n" not in str(refusal.value)


class Counting:
    """A specification that changes when it has been read so many times."""

    def __init__(self, calls, by=1.5):
        self.left, self.by = calls, by

    def __call__(self, Z, Y, *, np):
        self.left -= 1
        return focal(Z, Y, np=np) * (self.by if self.left < 0 else 1.0)


@pytest.mark.parametrize("calls", [1, 3, 24, 60])
def test_a_specification_that_changes_as_it_is_read_is_said_to_and_blames_no_code(calls):
    with pytest.raises(Unusable, match=r"^the loss counting is no function of its arguments: read twice, "):
        gradcheck.conform(
            KERNEL, law=Loss(Counting(calls), name="counting"), checks=("*gradient", "loss"), max_examples=8
        )


@pytest.mark.parametrize("calls", [1, 4, 6])
def test_so_it_is_of_one_problem_and_in_a_replay(calls, tmp_path):
    law = Loss(Counting(calls, by=3.0 + calls), name="counting")
    kernel, due = replace(KERNEL, law=law), problem().with_law(law)
    with pytest.raises(Unusable, match="is no function of its arguments"):
        for _ in range(3):
            verify.judge(kernel, due, verify.select(["loss", "theta_gradient"]))
    law.function.left = calls + 4
    with pytest.raises(Unusable, match="is no function of its arguments"):
        for _ in range(3):
            conformance.replay(kernel, cases.Case(due, check="theta_gradient"), tmp_path / "case.json")


def test_wrong_code_is_still_blamed_where_the_specification_stays_the_same():
    run = gradcheck.conform(
        _wrong(lambda due: {**due, "theta": -due["theta"]}), law=FOCAL, checks=("theta_gradient",), max_examples=6
    )
    assert run.failed


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"gama": 1}, "the loss focal has no option 'gama'; it has gamma"),
        ({"gamma": object()}, "the option gamma of the loss focal is <object"),
        ({"holds": 5}, "holds is 5; expected names, any of bias_gradient_sums_to_zero"),
        ({"gamma": 10**400}, "is larger than any number of float64"),
        ({"holds": ["convex"]}, "holds names 'convex'; expected any of bias_gradient_sums_to_zero"),
    ],
)
def test_options_that_it_does_not_have_are_refused(options, line):
    with pytest.raises(Unusable, match=re.escape(line)):
        Loss(focal, **options)


# ---- what is judged ----


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_right_code_agrees_in_everything_that_is_judged(dtype):
    run = gradcheck.conform(KERNEL, dtype=dtype, max_examples=40)
    outcomes = {name: tally.outcome for name, tally in run.tallies.items()}
    assert not run.failed and run.judged
    for name in ("loss", "logits", "theta_gradient", "bias_gradient", "logits_gradient", "data_gradient", *LAWS):
        assert outcomes[name] is Outcome.AGREE, (name, dict(run.tallies[name].reasons))


def test_every_check_that_is_not_posed_says_why_and_is_one_that_there_is():
    assert {*BARRED, *CLAIMS, *OF_Z, *OF_Z_ALONE, *LAWS} <= set(CHECKS)
    trial = Trial(KERNEL, problem().with_law(FOCAL))
    for name in BARRED:
        verdict = CHECKS[name].judge(trial)
        assert verdict.outcome is Outcome.SKIPPED and "focal" in verdict.reason, name
        assert not CHECKS[name].barred(replace(KERNEL, law=CrossEntropy()), CrossEntropy(), "float64").count("focal")


def test_a_loss_of_the_parameters_has_no_gradient_of_logits():
    def gradients(theta, b, X, Y):
        D = 2 * (theta @ X + b - Y) / Y.size
        return {"theta": D @ X.T + theta * 0.25, "b": D.sum(axis=1, keepdims=True), "X": theta.T @ D, "Z": 0 * D}

    run = gradcheck.conform(gradients, law=Loss(squares), max_examples=16)
    assert not run.failed
    assert {
        name: run.tallies[name].outcome.value for name in ("theta_gradient", "logits_gradient", "bias_is_a_weight")
    } == {
        "theta_gradient": "agree",
        "logits_gradient": "skipped",
        "bias_is_a_weight": "skipped",
    }
    assert run.tallies["logits_gradient"].reason == "squares is no function of Z, and has no ∂ℒ/∂Z"
    assert lawful.of(Loss(squares)) >= {"class_permutation", "sample_permutation"}
    assert not lawful.of(Loss(squares)) & {"theta_gradient_sums_to_zero", "logits_gradient_sums_to_zero"}


def of_the_label(Z, Y, *, np):
    return -np.mean(Z[Y.argmax(axis=0), np.arange(Y.shape[1])])


def test_the_number_of_a_label_is_read_off_labels():
    def gradients(theta, b, X, Y):
        D = -np.eye(len(Y), dtype=Y.dtype)[:, Y.argmax(axis=0)] / Y.shape[1]
        return {"theta": D @ X.T, "Z": D}

    run = gradcheck.conform(
        gradients, law=Loss(of_the_label), checks=("theta_gradient", "logits_gradient"), max_examples=12
    )
    assert [tally.outcome.value for tally in run.tallies.values()] == ["agree", "agree"]


def test_a_loss_with_a_weight_for_each_class_is_posed_that_number_of_classes():
    def weighed(Z, Y, *, np, weights=(1.0, 0.5, 2.0, 4.0)):
        return -np.sum(np.array(weights)[:, None] * Y * Z)

    def gradients(theta, b, X, Y):
        D = -np.array([1, 0.5, 2, 4], dtype=Y.dtype)[:, None] * Y
        return {"theta": D @ X.T, "Z": D}

    run = gradcheck.conform(gradients, law=Loss(weighed), takes=gradcheck.Takes(shapes=("L=4",)), max_examples=12)
    assert not run.failed and run.tallies["theta_gradient"].outcome.value == "agree"
    with pytest.raises(Unusable, match=r"the loss weighed cannot be read at .*could not be broadcast"):
        gradcheck.conform(gradients, law=Loss(weighed), max_examples=4)


def test_laws_are_found_or_declared_and_a_false_declaration_is_a_line():
    summed = {"duplicated_batch", "loss_of_a_duplicated_batch"}
    assert lawful.of(FOCAL) == lawful.of(Loss(cross_entropy)) == set(LAWS)
    assert lawful.of(Loss(hinge)) & summed == set()
    with pytest.raises(
        Unusable, match="the loss hinge does not have the law duplicated_batch, which is declared to hold"
    ):
        gradcheck.conform(KERNEL, law=Loss(hinge, holds=["duplicated_batch"]), max_examples=5)


def of_products(theta, b, X, Y):
    return ((theta @ X + b) ** 2 * Y).sum()


def of_differences(b, Y):
    return ((b[1:] - b[:-1]) ** 2).sum() + 0 * Y.sum()


def of_data(theta, X, Y):
    return ((theta @ X - Y) ** 2).sum()


def test_a_shift_of_all_logits_is_a_law_that_is_found():
    """Of losses of Z by theta and b, of others by b; of what has no b it says nothing."""
    known = (cross_entropy, hinge, focal, squares, of_products, of_differences, of_data)
    assert [law.__name__ for law in known if "shift_invariance" in lawful.of(Loss(law))] == [
        "cross_entropy",
        "hinge",
        "focal",
        "of_differences",
    ]
    with pytest.raises(Unusable, match="the loss squares does not have the law shift_invariance"):
        lawful.of(Loss(squares, holds=["shift_invariance"]))
    p = problem(dtype="float16").with_law(FOCAL)
    other = lawful.shifted(p)
    assert other.precision is p.precision
    moved = other.reals[0] @ p.X + other.reals[1] - (p.reals[0] @ p.X + p.reals[1])
    assert (abs(moved).min(axis=0) > 0.1).all() and abs(np.ptp(moved, axis=0)).max() < 0.05 and np.ptp(moved) > 0.5
    alone = lawful.shifted(problem().with_law(Loss(of_products)))
    assert (alone.theta == problem().theta).all() and (alone.b != problem().b).all()


def test_a_shift_of_all_logits_is_posed_and_its_failure_is_one_of_gradients():
    def gradients(theta, b, X, Y):
        due = KERNEL.gradients(theta, b, X, Y)
        return {**due, "theta": due["theta"] + (b.min() > 0)}

    law = KERNEL.law
    run = gradcheck.conform(
        replace(KERNEL, gradients=gradients), law=law, checks=("shift_invariance",), max_examples=30
    )
    assert [failure.check.needs for failure in run.failures] == [("gradients",)]
    assert run.failures[0].verdict.witness.quantity.startswith("∂ℒ/∂θ, logits shifted")
    wrong = replace(KERNEL, loss=lambda theta, b, X, Y: KERNEL.loss(theta, b, X, Y) + (b.min() > 0))
    run = gradcheck.conform(wrong, law=law, checks=("shift_invariance",), max_examples=16)
    assert run.failures[0].verdict.witness.quantity.startswith("ℒ, logits shifted")
    alone = gradcheck.conform(replace(KERNEL, loss=None), law=law, checks=("shift_invariance",), max_examples=8)
    assert alone.tallies["shift_invariance"].outcome is Outcome.AGREE
    large = problem().with_law(law)
    large = large.with_arrays(np.full_like(large.theta, 1.5e308), *large.arrays()[1:])
    verdict = CHECKS["shift_invariance"].judge(Trial(KERNEL, large))
    assert verdict.outcome is Outcome.SKIPPED and "finite" in verdict.reason


def test_a_kink_is_inconclusive_and_never_refused():
    def gradients(theta, b, X, Y):
        """Takes the other side at the kink than NumPy's maximum would."""
        Z = theta @ X + b
        D = (Z - (Z * Y).sum(axis=0, keepdims=True) + 1 >= 0) * (1 - Y)
        return {"Z": D - Y * D.sum(axis=0, keepdims=True)}

    at = np.zeros((2, 1)), np.array([[1.0], [0.0]]), np.zeros((1, 1)), np.array([[1.0], [0.0]])
    kink = Problem(*at).with_law(Loss(hinge))
    it = Implementation("hinge", gradients, law=Loss(hinge))
    assert CHECKS["logits_gradient"].judge(Trial(it, kink)).outcome is Outcome.INCONCLUSIVE
    away = kink.with_arrays(at[0], np.array([[0.5], [0.0]]), at[2], at[3])
    assert CHECKS["logits_gradient"].judge(Trial(it, away)).outcome is Outcome.AGREE


def test_gradients_that_were_computed_elsewhere_are_judged():
    posed = problem().with_law(FOCAL)
    found = own_losses.gradients(*posed.arrays())
    gradcheck.assert_gradient(posed, **found)
    wrong = gradcheck.judge_gradient(posed, theta=found["theta"] * (1 + 1e-12), b=found["b"])
    assert wrong["theta"].outcome is Outcome.DISAGREE and wrong["b"].outcome is Outcome.AGREE


def test_masked_classes_are_not_drawn_and_the_run_says_so():
    drawn = []
    pose(drawn.append, dtype="float64", regimes=("*",), seed=0, count=60, shrink=False, implementation=KERNEL)
    assert len(drawn) == 60 and not any(p.masked.any() for p in drawn) and all(p.law is FOCAL for p in drawn)
    run = gradcheck.conform(KERNEL, max_examples=5)
    assert {gap.how for gap in run.unposed if gap.name == "masked-class"} == {"focal is posed finite logits"}
    with pytest.raises(Unusable, match="masked-class is not posed: focal is posed finite logits"):
        gradcheck.conform(KERNEL, regimes=["masked-class"], max_examples=5)


def test_a_loss_of_pairs_of_samples_is_not_posed_large_problems():
    def pairs(Z, Y, *, np):
        S = Z.T @ Z
        return (S * (Y.T @ Y)).mean()

    assert set(sound.unposed(Loss(pairs))) == {"masked-class", "large", "tiles"}
    assert set(sound.unposed(FOCAL)) == {"masked-class"}
    it, drawn = replace(KERNEL, law=Loss(pairs)), []
    pose(drawn.append, dtype="float64", regimes=("*",), seed=0, count=60, shrink=False, implementation=it)
    assert len(drawn) == 60 and max(max(p.L, p.d, p.n) for p in drawn) < 64


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"layout": Layout(pinned=0)}, "a pinned class is of the cross-entropy"),
        ({"arithmetic": gradcheck.Arithmetic(pieces=2)}, "pieces=2 is granted to the cross-entropy"),
    ],
)
def test_what_cannot_be_granted_is_refused(changes, line):
    with pytest.raises(Unusable, match=line):
        replace(KERNEL, **changes)


# ---- what is told of a failure ----


def _wrong(change):
    def gradients(theta, b, X, Y):
        D = own_losses.logits_gradient(theta, b, X, Y)
        return change({"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D, "X": theta.T @ D})

    return gradients


def _without_last(theta, b, X, Y):
    D = own_losses.logits_gradient(theta, b, X, Y)
    D[:, -1] = 0
    return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D, "X": theta.T @ D}


TOLD = {
    "Summed over the samples: n times too large": own_losses.summed,
    "The last sample is missing": _without_last,
    "multiplied by 2, in ∂ℒ/∂b only": _wrong(lambda found: {**found, "b": 2 * found["b"]}),
    "∂ℒ/∂b is the mean over the samples": _wrong(lambda found: {**found, "b": found["Z"].mean(axis=1, keepdims=True)}),
    "0 in place of the gradient, in ∂ℒ/∂θ only": _wrong(lambda found: {**found, "theta": 0 * found["theta"]}),
}


@pytest.mark.parametrize("told", TOLD)
def test_a_failure_is_explained_by_what_may_be_wrong_with_any_gradient(told):
    it = Implementation("wrong", TOLD[told], law=FOCAL)
    values = ["logits_gradient", "theta_gradient", "bias_gradient", "data_gradient"]
    run = gradcheck.conform(it, checks=values, max_examples=10)
    assert run.failed and told in run.diagnosis.likely
    assert not set(run.diagnosis.mistakes) & set(MISTAKES)
    assert "focal" in run.report() and "log A" not in run.report() and "A - Y" not in run.report()


# ---- every door ----


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = own_losses.__loader__.get_source(own_losses.__name__)
    (tmp_path / "own.py").write_text(text.partition("FOCAL =")[0])
    (tmp_path / "focal.py").write_text(
        "def focal(Z, Y, *, np, gamma=2.0):\n"
        "    lp = np.log_softmax(Z)\n"
        "    return -(Y * (1 - np.exp(lp)) ** gamma * lp).sum() / Y.shape[1]\n"
    )
    (tmp_path / "kernel.py").write_text("from own import gradients, loss, logits\n")
    (tmp_path / "summed.py").write_text("from own import summed as gradients\n")
    return tmp_path


def run(*words):
    found = CliRunner().invoke(main, list(words))
    return found.exit_code, found.output, str(getattr(found.exception, "message", "") or found.exception or "")


def test_the_command_line_judges_replays_and_compares(folder):
    assert run("verify", "kernel.py", "--loss", "focal.py", "--max-examples", "8")[0] == 0
    status, output, _ = run(
        "verify", "summed.py", "--loss", "focal.py:focal", "--max-examples", "8", "--json", "a.json"
    )
    assert status == 1 and "Summed over the samples" in output and "--loss focal.py:focal" in output
    told = json.loads((folder / "a.json").read_text())["runs"][0]
    assert told["law"] | {"digest": ""} == {
        "loss": "focal",
        "from": "focal.py:focal",
        "digest": "",
        "options": {"gamma": 2.0},
    }
    assert {check["claim"] for check in told["checks"] if check["name"] == "loss"} == {"The loss is focal."}
    (case, *_) = sorted(map(str, (folder / "cases").glob("theta_gradient*.json")))
    assert run("replay", case, "summed.py", "--loss", "focal.py")[0] == 1
    assert run("replay", case, "kernel.py", "--loss", "focal.py")[0] == 0
    status, output, refusal = run("replay", case, "summed.py")
    assert status and "is of the loss focal; say where it is: --loss focal.py:focal" in output + refusal
    (folder / "focal.py").write_text((folder / "focal.py").read_text().replace("lp", "log_A"))
    output = " ".join(run("replay", case, "kernel.py", "--loss", "focal.py")[1].split())
    assert "the loss has changed since" in output
    status, output, _ = run("compare", "kernel.py", "summed.py", "--loss", "focal.py", "--max-examples", "4")
    assert status == 1 and "disagree" in output


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["--loss", "focal.py", "--smoothing", "0.1"],
            "smoothing is an option of the cross-entropy, and the loss is focal.py",
        ),
        (["--loss", "own.py"], "own.py has cross_entropy, focal"),
        (["--loss", "beside.py"], "the loss of_labels is a function of Y; expected some of theta, b, X and Y"),
        (["--loss", "nowhere.py"], "no such file: nowhere.py"),
        (["--loss", "focal.py:lost"], "focal.py has no object 'lost'; it has focal"),
        (["--loss-option", "gamma=1"], "gamma is an option of a loss of your own; say which: --loss FILE"),
        (["--loss", "focal.py", "--loss-option", "gama=1"], "the loss focal has no option 'gama'; it has gamma"),
        (["--loss", "focal.py", "--loss-option", "gamma"], "'gamma' is no option of a loss; expected NAME=VALUE"),
    ],
)
def test_what_the_command_line_cannot_use_is_one_line(folder, words, line):
    text = (folder / "own.py").read_text().replace("def loss(", "def other(")
    (folder / "own.py").write_text(text)
    (folder / "kernel.py").write_text("from own import gradients\n")
    (folder / "beside.py").write_text("def kernel(Z, Y): ...\n\n\ndef of_labels(Y, *, np): ...\n")
    status, output, refusal = run("verify", "kernel.py", "--max-examples", "5", *words)
    assert status and line in output + refusal


def test_a_table_of_pyproject_names_a_loss(folder):
    (folder / "pyproject.toml").write_text(
        '[tool.gradcheck.targets.mine]\ntarget = "kernel.py"\nloss = "focal.py:focal"\nloss-options = { gamma = 2 }\n'
    )
    target = configured(folder)["mine"]
    assert target.words == ("kernel.py", "--loss", "focal.py:focal", "--loss-option", "gamma=2")
    assert target.load().law == Loss(focal) or target.load().law.options == {"gamma": 2}


@pytest.mark.parametrize("value", [2, 2.5, True, (1, 2.0), "word", (0.25,), None])
def test_an_option_is_read_as_it_is_written(value):
    (_, written) = losses.words("", {"a": value})
    assert losses.option(written) == ("a", value)


def test_a_case_is_data_that_says_which_loss_it_is_of(tmp_path):
    kept = cases.save(cases.Case(problem().with_law(FOCAL), "theta_gradient"), tmp_path)
    read = cases.load(kept).problem
    assert read.law == FOCAL and read.law.function is None and read.digest == problem().with_law(FOCAL).digest
    assert same_loss(KERNEL, read, "x") == ()
    assert "has changed" in same_loss(replace(KERNEL, law=Loss(cross_entropy)), read, "x")[0]
    assert "gamma=1.0" in same_loss(replace(KERNEL, law=Loss(focal, gamma=1.0)), read, "x")[0]
    with pytest.raises(Unusable, match="x is of the loss focal; say where it is"):
        same_loss(replace(KERNEL, law=CrossEntropy()), read, "x")


def test_a_loss_that_is_sound_is_read_once_in_a_run(monkeypatch):
    read, plain = [], sound.plain
    monkeypatch.setattr(sound, "plain", lambda *given: read.append(1) or plain(*given))
    sound.begin(FOCAL)
    once = len(read)
    sound.require(FOCAL)
    sound.require(Loss(focal))
    assert len(read) == once
    sound.begin(FOCAL)
    assert len(read) == 2 * once


def test_a_target_has_either_loss():
    with pytest.raises(Unusable, match="l2 is an option of the cross-entropy"):
        Target("t", "numpy", loss=f"{HERE}:focal", law={"l2": 0.5}).load()
    assert Target("t", "numpy", loss=f"{HERE}:focal", loss_options={"gamma": 1.0}).load().law == Loss(focal, gamma=1.0)
