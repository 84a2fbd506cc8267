"""Mistakes are caught, those that compute something are recognised, and the right code makes none of them."""

from functools import cache

import numpy as np
import pytest

from gradcheck import Implementation, Problem, conform
from gradcheck.checks import CHECKS, Trial
from gradcheck.diagnosis import along, diagnose
from gradcheck.diagnosis.views import LEFT, QUANTITIES, View, functions
from gradcheck.drawing import pose
from gradcheck.implementations import adapt
from gradcheck.implementations.quiet import quiet
from gradcheck.implementations.record import PARAMETERS
from gradcheck.law import CrossEntropy
from gradcheck.law.options import PLAIN
from gradcheck.mistakes import GROUPS, MISTAKES, Model
from gradcheck.readings.running import Running
from gradcheck.reports import words
from gradcheck.verify import parted, select

VALUES = ("*_gradient", "loss", "softmax", "logits", "jacobian_*diagonal", "shape_and_dtype")
CONDUCT = (
    "inputs_unchanged",
    "repeatable",
    "updated_in_place",
    "memory_given_again",
    "after_an_exception",
    "two_threads",
)
JUDGED = select((*VALUES, *CONDUCT))
OF_VALUES = select(VALUES)  # which are enough for a mistake that is none of memory
# What they return depends on numbers that nobody knows: drawn at random, or a mean of all that came before.
NEAR = {name for name, mistake in MISTAKES.items() if mistake.model.near}  # told by their numbers, and not proved
NOT_NAMED = {"dropout", "noise_added", "running_mean_subtracted"}


PARTS = {
    function: [name for name in (*QUANTITIES, *LEFT) if functions({name}) == {function}] for function in PARAMETERS
}
KEPT = 128  # logits of a problem on which what a mistake makes of it is kept


@pytest.fixture(autouse=True)
def shared(once, shared_truths, monkeypatch):
    """All mistakes are judged and looked for on the same problems: each candidate is tried once on each."""
    predicted, sketched = View.predicted, View._sketched

    def drawn(view, model, function):
        if view.trial.problem.Y.size > KEPT:
            return sketched(view, model, function)
        return once.of(("sketch", *named(view, model, function)), lambda: sketched(view, model, function))

    def found(view, model, names):
        names, own = frozenset(names), view.trial.problem
        if own.Y.size > KEPT:
            yield from predicted(view, model, names)
            return
        for function in PARAMETERS:
            parts = PARTS[function]
            if names.intersection(parts):
                key = named(view, model, function)
                made = once.of(key, lambda parts=parts: dict(predicted(view, model, parts)))
                yield from ((name, made[name]) for name in parts if name in made and name in names)

    monkeypatch.setattr(View, "predicted", found)
    monkeypatch.setattr(View, "_sketched", drawn)


def named(view, model, function):
    """What a function of a model makes of a problem, by name: the classes of pairs are made anew for every search."""
    return view.trial.problem.digest, function, model.__name__, model.__bases__, vars(model).get("value")


@cache
def posed(regimes: tuple[str, ...], seed: int, count: int, law: CrossEntropy = PLAIN) -> tuple[Problem, ...]:
    """Of a loss, which may be one that samples do not count in."""
    drawn: list[Problem] = []
    right = Model(law).implementation("right")
    regimes = regimes or ("*",)
    pose(drawn.append, dtype="float64", regimes=regimes, seed=seed, count=count, shrink=False, implementation=right)
    return tuple(drawn)


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_is_caught_within_40_test_cases_at_two_seeds(name):
    """The power of the checks, each in its turns."""
    mistake = MISTAKES[name]
    for seed in range(2):
        implementation = adapt(mistake.implementation())
        with quiet():
            assert any(
                check.judge(trial).failed
                for number, problem in enumerate(posed(mistake.regimes, seed, 40, mistake.law))
                for trial in [Trial(implementation, problem)]
                for check in CHECKS.values()
                if check.due(number, problem)
            ), f"seed {seed}"


def diagnosis_of(name, count):
    """What is said of a mistake on so many problems."""
    mistake = MISTAKES[name]
    implementation = mistake.implementation()
    checks = JUDGED if mistake.group == "memory" else OF_VALUES
    with quiet():
        return diagnose(implementation, *parted(implementation, posed(mistake.regimes, 0, count, mistake.law), checks))


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_diagnosed_as_itself_or_described(name):
    """Never as another: what is named computes exactly this."""
    for count in (4, 8, 40):  # the fewest that show what it is
        found = diagnosis_of(name, count)
        if found is not None and (found.mistakes, found.exact) == ((name,), name not in NEAR):
            break
    assert found is not None
    given_again = name != "remembered_by_address" or found.exact  # whether memory is, is the allocator's to decide
    if name in NOT_NAMED or not given_again:
        assert not found.exact
        assert "the same arguments give other results from call to call" in found.likely
    elif name in NEAR:
        assert not found.exact
        assert found.mistakes == (name,)
        assert "near to this" in found.likely
    else:
        assert found.exact
        assert found.mistakes == (name,)
        assert found.explained == found.examined


def test_two_mistakes_in_one_are_both_named():
    """Transposed, and not divided by n."""
    both = MISTAKES["transposed_theta_gradient"].and_(MISTAKES["missing_mean"])
    implementation = both().implementation("both")
    found = diagnose(implementation, *parted(implementation, posed((), 0, 60), JUDGED))
    assert found is not None
    assert found.exact
    assert found.explained == found.examined
    assert found.mistakes == ("transposed_theta_gradient",)
    assert "and multiplied by n" in found.likely
    assert found.fix.endswith("and leave the factor n out")


def diagnosed(model):
    """What is said of it on the same problems as a run."""
    implementation = model().implementation("odd")
    return diagnose(implementation, *parted(implementation, posed((), 0, 60), JUDGED))


def test_what_is_kept_between_calls_does_not_hide_what_is_wrong_besides():
    """Gradients in one buffer, and a loss that is half as large again: two causes, and each panel has its own."""

    class Both(MISTAKES["reused_output_buffer"].model):
        def loss(self, theta, b, X, Y):
            return super().loss(theta, b, X, Y) * theta.dtype.type(1.5)

    found = diagnosed(Both)
    assert found is not None
    assert found.exact
    assert "live in one array" in found.likely
    assert "multiplied by 3/2, in ℒ only" in found.likely
    assert found.fix == f"{MISTAKES['reused_output_buffer'].fix}; and leave the factor 3/2 out"

    class Buffer(MISTAKES["reused_output_buffer"].model):
        def loss(self, theta, b, X, Y):
            return super().loss(theta, b, X, Y) * theta.dtype.type(1.5) ** Y.shape[1]

    run = conform(Buffer().implementation("both"), checks=("loss", "repeatable"), max_examples=30)
    assert not diagnosed(Buffer).exact
    assert {failure.check.name for failure in run.failures} == {"loss", "repeatable"}


def test_quantities_with_causes_of_their_own_are_told_apart():
    """Twice the gradient of theta, and the loss summed: neither is said of the other, and both are mended."""

    class Apart(Model):
        def theta_gradient(self, D, X):
            return 2 * super().theta_gradient(D, X)

        def loss(self, theta, b, X, Y):
            return super().loss(theta, b, X, Y) * theta.dtype.type(Y.shape[1])

    found = diagnosed(Apart)
    assert found is not None
    assert found.exact
    assert found.explained == found.examined
    assert len(found.likely.split("; and ")) == 2
    assert found.likely.split("; and ")[0].endswith("in ∂ℒ/∂θ")
    assert found.likely.endswith("in ℒ")


def test_problems_without_a_result_are_examined_and_not_explained():
    """A wrong sign, and an exception where there are many samples."""

    class Raising(MISTAKES["flipped_sign"].model):
        def logits_gradient(self, theta, b, X, Y):
            if Y.shape[1] > 6:
                raise RuntimeError("too many")
            return super().logits_gradient(theta, b, X, Y)

    implementation = Raising().implementation("raising")
    implementation = Implementation("raising", gradients=implementation.gradients)
    found = diagnose(implementation, *parted(implementation, posed((), 0, 60), JUDGED))
    assert found is not None
    assert found.mistakes == ("flipped_sign",)
    assert 0 < len(found.explained) < len(found.examined)


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("name", ["missing_mean", "flipped_sign", "transposed_theta_gradient", "labels_shifted_by_one"])
def test_common_mistakes_are_named_in_coarser_precisions(name, dtype):
    """The bounds are wider there, and still tell them apart."""
    run = conform(MISTAKES[name].implementation(), dtype=dtype, checks=("*_gradient",), max_examples=12)
    assert run.diagnosis is not None
    assert run.diagnosis.mistakes == (name,)


class Scaled(Model):
    """A factor that is in no list."""

    def mean(self, values, Y):
        return super().mean(values, Y) * values.dtype.type(0.7310586)


def test_a_factor_that_nobody_knows_is_solved_for():
    """Every entry of every problem leaves the same number open."""
    implementation = Scaled().implementation("scaled")
    found = diagnose(implementation, *parted(implementation, posed((), 0, 60), JUDGED))
    assert found is not None
    assert found.exact
    assert found.explained == found.examined
    assert found.likely.startswith("multiplied by 0.7310586, in ∂ℒ/∂Z, ∂ℒ/∂θ, ∂ℒ/∂b, ∂ℒ/∂X and ℒ only")
    assert found.fix == "leave the factor 0.7310586 out"


def test_a_mistake_that_is_made_now_and_then_is_described_with_what_it_explains():
    """Where there are many samples, it is a sum in place of a mean; elsewhere, the gradient is right or wrong in another way."""

    class Sometimes(Model):
        def mean(self, values, Y):
            if Y.shape[1] > 6:
                return values
            return super().mean(values, Y) * (1 if Y.shape[1] > 3 else 1.5)

    implementation = Sometimes().implementation("sometimes")
    failing, passing = parted(implementation, posed((), 0, 60), JUDGED)
    found = diagnose(implementation, failing, passing)
    assert found is not None
    assert not found.exact
    assert 0 < len(found.explained) < len(found.examined)
    assert f"on {len(found.explained)} of {len(found.examined)} exactly" in found.likely
    assert "these have from n = 7" in found.likely


def test_an_unknown_mistake_is_described_and_not_guessed():
    """An error of a part in a million of one class is none of the table's."""

    class Strange(Model):
        def logits_gradient(self, theta, b, X, Y):
            D = super().logits_gradient(theta, b, X, Y).copy()
            D[1] = D[1] * (1 + 1e-6)
            return D

    implementation = Strange().implementation("strange")
    found = diagnose(implementation, *parted(implementation, posed((), 0, 60), JUDGED))
    assert found is not None
    assert not found.exact
    assert "no known mistake fits" in found.likely
    assert found.likely.startswith("∂ℒ/∂Z, ∂ℒ/∂θ and ∂ℒ/∂b are 1.000001 times what they should be in class 1 only")


def _seen(*rows):
    return [np.array(row, dtype=bool) for row in rows]


@pytest.mark.parametrize(
    ("ones", "said"),
    [
        (_seen([1, 1, 1, 0, 0, 0], [1, 1]), "{all} up to 2"),  # without a gap
        (_seen([0, 1, 1, 0, 0, 0], [1, 0, 1, 0]), "{all} up to 2"),  # twice
        (_seen([0, 1, 1, 0, 0, 0], [1, 1]), ""),  # by chance
        (_seen([0, 0, 0, 1, 1, 1], [0, 0]), "{all} from 3 on"),
        (_seen([0, 0, 0, 1, 0, 1], [0, 0, 0, 1, 0]), "{all} from 3 on"),
        (_seen([0, 0, 0, 1, 0, 1], [0, 0, 0, 0, 1]), ""),
    ],
)
def test_what_is_off_by_chance_has_no_end(ones, said):
    found = [words for words, _ in along.ends([one for one in ones if one.any()]) if "{all}" in words]
    assert (found or [""])[0] == said


def test_the_right_model_fails_nothing_and_is_not_diagnosed():
    """What the mistakes are made from is right."""
    implementation = Model().implementation("right")
    run = conform(implementation, max_examples=100)
    assert not run.failed
    assert run.diagnosis is None
    assert diagnose(implementation, posed((), 0, 20)) is None


def test_the_regime_that_costs_bits_is_named():
    """float64 code that rounds to float32 where logits are large: all bits elsewhere, 24 and fewer there."""

    class Sometimes(Model):
        def logits(self, theta, b, X):
            Z = super().logits(theta, b, X)
            return Z.astype(np.float32).astype(Z.dtype) if abs(Z).max() > 1000 else Z

    run = conform(Sometimes().implementation("sometimes"), checks=("logits",), max_examples=200)
    bits, where = run.tallies["logits"].worst_regime(2.0**-53)
    assert bits >= 53
    assert run.tallies["logits"].bits(2.0**-53) < 30
    assert where.startswith("the largest |logit| is 1")
    assert any(where in line for line in words.regimes(run))


def test_right_code_has_no_regime_that_costs_bits():
    """Nothing is said where nothing is lost."""
    assert not list(words.regimes(conform(Model().implementation("right"), max_examples=60)))


def test_the_panel_of_a_failure_says_what_is_likely_and_how_it_is_mended():
    """Below the claim, with how many failing problems it explains."""
    run = conform(MISTAKES["flipped_sign"].implementation(), checks=("logits_gradient",), max_examples=30)
    panel = "\n".join(words.panel(run.failures[0], run))
    assert "likely    (Y - A)/n in place of (A - Y)/n" in panel
    assert "fix       A - Y, not Y - A" in panel
    explained, examined = run.failures[0].explained
    assert explained == examined > 0


@pytest.mark.parametrize("name", MISTAKES)
def test_every_mistake_says_what_it_computes_and_how_it_is_mended(name):
    """The table is read by people."""
    mistake = MISTAKES[name]
    assert mistake.what
    assert mistake.fix
    assert mistake.group in GROUPS


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_what_numpy_computes_lies_within_the_running_error(dtype):
    """Of a formula with products, exp, log, quotients, sums and a clip."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        theta, X = rng.normal(size=(3, 4)).astype(dtype), rng.normal(size=(4, 5)).astype(dtype)

        def formula(theta, X):
            E = np.exp(theta @ X / 4)
            A = E / E.sum(axis=0, keepdims=True)
            return np.log(np.clip(A, 0.25, 1.0)) - abs(A @ X.T).sum(axis=1, keepdims=True)

        exact = formula(theta.astype(np.longdouble), X.astype(np.longdouble))
        running, computed = formula(Running.exact(theta), Running.exact(X)), formula(theta, X)
        assert (abs(computed.astype(float) - running.value) <= running.error).all()
        assert (abs(exact - running.value) <= running.error).all()
