"""Vectors of a loss with options: the file says which, answers of that agree, and what contradicts it is refused in one line."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from gradcheck import CrossEntropy, Unusable
from gradcheck.cli import main
from gradcheck.law import text
from gradcheck.model import Stages
from gradcheck.vectors import SCHEMA_FILE, folder, form, judge
from gradcheck.vectors.answers import Answers

SCHEMA = Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
POSED = ("--regime", "odd-samples", "--regime", "ties")
SMOOTHED = ("--smoothing", "0.1", "--ignore", "-100", "--mean-of", "labelled", "--class-weight", "1,2,0.5,3,1,1,1,1")
BENT = ("--softcap", "3", "--z-loss", "0.001", "--scale", "2", "--l2", "0.1")


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, ["vectors", *words])


def answers(vectors, wrong=None):
    """The loss and gradients of each vector, by NumPy: of its own law, or of another one."""
    found = {}
    for vector in vectors:
        law, arrays = wrong or vector.problem.law, vector.problem.reals
        gradients = Stages(law).gradients(*arrays)
        found[vector.name] = {f"grad_{key}": gradients[key].tolist() for key in ("Z", "theta", "b", "X")}
        found[vector.name]["loss"] = float(text.loss(*arrays, law))
    Path("answers.json").write_text(json.dumps({"gradcheck_answers": 1, "answers": found}), encoding="utf-8")
    return found


@pytest.mark.parametrize("options", [SMOOTHED, BENT])
def test_the_file_says_the_loss_and_answers_are_judged_by_it(run, options):
    """Without an option, or with one that does not contradict; a vector of one law agrees with no other."""
    assert run("export", "set", *POSED, *options).exit_code == 0
    index = folder.load(Path("set"))
    vectors = [index.vector(name) for name in index.entries]
    for vector in vectors:
        data = json.loads(Path("set", f"{vector.name}.json").read_text(encoding="utf-8"))
        SCHEMA.validate(data)
        assert (data["gradcheck_vector"], CrossEntropy.read(data["law"])) == (2, vector.problem.law)
        assert not vector.problem.law.plain
    assert run("certify", "set").output == f"set: 0 of {len(vectors)} vectors differ\n"
    answers(vectors)
    for words in ((), options):
        result = run("judge", "set", "answers.json", "--json", "-", *words)
        assert result.exit_code == 0, result.output
        found = json.loads(result.stdout)
        assert {row["judged"] for row in found["quantities"] if row["quantity"] in ("loss", "grad_theta")} == {2}
        laws = {repr(vector.problem.law): vector.problem.law.said for vector in vectors}
        assert found["law"] == (None if len(laws) > 1 else next(iter(laws.values())))
    contradicts = run("judge", "set", "answers.json", "--smoothing", "0.25")
    assert contradicts.exit_code == 2 and len(contradicts.stderr.splitlines()) == 1
    assert "--smoothing 0.25 is declared" in contradicts.stderr and options[0] in contradicts.stderr
    plain = CrossEntropy()
    with pytest.raises(Unusable, match="mean cross-entropy is declared"):
        judge(index, Answers(answers(vectors)), None, plain)
    answers(vectors, wrong=plain)
    assert run("judge", "set", "answers.json").exit_code == 1


def test_a_copy_of_the_shipped_set_takes_no_options_and_problems_that_have_no_such_loss_are_not_exported(run):
    for words, message in (
        (("--shipped", "--smoothing", "0.1"), "no options of the loss"),
        (("--regime", "masked-class", "--smoothing", "0.1"), "that have this loss"),
        (("--softcap", "-1",), "--softcap"),
    ):  # fmt: skip
        result = run("export", "new", *words)
        assert result.exit_code == 2 and message in result.stderr and not Path("new").exists()


VALID = '"law": {"smoothing": 0.5}'
HOSTILE = {
    '"law": {"smoothing": 2}': "smoothing=2",
    '"law": {"smoothing": "0.5"}': "smoothing='0.5'",
    '"law": {"smoothing": NaN}': "NaN",
    '"law": {"z_loss": 1e400}': "z_loss=inf",
    '"law": {"focal": 2}': "loss option 'focal' is not known",
    '"law": [1]': r"law is \[1\]; expected an object",
    '"law": {"class_weight": [1, 2]}': "class_weight has 2 weights",
    '"law": {"class_weight": [[1], 2, 3]}': "a weight of 0 or more for each class",
    '"law": {"ignore": 0}': "samples carry that class",
    '"law": {"mean_of": 0}': "mean_of=0",
    '"law": {"reduction": "none", "l2": 1}': "of no sample",
    '"law": {"smoothing": {"smoothing": 1}}': "smoothing=",
}


@pytest.mark.parametrize("law", HOSTILE)
def test_a_law_that_is_none_is_refused_in_one_line(law, tmp_path):
    shipped = folder.load(folder.SHIPPED)
    vector = shipped.vector(next(name for name in shipped.entries if name.startswith("float64-odd-samples")))
    problem = vector.problem.with_law(CrossEntropy(smoothing=0.5))
    assert problem.L == 4 and problem.Y[0].any()
    path, said = tmp_path / "vector.json", form.dumps(form.Vector.of(problem, vector.regime, vector.quantities))
    path.write_text(said, encoding="utf-8")
    assert form.load(path).problem.law == problem.law
    assert VALID in said
    path.write_text(said.replace(VALID, law), encoding="utf-8")
    with pytest.raises(Unusable, match=HOSTILE[law]) as refusal:
        form.load(path)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_law_in_a_file_of_the_older_form_is_refused(tmp_path):
    """Who reads that form knows of no law, and would judge by another."""
    shipped = folder.load(folder.SHIPPED)
    said = form.dumps(shipped.vector(next(iter(shipped.entries))))
    assert '"gradcheck_vector": 1,' in said and "law" not in json.loads(said)
    path = tmp_path / "vector.json"
    path.write_text(said.replace('"memory"', f'{VALID},\n "memory"'), encoding="utf-8")
    with pytest.raises(Unusable, match="it has a law, which is of schema 2"):
        form.load(path)
    assert not SCHEMA.is_valid(json.loads(path.read_text(encoding="utf-8")))
