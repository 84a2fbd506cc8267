"""State: what is kept by less than it depends on is found and said as such, and code that keeps it rightly agrees."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest
from wrong import RIGHT

from gradcheck import Implementation, Layout, cases, conform, conformance, judge, model
from gradcheck.cases import Case
from gradcheck.checks import CHECKS, Trial, paused, plain, waiting
from gradcheck.implementations import handing, load
from gradcheck.mistakes import MISTAKES
from gradcheck.problem import Problem
from gradcheck.verdict import Outcome

pytestmark = pytest.mark.usefixtures("shared_truths")  # many are judged on the same problems

STATE = ("updated_in_place", "memory_given_again", "after_an_exception", "two_threads")
TINY = Problem([[0.0], [0.0]], [[0.0], [0.0]], [[0.0]], [[1.0], [0.0]])
ROWS = Layout(samples="rows", theta="features-first", labels="index", memory="C")


def said(implementation, problem=TINY, checks=STATE):
    return judge(implementation, problem, [CHECKS[name] for name in checks])


def outcomes(implementation, problem=TINY):
    return {name: verdict.outcome for name, verdict in said(implementation, problem).items()}


def in_turn(count):
    """Probabilities that are returned in so many arrays, one after the other."""
    kept = [np.zeros((2, 1)) for _ in range(count)]

    def softmax(Z):
        if Z.shape != (2, 1):
            return model.softmax(Z)
        kept.append(kept.pop(0))
        kept[-1][...] = model.softmax(Z)
        return kept[-1]

    return Implementation(f"{count} buffers", softmax=softmax)


@pytest.mark.parametrize("count", [1, 2, 4])
def test_buffers_that_are_used_in_turn_are_one_buffer_after_so_many_calls(count):
    problem = Problem([[1.0], [0.0]], [[0.0], [0.0]], [[1.0]], [[1.0], [0.0]])
    found = said(in_turn(count), problem, ("repeatable",))["repeatable"]
    assert "both live in one buffer" in found.reason


# ---- right code that keeps something ----


class ByNumbers:
    """Keeps probabilities, and knows them again by all numbers that they were made of."""

    def __init__(self):
        self.kept = {}

    def gradients(self, theta, b, X, Y):
        key = tuple((array.tobytes(), array.shape) for array in (theta, b, X))
        if key not in self.kept:
            self.kept[key] = model.softmax(model.logits(theta, b, X))
        D = (self.kept[key] - Y) / X.shape[1]
        return {"theta": D @ X.T, "b": D.sum(axis=1, keepdims=True), "Z": D.copy()}


class Workspace:
    """Works in one array, which it fills anew at each call, and returns copies."""

    def __init__(self):
        self.Z = {}

    def gradients(self, theta, b, X, Y):
        Z = self.Z.setdefault((len(theta), X.shape[1]), np.empty((len(theta), X.shape[1])))
        np.matmul(theta, X, out=Z)
        Z += b
        Z -= Z.max(axis=0)
        np.exp(Z, out=Z)
        Z /= Z.sum(axis=0)
        Z -= Y
        Z /= X.shape[1]
        return {"theta": Z @ X.T, "b": Z.sum(axis=1, keepdims=True), "Z": Z.copy()}


class Locked(Workspace):
    """The same, one call after the other."""

    lock = threading.Lock()

    def gradients(self, *arrays):
        with self.lock:
            return super().gradients(*arrays)


class Held:
    """Holds the last arguments themselves, and a copy of them, and computes anew where anything differs."""

    def __init__(self):
        self.last = None

    def gradients(self, *arrays):
        known = self.last and all(map(np.array_equal, self.last[0], arrays))
        if not known:
            self.last = None
            copies = tuple(array.copy() for array in arrays)
            self.last = copies, model.gradients(*arrays)
        return {key: value.copy() for key, value in self.last[1].items()}


THREADS = (ByNumbers, Locked)


@pytest.mark.parametrize("kind", [ByNumbers, Workspace, Locked, Held])
def test_right_code_that_keeps_something_agrees(kind):
    implementation = Implementation("right", gradients=kind().gradients, threads=kind in THREADS)
    run = conform(implementation, checks=(*STATE, "*_gradient", "repeatable"), max_examples=60)
    assert not run.failed
    asked = set(STATE) - (set() if kind in THREADS else {"two_threads"})
    assert {run.tallies[name].outcome for name in asked} == {Outcome.AGREE}


def test_code_that_is_made_for_one_thread_is_not_asked_for_two():
    found = said(Implementation("one", gradients=Workspace().gradients))["two_threads"]
    assert found.outcome is Outcome.SKIPPED
    assert "--threads" in found.reason


def test_a_shared_array_is_found_where_threads_are_declared():
    found = said(Implementation("two", gradients=Workspace().gradients, threads=True))["two_threads"]
    assert found.reason == "two calls of gradients at once: one of them is wrong, and right alone"


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_right_code_agrees_in_every_precision(dtype):
    tiny = Problem(*(np.asarray(a).astype(load("numpy").gradients(*TINY.arrays())["b"].dtype) for a in TINY.arrays()))
    run = conform(RIGHT, dtype=dtype, checks=STATE, max_examples=40)
    assert not run.failed
    assert set(outcomes(RIGHT, tiny).values()) == {Outcome.AGREE}


# ---- wrong code ----


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("made_of_an_array_remembered", "updated_in_place"),
        ("remembered_by_some_arguments", "updated_in_place"),
        ("remembered_by_address", "memory_given_again"),
        ("left_by_an_exception", "after_an_exception"),
        ("one_array_for_all_threads", "two_threads"),
    ],
)
def test_each_is_found_by_its_check_alone(name, check):
    found = said(MISTAKES[name].implementation(), checks=CHECKS)
    assert [each for each, verdict in found.items() if verdict.failed] == [check]


@pytest.mark.parametrize("name", ["missing_mean", "flipped_sign", "forgotten_bias", "softmax_over_samples"])
def test_wrong_values_are_no_state(name):
    """They are the same wherever the arrays lie, and whatever was asked before."""
    run = conform(MISTAKES[name].implementation(), checks=STATE, max_examples=40)
    assert not run.failed


def keyed(place):
    """Keeps what it returned, and finds it again by every argument but this one."""
    kept = {}

    def gradients(*arrays):
        key = tuple(array.tobytes() for k, array in enumerate(arrays) if k != place)
        if key not in kept:
            kept[key] = model.gradients(*arrays)
        return {name: value.copy() for name, value in kept[key].items()}

    return Implementation("keyed", gradients=gradients)


@pytest.mark.parametrize(("place", "parameter"), list(enumerate(("theta", "b", "X", "Y"))))
def test_the_argument_that_is_not_looked_at_is_named(place, parameter):
    found = said(keyed(place))["updated_in_place"]
    assert (
        found.reason
        == f"{parameter} was written to, and gradients returned what it had returned for the numbers before"
    )


def test_arrays_are_the_same_behind_a_layout_that_makes_others():
    """Index labels, weights in C order, samples in rows: what the code is handed lies where it lay."""
    seen = []

    def gradients(theta, b, X, y):
        seen.append(tuple(id(array) for array in (theta, b, X, y)))
        found = model.gradients(theta.T, b[:, np.newaxis], X.T, np.eye(theta.shape[1])[:, y])
        return {"theta": found["theta"].T, "b": found["b"][:, 0]}

    implementation = Implementation("rows", gradients=gradients, layout=ROWS)
    assert said(implementation)["updated_in_place"].outcome is Outcome.AGREE
    assert max(map(seen.count, seen)) > 4


@pytest.mark.parametrize("copied", [False, True])
def test_a_buffer_behind_a_layout_that_makes_another_array_of_it_is_found(copied):
    """What was returned is overwritten by the next call; what a row for the pinned class was put into is not."""
    kept = np.zeros(4096)

    def gradients(theta, b, X, Y):
        whole = [np.concatenate([np.zeros((1, array.shape[1])), array]) for array in (theta, b)]
        found = model.gradients(*whole, X, Y)["theta"][1:]
        given = kept[: found.size].reshape(found.shape)
        given[:] = found
        return {"theta": given.copy() if copied else given}

    implementation = Implementation("pinned", gradients=gradients, layout=Layout(pinned=0))
    problem = Problem(np.array([[0.0, 0.0], [0.5, -1.0]]), np.zeros((2, 1)), np.array([[1.0], [3.0]]), np.eye(2)[:, :1])
    assert said(implementation, problem, ["repeatable"])["repeatable"].failed != copied


def test_packed_labels_behind_a_layout_are_found():
    kept = {}

    def gradients(theta, b, X, y):
        Y = kept.setdefault(id(y), (y, np.eye(theta.shape[1])[:, y]))[1]
        found = model.gradients(theta.T, b[:, np.newaxis], X.T, Y)
        return {"theta": found["theta"].T, "b": found["b"][:, 0]}

    found = said(Implementation("rows", gradients=gradients, layout=ROWS))["updated_in_place"]
    assert found.reason.startswith("Y was written to, and gradients returned")


def test_a_call_that_raises_may_do_so_for_ever_where_that_is_wrong():
    """A flag that is never taken back."""
    busy = []

    def loss(*arrays):
        if busy:
            raise RuntimeError("busy")
        busy.append(1)
        found = model.loss(*arrays)
        busy.clear()
        return found

    found = said(Implementation("flag", loss=loss))["after_an_exception"]
    assert found.reason.startswith("loss raised RuntimeError: busy")
    assert found.reason.endswith("after a call of it that raised, and did not before")


def test_a_lock_that_is_left_locked_is_a_verdict(monkeypatch):
    """Whoever calls it again waits for ever, and so would the run: it is not called any more."""
    with suppress(OSError):
        assert waiting.awake() > 0
        monkeypatch.setattr(waiting, "LIMIT", 0.2)
    if waiting.LIMIT > 1:
        pytest.skip("this system does not count for how long a thread waits for a processor")
    lock, asked = threading.Lock(), []

    def loss(*arrays):
        asked.append(arrays)
        lock.acquire()
        found = model.loss(*arrays)
        lock.release()
        return found

    it = Implementation("locked", loss=loss)
    found = said(it)["after_an_exception"]
    assert found.outcome is Outcome.ERRORED and found.final
    assert found.reason.startswith("loss has not come back in 0.") and "after a call of it that raised" in found.reason
    calls = len(asked)
    assert CHECKS["loss"].judge(Trial(it, TINY)).reason == waiting.LOST
    assert len(asked) == calls


def test_code_that_computes_for_long_after_it_has_raised_is_waited_for(monkeypatch):
    """Only what waits is broken off; and what lets go of its lock is right."""
    monkeypatch.setattr(waiting, "LIMIT", 0.05)
    monkeypatch.setattr(waiting, "TIMES", 0)
    lock, slow = threading.Lock(), []

    def loss(*arrays):
        with lock:
            end = time.thread_time() + 0.1 * bool(slow)
            slow.clear()
            while time.thread_time() < end:
                pass
            try:
                return model.loss(*arrays)
            except RuntimeError:
                slow.append(1)
                raise

    assert said(Implementation("slow", loss=loss))["after_an_exception"].outcome is Outcome.AGREE


def test_an_alarm_that_rings_as_it_is_taken_back_is_not_set_again(monkeypatch):
    """Nobody would hear it then, and it would end the process."""
    try:
        assert waiting.awake() > 0
    except OSError:
        pytest.skip("this system does not count for how long a thread waits for a processor")
    else:
        setting, heard = signal.setitimer, signal.getsignal(signal.SIGALRM)
        clock = setting(signal.ITIMER_REAL, 0)  # of whoever runs the tests

        def late(which, seconds, *interval):
            found = setting(which, seconds, *interval)
            if seconds == 0:
                signal.raise_signal(signal.SIGALRM)
            return found

        monkeypatch.setattr(signal, "setitimer", late)
        try:
            with waiting._alarm(60.0):
                end = time.thread_time() + 0.02
                while time.thread_time() < end:  # no wait, after which it is set again
                    pass
            assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)
            assert signal.getsignal(signal.SIGALRM) is heard
        finally:
            setting(signal.ITIMER_REAL, *clock)


def test_code_that_no_array_makes_raise_is_not_judged_on_that():
    implementation = Implementation("numbers", loss=lambda *arrays: model.loss(*(np.array(a) for a in arrays)))
    found = said(implementation)["after_an_exception"]
    assert found.outcome is Outcome.SKIPPED
    assert found.reason.startswith("no array makes it raise")


def test_read_only_arrays_are_not_written_to():
    problem = Problem(*TINY.arrays(), memory="read-only")
    assert said(RIGHT, problem)["updated_in_place"].outcome is Outcome.SKIPPED


# ---- how it is handed over ----


def test_an_array_that_cannot_be_used_is_one_again_afterwards():
    hands = handing.Unreadable(0)
    (array,) = hands.passed((), (np.ones((2, 2)),))
    with pytest.raises(RuntimeError):
        array + 1
    with pytest.raises(RuntimeError):
        np.concatenate([array, array])
    assert array.T.shape == (2, 2) and array.tobytes() == np.ones((2, 2)).tobytes()
    hands.over()
    assert hands.raised
    assert (array + 1 == 2).all() and np.array_equal(np.concatenate([array, array.copy()]), np.ones((4, 2)))
    array += 1
    assert array[0, 0] == 2


def test_plain_numbers_differ_at_every_turn_and_everywhere():
    trial = Trial(RIGHT, Problem(np.zeros((3, 4)), np.zeros((3, 1)), np.zeros((4, 5)), np.eye(3)[:, [0, 1, 2, 0, 1]]))
    one, two = (plain.unseen(trial, turn).problem for turn in (0, 1))
    for name in ("theta", "b", "Y"):
        assert (getattr(one, name) != getattr(two, name)).any(axis=0).all()
    assert (one.X[:2] != two.X[:2]).all()


# ---- two calls at once ----


def test_two_calls_meet_at_the_line_that_is_chosen():
    log = []

    def one():
        log.append("first")
        log.append("last")

    with ThreadPoolExecutor(1) as elsewhere:
        count = paused.lines(elsewhere, one)
        log.clear()
        for line in range(1, count + 1):
            paused.both(elsewhere, one, lambda: log.append("other"), line)
    assert count == 2
    assert log == ["other", "first", "last", "first", "other", "last"]


def test_a_call_that_waits_for_a_lock_is_not_waited_for():
    lock = threading.Lock()

    def work():
        with lock:
            return 1

    with ThreadPoolExecutor(1) as elsewhere:
        assert paused.both(elsewhere, work, work, 2) == (1, 1, True)


# ---- what is said ----


def test_state_is_said_before_another_loss():
    """One gradient in eighty is 0: as if a sample did not count, which would be declared."""

    class Race:
        calls = 0

        def gradients(self, *arrays):
            self.calls += 1
            found = model.gradients(*arrays)
            return {key: value * (self.calls % 83 != 0) for key, value in found.items()}

    run = conform(Implementation("race", gradients=Race().gradients), checks=("*_gradient",), max_examples=200)
    assert run.diagnosis.state
    assert run.meant_law is None
    # as it is met: by a call that is repeated, or by a problem that is asked again
    assert "now and then" in run.diagnosis.likely or "when it is asked for again" in run.diagnosis.likely


def test_wrong_values_besides_are_told_apart():
    """A packed copy that is out of date, and a sum in the place of a mean: each failure has its own cause."""
    made, summed = MISTAKES["made_of_an_array_remembered"], MISTAKES["missing_mean"]
    run = conform(made.and_(summed)().implementation("both"), max_examples=40)
    assert run.diagnosis.exact
    assert set(run.diagnosis.mistakes) == {made.name, summed.name}


def after(count):
    calls = []

    def gradients(*arrays):
        calls.append(1)
        return {key: value * (1 + (len(calls) > count)) for key, value in model.gradients(*arrays).items()}

    return lambda: Implementation("late", gradients=gradients)


def test_a_case_that_passes_once_and_fails_when_it_is_asked_again_fails(tmp_path):
    path = cases.save(Case(replace(TINY), "bias_gradient", "late"), tmp_path)
    run = conformance.replay(after(1)(), cases.load(path), path)
    assert run.failed
    assert run.diagnosis.state
    assert "now and then" in run.report()
    assert not conformance.replay(after(2)(), cases.load(path), path).failed


def test_what_was_right_in_its_turn_is_state_where_the_rest_of_the_problem_failed():
    """From the third call on: the first problem, of which one value was right, is the only one that tells."""
    run = conform(after(2)(), checks=("*_gradient", "one_sample", "sample_permutation"), max_examples=40)
    assert run.diagnosis.state
    assert "wrong after many calls" in run.diagnosis.likely


def test_memory_that_is_never_written_is_state():
    run = conform(Implementation("empty", softmax=np.empty_like), checks=("softmax", "repeatable"), max_examples=40)
    assert run.diagnosis.state


# ---- frameworks ----


def torch_code(key):
    """Weights packed once for each key, and held with their tensor."""
    torch = pytest.importorskip("torch")
    from gradcheck import from_torch

    kept = {}

    def loss(W, b, X, Y):
        if kept.get("key") != key(W) or kept["W"] is not W:
            kept.update(key=key(W), W=W, packed=W.detach().clone())
        Z = X.to(W.dtype) @ (W + (kept["packed"] - W).detach()).T + b
        return -(Y * torch.log_softmax(Z, 1)).sum() / len(X)

    return from_torch(loss, layout=Layout(samples="rows"), name="packed")


def test_a_tensor_is_the_same_and_knows_that_it_was_written_to():
    """What looks at the version of a tensor is right, as it is beside an optimiser of torch; what does not, is found."""
    assert said(torch_code(lambda W: 0))["updated_in_place"].reason.startswith("theta was written to")
    assert said(torch_code(lambda W: W._version))["updated_in_place"].outcome is Outcome.AGREE


def test_the_parameters_of_a_module_are_written_to_as_by_an_optimiser():
    torch = pytest.importorskip("torch")
    from gradcheck import from_torch_module

    class Packed(torch.nn.Module):
        def __init__(self, versioned):
            super().__init__()
            self.linear, self.versioned, self.kept = torch.nn.Linear(1, 2), versioned, None

        def forward(self, X):
            W = self.linear.weight
            key = (W.data_ptr(), W.shape, W._version if self.versioned else 0)
            if self.kept is None or self.kept[0] != key:
                self.kept = key, W.detach().clone()
            return torch.nn.functional.linear(X, W + (self.kept[1] - W).detach(), self.linear.bias)

    for versioned, outcome in ((True, Outcome.AGREE), (False, Outcome.DISAGREE)):
        found = said(from_torch_module(Packed(versioned), dtypes=("float64",)))["updated_in_place"]
        assert found.outcome is outcome


def test_a_target_in_another_process_is_not_asked_for_its_memory():
    found = said(replace(RIGHT, copies=True))
    skipped = {name for name, verdict in found.items() if verdict.outcome is Outcome.SKIPPED}
    assert skipped == {"updated_in_place", "after_an_exception", "two_threads"}
    with suppress(KeyError):
        assert found["memory_given_again"].outcome is Outcome.AGREE


def test_labels_of_a_plain_problem_are_moved_on_with_all_samples():
    """Rows of classes as they are, each in the place of the next that may have a label."""
    Y = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    p = Problem(np.ones((3, 2)), np.zeros((3, 1)), np.ones((2, 3)), Y)
    assert np.array_equal(plain._Y(p, 1), Y[[2, 0, 1]])
