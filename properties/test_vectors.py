"""Vectors: certified answers are the truth and stay the same, right answers to them agree, and wrong ones do not."""

import copy
import hashlib
import json
import math
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gradcheck import Arithmetic, Outcome, Unusable, model, precision, problems
from gradcheck.cli import main
from gradcheck.enclosure import Enclosure
from gradcheck.referees import float64
from gradcheck.regimes import REGIMES
from gradcheck.vectors import SCHEMA_FILE, SHIPPED, answers, folder, form, judge, posing
from gradcheck.vectors.certify import QUANTITIES, certify, upward

DATA = st.data()
INDEX = folder.load(SHIPPED)
VECTORS = {name: INDEX.vector(name) for name in INDEX.entries}
SCHEMA = Draft202012Validator(json.loads(SCHEMA_FILE.read_text(encoding="utf-8")))
TRUTH = {"Z": "Z", "A": "A", "loss": "loss", "grad_Z": "D", "grad_theta": "theta", "grad_b": "b", "grad_X": "X"}
FAILED = (Outcome.DISAGREE, Outcome.ERRORED)


def right(vector):
    """What gradcheck.model computes in the precision of the vector: quantity -> array."""
    arrays = vector.problem.arrays()
    with np.errstate(all="ignore"):
        Z, gradients = model.logits(*arrays[:3]), model.gradients(*arrays)
        return {
            "Z": Z,
            "A": model.softmax(Z),
            "loss": model.loss(*arrays),
            **{f"grad_{key}": gradients[key] for key in ("Z", "theta", "b", "X")},
            "jacobian": model.softmax_jacobian(Z[:, 0]),
        }


def texts(array):
    """Hexadecimal floats, nested as the array is."""
    array = np.asarray(array).astype(np.float64)
    return form.hexadecimal(array.item()) if array.ndim == 0 else [texts(row) for row in array]


def fewest_digits(array):
    """JSON numbers as a printer of that dtype writes them: the fewest digits that tell them from their neighbours."""
    array = np.asarray(array)
    return float(str(array[()])) if array.ndim == 0 else [fewest_digits(row) for row in array]


@cache
def _answered(write):
    return {name: {key: write(array) for key, array in right(vector).items()} for name, vector in VECTORS.items()}


def answered(write=texts):
    """Right answers to all vectors, to be changed."""
    return copy.deepcopy(_answered(write))


def judged(found):
    return judge(INDEX, answers.Answers(found))


def only(vector, quantity, given):
    """The verdict on one answer to one vector."""
    found = judged({vector.name: {quantity: given}})
    (finding,) = found.findings or (None,)
    return found, finding and finding.verdict


# ---- the certificates ----


@pytest.mark.parametrize("name", INDEX.entries)
def test_the_shipped_set_is_reproduced_bit_by_bit(name):
    """Its problems are data; whatever strategies pose by now, this machine certifies them to the same text."""
    vector, path = VECTORS[name], SHIPPED / INDEX.entries[name].file
    again = form.Vector.of(vector.problem, vector.regime, certify(vector.problem))
    assert form.dumps(again).encode() == path.read_bytes()


def test_the_index_of_the_shipped_set_is_reproduced_bit_by_bit():
    """But for the version of gradcheck that wrote it."""
    kept = (SHIPPED / folder.INDEX).read_text(encoding="utf-8")
    made = {key: INDEX.made[key] for key in ("dtypes", "seed", "count", "regimes")}
    again = json.loads(folder.texts(VECTORS.values(), made)[folder.INDEX])
    assert {**again, "gradcheck": ""} == {**json.loads(kept), "gradcheck": ""}
    assert sorted(path.name for path in SHIPPED.iterdir()) == sorted([*folder.shipped()])


def test_the_shipped_set_is_small_and_has_every_dtype_and_regime():
    """Regimes of long problems are left out; of those on request, masses and masked classes are in, and say so."""
    wanted = {name for name, regime in REGIMES.items() if not regime.opt_in} - {"large", "tiles"} | {
        "label-mass",
        "masked-class",
    }
    for dtype in precision.NAMES:
        assert {v.regime for v in VECTORS.values() if v.problem.precision.name == dtype} == wanted
    assert all(REGIMES[v.regime].holds(v.problem) for v in VECTORS.values())
    assert {v.regime for v in VECTORS.values() if v.opt_in} == {"label-mass", "masked-class"}
    assert sum(path.stat().st_size for path in SHIPPED.iterdir()) < 550_000
    assert all(v.problem.Y.size <= 64 for v in VECTORS.values())


def test_certified_values_are_what_float64_knows_and_sharper():
    """The two enclosures meet, the midpoint of float64 lies within its own radius of ours, and ours is one rounding wide."""
    for vector in VECTORS.values():
        truth = float64.truth(vector.problem)
        for name, quantity in TRUTH.items():
            mine, other = vector.quantities[name].enclosure, truth.enclosure(quantity)
            assert mine.meets(other), (vector.name, name)
            assert (Enclosure(other.midpoint, other.radius + mine.radius).test_ratio(mine.midpoint) <= 1).all()
            finite = np.isfinite(mine.midpoint)
            assert (mine.radius <= abs(np.where(finite, mine.midpoint, 0)) * 2.0**-52 + 2.0**-1070).all()


def test_certified_jacobians_are_those_of_the_certified_probabilities():
    """diag(a) - a aᵀ of column 0 of A, within what is known of A."""
    for vector in VECTORS.values():
        A, J = vector.quantities["A"].enclosure, vector.quantities["jacobian"].enclosure
        a = A.midpoint[:, 0]
        slack = 8 * 2.0**-53 * (np.diag(a) + np.multiply.outer(a, a)) + 2.0**-1070
        assert (abs(J.midpoint - (np.diag(a) - np.multiply.outer(a, a))) <= slack).all(), vector.name


@given(value=st.floats(0, allow_infinity=True))
def test_bounds_are_rounded_up_by_less_than_an_eighth_bit(value):
    """They stay bounds, have eight bits, and do not notice a last bit."""
    found = float(upward(np.float64(value)))
    assert found >= value
    assert found <= value * (1 + 2.0**-7) or math.isinf(found)
    assert float(upward(np.float64(found))) == found
    assert math.isinf(found) or found == 0 or (math.frexp(found)[0] * 2**8).is_integer()


# ---- the form ----


@pytest.mark.parametrize("dtype", precision.NAMES)
@given(data=DATA)
def test_a_vector_comes_back_bit_for_bit(dtype, data):
    """Problem, values, radii, allowances and name; and the schema holds."""
    regime = data.draw(
        st.sampled_from(["ties", "saturated", "subnormal", "label-mass", "masked-class"]), label="regime"
    )
    p = data.draw(problems(dtypes=(dtype,), regimes=(regime,)).filter(posing.small), label="problem")
    vector = form.Vector.of(p, regime, certify(p))
    text = form.dumps(vector)
    SCHEMA.validate(json.loads(text))
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "vector.json"
        path.write_text(text, encoding="utf-8")
        back = form.load(path)
    assert form.dumps(back) == text
    assert (back.name, back.problem.digest) == (vector.name, p.digest)
    for name in QUANTITIES:
        mine, other = vector.quantities[name], back.quantities[name]
        assert mine.enclosure.midpoint.tobytes() == other.enclosure.midpoint.tobytes()
        assert mine.enclosure.radius.tobytes() == other.enclosure.radius.tobytes()
        assert mine.allowed.tobytes() == other.allowed.tobytes()


@given(value=st.floats())
def test_every_float_comes_back_from_its_text(value):
    """Infinities, zeros with a sign and subnormals, too."""
    found = form.exact(form.hexadecimal(value))
    assert found == value or math.isnan(value)
    assert math.copysign(1, found) == math.copysign(1, value) or math.isnan(value)


@pytest.mark.parametrize("text", ["0x1.8p0", "0X1.8P+0", "0x1.80000p+0", "+0x3p-1", "0x.18p4", "0x18.p-4"])
def test_hexadecimal_floats_are_read_as_other_languages_write_them(text):
    assert form.exact(text) == 1.5


@pytest.mark.parametrize(
    "text", ["1.5", "0x1.8", "", "p", "0xp+0", "infinity", "0x1p+0 ", "1e3", "0x1p+100000", None, 1.5]
)
def test_other_texts_are_no_hexadecimal_floats(text):
    """A decimal fraction above all, which `float.fromhex` would read as another number."""
    assert form.exact(text) is None


def test_the_schema_is_one_and_holds_for_what_ships_and_for_answers():
    Draft202012Validator.check_schema(SCHEMA.schema)
    for path in SHIPPED.iterdir():
        SCHEMA.validate(json.loads(path.read_text(encoding="utf-8")))
    for write in (texts, fewest_digits):
        finite = {name: each for name, each in answered(write).items() if "masked" not in name or write is texts}
        SCHEMA.validate({"gradcheck_answers": 1, "implementation": "model", "answers": finite})


# ---- right answers ----


@pytest.mark.parametrize("write", [texts, fewest_digits])
def test_right_answers_agree_for_every_vector(write):
    """In every dtype; and every quantity of every dtype is judged somewhere."""
    found = judged(answered(write))
    assert found.findings == ()
    assert found.status == 0
    assert found.unanswered == 0
    assert {row: tally.outcome for row, tally in found.tallies.items()} == dict.fromkeys(
        [(dtype, name) for dtype in precision.NAMES for name in QUANTITIES], Outcome.AGREE
    )
    for (dtype, _), tally in found.tallies.items():
        # of 16-bit gradients and Jacobians, rounding explains most entries of many vectors
        assert tally.counts[Outcome.AGREE] >= (15 if dtype in ("float64", "float32") else 8)
        assert tally.bits(precision.named(dtype).u) >= precision.named(dtype).bits


def test_ten_lines_of_another_language_come_to_the_same():
    """|computed - value| <= radius + allowed, entry by entry, or both the same infinity."""
    for name, quantities in answered().items():
        data = json.loads((SHIPPED / f"{name}.json").read_text(encoding="utf-8"))["quantities"]
        for quantity, lists in quantities.items():
            parts = [np.ravel(data[quantity][key]) for key in ("value", "radius", "allowed")]
            for entry in zip(np.ravel(lists), *parts, strict=True):
                computed, value, radius, allowed = map(float.fromhex, entry)
                assert computed == value or abs(computed - value) <= radius + allowed


# ---- wrong answers ----


PLACES = 4  # of each array, evenly spread


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_one_wrong_entry_disagrees_at_its_place(quantity):
    """Off by three times what is allowed, at places of each vector in turn, the first and the last among them."""
    for vector in VECTORS.values():
        truth = vector.quantities[quantity]
        limit = truth.enclosure.radius + truth.allowed
        places = list(np.ndindex(limit.shape))
        for place in dict.fromkeys((*places[:: 1 + len(places) // PLACES], places[-1])):
            value = truth.enclosure.midpoint[place]
            computed = np.array(truth.enclosure.midpoint)
            computed[place] = value + 3 * limit[place] + 2.0**-1000 if np.isfinite(value) else 0.0
            if not np.isfinite(limit[place]):
                continue
            found, verdict = only(vector, quantity, texts(computed))
            assert verdict is not None, (vector.name, place)
            assert verdict.outcome is Outcome.DISAGREE
            assert (verdict.witness.place, verdict.witness.quantity) == (place, QUANTITIES[quantity].symbol)
            assert verdict.ratio > 2
            assert found.status == 1


def _times_n(vector, name, array):
    return array * vector.problem.n


MISTAKES = {
    "missing 1/n": (("grad_Z", "grad_theta", "grad_b", "loss"), _times_n),
    "flipped sign": (tuple(set(QUANTITIES) - {"jacobian"}), lambda vector, name, array: -array),
    "zero": (tuple(QUANTITIES), lambda vector, name, array: 0 * array),
    "samples reversed": (("Z", "A", "grad_Z"), lambda vector, name, array: array[:, ::-1]),
    "classes reversed": (tuple(set(QUANTITIES) - {"loss"}), lambda vector, name, array: array[::-1]),
    "1 % off": (tuple(QUANTITIES), lambda vector, name, array: array * 1.01),
    "diagonal only": (("jacobian",), lambda vector, name, array: np.diag(np.diag(array))),
    "mean over samples": (("grad_b",), lambda vector, name, array: array / vector.problem.n),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_wrong_implementation_disagrees_in_what_it_has_wrong(mistake):
    """In float64 and float32; and in nothing else."""
    names, wrong = MISTAKES[mistake]
    chosen = [v for v in VECTORS.values() if v.problem.precision.name in ("float64", "float32") and not v.opt_in]
    found = {}
    for vector in chosen:
        arrays = {key: array.astype(np.float64) for key, array in right(vector).items()}
        arrays.update({key: wrong(vector, key, arrays[key]) for key in names})
        found[vector.name] = {key: texts(array) for key, array in arrays.items()}
    result = judged(found)
    assert {f.quantity for f in result.findings} == set(names)
    assert all(f.verdict.outcome is Outcome.DISAGREE for f in result.findings)
    assert result.status == 1


SOME = next(v for v in VECTORS.values() if (v.problem.L, v.problem.d, v.problem.n) == (3, 4, 2))
ONE = "0x1p+0"
MISSHAPEN = {
    "a transpose": ("grad_theta", [[ONE] * 3] * 4, "shape (4, 3); expected (3, 4); it is the transpose"),
    "a flat bias": ("grad_b", [ONE] * 3, "shape (3,); expected (3, 1)"),
    "a number": ("Z", 1.0, "shape (); expected (3, 2)"),
    "a list of one": ("loss", [1.0], "shape (1,); expected ()"),
    "nothing": ("A", [], "shape (0,); expected (3, 2)"),
    "too deep": ("A", [[[ONE] * 2] * 2] * 3, "shape (3, 2, 2); expected (3, 2)"),
    "ragged": ("A", [[ONE] * 2, [ONE], [ONE] * 2], "rows of unequal length; expected shape (3, 2)"),
    "a row that is none": ("A", [[ONE] * 2, ONE, [ONE] * 2], "rows of unequal length; expected shape (3, 2)"),
    "text": ("A", [[ONE] * 2, ["abc", ONE], [ONE] * 2], "entry [1, 0] is 'abc'; expected a JSON number"),
    "a decimal fraction as text": ("A", [[ONE, "0.5"]] * 3, "entry [0, 1] is '0.5'; expected a JSON number"),
    "true": ("loss", True, "the entry is True; expected a JSON number"),
    "null inside": ("grad_b", [[ONE], [None], [ONE]], "entry [1, 0] is None; expected a JSON number"),
    "an object": ("loss", {"value": 1}, "the entry is {'value': 1}; expected a JSON number"),
    "a long text": ("loss", "x" * 500, "...; expected a JSON number"),
}


@pytest.mark.parametrize("what", MISSHAPEN)
def test_an_answer_of_another_shape_or_kind_is_errored_with_its_place(what):
    quantity, given, message = MISSHAPEN[what]
    found, verdict = only(SOME, quantity, given)
    assert verdict.outcome is Outcome.ERRORED
    assert message in verdict.reason
    assert len(verdict.reason) < 200
    assert found.status == 1


@pytest.mark.parametrize("entry", ["nan", "inf", "-inf", math.nan, math.inf, 10**400, "0x1p+2000"])
def test_what_is_not_finite_disagrees_at_its_place(entry):
    """NaN above all; whole numbers beyond float64 are infinite."""
    given = texts(SOME.quantities["A"].enclosure.midpoint)
    given[2][1] = entry
    _, verdict = only(SOME, "A", given)
    assert (verdict.outcome, verdict.witness.place, verdict.ratio) == (Outcome.DISAGREE, (2, 1), math.inf)


def test_minus_infinity_is_right_where_a_class_is_masked_and_nothing_else_is():
    vector = next(v for v in VECTORS.values() if v.regime == "masked-class")
    row = int(np.flatnonzero(vector.problem.masked)[0])
    given = texts(vector.quantities["Z"].enclosure.midpoint)
    assert given[row][0] == "-inf"
    assert only(vector, "Z", given)[1] is None
    for entry in ("inf", "nan", "-0x1.fffffffffffffp+1023", "0x0p+0"):
        given[row][0] = entry
        assert only(vector, "Z", given)[1].witness.place == (row, 0)


def test_what_is_not_answered_is_skipped_and_never_agreement():
    """A quantity that is missing or null; a vector without any; nothing at all, which exits with 3."""
    found = judged({SOME.name: {"A": texts(right(SOME)["A"])}})
    counts = {name: tally.counts for (_, name), tally in found.tallies.items()}
    assert counts.pop("A") == {Outcome.AGREE: 1}
    assert all(count == {Outcome.SKIPPED: 1} for count in counts.values())
    assert (found.status, found.answered, found.unanswered) == (0, 1, len(VECTORS) - 1)
    assert judged({}).status == 3
    assert judged({SOME.name: {}}).status == 3


def test_an_answer_to_another_vector_is_refused():
    with pytest.raises(Unusable, match="'float64-ties-00000000', which is not among the vectors in"):
        judged({"float64-ties-00000000": {"loss": 1.0}})


# ---- files of answers ----


def said(**changes):
    data = {"gradcheck_answers": 1, "answers": {SOME.name: {"loss": 1.0}}, **changes}
    return json.dumps({key: value for key, value in data.items() if value is not ...}).encode()


CORRUPT = {
    "empty": b"",
    "not JSON": b"loss = 1",
    "cut off": said()[:-4],
    "binary": bytes(range(256)),
    "a list": b"[]",
    "deep lists": b"[" * 100_000,
    "another schema": said(gradcheck_answers=2),
    "no schema": said(gradcheck_answers=...),
    "a case": b'{"gradcheck_case": 1}',
    "no answers": said(answers=...),
    "a list of answers": said(answers=[1.0]),
    "an answer that is a number": said(answers={SOME.name: 1.0}),
    "an unknown quantity": said(answers={SOME.name: {"grad_W": 1.0}}),
    "a whole number of 10000 digits": said().replace(b"1.0", b"1" * 10_000),
}


@pytest.mark.parametrize("what", CORRUPT)
def test_a_file_that_holds_no_answers_is_refused_in_one_line(what, tmp_path):
    path = tmp_path / "answers.json"
    path.write_bytes(CORRUPT[what])
    with pytest.raises(Unusable) as refused:
        answers.load(path)
    assert len(str(refused.value).splitlines()) == 1
    assert str(path) in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=6) | st.just(ONE),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize("dtype", precision.NAMES)
def test_a_json_number_is_the_number_of_that_dtype_next_to_it_and_a_text_is_exact(dtype):
    """0.1 is how every printer writes the number next to 0.1; as float64 it would be off by up to half a unit of it."""
    p = precision.named(dtype)
    assert answers.computed(0.1, (), p) == np.float64(p.dtype.type(0.1))
    assert answers.computed(form.hexadecimal(0.1), (), p) == 0.1


@given(given=JSON, quantity=st.sampled_from(list(QUANTITIES)))
def test_any_json_is_judged(given, quantity):
    """Never an exception, and one line of reason."""
    found = judged({SOME.name: {quantity: given}})
    for finding in found.findings:
        assert len(finding.verdict.reason.splitlines()) <= 1


def test_answers_may_be_spread_over_files_but_not_given_twice(tmp_path):
    (tmp_path / "a.json").write_bytes(said(implementation="mine"))
    (tmp_path / "b.json").write_bytes(said(answers={SOME.name: {"A": None, "Z": [[1.0]]}}))
    (tmp_path / "notes.txt").write_text("not read", encoding="utf-8")
    found = answers.load(tmp_path)
    assert (found.implementation, found.found) == ("mine", {SOME.name: {"loss": 1.0, "Z": [[1.0]]}})
    (tmp_path / "c.json").write_bytes(said())
    with pytest.raises(Unusable, match=r"c\.json answers loss of .*, which another file has answered"):
        answers.load(tmp_path)


# ---- the commands ----


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(main, ["vectors", *words])


def refused(result, *pieces):
    assert result.exit_code == 2, result.output
    assert len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith("gradcheck: ")
    assert all(piece in result.stderr for piece in pieces), result.stderr
    assert result.stdout == ""


def answer(name="answers.json", **changes):
    found = answered()
    for vector, quantities in changes.pop("to", {}).items():
        found[vector].update(quantities)
    Path(name).write_text(
        json.dumps({"gradcheck_answers": 1, "implementation": "my [bold]code[/bold]", "answers": found})
    )
    return name


def contents(path):
    return {p.name: p.read_bytes() for p in Path(path).iterdir()}


SMALL = ("--regime", "saturated", "--regime", "square", "--count", "2")


def test_the_same_seed_writes_the_same_bytes_and_another_seed_others(run):
    assert run("export", "a", *SMALL, "--dtype", "float32").exit_code == 0
    assert run("export", "b", *SMALL, "--dtype", "float32").exit_code == 0
    assert run("export", "c", *SMALL, "--dtype", "float32", "--seed", "1").exit_code == 0
    assert contents("a") == contents("b")
    assert not set(contents("a")) & set(contents("c")) - {"index.json"}
    index = json.loads(Path("a/index.json").read_text(encoding="utf-8"))
    assert (index["dtypes"], index["seed"], index["regimes"]) == (["float32"], 0, ["saturated", "square"])
    assert len(index["vectors"]) == 4
    for entry in index["vectors"]:
        assert hashlib.sha256(Path("a", entry["file"]).read_bytes()).hexdigest() == entry["sha256"]
        SCHEMA.validate(json.loads(Path("a", entry["file"]).read_text(encoding="utf-8")))
    SCHEMA.validate(index)


def test_the_shipped_set_can_be_copied_and_judged_from_there(run):
    assert run("export", "copy", "--shipped").exit_code == 0
    assert contents("copy") == contents(SHIPPED)
    here, there = run("judge", answer()), run("judge", "copy", answer())
    assert (here.exit_code, here.output) == (there.exit_code, there.output)
    assert here.exit_code == 0, here.output
    assert "my [bold]code[/bold]: " in here.output


def test_nothing_is_overwritten_without_being_told(run):
    """A file, a folder of something else, a set without --force; with it, files of others stay."""
    Path("file").write_text("mine", encoding="utf-8")
    refused(run("export", "file", *SMALL), "it is a file")
    Path("other").mkdir()
    Path("other", "notes.txt").write_text("mine", encoding="utf-8")
    refused(run("export", "other", *SMALL, "--force"), "is not empty and holds no vectors")
    Path("empty").mkdir()
    assert run("export", "empty", *SMALL).exit_code == 0
    before = contents("empty")
    refused(run("export", "empty", "--regime", "ties"), "--force")
    assert contents("empty") == before
    Path("empty", "notes.txt").write_text("mine", encoding="utf-8")
    assert run("export", "empty", "--regime", "ties", "--force").exit_code == 0
    assert sorted(contents("empty")) == sorted(
        ["index.json", "notes.txt", *(e.file for e in folder.load(Path("empty")).entries.values())]
    )
    assert len(contents("empty")) == 3


def test_a_file_of_somebody_else_with_the_name_of_a_vector_is_not_replaced(run):
    run("export", "a", *SMALL)
    run("export", "b", "--regime", "ties")
    name = next(name for name in contents("a") if name != "index.json")
    Path("b", name).write_text("mine", encoding="utf-8")
    refused(run("export", "b", *SMALL, "--force"), "is not one of the vectors there")
    assert Path("b", name).read_text(encoding="utf-8") == "mine"


EXPORTS = {
    "an unknown dtype": (("--dtype", "float8"), "float8"),
    "an unknown regime": (("--regime", "zz*"), "no regime matches"),
    "the large regime": (("--regime", "large"), "vectors have at most 64"),
    "a shipped set of other problems": (("--shipped", "--dtype", "float32"), "copies a set as it is"),
}


@pytest.mark.parametrize("what", EXPORTS)
def test_an_export_that_cannot_be_made_is_refused_and_leaves_nothing(run, what):
    options, message = EXPORTS[what]
    refused(run("export", "new", *options), message)
    assert not Path("new").exists()


def test_a_wrong_answer_exits_with_1_and_shows_place_and_allowance(run):
    """As text, as JSON beside it, and as JSON alone."""
    name = answer(to={SOME.name: {"grad_theta": [["0x1p+9"] * 4] * 3, "loss": [1.0], "A": None}})
    result = run("judge", name, "--json", "found.json")
    assert result.exit_code == 1
    assert f"{SOME.name} grad_theta  DISAGREE  ∂ℒ/∂θ[" in result.output
    assert "= 512, but must be" in result.output
    assert f"{SOME.name} loss  ERRORED  shape (1,); expected ()" in result.output
    assert "1× in A: it is not answered" in result.output
    assert "\x1b" not in result.output
    found = json.loads(Path("found.json").read_text(encoding="utf-8"))
    assert (found["gradcheck_judged"], found["status"], found["answered"]) == (1, 1, len(VECTORS))
    assert [(f["quantity"], f["outcome"]) for f in found["failures"]] == [
        ("loss", "errored"),
        ("grad_theta", "disagree"),
    ]
    assert found["failures"][1]["computed"] == 512
    alone = run("judge", name, "--json", "-")
    assert json.loads(alone.stdout) == found


def test_many_failures_are_counted_and_three_of_a_kind_shown(run):
    wrong = {name: {"grad_b": [["nan"]] * v.problem.L} for name, v in VECTORS.items()}
    result = run("judge", answer(to=wrong), "--json", "found.json")
    assert result.output.count("grad_b  DISAGREE") == 3 * 4
    assert f"{len(VECTORS) // 4 - 3} more failures of grad_b float16; --json FILE holds them all" in result.output
    assert len(json.loads(Path("found.json").read_text(encoding="utf-8"))["failures"]) == len(VECTORS)


def test_nothing_judged_exits_with_3(run):
    Path("none.json").write_bytes(said(answers={}))
    result = run("judge", "none.json")
    assert result.exit_code == 3
    assert "nothing judged on 0 of" in result.output


def _edit(path, before, after):
    text = Path(path).read_text(encoding="utf-8")
    assert before in text
    Path(path).write_text(text.replace(before, after, 1), encoding="utf-8")


DAMAGED = {
    "no folder": (lambda: None, ("nowhere", "answers.json"), "there is no such folder"),
    "no index": (lambda: Path("set/index.json").unlink(), ("set", "answers.json"), "it has no index.json"),
    "no answers": (lambda: None, ("set", "nowhere.json"), "no such answers file"),
    "a folder without answers": (lambda: Path("void").mkdir(), ("set", "void"), "there is no file *.json"),
    "a vector is gone": (
        lambda: Path(f"set/{SOME.name}.json").unlink(),
        ("set", "answers.json"),
        "no such vector file",
    ),
    "a vector is changed": (
        lambda: _edit(f"set/{SOME.name}.json", '"allowed": "0x1', '"allowed": "0x2'),
        ("set", "answers.json"),
        "SHA-256 differs",
    ),
    "the index is cut off": (
        lambda: Path("set/index.json").write_text("{"),
        ("set", "answers.json"),
        "not a vectors file",
    ),
    "the index lists nothing": (
        lambda: Path("set/index.json").write_text('{"gradcheck_vectors": 1, "vectors": []}'),
        ("set", "answers.json"),
        "no list of vectors",
    ),
    "the index is of another schema": (
        lambda: _edit("set/index.json", '"gradcheck_vectors": 1', '"gradcheck_vectors": 2'),
        ("set", "answers.json"),
        "not a vectors file of schema 1",
    ),
    "the index points elsewhere": (
        lambda: _edit("set/index.json", f'"file": "{SOME.name}.json"', '"file": "../answers.json"'),
        ("set", "answers.json"),
        "is no file of a vector",
    ),
    "the answers are in place of the folder": (lambda: None, ("answers.json", "set"), "there is no such folder"),
    "nothing is given": (lambda: None, (), "expected ANSWERS"),
    "three paths": (lambda: None, ("set", "answers.json", "set"), "expected ANSWERS"),
    "a report into nowhere": (lambda: None, ("set", "answers.json", "--json", "no/where.json"), "cannot write"),
}


@pytest.mark.parametrize("what", DAMAGED)
def test_what_cannot_be_judged_is_refused_in_one_line_with_exit_2(run, what):
    damage, words, message = DAMAGED[what]
    run("export", "set", "--shipped")
    answer()
    damage()
    refused(run("judge", *words), message)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"radius": "0x1', '"radius": "-0x1', "negative radius"),
        ('"value": "0x1', '"value": "nan', "loss: value is not an array"),
        ('"jacobian": {', '"hessian": {', "quantities must be"),
        ('"dtype": "float64"', '"dtype": "float8"', "float8"),
        ('"theta": [', '"theta": [[],', "theta is not rows"),
        ('"allowed": "', '"granted": "', "value, radius and allowed"),
        ('"regime": "', '"regime": "not-', "is not known to this version"),
        ('"gradcheck_vector": 1', '"gradcheck_vector": 9', "not a vector file of schema 1"),
    ],
)
def test_a_file_that_is_no_vector_is_refused_in_one_line(before, after, message, tmp_path):
    vector = next(v for v in VECTORS.values() if v.name.startswith("float64-one-label"))
    path = tmp_path / "vector.json"
    text = form.dumps(vector)
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(Unusable, match=message) as found:
        form.load(path)
    assert len(str(found.value).splitlines()) == 1


def test_a_set_is_certified_again_in_place(run):
    """The shipped set does not differ; one with another allowance does, exits with 1, and is mended by --write alone."""
    run("export", "set", "--shipped")
    same = run("certify", "set")
    assert (same.exit_code, same.output) == (0, "set: 0 of 96 vectors differ\n")
    name = f"{SOME.name}.json"
    before = hashlib.sha256(Path("set", name).read_bytes()).hexdigest()
    _edit(f"set/{name}", '"allowed": "0x1', '"allowed": "0x2')
    _edit("set/index.json", before, hashlib.sha256(Path("set", name).read_bytes()).hexdigest())
    other = run("certify", "set")
    assert (other.exit_code, other.output) == (1, f"{name}\nset: 1 of 96 vectors differ\n")
    assert run("certify", "set", "--write").exit_code == 0
    assert contents("set") == contents(SHIPPED)


def test_the_schema_is_printed(run):
    assert json.loads(run("schema").stdout) == SCHEMA.schema


def test_what_is_declared_of_rounding_is_granted():
    """Results of float32 that were computed in float16: wrong, until that is said; and no more is granted than that."""
    coarse, wrong = {}, {}
    for vector in VECTORS.values():
        if vector.problem.precision.name == "float32":
            with np.errstate(all="ignore"):
                found = model.gradients(*(a.astype(np.float16) for a in vector.problem.arrays()))["theta"]
            coarse[vector.name] = {"grad_theta": texts(found.astype(np.float32))}
            wrong[vector.name] = {"grad_theta": texts(2 * right(vector)["grad_theta"])}
    inner = Arithmetic(inner="float16")
    assert judged(coarse).status == 1
    assert judge(INDEX, answers.Answers(coarse), inner).status == 0
    assert judge(INDEX, answers.Answers(wrong), inner).status == 1


def test_the_command_takes_what_is_declared(tmp_path):
    """As every command that judges does."""
    vector = next(v for v in VECTORS.values() if v.problem.precision.name == "float32" and v.regime == "odd-samples")
    found = model.gradients(*(a.astype(np.float16) for a in vector.problem.arrays()))["theta"].astype(np.float32)
    file = tmp_path / "a.json"
    file.write_text(json.dumps({"gradcheck_answers": 1, "answers": {vector.name: {"grad_theta": texts(found)}}}))
    run = CliRunner().invoke
    assert run(main, ["vectors", "judge", str(file)]).exit_code == 1
    assert run(main, ["vectors", "judge", str(file), "--inner", "float16"]).exit_code == 0
