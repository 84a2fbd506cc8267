"""How gradients are used: each mistake is caught by the check that is there for it alone, and no right code is refused."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
import used
from hypothesis import given, settings
from hypothesis import strategies as st
from test_checks import VALUES
from wrong import RIGHT

from gradcheck import (
    Implementation,
    Layout,
    Outcome,
    Problem,
    Verdict,
    conform,
    judge,
    load,
    model,
    problems,
)
from gradcheck.checks import CHECKS, Trial
from gradcheck.checks.meant import MEANT
from gradcheck.checks.upstream import factors, of_samples, scaled, strided
from gradcheck.drawing import pose
from gradcheck.enclosure import U64
from gradcheck.errors import Unusable
from gradcheck.implementations import adapt
from gradcheck.implementations.quiet import quiet
from gradcheck.implementations.record import USES, NotPosed

ALL = tuple(CHECKS[name] for name in MEANT if name != "no_sample_counts")  # which is no use: test_nothing.py
DTYPES = ("float64", "float32", "float16", "bfloat16")


@cache
def posed(dtype: str, count: int = 30) -> tuple[Problem, ...]:
    """Small problems of a run, and some whose labels are soft."""
    drawn: list[Problem] = []
    pose(drawn.append, dtype=dtype, regimes=("*",), seed=0, count=count, shrink=False)
    pose(drawn.append, dtype=dtype, regimes=("soft-labels",), seed=0, count=5, shrink=False)
    return tuple(problem for problem in drawn if problem.Y.size <= 400 and problem.memory != "integers")


def failing(implementation: Implementation, dtype: str = "float64") -> dict[str, Verdict]:
    """The checks of uses that fail, each with its first verdict."""
    found: dict[str, Verdict] = {}
    with quiet():
        for problem in posed(dtype):
            verdicts = judge(implementation, problem, [check for check in ALL if check.name not in found])
            found |= {name: verdict for name, verdict in verdicts.items() if verdict.failed}
    return found


# ---- PyTorch ----


def torch_losses():
    pytest.importorskip("torch")
    import torch_losses

    return torch_losses


NAMES = (
    *(
        "ignoring",
        "in place",
        "freed",
        "writing",
        "writing late",
        "leaking",
        "giving labels",
        "in one place",
        "strided",
    ),
    *("the first alone", "where data need one"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_use_is_caught_by_the_check_that_is_there_for_it_and_no_other(name):
    """Each is right in every value: the gradient itself agrees."""
    make, checks = torch_losses().WRONG[name]
    implementation = make()
    assert set(failing(implementation)) == set(checks)
    with quiet():
        values = judge(implementation, posed("float64")[3], [CHECKS["theta_gradient"], CHECKS["bias_gradient"]])
    assert not any(verdict.failed for verdict in values.values())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["right", "unnormalised", "refusing", "of samples"])
def test_no_right_use_is_refused(name, dtype):
    """A second backward that is refused, labels that get -Z/n, losses of samples: all of it is right."""
    known = torch_losses()
    assert not failing(known.of(known.RIGHT[name], dtypes=DTYPES), dtype)


@pytest.mark.parametrize("name", ["torch", "torch-options", "torch-probabilities", "torch-chunked", "autograd", "jax"])
def test_built_in_targets_are_asked_and_agree(name):
    """In layouts of their own, with options, in 40 problems."""
    pytest.importorskip(name.partition("-")[0])
    run = conform(load(name), checks=tuple(MEANT), max_examples=40)
    assert not run.failed
    assert run.tallies["upstream_gradient"].judged


def test_a_module_is_asked_by_its_own_parameters():
    """Frozen, differentiated by a function, in two passes at once."""
    torch = pytest.importorskip("torch")
    from gradcheck import from_torch_module

    run = conform(from_torch_module(torch.nn.Linear(4, 3)), checks=tuple(MEANT), max_examples=40)
    assert not run.failed
    names = ("upstream_gradient", "backward_twice", "batch_in_pieces", "inputs_without_gradient", "functional_gradient")
    assert all(run.tallies[name].judged for name in names)


def test_where_torch_func_does_not_take_a_loss_that_is_the_reason():
    """A Function without setup_context: it is skipped, in the words of PyTorch."""
    known = torch_losses()
    found = judge(known.of(known.Right), posed("float64")[3], [CHECKS["functional_gradient"]])["functional_gradient"]
    assert found.outcome is Outcome.SKIPPED
    assert found.reason.startswith("torch.func.grad does not take this loss: RuntimeError")


# ---- in words ----


@pytest.mark.parametrize(
    ("name", "check", "said"),
    [
        ("writing", "logits_left_alone", "the loss writes into the logits: Z["),
        ("writing late", "logits_left_alone", "the gradient of the loss writes into the logits: Z["),
        ("giving labels", "inputs_without_gradient", "labels that need no gradient were given one, beside ∂ℒ/∂θ"),
        ("where data need one", "inputs_without_gradient", "∂ℒ/∂θ is missing where b and X need no gradient"),
    ],
)
def test_what_is_found_is_said(name, check, said):
    """Which of the two wrote, and what is missing where."""
    assert failing(torch_losses().WRONG[name][0]())[check].reason.startswith(said)


def test_a_report_says_what_a_wrong_use_means_and_its_fix():
    """In the place of a diagnosis of gradients that are right, and once for the checks in which it shows."""
    wrong = replace(RIGHT, name="wrong", uses=used.uses(used.USED["logits_overwritten_by_the_gradient"][0]()))
    report = conform(wrong, max_examples=40).report()
    assert MEANT["logits_left_alone"][0] in " ".join(report.split())
    assert report.count("✗") == 1
    assert "write into an array of your own" in report
    assert "larger problems" not in report


# ---- what is offered ----


def test_a_use_that_is_not_offered_is_skipped_with_that_reason():
    """Each names what it cannot be asked for."""
    found = judge(replace(RIGHT, uses={"upstream": used.Right().upstream}), posed("float64")[3], ALL)
    assert found.pop("upstream_gradient").outcome is Outcome.AGREE
    assert {verdict.outcome for verdict in found.values()} == {Outcome.SKIPPED}
    assert found["backward_twice"].reason == "right cannot be asked for a second backward of one forward pass"
    none = judge(replace(RIGHT, uses={}), posed("float64")[3], ALL)
    assert {verdict.reason for verdict in none.values()} == {"right has no function 'upstream gradients'"}


def test_one_sample_is_not_asked_for_halves():
    alone = next(problem for problem in posed("float64") if problem.n == 1)
    found = judge(RIGHT, alone, [CHECKS["batch_in_pieces"]])["batch_in_pieces"]
    assert (found.outcome, found.reason) == (Outcome.SKIPPED, "one sample has no halves")


def test_uses_are_refused_that_are_none():
    """By an unknown name, and where there is no function."""
    with pytest.raises(Unusable, match="uses names 'downstream'; expected any of upstream, again"):
        Implementation("odd", model.gradients, uses={"downstream": model.gradients})
    with pytest.raises(Unusable, match="the use again is 3; expected a function"):
        Implementation("odd", model.gradients, uses={"again": 3})


def test_a_class_of_a_users_own_offers_its_uses():
    """A mapping of that name, beside its functions; another of that name is none of ours."""

    class Mine:
        gradients = staticmethod(model.gradients)
        uses = MappingProxyType({"upstream": used.Right().upstream})

    class Other(Mine):
        uses = MappingProxyType({"cases": 3})

    assert not judge(Implementation(Mine), posed("float64")[3], [CHECKS["upstream_gradient"]])[
        "upstream_gradient"
    ].failed
    assert set(Implementation(Mine).uses) == {"upstream"}
    assert not Implementation(Other).uses


@pytest.mark.parametrize("name", VALUES)
def test_no_junk_brings_a_check_of_uses_down(name):
    """Whatever a use returns, it is a verdict, and no agreement."""
    junk = replace(RIGHT, uses={use: lambda *_: VALUES[name]() for use in USES})
    with quiet():
        found = judge(junk, posed("float64")[3], [check for check in ALL if check.name != "another_precision"])
    assert not any(verdict.outcome is Outcome.AGREE for verdict in found.values())


def test_a_gradient_that_is_wrong_in_itself_is_not_blamed_on_its_uses():
    """Other checks say so."""
    wrong = replace(RIGHT, gradients=lambda *a: {k: 2 * g for k, g in model.gradients(*a).items()})
    found = judge(wrong, posed("float64")[3], ALL)
    assert not any(verdict.failed for verdict in found.values())
    assert found["backward_twice"].reason == "its gradient is wrong without that, which other checks say"


class Zeros(used.Right):
    """No gradient at all, which is right where the exact one is lost in rounding."""

    def forward(self, Z, Y):
        return {"D": np.zeros_like(Z)}


def test_a_gradient_that_is_wrong_at_smaller_logits_alone_is_not_blamed_on_what_is_written_to():
    """Where the logits are large zeros are right, and tanh makes them small."""
    uses = used.uses(Zeros())
    wrong = replace(RIGHT, gradients=lambda *a: {k: 0 * g for k, g in model.gradients(*a).items()}, uses=uses)
    far = Problem(np.array([[2.0**20], [-(2.0**20)]]), np.zeros((2, 1)), np.ones((1, 1)), np.eye(2)[:, :1])
    for problem in (far, *posed("float64")):
        found = judge(wrong, problem, [CHECKS["gradient_through_a_kept_output"]])
        assert not any(verdict.failed for verdict in found.values())


@pytest.mark.parametrize("limit", [lambda c: np.clip(c, -100, 100), lambda c: c * (abs(c) > 1e-4)])
def test_an_upstream_gradient_that_is_cut_off_is_seen(limit, undiagnosed):
    """What scales a loss is far from 1 on both sides."""

    def upstream(theta, b, X, Y, c):
        D = limit(c) * model.logits_gradient(theta, b, X, Y)
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True)}

    it = Implementation("cut", lambda *arrays: upstream(*arrays, 1.0), uses={"upstream": upstream})
    run = conform(it, checks=("upstream_gradient",), max_examples=300)
    assert [failure.check.name for failure in run.failures] == ["upstream_gradient"]


def test_a_pinned_class_has_no_row_to_use():
    """It is not posed, in words."""
    layout = Layout(pinned=0)
    with pytest.raises(NotPosed, match="each class has a row of its own"):
        adapt(replace(RIGHT, layout=layout)).uses["upstream"](*posed("float64")[3].arrays(), np.ones(()))


# ---- what is posed, and the bound ----


@settings(max_examples=30)
@given(problem=problems(dtypes=DTYPES))
def test_upstream_gradients_are_what_is_said_of_them(problem):
    """A power of two that is not 1, and a number whose last bit is set; of samples some that are negative or 0; strides."""
    trial = Trial(RIGHT, problem)
    power, full = (float(c[0]) for c in factors(trial))
    assert np.frexp(power)[0] == 0.5
    assert power != 1
    assert (abs(full) / (4 * problem.precision.u)) % 2 == 1
    assert 2 < abs(full) < 4
    c = of_samples(trial)
    assert c.dtype == problem.theta.dtype
    assert [strided(c, step).strides[0] for step in (1, 2)] == [c.itemsize, 2 * c.itemsize]
    assert all((strided(c, step) == c).all() for step in (1, 2))
    assert strided(c, 0).strides == (0,)


def forms(problem: Problem, c: np.ndarray) -> Iterator[dict[str, np.ndarray]]:
    """c times the gradient, with c multiplied in first, into X and θ, or last."""
    theta, b, X, Y = problem.arrays()
    n = theta.dtype.type(problem.n)
    A = model.softmax(model.logits(theta, b, X)) * Y.sum(axis=0, dtype=theta.dtype) - Y
    parts = (
        (c / n * A, X, theta, 1),
        (A * c / n, X, theta, 1),
        (A, X * (c / n), theta * (c / n), 1),
        (A / n, X, theta, c),
    )
    for number, (D, x, t, last) in enumerate(parts):
        yield {
            "theta": (D @ x.T) * last,
            "b": (D.sum(axis=1, keepdims=True) if number != 2 else (D * (c / n)).sum(axis=1, keepdims=True)) * last,
            "X": (t.T @ D) * last,
        }


@settings(max_examples=100)
@given(problem=problems(dtypes=DTYPES), power=st.integers(-20, 16), odd=st.integers(0, 60))
def test_wherever_c_is_multiplied_in_the_result_lies_within_the_bound(problem, power, odd):
    """Before the division, after it, into the data, or at the end; large and small."""
    power = power // 3 if problem.precision.name == "float16" else power
    c = problem.precision.round(np.array([2.0**power * (1 + odd / 64)]))
    trial = Trial(RIGHT, problem)
    with np.errstate(all="ignore"):
        truths = scaled(trial, c)
        for found in forms(problem, c[0]):
            for key, value in found.items():
                exact, allowed = truths[key]
                assert (exact.inflate(allowed).test_ratio(value.astype(float)) <= 1).all()


def test_each_further_operation_with_c_is_granted_its_rounding():
    """Of a kept output c is multiplied in more than once."""
    trial = Trial(RIGHT, next(p for p in posed("float32") if p.n > 1))
    once, thrice = (scaled(trial, np.array([3.0]), times) for times in (1, 3))
    for key, (exact, allowed) in once.items():
        more = thrice[key][1] - allowed
        assert (more >= 2 * trial.problem.precision.u * abs(exact.midpoint))[np.isfinite(allowed)].all()


@settings(max_examples=60)
@given(problem=problems(dtypes=DTYPES, regimes=("two-classes", "square", "single-sample", "soft-labels")))
def test_c_is_granted_two_roundings_more_and_no_others(problem):
    """No less than c times the bound, and no more than that with two more roundings of each term, and what underflows."""
    trial, p = Trial(RIGHT, problem), problem.precision
    c = factors(trial)[0]
    D, X = trial.truth.enclosure("D"), abs(problem.reals[2]).T
    own, more = trial.truth.allowed("theta"), (D.magnitude + trial.truth.allowed("D")) @ X
    found = scaled(trial, c)["theta"][1]
    factor = float(c[0])
    safe = 2 * 2 * (16 + 2) * U64  # what twice `outward` of 16 roundings adds, since a bound is computed in float64
    most = factor * (own * (1 + 8 * p.u + safe) + 2 * p.u * (1 + 40 * problem.n * p.u) * more)
    lost = 400 * (problem.n + 4) * (1 + problem.n) * max(1, factor) * (1 + X.max()) * p.eta
    known = np.isfinite(found)
    assert (found >= factor * own * (1 - 2.0**-40))[known].all()
    assert (found <= most + lost)[known].all()


# ---- a process ----


PROGRAM = """
import json, sys, math
def softmax(z):
    e = [math.exp(v - max(z)) for v in z]; return [v / sum(e) for v in e]
for line in sys.stdin:
    q = json.loads(line); v = q.get("values")
    if q["call"] == "describe":
        a = {{"gradcheck_protocol": 1, "functions": ["gradients"], "uses": ["upstream"], "encoding": "json"}}
    else:
        t, b, X, Y = (v[k] for k in ("theta", "b", "X", "Y")); n = len(X[0]); c = v.get("upstream", 1.0)
        D = [[0.0] * n for _ in t]
        for i in range(n):
            A = softmax([sum(w * X[j][i] for j, w in enumerate(row)) + b[l][0] for l, row in enumerate(t)])
            for l in range(len(t)):
                D[l][i] = {c} * (A[l] * sum(r[i] for r in Y) - Y[l][i]) / n
        a = {{"values": {{"theta": [[sum(D[l][i] * x[i] for i in range(n)) for x in X] for l in range(len(t))]}}}}
    print(json.dumps(a), flush=True)
"""


@pytest.mark.parametrize(("factor", "outcome"), [("c", Outcome.AGREE), ("1.0", Outcome.DISAGREE)])
def test_a_program_that_declares_it_is_asked_for_c_times_its_gradient(tmp_path: Path, factor, outcome):
    """One that multiplies, and one that does not; other uses are not asked of it."""
    from gradcheck.implementations.process import from_command

    file = tmp_path / "program.py"
    file.write_text(PROGRAM.format(c=factor))
    run = conform(from_command([sys.executable, str(file)]), checks=tuple(MEANT), max_examples=8)
    assert run.tallies["upstream_gradient"].outcome is outcome
    assert run.tallies["backward_twice"].outcome is Outcome.SKIPPED


def test_an_isolated_target_answers_every_use(tmp_path: Path):
    """Of losses of samples, too, whose upstream gradients keep their strides; and it is as wrong as where it was."""
    from gradcheck.implementations.peer import Limits
    from gradcheck.implementations.process import isolated

    file = tmp_path / "mine.py"
    file.write_text(
        f"import sys; sys.path.append({str(Path(__file__).parent)!r})\nimport used\nfrom wrong import RIGHT\n"
        "from dataclasses import replace\n"
        "kinds = {name: kind for name, (kind, _) in used.USED.items()}\n"
        "right = RIGHT\n"
        "samples = used.of_samples(used.Right, RIGHT)\n"
        "strided = used.of_samples(kinds['upstream_expanded_read_beyond'], RIGHT)\n"
        "twice = replace(RIGHT, uses=used.uses(kinds['saved_gradient_multiplied_in_place']()))\n"
    )
    for name, wrong in (
        ("right", ""),
        ("samples", ""),
        ("strided", "upstream_gradients_of_samples"),
        ("twice", "backward_twice"),
    ):
        implementation = isolated(f"{file}:{name}", Limits())
        assert set(implementation.uses) == set(USES)
        found = judge(implementation, posed("float64")[3], ALL)
        assert {check for check, verdict in found.items() if verdict.failed} == ({wrong} if wrong else set())
