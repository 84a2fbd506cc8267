"""Layouts: the same code, laid out in every way that a Layout can declare, agrees; a wrong declaration is told as such."""

from dataclasses import replace
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest

from gradcheck import CrossEntropy, Implementation, Layout, Unusable, conform
from gradcheck.arithmetic import Arithmetic
from gradcheck.implementations import CHOICES
from gradcheck.law.options import CHOICES as LOSSES
from gradcheck.verdict import Outcome

NAMES = ("samples", "theta", "labels", "reduction", "bias")
ALL = [
    Layout(*choice, pinned=pinned)
    for choice in product(*({**CHOICES, **LOSSES}[name] for name in NAMES))
    for pinned in (None, 0, 1)
]


def met(layout):
    """What two of its options are, each with each other."""
    return set(combinations(vars(layout).items(), 2))


def chosen():
    """Few of the 288, in which each choice of two options meets each other's: the next one is who adds most."""
    left = set().union(*map(met, ALL))
    while left:
        found = max(ALL, key=lambda layout: len(met(layout) & left))
        left -= met(found)
        yield found


SOME = tuple(chosen())
pytestmark = pytest.mark.usefixtures("shared_truths")  # one text in many layouts, judged on the same problems


def title(layout):
    return " ".join(str(value) for value in vars(layout).values() if value not in ("", None))


def softmax(Z, axis):
    A = np.exp(Z - Z.max(axis=axis, keepdims=True))
    return A / A.sum(axis=axis, keepdims=True)


class Laid:
    """A plain softmax classifier that takes and returns its arrays as a layout says."""

    def __init__(self, layout):
        self.layout, self.rows, self.reduction = layout, layout.samples == "rows", layout.reduction or "mean"

    def read(self, theta, *rest):
        rest = list(rest)
        b = np.zeros((1, 1)) if self.layout.bias == "absent" else rest.pop(0).reshape(-1, 1)
        W = theta.T if self.layout.theta == "features-first" else theta
        X = rest[0].T if self.rows else rest[0]
        k = self.layout.pinned
        if k is not None:
            W = np.insert(W, k, 0, axis=0)
            b = b if self.layout.bias == "absent" else np.insert(b, k, 0, axis=0)
        return W, b, X, self.labels(rest[1], len(W)) if len(rest) > 1 else None

    def labels(self, Y, classes):
        if self.layout.labels == "index":
            return (np.arange(classes)[:, np.newaxis] == Y).astype(float)
        return Y.T if self.rows else Y

    def logits(self, *arrays):
        W, b, X, _ = self.read(*arrays)
        return (W @ X + b).T if self.rows else W @ X + b

    def loss(self, *arrays):
        W, b, X, Y = self.read(*arrays)
        S = W @ X + b - (W @ X + b).max(axis=0)
        losses = (Y * (np.log(np.exp(S).sum(axis=0)) - np.where(Y > 0, S, 0))).sum(axis=0)
        return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / len(losses)}[self.reduction]

    def gradients(self, *arrays):
        W, b, X, Y = self.read(*arrays)
        D = softmax(W @ X + b, 0) * Y.sum(axis=0) - Y
        D = D / X.shape[1] if self.reduction == "mean" else D
        D = D if self.layout.pinned is None else np.delete(D, self.layout.pinned, axis=0)
        theta = X @ D.T if self.layout.theta == "features-first" else D @ X.T
        found = {"theta": theta, "Z": D.T if self.rows else D}
        return (
            found if self.layout.bias == "absent" else {**found, "b": D.sum(axis=1, keepdims=not self.layout.flat_bias)}
        )

    def implementation(self):
        return Implementation(
            "laid", self.gradients, self.loss, self.logits, lambda Z: softmax(Z, int(self.rows)), layout=self.layout
        )


@pytest.mark.parametrize("layout", SOME, ids=title)
def test_the_same_code_agrees_in_every_layout(layout):
    """Eq. 20, both conventions, and what frameworks do with samples, labels, reductions and the bias."""
    run = conform(Laid(layout).implementation(), max_examples=15)
    assert [f"{f.check.name} on {f.problem!r}: {f.verdict}" for f in run.failures] == []
    assert run.tallies["theta_gradient"].judged > 0


@pytest.mark.parametrize("layout", SOME[:12], ids=title)
def test_what_is_written_into_an_input_is_seen_in_every_layout(layout, undiagnosed):
    """Also where the input is no view of what was given: index labels, and weights that hold the bias."""
    right = Laid(layout)

    def gradients(*arrays):
        found = right.gradients(*arrays)
        for array in arrays:
            if array.flags.writeable:
                np.add(array, 1, out=array)
        return found

    run = conform(Implementation("writes", gradients, layout=layout), max_examples=10, checks=("inputs_unchanged",))
    assert run.tallies["inputs_unchanged"].outcome is Outcome.DISAGREE


DECLARED = Layout()
MEANT = [
    Layout(theta="features-first"),
    Layout(samples="rows"),
    Layout(reduction="sum"),
    Layout(bias="flat"),
    Layout(labels="index"),
    Layout(samples="rows", theta="features-first", labels="index", reduction="sum"),
]


@pytest.mark.parametrize("layout", MEANT, ids=title)
def test_a_layout_that_does_not_fit_is_told_from_a_wrong_gradient(layout):
    """The right code under the wrong declaration fails, and the layout that it has is named."""
    run = conform(replace(Laid(layout).implementation(), layout=DECLARED, law=CrossEntropy()), max_examples=15)
    assert run.failed
    assert (run.meant, run.meant_law) == (replace(layout, reduction=""), CrossEntropy(layout.reduction or "mean"))


def test_a_wrong_gradient_is_not_excused_by_any_layout():
    """Its sign is flipped, and its loss is right."""
    right = Laid(DECLARED).implementation()

    def flipped(*arrays):
        return {key: -g for key, g in right.gradients(*arrays).items()}

    run = conform(replace(right, gradients=flipped), max_examples=60)
    assert run.failed
    assert run.meant is None


def test_a_sum_beside_a_mean_is_a_mistake_and_not_a_layout():
    """Gradients are sums, the loss is a mean: no reduction makes both right."""
    right, summed = Laid(DECLARED).implementation(), Laid(Layout(reduction="sum"))
    run = conform(replace(right, gradients=summed.gradients), max_examples=60)
    assert run.failed
    assert run.meant is None


@pytest.mark.parametrize(
    "returned",
    [
        lambda found: found,
        lambda found: (found["theta"], found["b"], found["Z"]),
        lambda found: [found["theta"], found["b"]],
        lambda found: found["theta"],
        lambda found: type("Gradients", (), found)(),
    ],
    ids=["mapping", "tuple", "list", "theta alone", "attributes"],
)
def test_gradients_come_as_a_mapping_in_order_or_as_attributes(returned):
    right = Laid(DECLARED)
    run = conform(Implementation("returns", lambda *arrays: returned(right.gradients(*arrays))), max_examples=20)
    assert run.failures == ()
    assert run.tallies["theta_gradient"].outcome is Outcome.AGREE


def test_code_that_computes_in_a_coarser_precision_is_granted_it_only_where_it_says_so():
    """float32 inside float64: 24 effective bits instead of 53."""
    right = Laid(DECLARED)

    def single(*arrays):
        return {key: g.astype(float) for key, g in right.gradients(*(a.astype("float32") for a in arrays)).items()}

    silent = conform(Implementation("float32 inside", single), max_examples=60)
    told = conform(Implementation("float32 inside", single, arithmetic=Arithmetic(inner="float32")), max_examples=60)
    assert silent.failed
    assert told.failures == ()
    bits = silent.tallies["theta_gradient"].bits(2.0**-53)
    assert bits is not None
    assert bits < 30


def test_a_layout_that_does_not_exist_is_refused():
    with pytest.raises(Unusable, match=r"samples='diagonal' is not known; expected columns or rows"):
        Layout(samples="diagonal")
    with pytest.raises(Unusable, match="pinned"):
        Layout(pinned=-1)


# ---- pyproject.toml ----


def configure(text):
    Path("pyproject.toml").write_text(text, encoding="utf-8")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_targets_of_pyproject_are_read_and_found_from_a_folder_below(folder, monkeypatch):
    from gradcheck.settings import configured

    configure(
        '[tool.gradcheck.targets.mine]\ntarget = "mine.py"\nsamples = "rows"\npinned = 0\ndtypes = ["float32"]\n'
        'expected-failures = { softmax = "clips" }\nmax-examples = 7\ntime-limit = 0.5\nisolate = true\n'
        '[tool.gradcheck.targets.theirs]\nexec = "./theirs --serve"\n'
    )
    (folder / "below").mkdir()
    monkeypatch.chdir(folder / "below")
    found = configured(Path.cwd())
    assert list(found) == ["mine", "theirs"]
    mine = found["mine"]
    assert (mine.layout, mine.dtypes, mine.max_examples) == ({"samples": "rows", "pinned": 0}, ("float32",), 7)
    assert mine.words == ("mine.py", "--samples", "rows", "--pinned", "0", "--isolate", "--time-limit", "0.5")
    assert found["theirs"].words == ("--exec", "./theirs --serve")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[tool.gradcheck.targets.mine]\n", "needs either target"),
        ('[tool.gradcheck.targets.mine]\ntarget = "a"\nexec = "b"\n', "needs either target"),
        ('[tool.gradcheck.targets.mine]\ntarget = "a"\nsample = "rows"\n', "has an entry 'sample'"),
        ('[tool.gradcheck.targets.mine]\ntarget = "a"\nsamples = "diagonal"\n', "samples='diagonal'"),
        ('[tool.gradcheck.targets.mine]\ntarget = "a"\nmax-examples = -1\n', "expected a whole number from 1"),
        ('[tool.gradcheck.targets.mine]\ntarget = "a"\ndtypes = "float32"\n', "expected a list of texts"),
        ('[tool.gradcheck]\ntarget = "a"\n', "expected tables"),
        ("[tool.gradcheck\n", "cannot be read"),
    ],
)
def test_a_table_that_says_nothing_useful_is_refused_with_its_place(folder, text, message):
    from gradcheck.settings import configured

    configure(text)
    with pytest.raises(Unusable, match=r"pyproject\.toml") as refusal:
        configured(folder)
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)
