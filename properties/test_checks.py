"""The table of checks: complete, in words, and never brought down by what an implementation returns."""

import datetime
import decimal
import fractions
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
import used
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from wrong import IGNORING, RIGHT

from gradcheck import CrossEntropy, Implementation, Outcome, Problem, Verdict, conform, judge, problems
from gradcheck.checks import CHECKS
from gradcheck.implementations import FUNCTIONS
from gradcheck.implementations.quiet import quiet
from gradcheck.mistakes import Model
from gradcheck.tally import Tally
from gradcheck.verdict import SEVERITY, combine
from gradcheck.verify import Run, status

DATA = st.data()
EVERY_CHECK = pytest.mark.parametrize("check", CHECKS.values(), ids=CHECKS)


# ---- the table ----


@pytest.mark.parametrize("equation", range(1, 23))
def test_every_equation_of_the_paper_has_a_check(equation):
    """Equations (1) to (22)."""
    assert any(equation in check.equations for check in CHECKS.values())


def test_no_check_cites_an_equation_that_does_not_exist():
    """Each cites between 1 and 22, each once, in order."""
    for check in CHECKS.values():
        assert set(check.equations) <= set(range(1, 23))
        assert list(check.equations) == sorted(set(check.equations))


@EVERY_CHECK
def test_every_check_states_its_claim_in_one_sentence(check):
    """It ends with a full stop, has no other, and fits on a line."""
    claim = check.claim
    assert claim.endswith(".")
    assert not re.search(r"\. [A-Z]", claim)
    assert len(claim) <= 120


def test_names_and_claims_are_unique():
    """The name of a check is the name of its function: nothing has been entered over something else."""
    assert all(check.function.__name__ == name == check.name for name, check in CHECKS.items())
    assert len({check.function for check in CHECKS.values()}) == len(CHECKS)
    assert len({check.claim for check in CHECKS.values()}) == len(CHECKS)


@EVERY_CHECK
def test_what_a_check_needs_are_functions_of_an_implementation(check):
    """And where it takes turns, they are among the twelve."""
    assert set(check.needs) <= set(FUNCTIONS)
    assert set(check.turns) <= set(range(12))
    assert inspect.isgeneratorfunction(check.function) or check.function.__name__.endswith("_sums_to_zero")


# ---- junk ----


class Hostile:
    """An object of which some method raises."""

    def __init__(self, method: str, exception: BaseException) -> None:
        self.method, self.exception = method, exception

    def _do(self, method: str, otherwise: Any) -> Any:
        if method == self.method:
            raise self.exception
        return otherwise

    def __repr__(self) -> str:
        return self._do("repr", "hostile")

    def __array__(self, *arguments: Any, **options: Any) -> np.ndarray:
        return self._do("array", np.zeros(1))

    def __float__(self) -> float:
        return self._do("float", 0.0)

    def __len__(self) -> int:
        return self._do("len", 1)

    def __bool__(self) -> bool:
        return self._do("bool", True)


class HostileMapping(Mapping[str, Any]):
    """It says that it has theta, b and Z, and then does not give them."""

    def __getitem__(self, key: str) -> Any:
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(("theta", "b", "Z"))

    def __len__(self) -> int:
        return 3


class Unprintable(Exception):
    """An exception without words."""

    def __str__(self) -> str:
        raise ValueError("no words")


VALUES: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "text": lambda: "0.5",
    "bytes": lambda: b"\0",
    "complex": lambda: 1j,
    "an array of complex": lambda: np.ones((2, 1), dtype=complex),
    "a number": lambda: 0.5,
    "true": lambda: True,
    "NaN": lambda: np.nan,
    "infinity": lambda: -np.inf,
    "a huge whole number": lambda: 10**400,
    "a decimal": lambda: decimal.Decimal("0.5"),
    "a fraction": lambda: fractions.Fraction(1, 2),
    "a date": lambda: datetime.date(2000, 1, 1),
    "a list": lambda: [[0.0], [0.0]],
    "ragged lists": lambda: [[0.0], [0.0, 1.0]],
    "a list of None": lambda: [None, None],
    "a set": lambda: {1, 2},
    "a generator": lambda: (x for x in ()),
    "a function": lambda: len,
    "a class": lambda: int,
    "an array of no size": lambda: np.zeros((0, 0)),
    "an array of the wrong shape": lambda: np.zeros((3, 3, 3)),
    "an array of one number": lambda: np.zeros(()),
    "an array of NaN": lambda: np.full((2, 1), np.nan),
    "an array of infinities": lambda: np.full((2, 1), np.inf),
    "an array of objects": lambda: np.array([[None], ["b"]], dtype=object),
    "an array of text": lambda: np.array([["a"], ["b"]]),
    "an array of dates": lambda: np.zeros((2, 1), dtype="datetime64[s]"),
    "an array of truths": lambda: np.zeros((2, 1), dtype=bool),
    "an array of records": lambda: np.zeros((2, 1), dtype=[("a", "f8")]),
    "an array of whole numbers": lambda: np.zeros((2, 1), dtype="uint8"),
    "an array of long doubles": lambda: np.zeros((2, 1), dtype=np.longdouble),
    "a masked array": lambda: np.ma.masked_all((2, 1)),
    "a sparse array": lambda: sparse.csr_array(np.zeros((2, 1))),
    "a matrix": lambda: np.asmatrix(np.zeros((2, 1))),
    "an empty mapping": lambda: {},
    "a mapping of other keys": lambda: {1: 2, None: 3},
    "a mapping without values": HostileMapping,
    "lists in itself": lambda: [nested := [], nested.append(nested)][0],
    **{
        f"an object whose {method} raises {type(exception).__name__}": lambda m=method, e=exception: Hostile(m, e)
        for method in ("repr", "array", "float", "len", "bool")
        for exception in (ValueError("two\nlines"), SystemExit(3), Unprintable())
    },
}
RAISED = (
    ValueError("two\nlines"),
    ZeroDivisionError(),
    MemoryError(),
    RecursionError(),
    StopIteration(),
    AssertionError(),
    SystemExit(0),
    SystemExit("end"),
    GeneratorExit(),
    Unprintable(),
    BaseException("of any kind"),
)


def _returning(make: Callable[[], Any]) -> dict[str, Callable[..., Any]]:
    """Junk from every function, as the mapping's values too."""
    return {name: lambda *arrays: make() for name in FUNCTIONS}


def _raising(exception: BaseException) -> Callable[..., Any]:
    def function(*arrays: Any) -> Any:
        raise exception

    return function


JUNK: dict[str, Implementation] = {
    **{f"returns {name}": Implementation("junk", **_returning(make)) for name, make in VALUES.items()},
    **{
        f"returns gradients of {name}": replace(
            RIGHT, gradients=lambda *arrays, make=make: {"theta": make(), "b": make(), "Z": make()}
        )
        for name, make in VALUES.items()
    },
    **{
        f"raises {type(exception).__name__} {number}": Implementation(
            "junk", **{name: _raising(exception) for name in FUNCTIONS}
        )
        for number, exception in enumerate(RAISED)
    },
    "takes no arguments": Implementation("junk", **{name: lambda: 0.0 for name in FUNCTIONS}),
}


def judged(implementation: Implementation, problem: Problem) -> dict[str, Verdict]:
    """The verdict of every check; what escapes one, be it `SystemExit`, fails this test and not the whole session."""
    verdicts, escaped = {}, {}
    with quiet():
        for name, check in CHECKS.items():
            try:
                verdicts.update(judge(implementation, problem, [check]))
            except BaseException as exception:
                escaped[name] = type(exception).__name__
    assert not escaped
    return verdicts


PLAIN = Problem(np.array([[1.0], [-0.5]]), np.zeros((2, 1)), np.array([[2.0]]), np.eye(2)[:, :1])


@pytest.mark.parametrize("name", JUNK)
def test_no_junk_brings_a_check_down_and_no_check_agrees_with_it(name):
    """Every check gives a verdict, in words; of the functions that return junk, none is found right."""
    verdicts = judged(JUNK[name], PLAIN)
    assert verdicts.keys() == CHECKS.keys()
    assert all(isinstance(verdict, Verdict) for verdict in verdicts.values())
    assert all(verdict.reason or verdict.ratio is not None for verdict in verdicts.values() if verdict.failed)
    if "gradients of" not in name:
        assert any(verdicts[f"{key}_gradient"].failed for key in ("theta", "bias", "logits"))


@settings(max_examples=30)
@given(data=DATA)
def test_no_mixture_of_junk_brings_a_check_down(data):
    """Each function is right, missing, or returns junk of its own, on any problem."""
    names = st.sampled_from([None, "right", *VALUES])
    problem = data.draw(problems(dtypes=("float64", "float16")), label="problem")
    functions: dict[str, Any] = {}
    for function in FUNCTIONS:
        kind = data.draw(names, label=function)
        if kind is not None:
            junk = VALUES.get(kind)
            functions[function] = getattr(RIGHT, function) if junk is None else lambda *arrays, junk=junk: junk()
    if functions:
        assert judged(Implementation("mixture", **functions), problem).keys() == CHECKS.keys()


@settings(max_examples=100)
@given(data=DATA)
def test_no_array_of_the_wrong_shape_agrees(data):
    """Right values, reshaped: every check that reads them errs or disagrees, and says what was expected."""
    problem = data.draw(problems(), label="problem")
    key = data.draw(st.sampled_from(["theta", "b", "Z"]), label="gradient")
    reshape = data.draw(
        st.sampled_from([np.ravel, np.atleast_3d, lambda a: a[:-1], lambda a: np.append(a, a, axis=0)]),
        label="reshape",
    )

    def gradients(*arrays: Any) -> dict[str, Any]:
        right = RIGHT.gradients(*arrays)
        return {**right, key: reshape(right[key])}

    check = CHECKS["shape_and_dtype"]
    with quiet():
        verdict = judge(replace(RIGHT, gradients=gradients), problem, [check])[check.name]
    assert verdict.outcome is Outcome.DISAGREE
    assert "expected" in verdict.reason


def test_an_interrupt_is_passed_on():
    """Ctrl-C ends the run, whatever was being called."""
    implementation = Implementation("slow", loss=_raising(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        judge(implementation, PLAIN, [CHECKS["loss"]])


# ---- what is missing ----


@EVERY_CHECK
@given(data=DATA)
@settings(max_examples=5)
def test_a_check_is_skipped_with_a_reason_where_a_function_is_missing(check, data):
    """Never agreed with."""
    problem = data.draw(problems(), label="problem")
    for name in check.needs:
        verdict = judge(replace(RIGHT, **{name: None}), problem, [check])[check.name]
        assert verdict == Verdict(Outcome.SKIPPED, f"right has no function {name!r}")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_an_implementation_of_one_function_is_judged_on_it_alone(name):
    """Any subset will do; what is missing is skipped, and the rest agrees."""
    run = conform(Implementation("one", **{name: getattr(RIGHT, name)}), max_examples=50)
    outcomes = {check: tally.outcome for check, tally in run.tallies.items()}
    for check in CHECKS.values():
        if not set(check.needs) <= {name}:
            assert outcomes[check.name] is Outcome.SKIPPED
    assert status([run]) == 0


def test_skipped_and_inconclusive_count_as_no_agreement():
    """A run in which nothing was judged has exit status 3."""
    run = conform(Implementation("one", softmax=RIGHT.softmax), checks=("loss",), max_examples=10)
    assert run.tallies["loss"].outcome is Outcome.SKIPPED
    assert run.tallies["loss"].judged == 0
    assert run.tallies["loss"].reason == "one has no function 'loss'"
    assert status([run]) == 3


@given(outcomes=st.lists(st.sampled_from(Outcome), min_size=1, max_size=6))
def test_a_disagreement_is_never_hidden(outcomes):
    """One failure among any number of agreements is a failure, of one problem and of a run."""
    verdicts = [Verdict(outcome, "why") for outcome in outcomes]
    tally = Tally(CHECKS["loss"])
    for verdict in verdicts:
        tally.add(PLAIN, verdict)
    worst = min(outcomes, key=SEVERITY.index)
    assert combine(verdicts).outcome is worst
    assert tally.outcome is worst
    assert combine(verdicts).failed == any(verdict.failed for verdict in verdicts)
    assert tally.judged == sum(outcome not in (Outcome.SKIPPED, Outcome.INCONCLUSIVE) for outcome in outcomes)


@cache
def run_of_the_right_implementation(law: CrossEntropy) -> Run:
    """All checks, 100 test cases."""
    return conform(OTHERS.get(law, RIGHT), max_examples=100)


ASKS = {"upstream_gradients_of_samples": CrossEntropy(reduction="none"), "no_sample_counts": IGNORING}  # another loss
OTHERS = {
    CrossEntropy(reduction="none"): used.of_samples(used.Right, RIGHT),
    IGNORING: Model(IGNORING).implementation("right"),
}


@EVERY_CHECK
def test_every_check_is_judged_on_some_problem_of_a_run(check):
    """Each is due within 100 test cases and finds something to judge: none is skipped by its own conditions."""
    tally = run_of_the_right_implementation(ASKS.get(check.name, CrossEntropy())).tallies[check.name]
    assert tally.judged > 0
    assert tally.outcome is Outcome.AGREE
