"""A batch in which no sample counts: sums of nothing are 0, means NaN or 0, and what moves a weight is told."""

from dataclasses import replace

import numpy as np
import pytest
from wrong import Averaged

from gradcheck import CrossEntropy, Implementation, NotPosed, Outcome, Problem, conform, judge
from gradcheck.checks import CHECKS
from gradcheck.implementations.built_in import BUILT_IN
from gradcheck.implementations.targets import load
from gradcheck.model import Stages

CHECK = CHECKS["no_sample_counts"]
LABELLED = CrossEntropy(ignore=-100, mean_of="labelled")
SUMMED = CrossEntropy(ignore=-100, reduction="sum")
LAWS = [SUMMED, replace(SUMMED, reduction="none"), CrossEntropy(ignore=-100), replace(LABELLED, mean_of=8), LABELLED]
LAWS += [replace(LABELLED, softcap=2.0, z_loss=0.5), replace(LABELLED, mean_of="weights", class_weight=(1.0, 2.0, 0.5))]


def said(stages: Stages, law: CrossEntropy, **functions: object) -> tuple[Outcome, str]:
    """Of a batch of two samples that count."""
    problem = Problem(np.array([[1.0], [-0.5], [0.25]]), np.zeros((3, 1)), np.array([[1.0, -2.0]]), np.eye(3)[:, :2])
    offered = {"gradients": stages.gradients, "loss": stages.loss, **functions}
    with np.errstate(all="ignore"):
        found = judge(Implementation("code", law=law, **offered), problem, [CHECK])[CHECK.name]
    return found.outcome, found.reason


class Guarded(Stages):
    """A count of 0 is taken for 1."""

    def normaliser(self, Y):
        return max(super().normaliser(Y), 1)


class Unlike(Guarded):
    """As PyTorch: the loss is 0/0, and its gradient 0."""

    def loss(self, theta, b, X, Y):
        return Stages(self.law).loss(theta, b, X, Y)


class Kept(Guarded):
    """Returns early where nothing counts, with what stands in its buffer."""

    def gradients(self, *arrays):
        if arrays[3].any():
            self.last = super().gradients(*arrays)
        return self.last


class First(Guarded):
    """Labels that are ignored are clamped to class 0, and counted."""

    def residual(self, A, Y):
        counted = np.array(Y)
        counted[0, Y.sum(axis=0) == 0] = 1
        return super().residual(A * 0 + Stages().softmax(A), counted) if not Y.any() else super().residual(A, Y)


class Epsilon(Stages):
    """Guarded by a small number: the loss starts from one, too."""

    def loss(self, theta, b, X, Y):
        return super().loss(theta, b, X, Y) if Y.any() else theta.dtype.type(1e-8)


# ---- right ----


@pytest.mark.parametrize("law", LAWS, ids=lambda law: str(law.said))
@pytest.mark.parametrize("kind", [Guarded, Unlike])
def test_a_gradient_of_0_agrees_whatever_the_mean_is(kind, law):
    """Beside a loss of 0, and beside one of NaN."""
    assert said(kind(law), law) == (Outcome.AGREE, "")


@pytest.mark.parametrize("law", LAWS[:4], ids=lambda law: str(law.said))
def test_what_is_divided_by_another_number_is_posed_as_it_is(law):
    """A sum, losses of samples, a mean over all samples, one over a count: no guard is needed."""
    assert said(Stages(law), law) == (Outcome.AGREE, "")


def test_nan_beside_nan_is_told_and_not_judged():
    """As cut-cross-entropy and tinygrad: no law is broken, and it can be read."""
    told = "where no sample counts, ∂ℒ/∂θ, ∂ℒ/∂b, ∂ℒ/∂Z and ∂ℒ/∂X are NaN, as 0/0 is: a step leaves weights of NaN"
    assert said(Stages(LABELLED), LABELLED) == (Outcome.INCONCLUSIVE, told)

    def only(*arrays):
        return {"theta": Stages(LABELLED).gradients(*arrays)["theta"]}

    alone = said(Stages(LABELLED), LABELLED, gradients=only, loss=None)
    assert alone == (
        Outcome.INCONCLUSIVE,
        "where no sample counts, ∂ℒ/∂θ is NaN, as 0/0 is: a step leaves weights of NaN",
    )


def test_code_that_refuses_a_mean_of_nothing_is_told_and_not_judged():
    """By an exception (apple/ml-cross-entropy#49), or in words."""

    def refusing(exception):
        def gradients(*arrays):
            if not arrays[3].any():
                raise exception
            return Stages(LABELLED).gradients(*arrays)

        return said(Stages(LABELLED), LABELLED, gradients=gradients)

    outcome, reason = refusing(ZeroDivisionError("division by zero"))
    assert outcome is Outcome.INCONCLUSIVE
    assert reason.startswith("where no sample counts gradients raised ZeroDivisionError: division by zero")
    assert refusing(NotPosed("a batch of padding")) == (Outcome.SKIPPED, "a batch of padding")


# ---- wrong ----


@pytest.mark.parametrize(
    ("kind", "law", "reason"),
    [
        (Kept, LABELLED, "where no sample counts, ∂ℒ/∂θ[0, 0] is "),
        (Kept, SUMMED, "where no sample counts, ∂ℒ/∂θ[0, 0] is "),
        (First, LABELLED, "where no sample counts, ∂ℒ/∂θ[0, 0] is "),
        (Averaged, SUMMED, "where no sample counts, ℒ is nan; a sum of nothing is 0"),
        (Epsilon, LABELLED, "where no sample counts, ℒ is 1e-08; a mean of nothing is 0/0: NaN, or 0 by convention"),
        (Epsilon, SUMMED, "where no sample counts, ℒ is 1e-08; a sum of nothing is 0"),
    ],
)
def test_what_moves_a_weight_or_is_no_value_of_nothing_is_found(kind, law, reason):
    """The gradient of the last batch, one of class 0, NaN in the place of a sum, a loss that is a guard."""
    outcome, found = said(kind(law), law)
    assert outcome is Outcome.DISAGREE
    assert found.startswith(reason)


def test_a_loss_of_0_has_no_gradient_of_nan():
    """`where(count > 0, sum / count, 0)`, differentiated: nothing tells of it before the weights are NaN."""
    wrong = said(Stages(LABELLED), LABELLED, loss=Guarded(LABELLED).loss)
    assert wrong == (Outcome.DISAGREE, "where no sample counts, ∂ℒ/∂θ is NaN, and ℒ is 0, whose gradient is 0")


def test_an_infinite_loss_is_no_value_of_nothing():
    """Of any sign."""
    outcome, reason = said(
        Guarded(LABELLED), LABELLED, loss=lambda *a: Stages(LABELLED).loss(*a) if a[3].any() else -np.inf
    )
    assert outcome is Outcome.DISAGREE
    assert "ℒ is -inf" in reason


# ---- where it is posed ----


def test_it_is_posed_where_a_label_does_not_count_and_there_is_nothing_else():
    """No label is left out of the paper's loss; a penalty, and a z-loss of every sample, are of no label."""
    plain = CrossEntropy()
    assert said(Stages(plain), plain) == (
        Outcome.SKIPPED,
        "posed where there is a label that does not count (--ignore)",
    )
    for law in (replace(SUMMED, l2=0.5), replace(LABELLED, z_loss=0.5, z_over="samples")):
        assert said(Guarded(law), law) == (
            Outcome.SKIPPED,
            "a penalty, or a z-loss of every sample, is of no label",
        )


def test_a_report_says_what_it_means_and_how_it_is_mended():
    """In one story, without a diagnosis of gradients that are right elsewhere."""
    stages = Kept(LABELLED)
    code = Implementation("kept", stages.gradients, stages.loss, law=LABELLED, dtypes=("float64",))
    run = conform(code, checks=("loss", "*_gradient", CHECK.name), max_examples=30)
    assert [failure.check.name for failure in run.failures] == [CHECK.name]
    assert run.report().count("✗") == 1
    assert "where the count is 0, divide by 1 before the gradient is taken" in " ".join(run.report().split())


@pytest.mark.parametrize(
    ("name", "outcome"),
    [
        ("torch-options", Outcome.AGREE),  # NaN, 0
        ("keras-sparse", Outcome.AGREE),  # 0, 0
        ("torch-chunked", Outcome.INCONCLUSIVE),  # NaN, NaN
        ("tinygrad-options", Outcome.INCONCLUSIVE),
    ],
)
def test_what_built_in_targets_make_of_nothing(name, outcome):
    """Each by its own convention, none of which is a failure."""
    if not BUILT_IN[name].installed:
        pytest.skip(f"{name} is not installed")
    run = conform(load(name), checks=(CHECK.name,), max_examples=20)
    assert run.tallies[CHECK.name].outcome is outcome
    assert not run.failed


@pytest.mark.parametrize(("z_loss", "outcome"), [(1.0, Outcome.AGREE), (100.0, Outcome.SKIPPED)])
def test_what_may_be_0_times_what_overflows_is_not_posed(z_loss, outcome):
    """In float16: c lse² of a sample that does not count, before it is multiplied by 0."""
    law = replace(SUMMED, z_loss=z_loss)
    theta, X = np.float16([[10.0], [-5.0], [2.0]]), np.float16([[1.0, -1.0]])
    problem = Problem(theta, np.zeros((3, 1), np.float16), X, np.eye(3, dtype=np.float16)[:, :2])
    found = judge(Implementation("code", gradients=Guarded(law).gradients, law=law), problem, [CHECK])[CHECK.name]
    assert found.outcome is outcome, found
