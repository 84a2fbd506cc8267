"""Audit of a loss with options: right code agrees with each of them, alone and in pairs, and code that forgets one does not."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import gradcheck
from gradcheck import CrossEntropy, Outcome, Unusable, precision, problems
from gradcheck.auditing import audit_path, block, dump, entries, plan, report, shards
from gradcheck.auditing.again import computed_again
from gradcheck.cli import main
from gradcheck.errors import ProblemError
from gradcheck.law import text
from gradcheck.model import Stages
from gradcheck.referees import float64
from gradcheck.strategies import laws

L, D, N = 24, 12, 150
WEIGHTS = tuple(0.25 + k % 5 for k in range(L))
DTYPES = ("float64", "float32", "float16", "bfloat16")
WORDS = (
    {},
    {"smoothing_over": "others"},
    {"smoothing_weight": "label"},
    {"z_over": "samples"},
    {"l2_bias": True},
    {"scaled": "after"},
)
JUDGED = ("Z", "A", "loss", "grad_theta", "grad_b", "grad_Z", "grad_X")

OPTIONS = {
    "ignore": {"ignore": -100},
    "a class ignored": {"ignore": 3},
    "labelled": {"ignore": -100, "mean_of": "labelled"},
    "weights": {"class_weight": WEIGHTS},
    "mean of weights": {"class_weight": WEIGHTS, "ignore": -100, "mean_of": "weights"},
    "count": {"mean_of": 7},
    "sum": {"reduction": "sum"},
    "smoothing": {"smoothing": 0.1},
    "smoothing over others": {"smoothing": 0.3, "smoothing_over": "others"},
    "z-loss": {"z_loss": 0.01},
    "scale": {"scale": 1.7},
    "cap": {"softcap": 2.0},
    "l2": {"l2": 0.003},
    "l2 of all": {"l2": 0.003, "l2_bias": True},
}
PAIRS = [
    (a, b)
    for a, b in itertools.combinations(OPTIONS, 2)
    if len({*OPTIONS[a], *OPTIONS[b]}) == len(OPTIONS[a]) + len(OPTIONS[b])
]
MORE = {
    "smoothing weighed by the label": {"smoothing": 0.2, "class_weight": WEIGHTS, "smoothing_weight": "label"},
    "z-loss over all": {"z_loss": 0.01, "z_over": "samples", "ignore": -100},
    "as GPT trains": {"ignore": -100, "mean_of": "labelled", "smoothing": 0.1, "z_loss": 1e-4},
    "scaled after the cap": {"softcap": 1.5, "scale": 1.7, "scaled": "after", "smoothing": 0.1, "class_weight": WEIGHTS},
    "everything": {
        "ignore": -100, "mean_of": "weights", "class_weight": WEIGHTS, "smoothing": 0.1, "z_loss": 1e-3, "scale": 0.5,
        "softcap": 3.0, "l2": 0.01,
    },
}  # fmt: skip


def softmax(Z):
    A = np.exp(Z - Z.max(0))
    return A / A.sum(0)


def dense(y, law, kind):
    """Y (L, n), zeros where a label is ignored."""
    return np.where(y == (law.ignore if law.ignore is not None else -1), 0, np.eye(L)[:, y % L]).astype(kind)


def step(law, dtype="float64", seed=0, labels="index", done=None):
    """One step in float64 written down in `dtype`, of the loss that is `done`, where the labels are those of `law`."""
    draw, kind, done = np.random.default_rng(seed), precision.named(dtype).dtype, done or law
    theta, b, X = ((0.3 * draw.standard_normal(shape)).astype(kind).astype(float) for shape in ((L, D), (L, 1), (D, N)))
    Z = (theta @ X + b).astype(kind).astype(float)
    y = draw.integers(0, L, N)
    if law.ignore is not None:
        y[draw.random(N) < 0.3] = law.ignore
    Y = dense(y, law, float)
    if labels == "weights":
        Y = (Y.sum(0) * draw.dirichlet(np.ones(L), N).T).astype(kind).astype(float)
        if law.ignore is not None and law.ignore >= 0:
            Y[law.ignore] = 0
    due, bent = text.labels(Y, done), text.mapped(Z, done)
    A, lse = softmax(bent), text.log_sum_exp(bent)
    z = np.where(text.squared(Y, done), done.z_loss, 0)
    t = bent / (done.softcap * (done.scale if done.scaled == "after" else 1)) if done.softcap else 0
    dZ = done.scale * (1 - t * t) * (A * (due.sum(0) + 2 * z * lse) - due) / text.normaliser(Y, done)
    arrays = {"theta": theta, "b": b[:, 0], "X": X, "Z": Z, "A": A, "grad_Z": dZ, "grad_X": theta.T @ dZ}
    arrays["grad_theta"] = dZ @ X.T + done.l2 * theta
    arrays["grad_b"] = dZ.sum(1) + done.l2 * done.l2_bias * b[:, 0]
    arrays["loss"] = np.asarray(text.loss_of(Z, theta, b, Y, done))
    made = {name: array.astype(kind) for name, array in arrays.items()}
    return made | {"Y": y if labels == "index" else Y.astype(kind)}


def dumped(problem):
    """What gradcheck.model computes of a loss in the precision of a problem."""
    arrays, right = problem.arrays(), Stages(problem.law)
    with np.errstate(all="ignore"):
        Z, found = right.logits(*arrays[:3]), right.gradients(*arrays)
        made = {"Z": Z, "A": right.softmax(right.mapped(Z)), "loss": np.asarray(right.loss(*arrays))}
    made |= {f"grad_{name}": found[name] for name in ("theta", "b", "Z", "X")}
    return dict(zip(("theta", "b", "X", "Y"), arrays, strict=True)) | made


@given(
    problems(dtypes=DTYPES, ignored=True),
    laws(("weight", "smoothing", "z_loss", "scale", "softcap", "l2")),
    st.sampled_from(["samples", "labelled", "weights", 3]),
    st.sampled_from(WORDS),
    st.booleans(),
)
def test_correct_code_of_any_precision_is_never_rejected(problem, law, mean_of, words, logits):
    """Each sum accumulated in the precision of its arrays, which is the worst that the error model allows."""
    if problem.masked.any():
        return
    law = replace(law, ignore=-100, mean_of=mean_of, **words).of_classes(problem.L)
    try:
        problem = problem.with_law(law)
    except ProblemError:
        return
    made = dumped(problem)
    if not logits:
        del made["Z"]
    found = gradcheck.audit(**made, accumulate=problem.precision.name, law=law)
    wrong = [f for f in found.findings if f.verdict.outcome is Outcome.DISAGREE]
    assert not wrong


def outcomes(found):
    return {f.quantity: f.verdict.outcome for f in found.findings}


@pytest.mark.parametrize("labels", ["index", "weights"])
@pytest.mark.parametrize("name", [*OPTIONS, *MORE])
def test_right_code_agrees(name, labels):
    """In every precision, with logits and without; in float64 and float32 everything is told from zero."""
    law = CrossEntropy(**{**OPTIONS, **MORE}[name])
    for dtype in ("float64", "float32", "float16", "bfloat16"):
        made = step(law, dtype, labels=labels)
        for arrays in (made, {key: array for key, array in made.items() if key != "Z"}):
            found = outcomes(gradcheck.audit(**arrays, law=law))
            assert Outcome.DISAGREE not in found.values(), (dtype, found)
            assert dtype not in ("float64", "float32") or set(found.values()) == {Outcome.AGREE}, (dtype, found)


@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_right_code_with_two_options_agrees(pair):
    law = CrossEntropy(**{**OPTIONS[pair[0]], **OPTIONS[pair[1]]})
    for dtype in ("float64", "float32"):
        found = outcomes(gradcheck.audit(**step(law, dtype), law=law))
        assert set(found.values()) == {Outcome.AGREE}, (dtype, found)


def granted(problem, law):
    """What an audit grants to ∂ℒ/∂θ and ∂ℒ/∂Z, entry by entry, without logits in the dump."""
    arrays = dict(zip(("theta", "b", "X", "Y"), problem.arrays(), strict=True))
    given = dump.of(arrays | {"grad_theta": arrays["theta"]}, **law.said, accumulate=problem.precision.name)
    with np.errstate(all="ignore"):
        planned = plan.plan(given, declared=given.arithmetic, count=8, seed=0, memory=512 << 20)
        sums, whole = shards.shard(given, planned, [slice(0, given.n)]), block.read(given, planned, slice(0, given.n))
        A = whole.p[:].astype(float) / whole.s
        rows, labels = slice(0, given.L), whole.labels
        hard = labels.hard.of(rows, whole.Y) if law.smoothing else None
        slope = None if whole.S is None else whole.S[rows]
        D = entries.differences(whole, A, labels.of(rows, whole.Y), hard, slope)[1]
        return {"theta": computed_again(given, planned, sums, list(range(given.L))).allowed, "D": D}


@given(
    problems(dtypes=("float64", "float32"), ignored=True),
    laws(("weight", "smoothing", "z_loss", "scale", "softcap", "l2")),
)
def test_no_less_is_granted_than_to_a_problem(problem, law):
    """The bounds of docs/bounds.md, taken apart, with one for a column; but for D as minus the sum of the others, and underflow."""
    law = replace(law, ignore=-100, mean_of="labelled").of_classes(problem.L)
    if problem.masked.any() or not (law.smoothing or law.z_loss):
        return
    problem = problem.with_law(law)
    truth = float64.truth(problem)
    for name, limit in granted(problem, law).items():
        bound = truth.allowed(name)
        known = np.isfinite(limit) & (bound > 1e-30)
        assert (limit[known] >= bound[known] * (1 - 1e-9)).all(), name


# ---- the wrong loss ----

OF_D = ("loss", "grad_theta", "grad_b", "grad_Z", "grad_X")
LABEL = {"smoothing": 0.1, "class_weight": WEIGHTS}
# What is meant, what is computed, and what that changes.
FORGOTTEN = {
    "the mean is of all samples": ({"ignore": -100, "mean_of": "labelled"}, {"ignore": -100}, OF_D),
    "the mean is of n and not of the weights": (
        {"class_weight": WEIGHTS, "mean_of": "weights"},
        {"class_weight": WEIGHTS},
        OF_D,
    ),
    "no weights": ({"class_weight": WEIGHTS}, {}, OF_D),
    "no smoothing": ({"smoothing": 0.1}, {}, OF_D),
    "smoothed over all classes": ({"smoothing": 0.1, "smoothing_over": "others"}, {"smoothing": 0.1}, OF_D),
    "smoothing weighed by the label": (LABEL, {**LABEL, "smoothing_weight": "label"}, OF_D),
    "no z-loss": ({"z_loss": 1e-4}, {}, OF_D),
    "z-loss of ignored samples": (
        {"z_loss": 1e-3, "ignore": -100},
        {"z_loss": 1e-3, "ignore": -100, "z_over": "samples"},
        OF_D,
    ),
    "no scale": ({"scale": 1.5}, {}, ("A", *OF_D)),
    "no cap": ({"softcap": 2.0}, {}, ("A", *OF_D)),
    "scaled before the cap": (
        {"softcap": 2.0, "scale": 1.5, "scaled": "after"},
        {"softcap": 2.0, "scale": 1.5},
        ("A", *OF_D),
    ),
    "no penalty": ({"l2": 0.01}, {}, ("loss", "grad_theta")),
    "no penalty of b": ({"l2": 0.01, "l2_bias": True}, {"l2": 0.01}, ("loss", "grad_b")),
}


@pytest.mark.parametrize("name", FORGOTTEN)
def test_a_loss_that_is_another_disagrees(name):
    """An option is forgotten, or counted in another way: in what it changes, and in nothing else."""
    meant, done, changed = FORGOTTEN[name]
    for dtype, wide in (
        ("float64", set()),
        ("float32", {"loss"}),
    ):  # whose limit is that of n L terms, where these are smoothed
        made = step(CrossEntropy(**meant), dtype, done=CrossEntropy(**done))
        found = outcomes(gradcheck.audit(**made, law=CrossEntropy(**meant)))
        wrong = {key for key, outcome in found.items() if outcome is Outcome.DISAGREE}
        assert set(changed) - wide <= wrong <= set(changed), (dtype, found)


@pytest.mark.parametrize("option", ["mean_of", "class_weight", "smoothing", "z_loss", "l2"])
def test_an_option_that_was_forgotten_is_named(option):
    """Each for itself, of a loss that has them all."""
    law = CrossEntropy(**MORE["everything"])
    made = step(law, done=replace(law, **{option: getattr(CrossEntropy(), option)}))
    found = next(f for f in gradcheck.audit(**made, law=law).findings if f.quantity == "grad_theta")
    assert found.faults[1:] == (f"as if {option} had not been declared",)


def test_samples_that_were_left_out_are_named_beside_a_penalty():
    law = CrossEntropy(l2=0.01, z_loss=1e-3)
    made = step(law)
    G = made["grad_Z"][:, :100] @ made["X"][:, :100].T + law.l2 * made["theta"]
    found = next(f for f in gradcheck.audit(**made | {"grad_theta": G}, law=law).findings if f.quantity == "grad_theta")
    assert found.faults[1:] == ("as if only the first 100 of 150 samples had been summed",)


def test_a_cap_that_is_not_differentiated_is_seen_in_each_gradient():
    law = CrossEntropy(softcap=2.0)
    made = step(law)
    t = np.tanh(made["Z"] / 2)
    D = made["grad_Z"] / (1 - t * t)
    wrong = {"grad_Z": D, "grad_theta": D @ made["X"].T, "grad_b": D.sum(1), "grad_X": made["theta"].T @ D}
    for key, array in wrong.items():
        found = outcomes(gradcheck.audit(**made | {key: array}, law=law))
        assert [k for k, outcome in found.items() if outcome is Outcome.DISAGREE] == [key]


def test_a_class_that_does_not_count_is_told_from_one_that_does():
    found = outcomes(gradcheck.audit(**step(CrossEntropy()), law=CrossEntropy(ignore=3)))
    assert {key for key, outcome in found.items() if outcome is Outcome.DISAGREE} == set(OF_D)


@pytest.mark.parametrize("name", [*OPTIONS, *MORE])
def test_an_option_in_the_loss_alone_is_seen_in_each_gradient(name):
    """And one in the gradients alone in the loss."""
    law = CrossEntropy(**{**OPTIONS, **MORE}[name])
    right, plain = step(law), step(law, done=CrossEntropy(ignore=law.ignore))
    for key in ("loss", "grad_theta", "grad_b", "grad_Z", "grad_X"):
        if abs(right[key] - plain[key]).max() > 1e-6:
            found = outcomes(gradcheck.audit(**right | {key: plain[key]}, law=law))
            assert {k for k, outcome in found.items() if outcome is Outcome.DISAGREE} == {key}


def test_an_ignored_sample_that_counts_is_found():
    """One of 150, in whatever its D is added to."""
    law = CrossEntropy(ignore=-100, smoothing=0.1, mean_of="labelled")
    made = step(law)
    i = int(np.flatnonzero(made["Y"] == -100)[0])
    D = 0 * made["Z"]
    D[:, i] = softmax(made["Z"])[:, i] / (made["Y"] != -100).sum()
    wrong = {"grad_theta": made["grad_theta"] + D @ made["X"].T, "grad_X": made["grad_X"] + made["theta"].T @ D}
    found = gradcheck.audit(**made | wrong, law=law)
    assert [k for k, outcome in outcomes(found).items() if outcome is Outcome.DISAGREE] == ["grad_theta", "grad_X"]
    assert next(f for f in found.findings if f.quantity == "grad_X").rows == (i,)


def test_where_nothing_counts_nothing_is_said():
    """0/0: whatever is in the dump."""
    law = CrossEntropy(ignore=-100, mean_of="labelled")
    made = step(CrossEntropy()) | {"Y": np.full(N, -100)}
    found = outcomes(gradcheck.audit(**made, law=law))
    assert {key for key, outcome in found.items() if outcome is Outcome.AGREE} == {"Z", "A"}
    assert Outcome.DISAGREE not in found.values()


# ---- told in every way ----


def torch_like(folder, said=None):
    """A step of PyTorch with labels of -100, its weights and its smoothing: rows, float32."""
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer, X = torch.nn.Linear(D, L), torch.randn(N, D, requires_grad=True)
    labels = torch.randint(0, L, (N,))
    labels[::3] = -100
    captured = gradcheck.capture(layer, folder, law=said)
    loss = torch.nn.functional.cross_entropy(layer(X), labels, weight=torch.tensor(WEIGHTS), label_smoothing=0.1)
    loss.backward()
    return captured.write(labels, loss)


SAID = ["--ignore", "-100", "--class-weight", ",".join(map(str, WEIGHTS)), "--smoothing", "0.1", "--mean-of", "weights"]


def test_a_step_of_torch_is_judged_with_its_options(tmp_path):
    """On the command line, in layout.json, and by both, of which the first prevails; the report says which loss was meant."""
    law = CrossEntropy(ignore=-100, class_weight=WEIGHTS, smoothing=0.1, mean_of="weights")
    folder, written = torch_like(tmp_path / "dump", CrossEntropy(ignore=-100)), tmp_path / "report.json"
    wrong = CliRunner().invoke(main, ["audit", str(folder)])
    assert wrong.exit_code == 1, wrong.output
    result = CliRunner().invoke(main, ["audit", str(folder), *SAID, "--json", str(written)])
    assert result.exit_code == 0, result.output
    assert json.loads(written.read_text())["law"] == law.said
    (folder / "layout.json").write_text(json.dumps({"samples": "rows", "law": law.said}))
    found = audit_path(folder)
    assert set(outcomes(found).values()) == {Outcome.AGREE}
    assert found.law == law and json.loads(report.text(found))["law"] == law.said
    (folder / "layout.json").write_text(json.dumps({"samples": "rows", "reduction": "mean", **law.said}))
    assert audit_path(folder).status == 0
    assert audit_path(folder, layout={"smoothing": 0.2}).status == 1


REFUSED = {
    "--class-weight 1,2": "class_weight has 2 weights; expected 24, one for each class",
    "--reduction none": "reduction=none; expected a loss that is one number",
    "--ignore 7": "holds a label outside of 0 to 23; that of samples that do not count is to be declared as ignore",
}


@pytest.mark.parametrize("words", REFUSED)
def test_what_cannot_be_judged_is_refused_in_one_line(words, tmp_path):
    np.savez(tmp_path / "it.npz", **step(CrossEntropy(ignore=-100)))
    result = CliRunner().invoke(main, ["audit", str(tmp_path / "it.npz"), *words.split()])
    assert (result.exit_code, len(result.output.strip().splitlines())) == (2, 1), result.output
    assert REFUSED[words] in result.output


def test_labels_that_no_option_allows_are_refused():
    """Weights of a class that is ignored, and above 1 where the others are smoothed."""
    made = step(CrossEntropy(), labels="weights")
    with pytest.raises(Unusable, match="has class 3, which is ignored"):
        gradcheck.audit(**made, law=CrossEntropy(ignore=3))
    with pytest.raises(Unusable, match="holds a weight above 1"):
        gradcheck.audit(**made | {"Y": 9 * made["Y"]}, law=CrossEntropy(smoothing=0.1, smoothing_over="others"))
