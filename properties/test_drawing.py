"""Problems are drawn alike whatever else a project has loaded, by as many threads as there are."""

import contextlib
import sys
import threading

import pytest
from hypothesis import given, settings, strategies

from gradcheck import drawing
from gradcheck.conformance import pose


def drawn(dtype, seed=3):
    found = []
    pose(found.append, dtype=dtype, regimes=("*",), seed=seed, count=60, shrink=False)
    return [problem.digest for problem in found]


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
def test_what_a_project_has_loaded_changes_no_problem(dtype, monkeypatch):
    """Hypothesis takes constants from the sources of it, where it reads them."""
    providers = sys.modules["hypothesis.internal.conjecture.providers"]
    if not hasattr(providers, drawing.READER):
        pytest.skip("this Hypothesis reads no sources")
    with monkeypatch.context() as patched:
        patched.setattr(drawing, "unread", contextlib.nullcontext)
        read = drawn(dtype)
        assert len(getattr(providers, drawing.FOUND)) > 100
    monkeypatch.setattr(providers, drawing.FOUND, providers.Constants())
    providers.CONSTANTS_CACHE.cache.clear()
    assert drawn(dtype) == read
    providers.CONSTANTS_CACHE.cache.clear()


def test_sources_are_read_as_they_were_by_others_and_afterwards():
    """In two threads of which each is within what the other has begun."""
    providers = sys.modules["hypothesis.internal.conjecture.providers"]
    if not hasattr(providers, drawing.READER):
        pytest.skip("this Hypothesis reads no sources")
    asked, entered, other, left = [], *(threading.Event() for _ in range(3))
    with drawing.unread():
        real, known = getattr(providers, drawing.READER).read, getattr(providers, drawing.FOUND)

    def first():
        with drawing.unread():
            entered.set()
            other.wait()
        left.set()

    def second():
        entered.wait()
        asked.append(drawing.UNREAD.get())
        with drawing.unread():
            other.set()
            left.wait()
            asked.append(drawing.UNREAD.get())
            assert getattr(providers, drawing.READER)() is known

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == [False, True] and not drawing.UNREAD.get()
    assert getattr(providers, drawing.READER).read is real


def test_no_source_is_read_for_what_is_posed_and_others_have_theirs_read(monkeypatch):
    """Which takes a second, once in a process."""
    providers = pytest.importorskip("hypothesis.internal.conjecture.providers")
    drawn("float64")
    read, asked = [], getattr(providers, drawing.READER, None)
    if asked is None:
        pytest.skip("this Hypothesis reads no sources")
    monkeypatch.setattr(providers, drawing.READER, drawing.Asked(providers, lambda: read.append(1) or asked.read()))
    drawn("float64")
    assert not read

    @settings(max_examples=200, database=None)
    @given(strategies.integers())
    def one(number):
        pass

    one()
    assert read
