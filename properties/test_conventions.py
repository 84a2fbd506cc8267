"""Which loss was meant: losses of public reports, declared and undeclared. What is right under a declaration is told of it."""

import numpy as np
import pytest

from gradcheck import Arithmetic, CrossEntropy, Implementation, Problem, layouts, model
from gradcheck.drawing import pose
from gradcheck.implementations import adapt
from gradcheck.judging import Judging
from gradcheck.tally import Tally
from gradcheck.verify import select

pytestmark = pytest.mark.usefixtures("shared_truths")  # many are judged on the same problems

JUDGED = select(("loss", "*_gradient", "logits"))


def of(law: CrossEntropy, **backward: object) -> Implementation:
    """Code of this loss that does not say so; with `backward` its gradient is of another."""
    right, other = model.Stages(law), model.Stages(CrossEntropy(**{**law.said, **backward}))  # type: ignore[arg-type]
    return Implementation("undeclared", other.gradients, right.loss)


def judging(implementation: Implementation, regimes: tuple[str, ...] = ("*",)) -> Judging:
    """A run of 30 problems, some of which fail."""
    run, add = Judging(adapt(implementation), JUDGED, "float64"), list[Problem]()
    pose(add.append, dtype="float64", regimes=regimes, seed=0, count=30, shrink=False, implementation=implementation)
    for problem in add:
        run.judge(problem)
    assert any(tally.first for tally in run.tallies.values())
    return run


def judged(implementation: Implementation) -> list[Tally]:
    """What its checks say."""
    return list(judging(implementation).tallies.values())


def told(implementation: Implementation, regimes: tuple[str, ...] = ("*",)) -> dict[str, object] | None:
    """The loss that is asked for, where any is."""
    run = judging(implementation, regimes)
    found = layouts.meant(implementation, run.tallies.values(), run.passing)
    return None if found is None else found[1].said


@pytest.mark.parametrize(
    "said",
    [
        {"softcap": 30.0},  # unslothai/unsloth#10616
        {"z_loss": 1e-4},  # allenai/OLMo-core#702
        {"smoothing": 0.1},  # fastai/fastai#1814
        {"smoothing": 0.1, "smoothing_over": "others"},
        {"scale": 0.125},
        {"l2": 0.02},
        {"l2": 0.3, "l2_bias": True},
    ],
    ids=str,
)
def test_an_option_that_nobody_declared_is_asked_for_with_its_number(said):
    """Solved for on the problems that failed, or taken from a list of those that are used."""
    assert told(of(CrossEntropy(**said))) == said


def test_weights_of_classes_are_told_and_what_the_mean_divides_by():
    """pytorch/pytorch#15258: 1, 2, 3, … and a mean over the weights, as PyTorch has it, or over n, as Keras."""
    weights = tuple(float(k + 1) for k in range(64))
    for mean_of in ("weights", "samples"):
        found = told(of(CrossEntropy(class_weight=weights, mean_of=mean_of)))
        assert found is not None
        assert found.get("mean_of", "samples") == mean_of
        given = found["class_weight"]
        assert isinstance(given, list)
        assert given == list(weights[: len(given)])


def test_a_mean_over_the_labelled_is_told_where_samples_are_ignored():
    """flagos-ai/FlagGems#73, and the other way round."""
    assert told(of(CrossEntropy(mean_of="labelled")), ("label-mass",)) == {"mean_of": "labelled"}
    right = of(CrossEntropy())
    declared = Implementation(
        "declared", right.gradients, right.loss, law=CrossEntropy(ignore=-100, mean_of="labelled")
    )
    assert told(declared) == {"ignore": -100}


@pytest.mark.parametrize(
    ("law", "backward"),
    [
        ({"smoothing": 0.1}, {"smoothing": 0.0}),
        ({"softcap": 30.0}, {"softcap": 0.0}),
        ({"z_loss": 0.01}, {"z_loss": 0.0}),
        ({"l2": 0.3}, {"l2": 0.6}),
    ],
    ids=str,
)
def test_a_loss_beside_the_gradient_of_another_is_no_convention(law, backward):
    """Whatever is declared, one of them is wrong."""
    assert told(of(CrossEntropy(**law), **backward)) is None


def test_a_coarser_precision_inside_is_asked_for_where_all_numbers_are_of_it():
    """And not where an error is merely as small."""

    def single(function):
        def called(*arrays):
            found = function(*(array.astype(np.float32) for array in arrays))
            return {k: v.astype(float) for k, v in found.items()} if isinstance(found, dict) else float(found)

        return called

    def near(*arrays):
        return {key: value * (1 + 2.0**-26) for key, value in model.gradients(*arrays).items()}

    inside = Implementation("inside", single(model.gradients), single(model.loss))
    assert layouts.rounds(inside, judged(inside)) == Arithmetic(inner="float32")
    close = Implementation("near", near, model.loss)
    assert layouts.rounds(close, judged(close)) is None


def test_an_option_that_is_declared_and_that_code_does_not_have_is_told():
    """All of them, or one beside others that it has."""
    plain, capped = of(CrossEntropy()), of(CrossEntropy(softcap=30.0))
    declared = CrossEntropy(softcap=30.0, smoothing=0.1)
    for code, meant in ((plain, {}), (capped, {"softcap": 30.0})):
        assert told(Implementation("declared", code.gradients, code.loss, law=declared)) == meant


@pytest.mark.parametrize(
    ("law", "declared"),
    [
        ({"smoothing": 0.1 * (1 + 1e-9)}, {"smoothing": 0.1}),
        ({"smoothing": 0.1001}, {"smoothing": 0.1}),
        ({"z_loss": 1e-4 * np.pi}, {"z_loss": 1e-4}),
        ({"class_weight": (1.0, 2.002, 3.0) * 22}, {"class_weight": (1.0, 2.0, 3.0) * 22}),
        ({"class_weight": (0.9,) * 64}, {}),
    ],
    ids=str,
)
def test_a_number_that_nobody_writes_is_no_convention(law, declared):
    """One that is nearly what is declared, or has many digits, or weighs all classes alike, is a fault."""
    code = of(CrossEntropy(**law))
    assert told(Implementation("off", code.gradients, code.loss, law=CrossEntropy(**declared))) is None


@pytest.mark.parametrize("said", [{"softcap": 30.0}, {"smoothing": 0.1}, {"reduction": "sum"}], ids=str)
def test_an_answer_that_contradicts_what_passed_is_none(said):
    """The option is there for some shapes only: where it is not, nothing failed."""
    some, plain = model.Stages(CrossEntropy(**said)), model.Stages(CrossEntropy())

    def stages(theta: np.ndarray) -> model.Stages:
        return some if len(theta) > 3 else plain

    code = Implementation(
        "some",
        lambda *arrays: stages(arrays[0]).gradients(*arrays),
        lambda *arrays: stages(arrays[0]).loss(*arrays),
    )
    assert told(code) is None


def test_the_gradient_with_respect_to_the_data_contradicts_an_answer():
    """Though it agreed where it was judged, it is of the loss that is declared."""
    smooth, plain = model.Stages(CrossEntropy(smoothing=0.1)), model.Stages(CrossEntropy())

    def gradients(*arrays):
        return {**smooth.gradients(*arrays), "X": plain.gradients(*arrays)["X"]}

    assert told(Implementation("mixed", gradients, smooth.loss)) is None


def test_one_result_that_is_rounded_is_no_precision_inside():
    """All that the function returns would be of it."""

    def rounded(*arrays):
        found = model.gradients(*arrays)
        return {**found, "theta": found["theta"].astype(np.float32).astype(float)}

    code = Implementation("rounded", rounded, model.loss)
    assert layouts.rounds(code, judged(code)) is None


def test_code_that_leaves_an_option_which_it_is_handed_has_no_other_convention():
    """Without being handed it, it would agree: with a mean over the labelled, where all are."""

    def gradients(theta, b, X, Y, *, label_smoothing=0.0):
        return model.gradients(theta, b, X, Y)

    code = Implementation("leaves", gradients, takes=("label_smoothing",))
    assert told(code) is None


@pytest.mark.parametrize("mean_of", ["labelled", "samples"])
def test_a_class_that_does_not_count_is_told(mean_of):
    """Texts are padded with class 0; code that is right for it returns exactly 0 there."""
    right = model.Stages(CrossEntropy(ignore=-100, mean_of=mean_of))

    def counted(Y: np.ndarray) -> np.ndarray:
        return np.where(Y[:1] > 0, 0.0, Y)

    code = Implementation(
        "padded",
        lambda theta, b, X, Y: right.gradients(theta, b, X, counted(Y)),
        lambda theta, b, X, Y: right.loss(theta, b, X, counted(Y)),
    )
    assert told(code) == {"ignore": 0, **({"mean_of": mean_of} if mean_of != "samples" else {})}
