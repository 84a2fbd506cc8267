"""Correct algorithms agree, each grant is needed by one of them, and what is declared is granted and no more."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from correct import CORRECT

from gradcheck import (
    Arithmetic,
    Implementation,
    Layout,
    Problem,
    Unusable,
    bounds,
    conform,
    judge,
    load,
    model,
    precision,
    referees,
)
from gradcheck.arithmetic import CHOICES, FIELDS, granted
from gradcheck.bounds import shifted
from gradcheck.checks import CHECKS, Trial
from gradcheck.cli import main
from gradcheck.drawing import pose
from gradcheck.enclosure import Enclosure
from gradcheck.problem import MEMORY
from gradcheck.referees import ball
from gradcheck.verdict import Outcome


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", CORRECT)
def test_correct_code_agrees_in_every_regime(name, dtype, shared_truths):
    """No alarm, offsets and saturated logits among the problems."""
    run = conform(CORRECT[name], dtype=dtype, max_examples=60, seed=3)
    assert not run.failures, [f"{f.check.name} {f.verdict}" for f in run.failures]
    assert run.judged


DECLARED = {name: it for name, it in CORRECT.items() if it.arithmetic != Arithmetic()}


@pytest.mark.parametrize("name", ["autocast", "atomic"])
def test_what_is_not_declared_is_not_granted(name, undiagnosed):
    """The same code without its declaration disagrees."""
    run = conform(replace(CORRECT[name], arithmetic=Arithmetic()), dtype="float32", max_examples=100)
    assert run.failures


# ---- each grant is needed ----


def column(*z):
    return np.array(z, dtype=np.float64)[:, np.newaxis]


def worst(function, Z, **options):
    """The test ratio of a softmax of exact logits, under the whole bound or with a part of it taken away."""
    A, exact = ball.softmax(Z), np.zeros_like(Z)
    allowed = bounds.softmax_error(
        Enclosure(Z, exact), exact, np.minimum(A.magnitude, 1), precision.FLOAT64, **options
    ).A
    return float(A.inflate(allowed).test_ratio(function(Z)).max())


def exp_within_four_ulp(x):
    """As good as section 1 asks of an exp, and never too small."""
    found = np.exp(x)
    for _ in range(bounds.ELEMENTARY_ULPS["float64"] - 1):
        found = np.nextafter(found, np.inf)
    return np.where(x == 0, 1.0, found)


def online(Z):
    """CORRECT["online"], with that exp."""
    m, s = Z[0], np.ones_like(Z[0])
    for z in Z[1:]:
        top = np.maximum(m, z)
        m, s = top, s * exp_within_four_ulp(m - top) + exp_within_four_ulp(z - top)
    return exp_within_four_ulp(Z - m) / s


# 256.5 + 0.4 is rounded to a multiple of 2^-44, and is less than 256 again without it: two roundings more
CROSSING = np.array([[-0.38], [-256.52], [-1.14]])
NEEDED = {
    "halves": (lambda rng: np.round(rng.normal(size=(4, 50)) * 2) / 8 + 2.0**40, CORRECT["halves"].softmax),
    "prescaled": (lambda rng: np.round(rng.normal(size=(2, 50)) * 2) / 8 + 2.0**40, CORRECT["prescaled"].softmax),
    "twice": (lambda rng: CROSSING + rng.uniform(-0.005, 0.005, (3, 4000)), CORRECT["twice"].softmax),
    "online": (lambda rng: np.sort(rng.normal(size=(1000, 8)) * 1e-3, axis=0), online),
}


@pytest.mark.parametrize("name", NEEDED)
def test_a_softmax_needs_its_grant(name):
    """By our own formulas alone, which no log-sum-exp and no prescaled logit enters, it would be refused."""
    draw, function = NEEDED[name]
    Z = draw(np.random.default_rng(0))
    assert worst(function, Z) <= 1 < worst(function, Z, ours=True)


def test_merging_class_by_class_needs_a_declaration():
    """L - 1 roundings of a log-sum-exp: more than a tree of that many classes has."""
    Z = np.full((300, 1), 2.0**45)
    A, exact = ball.softmax(Z), np.zeros_like(Z)
    ratios = {}
    for merged in (0, 300, "L"):
        p = granted("float64", Arithmetic(merged=merged))
        allowed = bounds.softmax_error(Enclosure(Z, exact), exact, np.minimum(A.magnitude, 1), p).A
        ratios[merged] = float(A.inflate(allowed).test_ratio(CORRECT["one by one"].softmax(Z)).max())
    assert ratios[300] <= 1 and ratios["L"] <= 1 < ratios[0]


def test_merging_that_is_not_declared_is_named():
    """Everything that fails agrees when it is declared: that is the answer."""
    Z = np.full((300, 1), 2.0**44)
    p = Problem(np.zeros((300, 1)), Z, np.ones((1, 1)), np.eye(300)[:, :1])
    code = Implementation("undeclared", softmax=CORRECT["one by one"].softmax)
    assert judge(code, p, [CHECKS["softmax"]])["softmax"].failed
    from gradcheck import layouts
    from gradcheck.tally import Tally

    tally = Tally(CHECKS["softmax"])
    tally.add(p, judge(code, p, [CHECKS["softmax"]])["softmax"])
    assert layouts.rounds(code, [tally]) == Arithmetic(merged="L")


@pytest.mark.parametrize(("name", "check"), [("rest", "logits_gradient"), ("on the diagonal", "jacobian_diagonal")])
def test_minus_the_sum_of_the_others_needs_its_grant(name, check):
    """At two thousand classes, one of probability 1/2, an improbable label: beyond what the direct formulas are granted."""
    L = 2000
    b = np.zeros((L, 1))
    b[0] = np.log(L - 1)
    arrays = np.zeros((L, 1)), b, np.ones((1, 1)), np.eye(L)[:, [7]]
    p = Problem(*(a.astype(np.float32) for a in arrays))
    assert judge(CORRECT[name], p, [CHECKS[check]])[check].outcome is Outcome.AGREE
    trial = Trial(CORRECT[name], p)
    if name == "rest":
        direct = replace(trial.truth._bounds, ours=True).D[7, 0]
        error = abs(trial.gradient("Z") - trial.truth.enclosure("D").midpoint)[7, 0]
    else:
        exact, a = referees.softmax_jacobian(trial.Z[:, 0], p.theta.dtype).midpoint[0, 0], trial.A[0].midpoint[0, 0]
        delta, u = trial.A[1].A[0, 0], 2.0**-24
        direct = (abs(1 - 2 * a) + 2 * delta) * delta + bounds.spread(3, u) * (a + a * a) * 1.01
        error = abs(trial.jacobian()[0, 0] - exact)
    assert error > direct


def test_how_often_a_class_is_rescaled_online_is_its_place_in_order_of_size():
    """And as often as there are others, where errors may change the order."""
    Z = np.array([[1.0, 5.0], [3.0, 5.0], [2.0, 0.0]])
    assert shifted._larger(Z, np.zeros((1, 2))).T.tolist() == [[2, 0, 1], [0, 1, 2]]
    assert (shifted._larger(Z, np.full((1, 2), 0.5)) == 2).all()


# ---- the value ----


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"inner": "float8"}, "expected float32 or tf32"),
        ({"accumulate": "double"}, "expected float64 or float32"),
        ({"merged": -1}, "a number of parts, or L"),
        ({"merged": "all"}, "a number of parts, or L"),
        ({"merged": True}, "a number of parts, or L"),
        ({"pieces": 0}, "from 1"),
        ({"deterministic": "no"}, "true or false"),
    ],
)
def test_an_arithmetic_that_is_not_known_is_refused(wrong, words):
    with pytest.raises(Unusable, match=words):
        Arithmetic(**wrong)


def test_nothing_declared_grants_the_precision_itself():
    """The very object, so that nothing is worked out twice."""
    for name in precision.NAMES:
        assert granted(name, Arithmetic()) is precision.named(name)


def test_sums_in_a_finer_precision_leave_what_is_written_down_and_those_in_a_coarser_one_round_their_terms():
    """roundings = operations λ(u) + additions λ(of sums) + one more of the coarser, or of what is kept, as for each operation."""
    fine, coarse = (
        granted("bfloat16", Arithmetic(accumulate="float32")),
        granted("float64", Arithmetic(accumulate="float16")),
    )
    lam = bounds.lam
    assert (fine.u, fine.kept, fine.stored, fine.huge) == (2.0**-24, 2.0**-8, 0.0, precision.named("bfloat16").huge)
    assert bounds.roundings(fine, 2, 100, 3) == pytest.approx(102 * lam(2.0**-24) + 3 * lam(2.0**-8), rel=1e-12)
    assert bounds.roundings(coarse, 2, 3) == pytest.approx(2 * lam(2.0**-53) + 4 * lam(2.0**-11), rel=1e-12)
    cast = granted("float32", Arithmetic(stored="bfloat16"))
    assert bounds.roundings(cast, 2, 100, 3) == pytest.approx(102 * lam(2.0**-24) + 3 * lam(2.0**-8), rel=1e-12)


def test_a_fused_kernel_writes_its_results_down_and_nothing_else():
    """`inner` finer than its arrays: float32 throughout, and one rounding to bfloat16 of each result."""
    p = granted("bfloat16", Arithmetic(inner="float32"))
    assert (p.u, p.kept, p.returned) == (2.0**-24, 0.0, 2.0**-8)

    def fused(theta, b, X, Y):
        found = model.gradients(*(a.astype(np.float32) for a in (theta, b, X, Y)))
        return {key: array.astype(theta.dtype) for key, array in found.items()}

    def chunks(theta, b, X, Y):
        found = model.gradients(*(a.astype(np.float32) for a in (theta, b, X, Y)))
        G = np.zeros_like(theta)
        for i in range(X.shape[1]):
            G = (G + (found["Z"][:, [i]] @ X[:, [i]].astype(np.float32).T).astype(theta.dtype)).astype(theta.dtype)
        return {"theta": G}

    inside = Arithmetic(inner="float32")
    assert not conform(Implementation("fused", fused, arithmetic=inside), dtype="bfloat16", max_examples=100).failed
    told, posed = Implementation("chunks", chunks, arithmetic=inside), list[Problem]()
    pose(posed.append, dtype="bfloat16", regimes=("*",), seed=0, count=100, shrink=False)
    assert any(judge(told, p, [CHECKS["theta_gradient"]])["theta_gradient"].failed for p in posed)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_fused_softmax_may_write_its_result_down_before_it_is_divided_by(dtype):
    """∂ℒ/∂A = -Y/(nA) has the relative error of that writing, which is most of it."""

    def softmax(Z):
        E = np.exp(Z.astype(np.float32) - Z.max(axis=0).astype(np.float32))
        return (E / E.sum(axis=0)).astype(Z.dtype)

    fused = Implementation("fused", softmax=softmax, dtypes=(dtype,), arithmetic=Arithmetic(inner="float32"))
    run = conform(fused, dtype=dtype, max_examples=100, checks=("softmax", "probabilities_gradient"))
    assert not run.failed and run.tallies["probabilities_gradient"].counts[Outcome.AGREE]


def test_pieces_that_are_written_down_need_their_declaration():
    """∂ℒ/∂θ in bfloat16 over 128 pieces of one sample, of which all but the first are half an ulp of the sum, and lost."""

    def pieces(theta, b, X, Y):
        D = model.logits_gradient(theta, b, X, Y)
        G = np.zeros_like(theta)
        for i in range(X.shape[1]):
            G = (G + (D[:, [i]] @ X[:, [i]].T).astype(theta.dtype)).astype(theta.dtype)
        return {"theta": G}

    X = np.full((1, 128), 2.0**-9)
    X[0, 0] = 1
    arrays = np.zeros((2, 1)), np.zeros((2, 1)), X, np.repeat([[0.0], [1.0]], 128, axis=1)
    p = Problem(*(a.astype(precision.named("bfloat16").dtype) for a in arrays))
    alone, declared = [
        judge(
            Implementation("pieces", pieces, arithmetic=Arithmetic(accumulate="float32", pieces=k)),
            p,
            [CHECKS["theta_gradient"]],
        )["theta_gradient"]
        for k in (1, 128)
    ]
    assert alone.failed and declared.outcome is Outcome.AGREE


def test_bfloat16_code_that_sums_in_float32_is_judged_sharply_when_that_is_declared():
    """Fewer inconclusive verdicts, and no alarm."""

    def gradients(theta, b, X, Y):
        D = model.logits_gradient(theta, b, X, Y)
        G = (D.astype(np.float32) @ X.astype(np.float32).T).astype(theta.dtype)
        return {"theta": G, "b": D.astype(np.float32).sum(axis=1, keepdims=True).astype(theta.dtype)}

    undecided = []
    for arithmetic in (Arithmetic(), Arithmetic(accumulate="float32")):
        code = Implementation("sums in float32", gradients, arithmetic=arithmetic)
        run = conform(code, dtype="bfloat16", max_examples=100, checks=("theta_gradient", "bias_gradient"))
        assert not run.failures
        undecided.append(sum(tally.counts[Outcome.INCONCLUSIVE] for tally in run.tallies.values()))
    assert undecided[1] < undecided[0]


@pytest.mark.parametrize("command", ["verify", "compare", "fuzz", "replay", "audit"])
def test_every_command_that_judges_has_an_option_for_every_field(command):
    """Of the same name, and no command knows one that another does not."""
    shown = CliRunner().invoke(main, [command, "--help"]).output
    assert all(f"--{name}" in shown for name in FIELDS)


def test_a_declaration_of_the_command_line_reaches_the_bound_and_the_report(tmp_path, monkeypatch):
    """And pyproject.toml says the same; JSON tells what was declared."""
    monkeypatch.chdir(tmp_path)
    options = [
        "--merged",
        "L",
        "--deterministic",
        "no",
        "--stored",
        "float16",
        "--pieces",
        "3",
        "--accumulate",
        "float32",
    ]
    result = CliRunner().invoke(main, ["verify", "numpy", "--max-examples", "2", "--json", "-", *options])
    assert result.exit_code == 0, result.output
    assert all(said in result.output for said in ('"merged": "L"', '"deterministic": false', '"pieces": 3'))
    Path("pyproject.toml").write_text(
        '[tool.gradcheck.targets.mine]\ntarget = "numpy"\nmerged = "L"\ndeterministic = false\n'
    )
    told = CliRunner().invoke(main, ["verify", "mine", "--max-examples", "2", "--json", "-"]).output
    assert '"merged": "L"' in told and '"deterministic": false' in told
    assert set(CHOICES) < set(FIELDS)


# ---- what is careful ----


def late(Z):
    """z minus the whole log-sum-exp."""
    m = Z.max(axis=0)
    return np.exp(Z - (m + np.log(np.exp(Z - m).sum(axis=0))))


def apart(theta, b, X, Y):
    """Log-sum-exps and logits summed apart."""
    Z = theta @ X + b
    m = Z.max(axis=0)
    return ((m + np.log(np.exp(Z - m).sum(axis=0))).sum() - (Y * Z).sum()) / Z.dtype.type(X.shape[1])


@pytest.mark.parametrize(("function", "code"), [("softmax", late), ("loss", apart)])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_code_that_loses_an_offset_agrees_and_is_told(function, code, dtype, tmp_path):
    """It is within what correct code may do, and beyond what careful code does; --careful makes that a failure."""
    it = Implementation("careless", **{function: code}, dtypes=(dtype,))
    run = conform(it, dtype=dtype, checks=(function,), regimes=("offset",), max_examples=60)
    tally = run.tallies[function]
    assert tally.outcome is Outcome.AGREE and not run.failed
    assert tally.lost is not None and tally.lost[1].lost > 3
    strict = conform(it, dtype=dtype, checks=(function,), regimes=("offset",), max_examples=60, careful=True)
    assert strict.failed and not strict.failures


def test_optax_loses_an_offset_with_index_labels():
    """Its log-sum-exp and the logit of the label are summed apart."""
    optax, jax = pytest.importorskip("optax"), pytest.importorskip("jax")
    losses = jax.jit(optax.softmax_cross_entropy_with_integer_labels)

    def loss(theta, b, X, Y):
        return np.asarray(losses((theta @ X + b).T, Y).mean())

    it = Implementation("optax", loss=loss, dtypes=("float32",), layout=Layout(labels="index"))
    tally = conform(it, dtype="float32", checks=("loss",), regimes=("offset",), max_examples=30).tallies["loss"]
    assert tally.outcome is Outcome.AGREE and tally.lost is not None


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("name", ["reference", "numpy", "scipy"])
def test_careful_code_is_told_of_nothing(name, dtype, shared_truths):
    """On every problem, and in every regime."""
    target = load(name)
    if dtype not in target.dtypes:
        pytest.skip(f"{name} is not made for {dtype}")
    run = conform(target, dtype=dtype, max_examples=60, seed=4, careful=True)
    assert {name: tally.lost for name, tally in run.tallies.items() if tally.lost} == {}


def test_logits_are_known_to_be_exact_where_every_sum_of_them_is():
    """All products and the bias are multiples of one power of two, and no sum of their sizes exceeds 2^p of it."""
    p = Problem(*(np.array(a) for a in ([[0.5], [0.1]], [[2.0], [0.0]], [[3.0, 0.1]], np.eye(2))))
    magnitude = abs(p.theta) @ abs(p.X) + abs(p.b)
    assert bounds.exact_logits(p, precision.FLOAT64, magnitude).tolist() == [[True, False], [False, False]]
    assert not bounds.exact_logits(p, precision.FLOAT64, magnitude * 2.0**60)[0, 0]


@pytest.mark.parametrize(
    ("unit", "times", "known"), [(0, 53, True), (0, 54, False), (-1074, 3, True), (-1075, 3, False)]
)
def test_logits_are_exact_up_to_so_many_units_and_down_to_the_smallest_number(unit, times, known):
    """2^53 units have 53 bits as well as one; below the smallest number of all, a product has no bits left."""
    half = unit // 2
    theta, X = np.full((2, 1), 2.0**half), np.array([[2.0 ** (unit - half)]])
    p = Problem(theta, np.zeros((2, 1)), X, np.eye(2)[:, :1])
    found = bounds.exact_logits(p, precision.FLOAT64, np.full((2, 1), 2.0 ** (unit + times)))
    assert found.tolist() == [[known], [known]]


# ---- what is taken as a result ----


def test_tensors_are_taken_as_they_are():
    """A loss that requires a gradient, and gradients in bfloat16."""
    torch = pytest.importorskip("torch")

    def loss(theta, b, X, Y):
        t, b, X, Y = (torch.tensor(np.array(a)) for a in (theta, b, X, Y))
        return -(Y * torch.log_softmax(t.requires_grad_() @ X + b, 0)).sum() / X.shape[1]

    assert not conform(Implementation("tensor", loss=loss), max_examples=30).failed


def test_code_that_takes_C_order_alone_says_so_once_and_is_given_no_other():
    """One layout explains everything that failed."""

    def gradients(theta, b, X, Y):
        if not all(a.flags.c_contiguous and a.flags.writeable for a in (theta, b, X, Y)):
            raise ValueError("C order, please")
        return model.gradients(theta, b, X, Y)

    run = conform(Implementation("plain", gradients), max_examples=60)
    assert run.meant == Layout(memory="C")
    assert not conform(Implementation("plain", gradients, layout=Layout(memory="C")), max_examples=60).failed


@pytest.mark.parametrize("memory", MEMORY)
def test_what_is_of_C_order_has_no_negative_stride(memory):
    """Nor along an axis of one entry, of which NumPy says that it is of C order, and PyTorch that it cannot take it."""

    def gradients(theta, b, X, Y):
        assert all(a.strides == a.copy(order="C").strides for a in (theta, b, X, Y))
        return model.gradients(theta, b, X, Y)

    one = np.ones((1, 1))
    problem = Problem(np.eye(2)[:, :1], np.zeros((2, 1)), one, np.eye(2)[:, :1], memory)
    verdicts = judge(Implementation("plain", gradients, layout=Layout(memory="C")), problem)
    assert verdicts["theta_gradient"].outcome is Outcome.AGREE
    assert not [verdict for verdict in verdicts.values() if verdict.failed]


def test_an_agreement_is_of_a_quantity_as_a_whole():
    """One entry that could be told from zero is not enough where most could not; what is zero or unlimited does not count."""
    from gradcheck.verdict import Comparison

    truth = Enclosure(np.array([1.0, 0.1, 0.1, 0.0, 5.0]), np.zeros(5))
    for limits, outcome in (
        ([0.5, 0.5, 0.5, 0.5, np.inf], Outcome.INCONCLUSIVE),
        ([0.5, 0.05, 0.5, 0.5, np.inf], Outcome.AGREE),
        ([np.inf] * 5, Outcome.INCONCLUSIVE),
    ):
        assert Comparison("x", truth.midpoint, truth, np.array(limits)).verdict().outcome is outcome
