"""Pytest sessions in which mutants are judged."""

import importlib
import json
import os
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from types import CodeType

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from benchmarks.mutants.changes import Source
from benchmarks.mutants.forks import Mutated, caches, forked, identical, limited, replace_code
from benchmarks.mutants.parts import ROOT, Mutant
from benchmarks.mutants.results import UNCALLED

SECONDS = (
    10.0  # of a processor, and SLOWER times what a property takes without a mutant: longer, and the mutant is killed
)
SLOWER = 5
ALL = 3600.0  # for all of them

Calls = dict[str, set[tuple[str, str]]]


def first_failure(items: list[pytest.Item], seconds: dict[str, float]) -> str:
    """The name of the first property that fails; `survived` where none does."""
    for item in items:
        limited(SECONDS + SLOWER * seconds.get(item.nodeid, ALL))
        if any(report.failed for report in runtestprotocol(item, nextitem=None, log=False)):
            return item.nodeid
    return "survived"


def without_shrinking() -> None:
    """A mutant need not be shown on the smallest problem."""
    current = settings.get_profile(os.environ.get("HYPOTHESIS_PROFILE", "dev"))
    settings.register_profile("mutants", current, phases=[Phase.explicit, Phase.generate])
    settings.load_profile("mutants")


class Session:
    """A pytest plugin: it collects the properties, finds out which functions each calls, and judges mutants in forks."""

    def __init__(self, wanted: list[Mutant], sources: dict[str, Source], write: Callable[[Mutant, str], None]) -> None:
        self.wanted, self.sources, self.write = wanted, sources, write

    def pytest_sessionstart(self) -> None:
        without_shrinking()

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        if session.testsfailed:
            raise session.Interrupted("a property could not be collected")
        for path in {mutant.path for mutant in self.wanted}:  # what is imported later would not be the mutant's
            importlib.import_module(named(path))
        found = caches()
        self.caches = [each for each in found if not identical(each)]
        self.fixed = {
            each.__wrapped__.__code__ for each in found if identical(each)
        }  # as they were when modules were imported
        calls, self.seconds = self.called(session.items)
        killers: defaultdict[str, Counter[str]] = defaultdict(Counter)  # of each function, and of each file
        for mutant in self.wanted:
            places = (mutant.path + mutant.function, mutant.path)
            items = sorted(
                (item for item in session.items if (mutant.path, mutant.function) in calls[item.nodeid]),
                key=lambda item: (*(-killers[place][item.nodeid] for place in places), self.seconds[item.nodeid]),
            )
            said = forked(lambda m=mutant, items=items: self.judge(m, items), ALL) if items else UNCALLED
            for place in places:
                killers[place][said] += "::" in said
            self.write(mutant, said)
        return True

    def judge(self, mutant: Mutant, items: list[pytest.Item]) -> str:
        source = self.sources[mutant.path]
        replace_code(str(source.path), mutant.function, source.mutated(mutant.number))
        for each in self.caches:
            each.cache_clear()
        return first_failure(items, self.seconds)

    def called(self, items: list[pytest.Item]) -> tuple[Calls, dict[str, float]]:
        """Which functions (path, name) of gradcheck each property calls, and how long it takes; of what must shrink, none."""
        with tempfile.TemporaryDirectory() as place:
            kept = Path(place) / "calls.json"
            said = forked(lambda: self._called(items, kept), ALL)
            if not kept.exists():
                raise RuntimeError(f"without any mutant: {said}")
            found, seconds = json.loads(kept.read_text(encoding="utf-8"))
        for name in filter(lambda line: "::" in line, said.splitlines()):  # it says nothing where none fails
            print(f"fails without any mutant, and is left out: {name}")
        return {name: {(path, function) for path, function in each} for name, each in found.items()}, seconds

    def _called(self, items: list[pytest.Item], kept: Path) -> str:
        found: dict[str, list[tuple[str, str]]] = {}
        seconds: dict[str, float] = {}
        failed, prefix = [], f"{ROOT}/"
        for item in items:
            for each in self.caches:
                each.cache_clear()
            codes: set[CodeType] = set()
            started, add = time.process_time(), codes.add
            sys.setprofile(lambda frame, event, _, add=add: add(frame.f_code) if event == "call" else None)
            said = first_failure([item], {})
            sys.setprofile(None)
            failed += [said] * ("::" in said)
            seconds[item.nodeid] = time.process_time() - started
            found[item.nodeid] = [
                (code.co_filename.removeprefix(prefix), code.co_qualname)
                for code in codes - self.fixed
                if "::" not in said and code.co_filename.startswith(f"{prefix}gradcheck/")
            ]
        kept.write_text(json.dumps((found, seconds)), encoding="utf-8")
        return "\n".join(failed)


def named(path: str) -> str:
    """The module of a file."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


class First:
    """A pytest plugin: the name of the first property that fails, or cannot be collected."""

    said = ""

    def pytest_sessionstart(self) -> None:
        without_shrinking()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.said = self.said or report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.said = self.said or f"{report.nodeid} (collection)"


def imported(mutant: Mutant, source: Source, arguments: list[str]) -> str:
    """Judge a change outside of functions: everything is imported afterwards."""
    name = named(mutant.path)
    sys.meta_path.insert(0, Mutated(name, str(source.path), source.mutated(mutant.number)))
    importlib.import_module(name)  # before pytest, which loads the files of a package with a pytest plugin by itself
    first = First()
    status = pytest.main(["-x", "-q", *arguments], plugins=[first])
    return "survived" if status == 0 else first.said or f"pytest ended with {int(status)}"
