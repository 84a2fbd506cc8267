"""What a target takes: it is posed that and nothing else, all of it is reached, and what it declines is told."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import gradcheck
from gradcheck import Implementation, Layout, NotPosed, Takes, Unusable, conform, precision
from gradcheck.cli import main
from gradcheck.drawing import pose, strategy
from gradcheck.implementations.fitting import unfit
from gradcheck.implementations.labels import indices
from gradcheck.implementations.sides import read
from gradcheck.regimes import REGIMES
from gradcheck.strategies import without

EVEN = Takes(shapes=("L=2k,d=2k,n=2k",))
INDEX = Layout(samples="rows", labels="index")


def right(theta, b, X, Y):
    Z = theta @ X + b
    E = np.exp(Z - Z.max(axis=0))
    D = (E / E.sum(axis=0) - Y) / X.shape[1]
    return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D}


def of_pairs(theta, b, X, Y):
    """Right, and only where every side is even."""
    if any(side % 2 for side in (*theta.shape, X.shape[1])):
        raise ValueError("sides must be even")
    return right(theta, b, X, Y)


def drawn(takes, count=150, dtype="float64", layout=Layout(), regimes=("*",)):  # noqa: B008 - immutable
    found = []
    target = Implementation("right", right, takes=takes, layout=layout)
    pose(found.append, dtype=dtype, regimes=regimes, seed=0, count=count, shrink=False, implementation=target)
    assert len(found) == count
    return target, found


# ---- shapes ----


@pytest.mark.parametrize(
    ("said", "taken", "not_taken"),
    [
        ("n=16k", (16, 32, 4096), (1, 8, 24)),
        ("n=16k..64", (16, 64), (80, 0)),
        ("n=2..128", (2, 128), (1, 129)),
        ("n=64..", (64, 10**6), (63,)),
        ("n=..7", (1, 7), (8,)),
        ("n=64/128", (64, 128), (96,)),
        (" n = 5 , d = 2", (5,), (4,)),
    ],
)
def test_a_shape_is_what_it_says(said, taken, not_taken):
    assert all(read(said).has(n=size) for size in taken)
    assert not any(read(said).has(n=size) for size in not_taken)


@pytest.mark.parametrize(
    "said", ["", "n", "n=", "q=1", "n=0", "n=0k", "n=..", "n=3..2", "n=1,n=2", "n=-1", "n=1e3", "n=²", "n=99999999999"]
)
def test_a_shape_that_is_none_is_refused(said):
    with pytest.raises(Unusable, match="expected"):
        Takes(shapes=(said,) if said else ("",))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_logits", 1),
        ("max_logits", True),
        ("labels", ()),
        ("labels", ("int5",)),
        ("without", "none-such"),
        ("compiles", 1),
        ("options", ("momentum",)),
        ("shapes", 5),
    ],
)
def test_what_is_no_field_of_it_is_refused(field, value):
    with pytest.raises(Unusable, match=r"expected"):
        Takes(**{field: value})


REACHED = {  # of each, shapes that must be met
    "n=16k": [{"n": 16}, {"n": 32}, {"n": 48}],
    "L=2..128": [{"L": 2}, {"L": 127}, {"L": 128}],
    "L=16k,d=64,n=16k": [{"L": 16, "d": 64, "n": 32}, {"L": 32}],
    "d=64/128": [{"d": 64}, {"d": 128}],
    "L=5,d=3,n=7": [{"L": 5, "d": 3, "n": 7}],
}


@pytest.mark.parametrize("said", REACHED)
def test_only_what_is_taken_is_posed_and_all_of_it_is_reached(said):
    target, problems = drawn(Takes(shapes=(said,)))
    assert not any(unfit(target, problem) for problem in problems)
    for sizes in REACHED[said]:
        assert any(all(getattr(p, side) == size for side, size in sizes.items()) for p in problems), sizes


def test_every_one_of_several_shapes_is_posed():
    shapes = {(p.L, p.d, p.n) for p in drawn(Takes(shapes=("L=4,d=8,n=16", "L=8,d=4,n=2")))[1]}
    assert shapes == {(4, 8, 16), (8, 4, 2)}


def test_logits_are_limited():
    target, problems = drawn(Takes(max_logits=24))
    assert max(p.L * p.n for p in problems) == 24
    assert not any(unfit(target, p) for p in problems)


def test_shapes_are_those_of_the_arrays_that_are_handed_over():
    """Without a bias there is one feature more; a pinned class has no row."""
    layout = Layout(bias="absent", pinned=0)
    _, problems = drawn(Takes(shapes=("L=4,d=8",)), layout=layout)
    assert {(p.L, p.d) for p in problems} == {(5, 7)}


def test_what_takes_everything_is_posed_what_it_was():
    plain, declared = (drawn(takes)[1] for takes in (Takes(), Takes(labels=("int32",))))
    assert [p.digest for p in plain] == [p.digest for p in declared]


@pytest.mark.parametrize(
    ("takes", "regimes"),
    [
        (Takes(shapes=("L=100000,d=4096",)), ("*",)),
        (Takes(shapes=("L=1",)), ("*",)),
        (Takes(shapes=("n=16k",), max_logits=8), ("*",)),
        (Takes(shapes=("n=16k",)), ("single-sample",)),
        (Takes(max_logits=1000), ("large",)),
        (Takes(without=("saturated",)), ("saturated",)),
    ],
)
def test_what_leaves_nothing_to_pose_is_refused(takes, regimes):
    with pytest.raises(Unusable, match=r"posed|takes"):
        strategy(Implementation("right", right, takes=takes), "float64", regimes)


# ---- regimes ----


@pytest.mark.parametrize("dtype", ["float64", "float16"])
@pytest.mark.parametrize("name", [name for name, regime in REGIMES.items() if not regime.opt_in])
def test_a_regime_that_is_not_taken_is_not_posed(name, dtype):
    """By construction: nothing is drawn that would have to be left out. What is in it by chance is not judged."""
    target, problems = drawn(Takes(without=(name,)), 60, dtype)
    held = [problem for problem in problems if REGIMES[name].holds(problem)]
    assert all(unfit(target, problem) for problem in held)
    constructed = name in without.SHAPED or name in without.MENDED or name.startswith("memory-")
    scaled = name == "subnormal" and dtype == "float16"  # large problems are scaled down last, which may bring it back
    assert len(held) <= (3 if scaled else 0 if constructed else 20)


def test_a_problem_that_is_not_taken_is_not_judged():
    """Whoever poses it: a saved case, say."""
    (problem,) = [p for p in drawn(Takes())[1] if p.n == 5][:1]
    target = Implementation("right", right, takes=Takes(shapes=("n=2k",)))
    verdict = gradcheck.judge(target, problem, ["theta_gradient"])["theta_gradient"]
    assert verdict.outcome == "skipped"
    assert "n=2k" in verdict.reason


# ---- what is judged then ----


def test_code_of_some_shapes_agrees_where_they_are_declared():
    run = conform(of_pairs, takes=EVEN, max_examples=120)
    assert not run.failed
    assert not run.tallies["theta_gradient"].counts["skipped"]
    assert conform(of_pairs, max_examples=20).failed


def test_no_check_calls_with_another_shape():
    """Not with a part of a problem either, nor when something is shrunk and explained."""
    met = set()

    def gradients(theta, b, X, Y):
        met.add((*theta.shape, X.shape[1]))
        found = of_pairs(theta, b, X, Y)
        return {**found, "b": 2 * found["b"]}

    run = conform(Implementation("wrong", gradients, takes=EVEN), max_examples=60)
    assert run.failed
    assert met
    assert not any(side % 2 for shape in met for side in shape)
    assert all(not unfit(Implementation("wrong", gradients, takes=EVEN), f.problem) for f in run.failures)
    assert any("twice" in str(f) or run.diagnosis for f in run.failures)


def test_a_fault_of_a_large_multiple_is_found_and_its_problem_is_one_that_is_taken(undiagnosed):
    def gradients(theta, b, X, Y):
        found = right(theta, b, X, Y)
        if X.shape[1] > 16:
            found["b"] = found["b"] + 1
        return found

    run = conform(gradients, takes=Takes(shapes=("n=16k",)), max_examples=60)
    assert {failure.problem.n for failure in run.failures if failure.check.name == "bias_gradient"} == {32}
    assert not any(failure.problem.n % 16 for failure in run.failures)


# ---- labels ----


def of_labels(seen, wrong=""):
    def gradients(theta, b, X, y):
        seen.add(y.dtype.name)
        D = right(theta.T.T, b[:, None], X.T, np.eye(len(theta))[y].T)
        if y.dtype.name == wrong:
            D["b"] = -D["b"]
        return {"theta": D["theta"], "b": D["b"][:, 0]}

    return gradients


def test_index_labels_are_of_each_integer_type_that_is_declared(undiagnosed):
    seen = set()
    takes = Takes(labels=("int32", "uint8", "int64"))
    value = {"checks": ["bias_gradient"], "layout": INDEX, "max_examples": 60}
    assert not conform(of_labels(seen), layout=INDEX, takes=takes, max_examples=60).failed
    assert seen == {"int32", "uint8", "int64"}
    assert conform(of_labels(set(), "uint8"), takes=takes, **value).failed
    assert not conform(of_labels(set(), "uint8"), **value).failed


def test_a_label_that_a_type_has_no_room_for_is_not_handed_over_in_it():
    Y = np.zeros((300, 2))
    Y[[3, 299], [0, 1]] = 1
    assert indices(Y, None, ("uint8", "int16")).dtype == np.int16
    with pytest.raises(NotPosed, match="room"):
        indices(Y, None, ("uint8",))
    with pytest.raises(NotPosed, match="room"):
        indices(np.zeros((3, 1)), -100, ("uint8",))
    assert indices(np.zeros((3, 1)), 255, ("uint8",))[0] == 255


# ---- what a target declines itself ----


def declining(theta, b, X, Y):
    if X.shape[1] % 2:
        raise NotPosed("n must be even")
    return right(theta, b, X, Y)


def never(theta, b, X, Y):
    raise NotPosed("not today\n" + "x" * 9999)


def test_a_problem_that_is_declined_is_no_failure_and_is_counted():
    run = conform(declining, max_examples=60)
    tally = run.tallies["theta_gradient"]
    assert not run.failed
    assert tally.counts["agree"]
    assert tally.reason == "n must be even"
    (gap,) = [gap for gap in run.unposed if gap.kind == "problems"]
    assert gap.how == "declined: n must be even"
    assert "of 60 problems (declined: n must be even)" in " ".join(run.report().split())


def test_what_declines_everything_is_not_judged():
    run = conform(never, max_examples=10)
    assert not run.failed
    assert not run.judged
    assert "10 of 10 problems (declined: not today" in " ".join(run.report().split())
    assert len(run.report()) < 1000


# ---- where it is declared ----


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.py").write_text(
        "import numpy as np\n\n"
        "def gradients(theta, b, X, Y):\n"
        "    if any(side % 2 for side in (*theta.shape, X.shape[1])):\n"
        "        raise ValueError('sides must be even')\n"
        "    Z = theta @ X + b\n    E = np.exp(Z - Z.max(axis=0))\n"
        "    D = (E / E.sum(axis=0) - Y) / X.shape[1]\n"
        "    return {'theta': D @ X.T, 'b': D.sum(axis=1, keepdims=True) * (1 + (X.shape[1] > 2))}\n"
    )
    return lambda *words: CliRunner().invoke(main, list(words))


def test_the_command_line_declares_it_and_a_case_is_repeated_by_its_command(run):
    found = run("verify", "model.py", "--shape", "L=2k,d=2k,n=2k", "--max-examples", "40")
    assert found.exit_code == 1, found.output
    assert "--shape L=2k,d=2k,n=2k" in found.output
    case = next(Path("cases").glob("bias_gradient-*.json"))
    assert run("replay", str(case), "model.py", "--shape", "L=2k,d=2k,n=2k").exit_code == 1
    assert run("replay", str(case), "model.py", "--shape", "n=2").exit_code == 3
    assert run("verify", "model.py", "--shape", "L=2k,d=2k,n=2", "--max-examples", "40").exit_code == 0
    assert run("compare", "model.py", "--shape", "L=2k,d=2k,n=2", "--max-examples", "20").exit_code == 0


@pytest.mark.parametrize(
    ("option", "value"),
    [("--shape", "n=q"), ("--max-logits", "many"), ("--without-regime", "no"), ("--label-type", "float")],
)
def test_an_option_that_says_nothing_is_refused_in_a_line(run, option, value):
    found = run("verify", "numpy", option, value)
    assert found.exit_code == 2
    assert option in found.output
    assert "Traceback" not in found.output


def test_pyproject_declares_it_and_the_command_line_prevails(run):
    table = (
        '[tool.gradcheck.targets.mine]\ntarget = "model.py"\n'
        'takes = { shapes = ["L=2k,d=2k,n=2"], max-logits = 64, labels = ["int32"], compiles = true }\n'
    )
    Path("pyproject.toml").write_text(table)
    assert run("verify", "--max-examples", "30").exit_code == 0
    assert gradcheck.load("mine").takes == Takes((), 64, ("L=2k,d=2k,n=2",), labels=("int32",), compiles=True)
    assert run("verify", "mine", "--shape", "L=2k,d=2k,n=2k", "--max-examples", "30").exit_code == 1
    Path("pyproject.toml").write_text(table.replace("max-logits", "most"))
    found = run("verify")
    assert (found.exit_code, "takes names 'most'" in found.output) == (2, True)


def test_it_goes_with_a_target_into_a_process_of_its_own(run):
    Path("other.py").write_text(
        "import gradcheck, model\n"
        "def gradients(theta, b, X, y):\n    raise gradcheck.NotPosed(y.dtype.name)\n"
        "it = gradcheck.Implementation('it', gradients, layout=gradcheck.Layout(labels='index'),\n"
        "    takes=gradcheck.Takes(shapes=('n=4',), labels=('int16', 'uint8')))\n"
    )
    found = run("verify", "other.py:it", "--isolate", "--max-examples", "20", "--json", "out.json")
    assert found.exit_code == 3, found.output
    assert "declined: int16" in found.output
    assert "declined: uint8" in found.output
    assert "n=4" in Path("out.json").read_text()


# ---- modules ----


def test_a_module_of_given_features_is_posed_its_own_shape():
    torch = pytest.importorskip("torch")

    class Reshaping(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.W = torch.nn.Parameter(torch.zeros(3, 4))

        def forward(self, X):
            return X.reshape(-1, 4) @ self.W.T

    class Own(torch.nn.Linear):
        """Right of its own number of classes, and of no other."""

        def forward(self, X, Y):
            return torch.nn.functional.cross_entropy(super().forward(X), Y) * self.out_features / self.weight.shape[0]

    shape = {
        name: gradcheck.from_torch_module(module).takes.shapes
        for name, module in {"reshaping": Reshaping(), "own": Own(6, 3)}.items()
    }
    assert shape == {"reshaping": ("L=3,d=4",), "own": ("L=3,d=6",)}
    for module in (Reshaping(), Own(6, 3)):
        assert not conform(gradcheck.load(module), max_examples=20).failed
    assert conform(gradcheck.from_torch_module(Own(6, 3), takes=Takes()), checks=["loss"], max_examples=20).failed
    assert gradcheck.from_torch_module(torch.nn.Linear(6, 3), takes=Takes()).takes.any_shape
    with pytest.raises(Unusable, match="audit"):
        conform(torch.nn.Linear(4096, 32000))


@pytest.mark.parametrize("dtype", precision.NAMES)
def test_the_numpy_target_agrees_on_shapes_of_every_kind(dtype):
    takes = Takes(shapes=("L=8k,d=16,n=8k", "L=2..70,n=33"), without=("memory-*",))
    assert not conform("numpy", dtype=dtype, takes=takes, max_examples=60).failed
