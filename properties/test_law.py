"""The loss that a target computes: one value through every door, and problems that are posed as it means them."""

import json
import re
import sys
from dataclasses import fields, replace
from pathlib import Path
from random import Random

import click
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import find, given, settings
from hypothesis import strategies as st

import gradcheck
from gradcheck import (
    CrossEntropy,
    Implementation,
    Layout,
    Problem,
    Unusable,
    audit,
    capture,
    conform,
    judge,
    model,
    referees,
)
from gradcheck.arithmetic import options
from gradcheck.cases import Case, dumps, load, save
from gradcheck.checks import CHECKS
from gradcheck.cli import main
from gradcheck.cli.losses import law_options
from gradcheck.drawing import pose, strategy
from gradcheck.implementations import adapt, told
from gradcheck.implementations.posing import posed
from gradcheck.implementations.process import from_command
from gradcheck.implementations.record import NotPosed
from gradcheck.law import text
from gradcheck.law.options import CHOICES, FIELDS, RANGES
from gradcheck.settings import Target, configured
from gradcheck.strategies import laws, problems
from gradcheck.vectors import SHIPPED, folder
from gradcheck.verdict import Outcome

DATA = st.data()


def amounts(name):
    least, most, _ = RANGES[name]
    return st.floats(least, min(most, 1e6), allow_subnormal=False)


VALUES = {
    **{name: st.sampled_from(choices) for name, choices in CHOICES.items()},
    **{name: amounts(name) for name in RANGES},
    "mean_of": st.sampled_from(["samples", "labelled", "weights"]) | st.integers(1, 2**40),
    "ignore": st.none() | st.integers(-200, 200),
    "class_weight": st.just(()) | st.lists(amounts("l2"), min_size=2, max_size=6).map(tuple),
    "l2_bias": st.booleans(),
}
LAWS = (
    st.fixed_dictionaries({}, optional=VALUES)
    .filter(lambda chosen: not (chosen.get("reduction") == "none" and chosen.get("l2")))  # a penalty is of no sample
    .map(lambda chosen: CrossEntropy(**chosen))
)


def a_problem(Y, law=None, **arrays):
    L, n = np.shape(Y)
    rng = np.random.default_rng(0)
    given = {"theta": rng.normal(size=(L, 2)), "b": rng.normal(size=(L, 1)), "X": rng.normal(size=(2, n)), **arrays}
    return Problem(given["theta"], given["b"], given["X"], np.array(Y, dtype=float), law=law or CrossEntropy())


def drawn(implementation, count=60, regimes=("*",), dtype="float64"):
    found = []
    asked_for = {"dtype": dtype, "regimes": regimes, "seed": 0, "count": count, "shrink": False}
    pose(found.append, **asked_for, implementation=implementation)
    return found


# ---- the command line and pyproject.toml ----


COMMANDS = [
    ["verify"],
    ["compare"],
    ["fuzz"],
    ["replay"],
    ["audit"],
    ["vectors", "judge"],
    ["corpus", "replay"],
    ["corpus", "minimise"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_that_judges_has_an_option_for_every_field(command):
    """Of the same name; a field without one could not be said."""
    shown = CliRunner().invoke(main, [*command, "--help"]).output
    assert {name for name in FIELDS if not re.search(rf"--{name.replace('_', '-')}\b", shown)} == set()
    assert set(VALUES) == {f.name for f in fields(CrossEntropy)}


@law_options
def echo(**said):
    return {name: value for name, value in said.items() if value is not None}


PARSED = click.command()(echo)


@given(law=LAWS)
def test_what_is_written_as_options_is_read_as_the_same_loss(law):
    """And what JSON says of it, too: numbers come back bit for bit."""
    words = list(options(law.said))
    assert CrossEntropy(**PARSED.main(words, standalone_mode=False)) == law
    assert CrossEntropy.read(json.loads(json.dumps(law.said))) == law
    assert list(Target("mine", "mine.py", law=law.said).words) == ["mine.py", *words]


REFUSED = {
    "--smoothing 1.5": "--smoothing",
    "--class-weight 1,two": "--class-weight",
    "--class-weight 1": "--class-weight",
    "--mean-of half": "--mean-of",
    "--mean-of 0": "--mean-of",
    "--ignore first": "--ignore",
    "--scale 0": "--scale",
    "--softcap nan": "--softcap",
    "--l2 -1": "--l2",
    "--scaled twice": "--scaled",
    "--ignore -99999999999": "ignore",
}


@pytest.mark.parametrize("text", REFUSED)
def test_an_option_that_is_none_is_refused(text):
    """In one line, with exit status 2."""
    result = CliRunner().invoke(main, ["verify", "numpy", "--max-examples", "1", *text.split()])
    assert result.exit_code == 2
    assert REFUSED[text] in result.output.splitlines()[-1]


def test_answers_of_another_loss_are_judged_by_what_is_certified_of_that(tmp_path):
    """Losses of weighed samples, at the shipped problems: right ones agree, those of the mean over n do not."""
    index = folder.load(SHIPPED)
    weights, answers = (2.0, 0.5, 3.0), {}
    for name, entry in index.entries.items():
        p = index.vector(name).problem
        if entry.dtype == "float64" and p.L <= 3 and p.label_index is not None and not p.masked.any():
            answers[name] = {
                "loss": float(model.loss(*p.reals[:3], p.reals[3] * np.array(weights[: p.L])[:, np.newaxis]))
            }
            answers[name]["grad_b"] = None
    path, words = tmp_path / "answers.json", ["--class-weight", "2,0.5,3", "--json", "-"]
    path.write_text(json.dumps({"gradcheck_answers": 1, "answers": answers}))
    result = CliRunner().invoke(main, ["vectors", "judge", str(path), *words])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["law"] == {"class_weight": [2.0, 0.5, 3.0]}
    assert sum(row["judged"] for row in json.loads(result.output)["quantities"] if row["quantity"] == "loss") > 3
    assert CliRunner().invoke(main, ["vectors", "judge", str(path), *words, "--mean-of", "weights"]).exit_code == 1


def test_an_audit_is_told_of_sums_in_every_way_and_refuses_what_it_cannot_judge(tmp_path):
    """Also in the layout.json of a dump, where it would be read past."""
    rng = np.random.default_rng(0)
    theta, X, b, Y = rng.normal(size=(3, 2)), rng.normal(size=(2, 20)), rng.normal(size=3), rng.integers(0, 3, 20)
    Z = theta @ X + b[:, np.newaxis]
    D = np.exp(Z) / np.exp(Z).sum(axis=0) - (np.arange(3)[:, np.newaxis] == Y)
    arrays = {"theta": theta, "b": b, "X": X, "Y": Y, "grad_theta": D @ X.T}
    assert audit(**arrays).status == 1
    assert audit(**arrays, law=CrossEntropy(reduction="sum")).status == 0
    with pytest.raises(Unusable, match="reduction=none; expected a loss that is one number"):
        audit(**arrays, law=CrossEntropy(reduction="none"))
    folder = capture(arrays, tmp_path / "dump", law=CrossEntropy(reduction="sum"))
    result = CliRunner().invoke(main, ["audit", str(folder)])
    assert result.exit_code == 0, result.output
    (folder / "layout.json").write_text('{"samples": "columns", "law": {"reduction": "sum"}}')
    assert CliRunner().invoke(main, ["audit", str(folder)]).exit_code == 0
    (folder / "layout.json").write_text('{"samples": "columns", "reduction": "sum", "law": {"reduction": "none"}}')
    result = CliRunner().invoke(main, ["audit", str(folder)])
    assert (result.exit_code, "reduction" in result.output) == (2, True)


def test_a_loss_of_pyproject_is_read_and_the_command_line_prevails(tmp_path, monkeypatch):
    """Keys as elsewhere there, with hyphens; what is not said is left to the target."""
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").write_text(
        '[tool.gradcheck.targets.mine]\ntarget = "numpy"\n'
        'loss = { ignore = -100, class-weight = [1, 2.5], mean-of = "weights", l2-bias = true, z_loss = 0.5 }\n'
        '[tool.gradcheck.targets.older]\ntarget = "numpy"\nreduction = "sum"\n'
    )
    found = configured(Path.cwd())
    assert found["mine"].law == {
        "ignore": -100,
        "class_weight": (1.0, 2.5),
        "mean_of": "weights",
        "l2_bias": True,
        "z_loss": 0.5,
    }
    assert found["older"].law == {"reduction": "sum"}
    assert found["older"].load().law == CrossEntropy(reduction="sum")
    shown = CliRunner().invoke(
        main, ["verify", "mine", "--max-examples", "1", "--check", "shape*", "--z-loss", "0", "--json", "-"]
    )
    assert json.loads(shown.output)["runs"][0]["law"] == {
        "mean_of": "weights",
        "ignore": -100,
        "class_weight": [1.0, 2.5],
        "l2_bias": True,
    }


@pytest.mark.parametrize(
    "text", ["loss = { smooth = 1 }", "loss = { smoothing = 2 }", "loss = 1", 'reduction = "half"']
)
def test_a_loss_of_pyproject_that_is_none_is_refused_with_its_place(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("pyproject.toml").write_text(f'[tool.gradcheck.targets.mine]\ntarget = "numpy"\n{text}\n')
    with pytest.raises(Unusable, match=r"pyproject\.toml.*(expected|did you mean)") as refusal:
        configured(tmp_path)
    assert "\n" not in str(refusal.value)


def test_a_reduction_of_the_layout_is_one_of_the_loss():
    """As it was once written; whatever is said last holds."""
    code = Implementation("summed", loss=lambda *arrays: 0.0, layout=Layout(samples="rows", reduction="sum"))
    assert (code.layout, code.law) == (Layout(samples="rows"), CrossEntropy(reduction="sum"))
    assert replace(code, layout=Layout(reduction="none")).law.reduction == "none"
    with pytest.raises(Unusable, match="reduction='half' is not known"):
        Layout(reduction="half")


# ---- cases ----


def test_a_plain_case_is_what_it_was(tmp_path):
    """Of the first schema, so that older readers read it."""
    said = json.loads(dumps(Case(a_problem([[1], [0]]))))
    assert said["gradcheck_case"] == 1
    assert list(said) == ["gradcheck_case", "check", "target", "dtype", "memory", "theta", "b", "X", "Y"]


@given(law=LAWS)
def test_a_case_keeps_its_loss(law, tmp_path_factory):
    weights = law.class_weight[:2] or ()
    law = replace(law, class_weight=weights, ignore=law.ignore if law.ignore != 0 else 1)
    problem = a_problem([[1, 0], [0, 0]], law)
    back = load(save(Case(problem), tmp_path_factory.mktemp("cases")))
    assert (back.problem.law, back.problem.digest) == (law, problem.digest)


def test_a_penalty_is_of_no_sample():
    with pytest.raises(Unusable, match="mean or sum with a penalty"):
        CrossEntropy(reduction="none", l2=0.1)


WRONG = {
    "an unknown option": {"smooth": 0.1},
    "a number out of range": {"smoothing": 2},
    "a word": {"smoothing": "0.1"},
    "weights of other classes": {"class_weight": [1, 2, 3]},
    "weights that are no numbers": {"class_weight": ["a", "b"]},
    "too large a label": {"ignore": 2**80},
    "a list": [1],
    "a text": "smoothing",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_case_of_no_loss_is_refused_in_one_line(name, tmp_path):
    whole = json.loads(dumps(Case(a_problem([[1], [0]], CrossEntropy(smoothing=0.5)))))
    path = tmp_path / "case.json"
    path.write_text(json.dumps({**whole, "law": WRONG[name]}))
    with pytest.raises(Unusable) as refusal:
        load(path)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 600 + len(str(path))


def test_a_case_of_the_first_schema_has_no_loss(tmp_path):
    """Who knows that schema alone would judge another loss."""
    whole = json.loads(dumps(Case(a_problem([[1], [0]], CrossEntropy(smoothing=0.5)))))
    (tmp_path / "case.json").write_text(json.dumps({**whole, "gradcheck_case": 1}))
    with pytest.raises(Unusable, match="which is of schema 2"):
        load(tmp_path / "case.json")


# ---- how a problem is posed ----


IGNORED = [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]  # the second does not count


@pytest.mark.parametrize("ignore", [-100, 7, 255])
def test_index_labels_carry_the_label_of_samples_that_do_not_count(ignore):
    seen = []
    code = Implementation(
        "indexed",
        loss=lambda theta, b, X, Y: seen.append(Y.copy()) or 0.0,
        layout=Layout(labels="index"),
        law=CrossEntropy(ignore=ignore),
    )
    judge(code, a_problem(IGNORED))
    assert seen[0].tolist() == [0, ignore, 1, 2]
    assert seen[0].dtype == np.int64


@pytest.mark.parametrize("labels", ["index", "one-hot"])
@pytest.mark.parametrize("ignore", [0, 2])
def test_samples_of_a_class_that_does_not_count_are_columns_of_zeros(labels, ignore):
    """The problem has zeros, and code is handed the class."""
    seen = []
    code = Implementation(
        "by class",
        loss=lambda theta, b, X, Y: seen.append(Y.copy()) or 0.0,
        layout=Layout(labels=labels),
        law=CrossEntropy(ignore=ignore),
    )
    problem = posed(adapt(code), a_problem(IGNORED))
    carried = np.array(IGNORED)[ignore] == 1
    assert not problem.Y[:, carried].any() and not problem.Y[ignore].any()
    judge(code, problem)
    given = seen[0] if labels == "index" else np.where(seen[0].any(axis=0), seen[0].argmax(axis=0), -1)
    assert given.tolist() == np.where(carried | (np.array(IGNORED).sum(axis=0) == 0), ignore, [0, -9, 1, 2]).tolist()


SKIPPED = {
    "too few weights": (CrossEntropy(class_weight=(1, 2)), {}, "2 class weights are declared, and there are 3 classes"),
    "a masked class": (
        CrossEntropy(smoothing=0.1),
        {"b": np.array([[0], [0], [-np.inf]])},
        "a masked class has no smooth",
    ),
    "a capped -inf": (
        CrossEntropy(softcap=1.0),
        {"b": np.array([[0], [0], [-np.inf]])},
        "-inf becomes minus the cap",
    ),
    "nothing counts": (CrossEntropy(ignore=-1, mean_of="labelled"), {"Y": np.zeros((3, 2))}, "mean of nothing is 0/0"),
}


@pytest.mark.parametrize("name", SKIPPED)
def test_what_cannot_be_posed_is_skipped_with_its_reason(name):
    """By every check; nothing is called."""
    law, arrays, reason = SKIPPED[name]
    Y = arrays.pop("Y", np.array([[1, 0], [0, 1], [0, 0]]))
    code = Implementation("uncalled", lambda *arrays: 1 / 0, lambda *arrays: 1 / 0, law=law)
    verdicts = {n: v for n, v in judge(code, a_problem(Y, **arrays)).items() if "function" not in v.reason}
    assert verdicts
    assert {verdict.outcome for verdict in verdicts.values()} == {Outcome.SKIPPED}
    assert all(reason in verdict.reason for verdict in verdicts.values())


@pytest.mark.parametrize("law", [CrossEntropy(ignore=1), CrossEntropy(class_weight=(2.0, 3.0), ignore=1)])
def test_classes_that_are_left_are_numbered_anew(law):
    """A masked class is left out of the loss, so that another has its number, or is alone."""
    L = len(law.class_weight) or 3
    b = np.zeros((L, 1))
    b[0], keep = -np.inf, [False] + [True] * (L - 1)
    problem = a_problem(np.eye(L)[:, [L - 1]] * (L > 2), law, b=b)
    assert law.without(keep).ignore == 0
    assert law.without(keep).class_weight == law.class_weight[1:]
    assert not any(v.outcome is Outcome.DISAGREE for v in judge(model_of(law), problem).values())


def model_of(law):
    """The loss's own text, without gradients."""
    return Implementation("text", loss=lambda *arrays: float(text.loss(*arrays, law)), law=law)


OUT_OF_RANGE = {
    "a slope": CrossEntropy(scale=1000.0, mean_of=1, z_loss=1.0),
    "before a mask": CrossEntropy(ignore=-1, scale=1000.0, z_loss=10.0),
}


@pytest.mark.parametrize("name", OUT_OF_RANGE)
def test_what_leaves_the_range_is_anything(name):
    """2 c lse before it meets a mask, and D that a slope multiplies."""
    law, zero = OUT_OF_RANGE[name], np.zeros((2, 1), dtype=np.float16)
    Y = zero if law.ignore is not None else zero + np.array([[1], [0]], dtype=np.float16)
    problem = Problem(zero, zero - np.float16(3.375), zero[:1], Y, law=law)
    assert np.isinf(referees.oracle(problem).allowed("D")).all()


def test_the_same_problems_are_drawn_where_no_option_asks_for_others():
    """And with samples that do not count, the same but for these."""
    plain = drawn(None, 40)
    digests = [p.digest for p in plain]
    assert [p.digest for p in drawn(Implementation("plain", loss=lambda *arrays: 0.0), 40)] == digests
    weighed = drawn(Implementation("weighed", loss=lambda *arrays: 0.0, law=CrossEntropy(smoothing=0.1)), 40)
    assert [p.with_law(CrossEntropy()).digest for p in weighed] == digests
    assert {p.law for p in weighed} == {CrossEntropy(smoothing=0.1)}


def test_about_half_of_the_problems_have_samples_that_do_not_count():
    """Some or several, now and then all, and all but one; the same ones every time."""
    code = Implementation("ignores", loss=lambda *arrays: 0.0, law=CrossEntropy(ignore=-100))
    found = [p for p in drawn(code, 300) if p.n > 2]
    left_out = [(p.n, int((p.Y.sum(axis=0) == 0).sum())) for p in found]
    share = np.mean([count == 0 for _, count in left_out])
    assert 0.3 < share < 0.7
    assert any(count == n for n, count in left_out)
    assert any(count == n - 1 for n, count in left_out)
    assert any(0 < count < n - 1 for n, count in left_out)
    assert [p.digest for p in drawn(code, 30)] == [p.digest for p in drawn(code, 30)]


def test_samples_that_do_not_count_shrink_to_one_of_the_loss_that_is_declared():
    """The smallest problem in which one is left out has no other sample; where none need be, there is none."""
    code = asked(law=CrossEntropy(ignore=-100, smoothing=0.5))
    asked_for = {"settings": settings(max_examples=1000, database=None), "random": Random(0)}
    smallest = find(strategy(code, "float64", ("*",)), lambda p: not p.Y.any(axis=0).all(), **asked_for)
    assert smallest.Y.tolist() == [[0], [0]] and smallest.law == code.law
    assert find(strategy(code, "float64", ("*",)), lambda p: p.n > 1, **asked_for).Y.any(axis=0).all()


def test_code_that_declares_nothing_is_judged_by_the_loss_of_the_problem():
    """It is handed the labels of that loss, and its losses of each sample are summed."""
    seen = []

    def loss(theta, b, X, Y):
        seen.append(Y.copy())
        return np.ones(X.shape[1])

    problem = a_problem([[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 1]], CrossEntropy("none", ignore=1))
    verdict = judge(Implementation("each", loss=loss), problem)["loss"]
    assert seen[0].sum(axis=0).tolist() == [1, 1, 1, 1] and seen[0][1].tolist() == [0, 1, 0, 0]
    assert verdict.witness is not None and verdict.witness.computed == 4


# ---- options that are arguments ----


def asked(**given):
    return Implementation("asked", **{"loss": lambda *arrays, **options: 0.0, **given})


def test_options_are_found_in_the_signature_of_what_takes_them():
    """Keyword-only, by any of their names, where both functions take them; else by `takes`."""

    def loss(theta, b, X, Y, *, weight, ignore_index=-100, label_smoothing=0.0, other=1):
        return 0.0

    def gradients(theta, b, X, Y, *, weight=None, label_smoothing=0.0):
        return {}

    assert Implementation("one", loss=loss).varied == ("ignore", "class_weight", "smoothing")
    assert Implementation("both", gradients, loss).varied == ("class_weight", "smoothing")
    assert Implementation("neither", lambda *arrays: {}, loss).varied == ()
    assert asked(takes=("temperature", "l2")).varied == ("scale", "l2")
    assert asked(takes=("smoothing", "l2"), law=CrossEntropy(smoothing=0.5)).varied == ("l2",)
    with pytest.raises(Unusable, match="takes names 'momentum'"):
        asked(takes=("momentum",))


def test_each_call_is_given_the_options_of_its_problem():
    """Weights as an array of the problem's precision, a temperature as 1 / scale, anything else as a number."""
    seen = []

    def loss(theta, b, X, Y, *, weight, ignore_index, label_smoothing, temperature, softcap, z_loss, l2):
        seen.append((theta.dtype, weight, ignore_index, label_smoothing, temperature, softcap, z_loss, l2))
        return 0.0

    law = CrossEntropy(
        class_weight=(0.5, 2.0, 1.0), ignore=-1, smoothing=0.25, scale=4.0, softcap=3.0, z_loss=0.5, l2=2.0
    )
    for dtype in ("float64", "float32"):
        problem = a_problem(IGNORED, law)
        arrays = (a.astype(dtype) for a in (problem.theta, problem.b, problem.X, problem.Y))
        judge(Implementation("told", loss=loss), Problem(*arrays, law=law))
        got, weight, *rest = seen[-1]
        assert (got, weight.dtype, weight.tolist()) == (np.dtype(dtype), np.dtype(dtype), [0.5, 2.0, 1.0])
        assert rest == [-1, 0.25, 0.25, 3.0, 0.5, 2.0]


def test_problems_vary_what_is_taken_and_what_is_declared_stays():
    """Extremes included; within the precision."""
    taken = ("weight", "ignore_index", "smoothing", "softcap", "z_loss", "scale", "l2")
    found = [p.law for p in drawn(asked(takes=taken, law=CrossEntropy(l2=0.5)), 400, dtype="float16")]
    assert {law.l2 for law in found} == {0.5}
    assert {0.0, 1.0} <= {law.smoothing for law in found}
    weights = {w for law in found for w in law.class_weight}
    assert 0 in weights and max(weights) >= 200
    assert all(float(np.float16(w)) == w for w in weights)
    caps = {law.softcap for law in found}
    assert min(caps - {0.0}) < 0.01 and max(caps) > 2000
    assert len({law.ignore for law in found}) > 2


@given(data=DATA)
def test_a_drawn_loss_is_one_and_its_temperature_is_exact(data):
    law = data.draw(laws(("class_weight", "temperature", "smoothing")))
    assert 1 / (1 / law.scale) == law.scale
    assert law.of_classes(2).class_weight == law.class_weight[:2]
    assert set(law.said) <= {"class_weight", "scale", "smoothing"}


@given(problem=problems(ignored=True))
def test_ignored_samples_are_columns_of_zeros(problem):
    """And all others are what they would have been."""
    counted = problem.Y.any(axis=0)
    assert np.array_equal(problem.Y[:, counted].sum(axis=0), np.ones(counted.sum()))


# ---- verdicts ----


def optioned(mean_of="weights", divided_by=None, reduction="mean"):
    """Code of index labels that takes options, as PyTorch means them; `divided_by` what it divides by, right or wrong."""

    def parts(arrays, weight, ignore_index, label_smoothing):
        theta, b, X, Y = arrays
        dtype, L = theta.dtype, len(theta)
        counted = ignore_index != Y
        hot = (np.arange(L)[:, np.newaxis] == np.where(counted, Y, -1)).astype(dtype)
        due = np.where(counted, hot * dtype.type(1 - label_smoothing) + dtype.type(label_smoothing / L), dtype.type(0))
        Z = theta @ X.astype(dtype) + b
        shifted = Z - Z.max(axis=0)
        log_A = shifted - np.log(np.exp(shifted).sum(axis=0))
        divisors = {"weights": (hot * weight[:, np.newaxis]).sum(), "labelled": dtype.type(counted.sum())}
        return due * weight[:, np.newaxis], log_A, divisors.get(divided_by or mean_of, dtype.type(len(Y)))

    def loss(theta, b, X, Y, *, weight, ignore_index, label_smoothing):
        due, log_A, N = parts((theta, b, X, Y), weight, ignore_index, label_smoothing)
        losses = -np.where(due > 0, due * log_A, theta.dtype.type(0)).sum(axis=0)
        return {"mean": losses.sum() / N, "sum": losses.sum(), "none": losses}[reduction]

    def gradients(theta, b, X, Y, *, weight, ignore_index, label_smoothing):
        due, log_A, N = parts((theta, b, X, Y), weight, ignore_index, label_smoothing)
        D = (np.exp(log_A) * due.sum(axis=0) - due) / (N if reduction == "mean" else theta.dtype.type(1))
        return {"theta": D @ X.astype(D.dtype).T, "b": D.sum(axis=1, keepdims=True), "Z": D}

    law = CrossEntropy(reduction, mean_of)
    return Implementation("optioned", gradients, loss, layout=Layout(labels="index"), law=law)


JUDGED = ("loss", "*_gradient", "finite", "repeatable")


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("code", [optioned(), optioned("labelled"), optioned(reduction="none")], ids=["w", "l", "none"])
def test_code_that_takes_options_agrees(code, dtype):
    """With whatever is drawn of each."""
    run = conform(code, dtype=dtype, max_examples=50, checks=JUDGED)
    assert [f"{f.check.name} on {f.problem!r} {f.problem.law.said}: {f.verdict}" for f in run.failures] == []
    assert run.tallies["loss"].judged > 20 and run.tallies["logits_gradient"].judged > 20


@pytest.mark.parametrize(("meant", "divided"), [("weights", "labelled"), ("labelled", "samples")])
def test_another_mean_than_the_one_declared_disagrees(meant, divided):
    """A convention is of the code, and is not drawn."""
    code, found = optioned(meant, divided), {}
    for problem in drawn(code, 40):
        verdicts = judge(adapt(code), problem, [CHECKS["loss"], CHECKS["logits_gradient"]])
        found |= {name: True for name, verdict in verdicts.items() if verdict.failed}
    assert found == {"loss": True, "logits_gradient": True}


@pytest.mark.parametrize("name", ["torch", "autograd"])
def test_a_loss_of_a_framework_is_varied_in_the_options_that_it_takes(name):
    """What PyTorch means by each of its own, and a cap."""
    pytest.importorskip(name)
    if name == "torch":
        from torch.nn.functional import cross_entropy

        def loss(Z, Y, *, weight, ignore_index, label_smoothing):
            return cross_entropy(Z, Y, weight=weight, ignore_index=ignore_index, label_smoothing=label_smoothing)
    else:
        import autograd.numpy as anp
        from autograd.scipy.special import logsumexp

        def loss(Z, Y, *, weight, softcap):
            capped = anp.tanh(Z / softcap) * softcap if softcap else Z
            terms = weight[Y] * (logsumexp(capped, axis=1) - capped[np.arange(len(Y)), Y])
            return anp.sum(terms) / anp.sum(weight[Y])

    adapter = getattr(gradcheck, f"from_{name}")
    linear = lambda theta, b, X: X @ theta.T + b
    rows = Layout(samples="rows", labels="index")
    run = conform(
        adapter(loss, logits=linear, layout=rows, law=CrossEntropy(mean_of="weights")), max_examples=40, checks=JUDGED
    )
    assert [f"{f.check.name} on {f.problem!r} {f.problem.law.said}: {f.verdict}" for f in run.failures] == []
    assert run.tallies["loss"].judged > 15 and run.tallies["logits_gradient"].judged > 15


# ---- the protocol ----

PROGRAM = """
import json, sys
log = open(sys.argv[1], "a")
for line in sys.stdin:
    asked = json.loads(line)
    log.write(line); log.flush()
    if asked["call"] == "describe":
        answer = {**json.loads(sys.argv[2]), "functions": ["loss"], "encoding": "json"}
    else:
        answer = {"values": {"loss": 0.0}}
    print(json.dumps(answer), flush=True)
"""
DECLARED = CrossEntropy(smoothing=0.25, class_weight=(1.0, 2.0, 0.5))


@pytest.mark.parametrize("version", [1, 2])
def test_a_program_is_told_of_the_loss_if_it_speaks_of_any(version, tmp_path):
    """Of version 1 it is asked as before, whatever is declared; of version 2 the law comes last."""
    log, said = tmp_path / "log", {"gradcheck_protocol": version}
    code = from_command([sys.executable, "-c", PROGRAM, str(log), json.dumps(said)])
    judge(code, a_problem(IGNORED))
    plain = log.read_text().splitlines()
    assert plain[0] == '{"gradcheck_protocol": 1, "call": "describe", "arrays": []}'
    assert all(line.startswith('{"gradcheck_protocol": 1, "call": "loss", "arrays": [["theta"') for line in plain[1:])
    judge(replace(code, law=DECLARED), a_problem(IGNORED))
    questions = [json.loads(line) for line in log.read_text().splitlines()[len(plain) :]]
    assert questions
    told = {"gradcheck_protocol": 2, "law": DECLARED.said} if version == 2 else {"gradcheck_protocol": 1}
    assert all({key: q[key] for key in ("gradcheck_protocol", "law") if key in q} == told for q in questions)
    assert all(list(q)[-1] == ("law" if version == 2 else "values") for q in questions)


def test_a_program_says_which_loss_it_computes_and_which_options_it_is_to_be_told(tmp_path):
    said = {"gradcheck_protocol": 2, "law": {"z_loss": 0.5}, "takes": ["smoothing", "ignore"]}
    program = [sys.executable, "-c", PROGRAM, str(tmp_path / "log")]
    code = from_command([*program, json.dumps(said)])
    assert (code.law, code.varied) == (CrossEntropy(z_loss=0.5), ("ignore", "smoothing"))
    for wrong in ({"law": {"smooth": 1}}, {"law": 3}, {"takes": ["momentum"]}, {"takes": 1}):
        with pytest.raises(Unusable, match=r"describes its loss wrongly|tells of takes"):
            from_command([*program, json.dumps({**said, **wrong})])


def test_an_isolated_target_is_called_with_the_same_options(tmp_path):
    """Its loss says what it was called with: the sum of them all."""
    path = tmp_path / "target.py"
    path.write_text(
        "def loss(theta, b, X, Y, *, weight, label_smoothing):\n    return float(weight.sum()) + label_smoothing\n"
    )
    law = CrossEntropy(class_weight=(1.0, 2.0, 4.0), smoothing=0.5)
    for isolate in (False, True):
        code = Target("target", f"{path}:loss" if False else str(path), isolate=isolate).load()
        assert code.varied == ("class_weight", "smoothing")
        verdict = judge(code, a_problem(IGNORED, law))["loss"]
        assert verdict.witness is not None and verdict.witness.computed == 7.5


def test_names_of_options_are_of_fields():
    assert set(told.ALIASES.values()) <= set(FIELDS)
    with pytest.raises(NotPosed):
        posed(asked(law=CrossEntropy(class_weight=(1, 2))), a_problem(IGNORED))
