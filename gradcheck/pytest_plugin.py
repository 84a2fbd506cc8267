"""The pytest plugin: `pytest --gradcheck TARGET`, the options of `gradcheck.parametrize`, and properties for JUnit.

pytest loads this at every start, so that it imports nothing of ours until it is used.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gradcheck import places

if TYPE_CHECKING:
    from gradcheck.suite import CheckTest

OPTIONS = {
    "max_examples": "Problems that gradcheck poses to each target and dtype [100].",
    "seed": "The same seed poses the same problems [0].",
    "budget": "Seconds for each target and dtype: what was not judged by then is skipped [no limit].",
    "cases": "Folder for the problems on which a check failed [cases].",
}
LEAST = {"max_examples": 1, "seed": 0}
KINDS = {int: "a whole number", float: "seconds above 0"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """--gradcheck TARGET, --gradcheck-dtype, and --gradcheck-… with an ini option gradcheck_… beside each."""
    group = parser.getgroup("gradcheck", "gradient verification for softmax classifiers")
    group.addoption(
        "--gradcheck", action="append", default=[], metavar="TARGET", help="Judge a target, with no test file at all."
    )
    group.addoption(
        "--gradcheck-dtype", action="append", default=[], metavar="DTYPE", help="For those targets [float64]."
    )
    group.addoption(
        "--gradcheck-careful",
        action="store_true",
        help="To lose bits that careful code keeps is a failure, not a warning.",
    )
    for name, what in OPTIONS.items():
        group.addoption(f"--gradcheck-{name.replace('_', '-')}", default=None, metavar=name.upper(), help=what)
        parser.addini(f"gradcheck_{name}", what, default="")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "gradcheck: a check of gradcheck, judged on many problems")
    places.FOLDERS[:] = [config.rootpath]


SHARED = "gradcheck_shared"  # what the workers of pytest-xdist are told: the folder of this session


FOLDER = pytest.StashKey[str]()


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """The workers of pytest-xdist share what one of them judges, in a folder of this session that is nobody else's."""
    import tempfile

    if FOLDER not in node.config.stash:
        node.config.stash[FOLDER] = tempfile.mkdtemp(prefix="gradcheck-")
    node.workerinput[SHARED] = node.config.stash[FOLDER]


def pytest_unconfigure(config: pytest.Config) -> None:
    if FOLDER in config.stash:
        import shutil

        shutil.rmtree(config.stash[FOLDER], ignore_errors=True)


SUPERVISED = pytest.StashKey[bool]()


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """A session with --gradcheck runs in a process of its own: a target that ends it does not end it with status 0.

    Only where pytest is the program: what calls `pytest.main` with arguments goes on in the process that it is in, and the
    workers of pytest-xdist have one that watches them.
    """
    given = config.invocation_params.args
    if not config.getoption("--gradcheck") or hasattr(config, "workerinput") or list(given) != sys.argv[1:]:
        return None
    if config.stash.get(SUPERVISED, False):
        return None
    from gradcheck import supervisor

    config.stash[SUPERVISED] = True
    return supervisor.supervised(lambda: _session(config), int(pytest.ExitCode.TESTS_FAILED))


def _session(config: pytest.Config) -> int:
    try:
        return int(config.hook.pytest_cmdline_main(config=config))
    except pytest.UsageError as problem:  # as `pytest.main` shows it
        for message in problem.args:
            print(f"ERROR: {message}\n", file=sys.stderr)
        return int(pytest.ExitCode.USAGE_ERROR)


def _settle(config: pytest.Config) -> None:
    """Hand the options over: the command line before the ini file before the default."""
    from gradcheck.budget import LONGEST
    from gradcheck.judged import DEFAULTS

    DEFAULTS.careful = config.getoption("--gradcheck-careful")
    shared = getattr(config, "workerinput", {}).get(SHARED)
    # a worker elsewhere has no such folder
    DEFAULTS.shared = Path(shared) if shared and os.path.isdir(shared) else None
    for name in OPTIONS:
        given = config.getoption(f"--gradcheck-{name.replace('_', '-')}") or config.getini(f"gradcheck_{name}")
        if not given:
            continue
        kind = type(getattr(DEFAULTS, name))
        try:
            value = kind(given)
        except ValueError:
            said = f"gradcheck: {name} is {given!r}; expected {KINDS[kind]}"
            raise pytest.UsageError(_shown(said)) from None
        if kind is int and value < LEAST[name]:
            raise pytest.UsageError(f"gradcheck: {name} is {given}; expected {LEAST[name]} or more")
        if kind is float and not 0 < value <= LONGEST:  # NaN is no time either
            raise pytest.UsageError(_shown(f"gradcheck: {name} is {given}; expected {KINDS[kind]}, up to {LONGEST}"))
        setattr(DEFAULTS, name, value)


@pytest.hookimpl(tryfirst=True)  # before -k and -m deselect
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add a test for each check of each target that was asked for."""
    _add(session, config, items)
    for item in sorted(items, key=lambda item: item.nodeid):
        check = _check(item)
        if check is not None:  # the first test's: the same in every process of this session
            check.suite.key = check.suite.key or item.nodeid


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tell each suite which of its tests are run."""
    for check in filter(None, map(_check, session.items)):
        check.suite.wanted.add(check.name)


def _add(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    targets = config.getoption("--gradcheck")
    if targets or any(_check(item) for item in items):
        _settle(config)
    for target in targets:
        place = _shown(f"gradcheck/{target}")
        found: list[pytest.Item | pytest.Collector] = [
            *_items(session, target, place, config.getoption("--gradcheck-dtype"))
        ]
        items.extend(item for item in found if isinstance(item, pytest.Item))
        # so that they are counted among what was collected
        config.hook.pytest_collectreport(report=pytest.CollectReport(place, "passed", None, found))


def _shown(text: str) -> str:
    """On one line, which no terminal and no CI server obeys, whatever a target or a user has put into it."""
    from gradcheck.printable import printable, unheeded

    return unheeded(printable(text))


def _items(session: pytest.Session, target: str, place: str, dtypes: list[str]) -> Iterator[pytest.Item]:
    from gradcheck.errors import Unusable
    from gradcheck.suite import suites, tests

    try:
        found = [test for suite in suites(target, dtypes=dtypes) for test in tests(suite)]
    except Unusable as problem:
        raise pytest.UsageError(_shown(f"gradcheck: {problem}")) from None
    parent = Judged.from_parent(session, name=place.removeprefix("gradcheck/"), nodeid=place)
    for test in found:
        yield CheckItem.from_parent(parent, name=test.id, check=test)


class Judged(pytest.Collector):
    """The parent of the tests of one target; they are not collected from any file."""

    def collect(self) -> list[pytest.Item]:
        return []


class CheckItem(pytest.Item):
    """One check of one target."""

    def __init__(self, *, check: "CheckTest", **settings: Any) -> None:
        super().__init__(**settings)
        self.check = check
        for mark in check.marks:
            self.add_marker(mark)

    def runtest(self) -> None:
        from gradcheck import supervisor

        supervisor.tell(f"in {self.name}")
        self.check()

    def reportinfo(self) -> tuple[Any, None, str]:
        return self.path, None, self.name


def _check(item: pytest.Item) -> "CheckTest | None":
    """The check of a test of ours, whether it stands in a test file or not. Nothing is imported to find out."""
    if isinstance(item, CheckItem):
        return item.check
    found = getattr(getattr(item, "callspec", None), "params", {}).get("check")
    return found if type(found).__module__ == "gradcheck.suite" else None


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    """What cannot be used is one line, with the file that asks for it, and no frames of ours."""
    report: Any = yield
    refused = _refused(report.call.excinfo.value) if getattr(report, "call", None) and report.call.excinfo else ""
    if refused:
        report.longrepr = _shown(f"gradcheck: {refused}")
    return report


def _refused(problem: BaseException | None) -> str:
    """What ours says that was raised, or caused what was."""
    errors = sys.modules.get("gradcheck.errors")
    while errors is not None and problem is not None:
        if isinstance(problem, errors.Unusable):
            return str(problem)
        problem = problem.__cause__
    return ""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """Give the report of a check its test ratio and effective bits, and the summary its cause on one line, on CI too."""
    check = _check(item) if call.when == "call" else None
    if check is not None and check.suite.judged:
        item.user_properties.extend(check.properties())
    report: Any = yield
    crash = getattr(report.longrepr, "reprcrash", None)
    if check is not None and crash is not None and call.excinfo is not None:
        crash.message = str(call.excinfo.value).partition("\n")[0]  # pytest shows the whole message where CI is set
    return report
