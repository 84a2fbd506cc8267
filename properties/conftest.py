"""The problems that ever found a fault are judged before anything is drawn; what tests share is worked out once."""

import signal
from collections.abc import Callable, Hashable, Iterator
from typing import Any

import pytest
from quick import chosen

from gradcheck import Problem, explaining, referees


def pytest_collection_modifyitems(items) -> None:
    items.sort(key=lambda item: item.path.name != "test_corpus.py")  # all others stay in their order
    for item in chosen(items):
        item.add_marker(pytest.mark.quick)


class Once(dict[Hashable, Any]):
    """What has been made, by its key; what was raised instead is raised again."""

    def of(self, key: Hashable, make: Callable[[], Any]) -> Any:
        if key not in self:
            try:
                self[key] = make()
            except Exception as problem:
                self[key] = problem.with_traceback(None)
        if isinstance(self[key], Exception):
            raise self[key]
        return self[key]


@pytest.fixture(scope="session")
def once() -> Once:
    """For this session; nothing of it is there where `benchmarks.mutants` judges a change of ours."""
    return Once()


@pytest.fixture
def shared_truths(once: Once, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exact values of a problem are worked out once: for tests that judge many implementations on the same problems.

    Not for properties of referees, bounds and checks, each of which must see a mutant by itself.
    """
    oracle, softmax = referees.oracle, referees.softmax

    def known(problem: Problem) -> Any:
        if problem.law.own:  # of which a digest has the name alone
            return oracle(problem)
        return once.of(("oracle", problem.digest), lambda: oracle(problem))

    monkeypatch.setattr(referees, "oracle", known)
    monkeypatch.setattr(
        referees,
        "softmax",
        lambda Z, dtype: once.of(("softmax", Z.shape, Z.tobytes(), dtype), lambda: softmax(Z, dtype)),
    )


@pytest.fixture
def undiagnosed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures are found and shrunk, and their cause, which takes most of a run that fails, is not: for tests of the rest."""
    monkeypatch.setattr(explaining, "told", lambda run, *given: run)


@pytest.fixture
def hearing() -> Iterator[None]:
    """What is begun here hears a hangup and an interrupt, though the tests may have been begun to hear none (`nohup`, `&`)."""
    defaults = {"SIGHUP": signal.SIG_DFL, "SIGINT": signal.default_int_handler}
    known = {getattr(signal, name): handler for name, handler in defaults.items() if hasattr(signal, name)}
    before = {number: signal.signal(number, handler) for number, handler in known.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
