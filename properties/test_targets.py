"""From what a user types to an Implementation."""

import sys
from functools import partial
from pathlib import Path

import mission
import pytest
from click.testing import CliRunner

from gradcheck import Implementation, Unusable, load
from gradcheck.cli import main
from gradcheck.implementations import BUILT_IN, FUNCTIONS
from gradcheck.implementations.parameters import require_called


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_module_an_object_a_record_and_a_bare_function_are_all_targets(folder):
    text = """
from gradcheck import Implementation
def gradients(theta, b, X, Y): return {}
def softmax(Z): return Z
def other(theta, b, X, Y): return {}
class Model:
    def loss(self, theta, b, X, Y): return 0.0
model = Model()
record = Implementation("mine", softmax=softmax, dtypes=("float32",))
table = {"logits": lambda theta, b, X: X}
"""
    Path("mine.py").write_text(text, encoding="utf-8")
    offers = {
        "mine.py": ("gradients", "softmax"),
        "mine.py:gradients": ("gradients",),
        "mine.py:other": ("gradients",),
        "mine.py:model": ("loss",),
        "mine.py:record": ("softmax",),
        "mine.py:table": ("logits",),
        "./mine.py:model": ("loss",),
        "mine:model": ("loss",),
        "mine": ("gradients", "softmax"),
    }
    assert {target: load(target).offers for target in offers} == offers
    assert load("mine.py:record").dtypes == ("float32",)


def test_a_file_can_import_its_neighbours_then_and_later_and_hides_nothing(folder):
    (folder / "deep").mkdir()
    (folder / "deep" / "neighbour_of_it.py").write_text("def softmax(Z): return Z\n", encoding="utf-8")
    late = "def loss(*arrays):\n    import neighbour_of_it\n    return 0.0\n"
    (folder / "deep" / "it.py").write_text(f"from neighbour_of_it import softmax\n{late}", encoding="utf-8")
    before = list(sys.path)
    found = load("deep/it.py")
    assert found.offers == ("loss", "softmax")
    assert found.loss() == 0.0
    assert [place for place in sys.path if place not in before] == sys.path[-1:] == [str((folder / "deep").resolve())]


@pytest.mark.parametrize("what", ["sys.path.pop(0)", "sys.path.clear()", "sys.path = []", "sys.path = ['added']"])
def test_a_file_that_takes_places_off_the_search_path_is_loaded_and_they_come_back(what, folder):
    (folder / "it.py").write_text(f"import sys\n{what}\ndef softmax(Z): return Z\n", encoding="utf-8")
    before = list(sys.path)
    assert load("it.py").offers == ("softmax",)
    assert set(before) <= set(sys.path) and ("added" in sys.path) == ("added" in what)


def test_neighbours_of_the_same_name_in_two_folders_are_two_modules(folder):
    for place, value in (("one", 1), ("two", 2)):
        (folder / place).mkdir()
        (folder / place / "layers_of_it.py").write_text(f"def loss(*arrays): return {value}\n", encoding="utf-8")
        (folder / place / "it.py").write_text("from layers_of_it import *\n", encoding="utf-8")
    assert [load(f"{place}/it.py").loss() for place in ("one", "two", "one")] == [1, 2, 1]


def test_what_a_file_only_imports_is_not_judged_as_its_own(folder):
    text = "from scipy.special import softmax\ndef gradients(theta, b, X, Y): return {}\n"
    Path("it.py").write_text(text, encoding="utf-8")
    assert load("it.py").offers == ("gradients",)
    Path("listed.py").write_text(text + "__all__ = ['gradients', 'softmax']\n", encoding="utf-8")
    assert load("listed.py").offers == ("gradients", "softmax")


def test_a_file_named_like_a_framework_does_not_replace_it(folder):
    Path("numpy.py").write_text("def softmax(Z): return Z\n", encoding="utf-8")
    assert load("numpy.py:softmax").offers == ("gradients",)
    assert hasattr(sys.modules["numpy"], "ndarray")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_that_name\n", "ModuleNotFoundError"),
        ("def f(:\n", "SyntaxError"),
        ("raise SystemExit\n", "SystemExit"),
        ("1 / 0\n", "mine.py:1"),
    ],
)
def test_a_file_that_cannot_be_imported_is_refused_with_its_own_exception_and_place(folder, text, message):
    Path("mine.py").write_text(text, encoding="utf-8")
    with pytest.raises(Unusable) as refusal:
        load("mine.py")
    assert message in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "word", "advice"),
    [
        ("class Net:\n    forward = backward = len\n", "mine.py:Net", "write a function gradients(theta, b, X, Y)"),
        ("import torch\nclass Net(torch.nn.Module): ...\n", "mine.py:Net", "gradcheck.from_torch(loss, ...)"),
        ("import torch\nclass Net(torch.nn.Module): ...\n", "mine.py", "gradcheck.from_torch(loss, ...)"),
    ],
)
def test_a_class_and_a_file_of_tensors_are_refused_with_what_to_write(folder, text, word, advice):
    if "torch" in text:
        pytest.importorskip("torch")
    Path("mine.py").write_text(text, encoding="utf-8")
    with pytest.raises(Unusable) as refusal:
        load(word)
    assert advice in str(refusal.value)


@pytest.mark.parametrize(
    ("loss", "names", "advice"),
    [
        (lambda Z, y: 0, ("theta", "b", "X", "Y"), r"takes \(Z, y\).*logits=lambda"),
        (lambda theta, b, X, y: 0, ("Z", "Y"), "without logits="),
        (dict, ("Z", "Y"), "is a class"),
    ],
)
def test_a_loss_that_cannot_take_the_arrays_is_refused_before_a_problem_is_posed(loss, names, advice):
    with pytest.raises(Unusable, match=advice):
        require_called(loss, names)


@pytest.mark.parametrize("loss", [lambda *arrays: 0, lambda Z, y, scale=2, *, weight: 0, max, partial(pow, mod=3)])
def test_a_loss_that_may_take_them_is_not_refused(loss):
    """Other parameters have defaults, or are options; and nothing is known of what does not say what it takes."""
    require_called(loss, ("Z", "Y"))


def test_a_function_of_tensors_is_told_how_it_becomes_a_target(folder):
    pytest.importorskip("torch")
    Path("mine.py").write_text(
        "import torch\ndef gradients(theta, b, X, Y): return torch.softmax(X, 0)\n", encoding="utf-8"
    )
    done = CliRunner().invoke(main, ["verify", "mine.py", "--max-examples", "3"])
    assert "  fix       if it takes tensors, make it a target with gradcheck.from_torch" in done.stdout


@pytest.mark.parametrize("word", ["losses.py", "losses.py:loss"])
def test_a_loss_of_logits_and_labels_is_told_how_it_is_verified(folder, word):
    """And not called with arrays that it cannot take, 28 times."""
    (folder / "losses.py").write_text("def loss(logits, labels): ...\n")
    with pytest.raises(Unusable, match=r"of logits and labels, .* gradcheck verify --kernel 'losses.py:loss'"):
        load(word)


def test_an_implementation_without_functions_or_with_something_else_in_their_place_is_refused():
    with pytest.raises(Unusable, match="at least one must be there"):
        Implementation("empty")
    with pytest.raises(Unusable, match="expected a function"):
        Implementation("odd", loss=3)


def test_the_targets_that_need_no_framework_offer_every_function():
    assert [load(name).offers for name in ("reference", "numpy", "scipy")] == [FUNCTIONS] * 3


def test_every_built_in_target_is_named_like_the_extra_that_installs_it():
    assert all(target.extra for name, target in BUILT_IN.items() if name not in ("reference", "numpy", "scipy"))


def test_the_papers_equations_are_asked_of_all_code_that_offers_them():
    """And in the precisions that it is made for: a table, so that no framework is imported where tests are only collected."""
    for name in (mission.PAPER.name, *filter(mission.wanted, BUILT_IN)):
        for quantity in mission.CHECKS:
            listed = () if name in mission.WITHOUT.get(quantity, ()) else mission.JUDGED.get(name, ())
            assert listed == mission.offered(name, quantity), (name, quantity)
