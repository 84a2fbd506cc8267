"""What is wrong is said once for each cause, on one screen, with nothing cut off; and right code in three lines."""

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import Implementation, Loss, causes, conformance, load, reports
from gradcheck.pictures import Picture
from gradcheck.reports import arrays, junit, stories, terminal
from gradcheck.reports.voice import Voice

SOFTMAX = """
import numpy as np

def probabilities(theta, b, X):
    Z = theta @ X + b
    A = np.exp(Z - Z.max(axis=0))
    return A / A.sum(axis=0)
"""
FILES = {
    "summed": "D = probabilities(theta, b, X) - Y\n    return {'theta': D @ X.T, 'b': D.sum(axis=1, keepdims=True)}",
    "two": "D = (probabilities(theta, b, X) - Y) / len(Y.T)\n    return {'theta': -D @ X.T, 'b': 2 * D.sum(axis=1, keepdims=True)}",
    "nameless": "D = (probabilities(theta, b, X) - Y) / m\n    return {'theta': D @ X.T}",
    "elsewhere": "D = (probabilities(theta, b, X) - Y) / X.shape[1]\n    return {'dW': D @ X.T, 'db': D.sum(axis=1)}",
    "unknown": "D = (probabilities(theta, b, X) - Y) / X.shape[1]\n    return {'theta': D @ X.T * (1 + 1e-3 * np.arange(len(X)))}",
}


def judged(name: str, folder, **settings):
    path = folder / f"{name}.py"
    path.write_text(f"{SOFTMAX}\n\ndef gradients(theta, b, X, Y):\n    {FILES[name]}\n", encoding="utf-8")
    return replace(conformance.conform(load(str(path)), max_examples=40, **settings), target=path.name)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stories")
    return {name: judged(name, folder) for name in FILES}


def shown(run, width: int = 80, said: int = terminal.USUAL) -> list[str]:
    stream = io.StringIO()
    terminal.show(run, Voice(stream, width=width), said=said)
    return stream.getvalue().splitlines()


# ---- the screen ----


def test_a_mistake_of_a_student_fits_on_a_screen_with_cause_fix_array_and_how_to_repeat(runs):
    lines = shown(runs["summed"])
    text = "\n".join(lines)
    assert len(lines) <= 24 and all(len(line) <= 80 for line in lines if "gradcheck verify" not in line)
    assert "✗ Summed over the batch: not divided by n" in lines[2]
    assert "divide the summed gradient by the number of samples" in text
    assert "--reduction sum, if it is meant" in text
    assert "class 0    -0.5   -0.25 ± 1e-15   2.000" in text
    assert "repeat    gradcheck verify" in text
    assert text.count("Summed over the batch") == 1


def test_two_mistakes_are_two_stories(runs):
    run = runs["two"]
    found = causes.of(run)
    assert [cause.part.mistakes for cause in found] == [("theta_gradient_negated",), ("gradient_doubled",)] or len(
        found
    ) == 2
    assert len(shown(run)) <= 50
    assert {f.check.name for cause in found for f in cause.failures} == {f.check.name for f in run.failures}


def test_an_exception_is_one_story_and_its_line_is_named(runs):
    (cause,) = causes.of(runs["nameless"])
    assert "NameError: name 'm' is not defined" in stories.headline(cause, runs["nameless"])
    assert "nameless.py:11)" in stories.headline(cause, runs["nameless"])
    assert len(cause.failures) == len(runs["nameless"].failures) > 10


def test_keys_that_are_called_so_elsewhere_are_told_apart(runs):
    (cause,) = causes.of(runs["elsewhere"])
    assert "did you mean theta, b?" in stories.headline(cause, runs["elsewhere"])


def test_what_no_known_mistake_explains_shows_the_whole_array(runs):
    (cause,) = causes.of(runs["unknown"])
    assert not cause.exact
    assert cause.leader.check.name == "theta_gradient"
    assert any("1.001" in line for line in shown(runs["unknown"]))


def test_an_array_that_is_right_where_it_is_shown_is_not_shown(runs):
    (cause,) = causes.of(runs["unknown"])
    (picture,) = cause.leader.pictures
    right = replace(cause.leader, pictures=(replace(picture, computed=picture.exact),))
    for found, labels in (
        (replace(cause, failures=(right, *cause.failures[1:])), ["found"]),  # it keeps something between calls
        (replace(cause, failures=(cause.leader, right, *cause.failures[1:])), ["also"]),
    ):
        said = list(stories.rows(found, runs["unknown"]))
        assert [label for label, _ in said if label in ("found", "also")] == labels
        assert any("✓" in text for label, text in said if not label) == (labels == ["also"])
    assert not any(label == "also" for label, _ in stories.rows(cause, runs["unknown"]))


def test_what_is_declared_otherwise_says_what_was_raised(runs):
    run = runs["nameless"]
    (cause,) = causes.of(run)
    said = dict(stories.rows(replace(cause, declared=True), run))
    assert "NameError" in said["found"]


def test_a_claim_is_told_once(runs):
    run = runs["unknown"]
    (cause,) = causes.of(run)
    bare = replace(cause, part=None)
    assert cause.leader.check.claim.rstrip(".") in stories.headline(bare, run)
    assert "claim" not in dict(stories.rows(bare, run)) and "claim" in dict(stories.rows(cause, run))
    assert "why" not in dict(stories.rows(bare, replace(run, problems=1)))  # of one problem there is nothing to say


@pytest.mark.parametrize(
    ("some", "every", "said"),
    [(1, 1, "the problem"), (24, 24, "all 24 problems"), (3, 24, "3 of 24 problems"), (0, 1, "0 of 1 problems")],
)
def test_a_share_of_one_problem_is_that_problem(some, every, said):
    assert stories._share(some, every, "problem", "of") == said


def test_what_is_in_no_case_is_repeated_by_the_whole_run(runs):
    run = runs["summed"]
    leader = run.failures[0]
    assert reports.commands.repeat(leader, replace(run, nameless=False, command=("summed.py",))) == (
        "gradcheck verify summed.py --dtype float64 --max-examples 40 --seed 0"
    )
    assert reports.commands.repeat(leader, replace(run, nameless=True)) == reports.commands.UNSAVED


def test_a_comparison_leaves_out_what_nothing_was_asked(runs):
    stream = io.StringIO()
    terminal.show_comparison([runs["summed"], runs["unknown"]], Voice(stream, width=120))
    assert "softmax_jacobian" not in stream.getvalue() and "theta_gradient" in stream.getvalue()
    assert "not judged, of any" in stream.getvalue()


def test_right_code_takes_four_lines_below_its_name():
    name, agree, missing, *silent, summary = shown(conformance.conform(load("numpy"), max_examples=60))
    assert name == "numpy float64"
    assert agree.startswith("✓ 54 agree: worst ratio 0.") and agree.endswith(" bits")
    assert missing.startswith("– 13 not judged: numpy has no upstream gradients; 2 other reasons")
    assert silent[0].startswith("– not posed: float32, float16, bfloat16 (--dtype); ")
    assert len(silent) <= 2  # at 80 columns
    assert summary == "numpy float64: 54 agree, 13 skipped on 60 problems (seed 0)"


def test_all_of_it_is_shown_where_it_is_asked_for_and_a_line_where_that_is(runs):
    run = runs["summed"]
    everything = "\n".join(shown(run, said=terminal.VERBOSE))
    assert all(f"{failure.check.name} [" in everything for failure in run.failures)
    assert all(tally.check.name in everything for tally in run.tallies.values() if tally.judged)
    assert shown(run, width=200, said=terminal.QUIET) == [reports.words.summary(run)]


@pytest.mark.parametrize("width", range(40, 201, 20))
@pytest.mark.parametrize("name", FILES)
def test_nothing_is_cropped_at_any_width(runs, name, width):
    run = runs[name]
    lines = shown(run, width)
    told = "".join("".join(lines).split())
    for cause in causes.of(run):
        for label, text in stories.rows(cause, run, width):
            assert "".join(text.split()) in told, (label, text)
            assert label == "repeat" or all(len(line) <= width for line in lines if "gradcheck verify" not in line)


# ---- the other doors ----


def test_json_and_junit_have_causes(runs):
    run = runs["summed"]
    (found,) = json.loads(reports.FORMATS["json"]([run]))["runs"][0]["causes"]
    assert found["mistakes"] == ["missing_mean"] and found["declare"] == "--reduction sum"
    assert found["leader"] == "theta_gradient" and len(found["checks"]) == len(run.failures)
    assert found["arrays"][0] == {
        "quantity": "∂ℒ/∂θ",
        "computed": [[-0.5], [0.5]],
        "exact": [[-0.25], [0.25]],
        "limit": found["arrays"][0]["limit"],
    }
    text = junit.text([run])
    assert text.count("divide the summed gradient") == 1
    assert text.count("same cause as theta_gradient: ") == len(run.failures) - 1


def test_what_leads_is_what_is_nearest_to_the_code():
    table = conformance.verify.CHECKS
    files = [table[name].function.__module__.rpartition(".")[2] for name in sorted(table, key=causes.distance)]
    assert files == sorted(files, key=causes.NEAR.index)


# ---- arrays ----


@given(
    st.integers(1, 5),
    st.integers(1, 5),
    st.integers(20, 200),
    st.sampled_from([1.0, 1e-300, 1 / 3, -2e17, np.inf, np.nan, 0.0]),
)
def test_a_table_is_as_wide_as_it_may_be_and_has_every_number(L, d, width, value):
    exact = np.arange(1.0, L * d + 1).reshape(L, d) / 7
    computed = exact * 2
    computed[-1, -1] = value
    picture = Picture("∂ℒ/∂θ", computed, exact, np.full((L, d), 1e-16))
    lines = arrays.table(picture, width)
    told = "\n".join(lines)
    assert f"{exact[0, 0]:.5g}" in told or L * d > arrays.WORST
    assert arrays.told_apart(float(computed[-1, -1]), float(exact[-1, -1]))[0] in told or L * d > arrays.WORST
    if L * d <= arrays.SHOWN and not any("exact" in line and "=" in line for line in lines):
        assert max(map(len, lines)) <= width


def large(change) -> str:
    exact = np.arange(1.0, 101).reshape(10, 10)
    computed = exact.copy()
    change(computed)
    return "; ".join(arrays.table(Picture("∂ℒ/∂θ", computed, exact, np.full((10, 10), 1e-12)), 200))


def row(computed):
    computed[3] *= 2


def every_second_row(computed):
    computed[1::2] *= -1


def from_column_six(computed):
    computed[:, 6:] = 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (row, "10 of 100 entries are wrong, in class 3 only; ∂ℒ/∂θ  yours / exact is 2"),
        (
            every_second_row,
            "50 of 100 entries are wrong, in every second of the classes from 1; ∂ℒ/∂θ  yours / exact is -1",
        ),
        (from_column_six, "40 of 100 entries are wrong, in features from 6; ∂ℒ/∂θ  yours / exact is 0"),
    ],
)
def test_a_large_array_is_told_in_words(change, said):
    assert large(change) == f"∂ℒ/∂θ  {said}"


def test_a_target_without_numbers_has_no_picture():
    def gradients(theta, b, X, Y):
        raise ValueError("no")

    run = conformance.conform(Implementation("raises", gradients), max_examples=5)
    assert all(not failure.pictures for failure in run.failures)


def test_an_entry_of_which_nothing_is_known_is_not_shown_as_wrong():
    """As in a verdict: where code may overflow, the limit is infinite, and what is no number is allowed."""
    limit = np.array([[np.inf], [np.inf], [1e-12], [1e-12]])
    picture = Picture("∂ℒ/∂b", np.array([[np.nan], [np.inf], [np.nan], [1.0]]), np.ones((4, 1)), limit)
    assert picture.off.tolist() == [[False], [False], [True], [False]]
    assert picture.worst.place == (2, 0)


def _flat(change):
    def gradients(theta, b, X, Y):
        Z = theta @ X + b
        A = np.exp(Z - Z.max(axis=0))
        D = (A / A.sum(axis=0) - Y) / Y.shape[1]
        return change({"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True)})

    return gradients


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda g: {**g, "theta": g["theta"].ravel()}, "gradients['theta'] returned shape (2,); expected (2, 1)"),
        (lambda g: np.concatenate([g["theta"].ravel(), g["b"].ravel()]), "gradients['theta'] returned shape (4,)"),
        (lambda g: {**g, "b": g["b"].ravel()}, "∂ℒ/∂b of shape (L,) in place of (L, 1)"),
        (lambda g: {**g, "theta": g["theta"].T}, "∂ℒ/∂θ transposed"),
    ],
)
def test_a_wrong_shape_is_one_cause(change, said):
    """Whichever check looks at it, of whichever sides, and whether it errs or disagrees."""
    run = conformance.conform(Implementation("flat", _flat(change)), max_examples=60)
    assert len(causes.of(run)) == 1
    assert said in run.report()


def _squares(Z, Y, *, np):
    return ((Z - Z.mean(axis=0)) ** 2).sum() / Z.shape[1]


def test_a_law_that_a_wrong_loss_fails_is_of_that_cause():
    """Of a gradient that is right, and a loss that is twice as large."""

    def gradients(theta, b, X, Y):
        Z = theta @ X + b
        D = 2 * (Z - Z.mean(axis=0)) / theta.dtype.type(Y.shape[1])
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D}

    def loss(theta, b, X, Y):
        return 2 * _squares(theta @ X + b, Y, np=np)

    run = conformance.conform(Implementation("squares", gradients, loss, law=Loss(_squares)), max_examples=60)
    assert {"loss", "shift_invariance"} <= {failure.check.name for failure in run.failures}
    assert len(causes.of(run)) == 1
