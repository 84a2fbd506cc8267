"""What the text of the loss makes of labels and logits under each option, by hand; and what a digest of a loss depends on."""

from functools import partial

import numpy as np
import pytest

from gradcheck import CrossEntropy, Loss, Problem
from gradcheck.law import asking, functions, text
from gradcheck.law.source import Source
from gradcheck.model import Stages
from gradcheck.referees import oracle
from gradcheck.referees.truth import unmasked

Y = np.array([[1.0, 0.0, 0.0, 0.25], [0.0, 0.0, 1.0, 0.25], [0.0, 0.0, 0.0, 0.5]])
W = (2.0, 3.0, 5.0)
KEPT = np.array([[True, False, True, True]])
ALL = np.ones((1, 4), dtype=bool)


@pytest.mark.parametrize("weights", [(), W, (*W, 7.0)])
@pytest.mark.parametrize("over", ["all", "others"])
@pytest.mark.parametrize("by", ["class", "label"])
@pytest.mark.parametrize("s", [0.0, 0.25])
def test_labels_are_smoothed_where_a_sample_counts_and_then_weighed(s, by, over, weights):
    law = CrossEntropy(smoothing=s, smoothing_over=over, smoothing_weight=by, class_weight=weights, ignore=-100)
    due = np.where(KEPT, Y * (1 - s) + (s / 3 if over == "all" else (1 - Y) * s / 2), 0)
    if weights:
        w = np.array(W)[:, np.newaxis]
        due = due * ((Y * w).sum(axis=0) if by == "label" else w)
    np.testing.assert_allclose(text.labels(Y, law), due, rtol=2.0**-50)


@pytest.mark.parametrize(
    ("options", "N", "counts"),
    [
        ({}, 4, ALL), ({"mean_of": 7}, 7, ALL), ({"mean_of": "labelled"}, 3, KEPT), ({"ignore": 1}, 4, KEPT),
        ({"mean_of": "weights"}, Y.sum(), ALL), ({"mean_of": "weights", "class_weight": W}, 8.75, ALL),
        ({"reduction": "sum"}, 1, ALL), ({"reduction": "none", "mean_of": "labelled"}, 1, ALL),
    ],
)  # fmt: skip
def test_a_mean_divides_by_what_is_declared(options, N, counts):
    law = CrossEntropy(**options)
    assert text.normaliser(Y, law) == N and (text.kept(Y, law) == counts).all()
    for over, squares in (("samples", ALL), ("labelled", counts)):
        assert (text.squared(Y, CrossEntropy(**options, z_loss=1.0, z_over=over)) == squares).all()


def test_logits_are_scaled_and_capped_in_the_order_that_is_declared():
    Z = np.array([[1.0], [-4.0]])
    for scaled, due in (("before", 2 * np.tanh(3 * Z / 2)), ("after", 3 * 2 * np.tanh(Z / 2))):
        np.testing.assert_allclose(
            text.mapped(Z, CrossEntropy(scale=3.0, softcap=2.0, scaled=scaled)), due, rtol=2.0**-50
        )
        assert (text.mapped(Z, CrossEntropy(scale=3.0, scaled=scaled)) == 3 * Z).all()
    assert text.mapped(Z, CrossEntropy()) is Z


@pytest.mark.parametrize(
    "options", [{}, {"z_loss": 0.5, "ignore": -100}, {"l2": 0.5}, {"l2": 0.5, "l2_bias": True, "mean_of": 3}]
)
def test_the_loss_is_its_sum_by_hand(options):
    law, rng = CrossEntropy(**options), np.random.default_rng(0)
    theta, b, X = rng.normal(size=(3, 2)), rng.normal(size=(3, 1)), rng.normal(size=(2, 4))
    Z = theta @ X + b
    lse = np.log(np.exp(Z).sum(axis=0))
    counts = KEPT[0] if law.ignore is not None else ALL[0]
    due = ((lse * Y.sum(axis=0) - (Y * Z).sum(axis=0)).sum() + law.z_loss * (lse**2 * counts).sum()) / (
        3 if law.mean_of == 3 else 4
    )
    due += law.l2 / 2 * ((theta**2).sum() + (b**2).sum() * law.l2_bias)
    for found in (text.loss(theta, b, X, Y, law), Stages(law).loss(theta, b, X, Y)):
        np.testing.assert_allclose(found, due, rtol=2.0**-45)
    np.testing.assert_allclose(functions.log_sum_exp(np.stack([Z, 2 * Z]))[0], lse[np.newaxis], rtol=2.0**-50)


def test_what_a_loss_asks_of_its_labels():
    none, masked = np.zeros(3, bool), np.array([True, False, False])
    others = CrossEntropy(smoothing=0.1, smoothing_over="others")
    for law, labels, at, words in (
        (CrossEntropy(), 2 * Y, none, ""), (CrossEntropy(), Y, masked, ""),
        (CrossEntropy(class_weight=W), Y, none, ""),
        (CrossEntropy(class_weight=W[:2]), Y, none, "class_weight has 2 weights; expected 3, one for each class"),
        (CrossEntropy(ignore=2), Y, none, "ignore=2, but samples carry that class; expected columns of zeros there"),
        (CrossEntropy(ignore=2), Y * [[1], [1], [0]], none, ""), (CrossEntropy(ignore=3), Y, none, ""),
        (others, Y, none, ""), (CrossEntropy(smoothing=0.1), 2 * Y, none, ""),
        (CrossEntropy(smoothing_over="others"), 2 * Y, none, ""),
        (others, 2 * Y, none, "smoothing over the other classes is of labels of at most 1"),
        (others, Y, masked, "a masked class has no smoothed label: its loss is infinite"),
        (CrossEntropy(l2=1.0), Y, masked, "a masked class has weights that are penalised: not judged"),
        (CrossEntropy(softcap=1.0), Y, masked, "a masked class is none once its logit is capped: -inf becomes minus the cap"),
        (Loss(plain), Y, masked, "a masked class is of the cross-entropy: a loss of one's own is posed finite logits"),
    ):  # fmt: skip
        assert asking.refused(law, labels, at) == words


def test_a_masked_class_is_put_back_where_it_was():
    p = Problem(
        np.array([[1.0], [9.0], [-1.0]]),
        np.array([[0.5], [-np.inf], [0.0]]),
        np.array([[0.5, 1.0]]),
        np.eye(3)[:, [0, 2]],
    )
    less, truth = unmasked(p), oracle(p)
    assert (
        less.theta.ravel().tolist() == [1.0, -1.0]
        and less.b.ravel().tolist() == [0.5, 0.0]
        and np.array_equal(less.Y, np.eye(2))
    )
    assert unmasked(less) is less
    Z, A, G = (truth.enclosure(name) for name in ("Z", "A", "theta"))
    assert Z.midpoint[1].tolist() == [-np.inf, -np.inf] and (A.midpoint[1] == 0).all() and G.midpoint[1, 0] == 0
    np.testing.assert_array_equal(Z.midpoint[[0, 2]], oracle(less).enclosure("Z").midpoint)
    assert (A.radius[1] == 0).all() and A.midpoint[[0, 2]].sum() == pytest.approx(2)


# law -> what is asked of it: plain, bent, mapped, added, folds, counts_only, named, what a mean divides by
ASKED = [
    ({}, (1, 0, 0, 0, 1, 1, 0, "samples")),
    ({"mean_of": 7}, (0, 0, 0, 0, 1, 1, 0, 7)),
    ({"reduction": "sum", "mean_of": 7}, (0, 0, 0, 0, 1, 1, 0, 1)),
    ({"softcap": 0.5}, (0, 1, 1, 0, 0, 0, 0, "samples")),
    ({"scale": 0.5}, (0, 0, 1, 0, 0, 0, 0, "samples")),
    ({"z_loss": 0.5}, (0, 0, 0, 1, 0, 0, 0, "samples")),
    ({"l2": 0.5}, (0, 0, 0, 1, 0, 0, 0, "samples")),
    ({"smoothing": 0.5}, (0, 0, 0, 0, 1, 0, 0, "samples")),
    ({"class_weight": (1.0,)}, (0, 0, 0, 0, 1, 0, 1, "samples")),
    ({"ignore": 0}, (0, 0, 0, 0, 1, 1, 1, "samples")),
    ({"ignore": -1}, (0, 0, 0, 0, 1, 1, 0, "samples")),
]


@pytest.mark.parametrize(("options", "due"), ASKED)
def test_what_is_asked_of_a_loss(options, due):
    law = CrossEntropy(**options)
    asked = (law.plain, law.bent, law.mapped, law.added, law.folds, law.counts_only, law.named, law.counted)
    assert asked == due and CrossEntropy.read(law.said) == law


def test_weights_and_an_ignored_class_go_with_the_classes_that_are_kept():
    law = CrossEntropy(class_weight=W, ignore=2)
    assert law.of_classes(3) is law and law.of_classes(2).class_weight == W[:2] and CrossEntropy().of_classes(5).plain
    with pytest.raises(ValueError, match=r"^3 class weights are declared, and there are 4 classes$"):
        law.of_classes(4)
    for keep, weights, ignore in (
        ([1, 0, 1], (2.0, 5.0), 1),
        ([1, 1, 0], (2.0, 3.0), -100),
        ([0, 1, 1], (3.0, 5.0), 1),
    ):
        found = law.without(list(map(bool, keep)))
        assert (found.class_weight, found.ignore) == (weights, ignore)
    assert CrossEntropy(ignore=5).without([True, False]).ignore == -100
    assert CrossEntropy(ignore=-7).without([True, False]).ignore == -7


def test_numbers_are_of_the_precision_of_others_and_beside_whole_ones_as_they_are():
    half = np.array([0.1])
    assert functions.numbers(half, np.array([1])) is half and functions.numbers(half, np.array([1], "uint8")) is half
    assert functions.numbers(half, np.ones(1, np.float32)).dtype == np.float32


# ---- digests ----


def plain(Z, Y):
    return (Z * Y).sum()


def made(inner, weight=1.0, *, power=2):
    def found(Z, Y):
        return inner(Z, Y) * weight**power

    return found


def default(Z, Y, first=1.0, *, second=2.0):
    return plain(Z, Y)


class Called:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, Z, Y):
        return self.weight

    def method(self, Z, Y):
        return self.weight


def redefaulted(first, second):
    function = type(default)(default.__code__, default.__globals__, "default", (first,))
    function.__kwdefaults__ = {"second": second}
    return function


def compiled(words):
    """A function without a text."""
    made = {}
    exec(f"def loss(Z, Y):\n    return {words}", made)
    return made["loss"]


DIFFERENT = [
    (compiled("Z + 1"), compiled("Z + 2")),
    (np.exp, abs),
    (compiled("Z in {1, 2}"), compiled("Z in {1, 3}")),
    (compiled("[z + 1 for z in Z]"), compiled("[z + 2 for z in Z]")),
    (plain, made), (made(plain), made(plain, 2.0)), (made(plain), made(plain, power=3)), (made(plain), made(default)),
    (partial(plain, Y=1), partial(plain, Y=2)), (partial(default, first=1), partial(default, second=1)),
    (partial(plain, 1), partial(plain, 2)), (partial(plain, 1), partial(default, 1)),
    (Called(1), Called(2)), (Called(1).method, Called(2).method),
    (redefaulted(1.0, 2.0), redefaulted(1.5, 2.0)), (redefaulted(1.0, 2.0), redefaulted(1.0, 2.5)),
    (made(plain, np.ones(2)), made(plain, np.zeros(2))), (made(plain, [1, 2]), made(plain, [1, 3])),
    (made(plain, {"a": 1}), made(plain, {"a": 2})), (made(plain, {"a": 1}), made(plain, {"b": 1})),
    (made(plain, np.ones(2)), made(plain, np.ones((2, 1)))),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_a_digest_depends_on_what_a_loss_is_made_with(one, other):
    assert Source.of(one).digest != Source.of(other).digest
    assert Source.of(one) == Source.of(one)


def test_a_loss_is_named_as_its_function_and_its_file():
    assert (Source.of(plain).name, Source.of(plain).origin) == ("plain", "test_law_text.py:plain")
    assert (Source.of(Called(1)).name, Source.of(Called(1)).origin) == ("Called", ":Called")
    assert Source.of(made(plain)).digest == Source.of(made(plain)).digest
    assert Loss(default).options == {"first": 1.0, "second": 2.0} == Loss(default).takes.defaults
    assert Loss(default, second=3.0).chosen == {"second": 3.0}
