"""Are our own referees tested? One small change at a time, and some property must fail: `python -m benchmarks.mutants`.

The changes are those of mutmut's catalogue (`mutmut.mutation.mutators`). mutmut itself leaves out decorated functions and what is
outside of functions, which here are the checks, the cached properties and the tables; so this file applies the same changes to
all of the source, in memory. Where a change is inside a function, the code of that function is replaced in a fork of a session
that has collected the properties already; elsewhere the module is imported anew in a fork that knows nothing of gradcheck yet.
Properties that never call a changed function are left out, and what failed last is tried first.

`docs/mutants.md` lists the survivors, each with the reason why no property can tell it from the code; any other survivor is shown,
and the exit status is 1.
"""

import gc
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import pickle
import random
import signal
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import CodeType, FunctionType
from typing import Any

import click
import libcst as cst
import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

ROOT = Path(__file__).parents[1]
DOCUMENT = ROOT / "docs" / "mutants.md"
CERTIFIED = "properties/test_vectors.py::test_the_shipped_set_is_reproduced_bit_by_bit"
DIFFERENCES, SHARPNESS, ALLOWANCES, REASONS, MODEL, BOUNDS, REFEREES, CHECKS, POWER = (
    f"properties/test_{name}.py"
    for name in (
        "differences",
        "sharpness",
        "allowances",
        "reasons",
        "model",
        "bounds",
        "referees",
        "checks",
        "power",
    )
)
RULES, ARRAYS, PRIMITIVES, CARRIED, SERIES, BENDING, TRACED, OWN = (
    f"properties/test_{name}.py"
    for name in (
        "rules",
        "rules_of_arrays",
        "primitives",
        "running",
        "series",
        "bending",
        "traced",
        "own_loss",
    )
)
READINGS, RUNNING = "gradcheck/readings", "gradcheck/readings/running"
ROUNDINGS = [
    "arithmetic",
    "choices",
    "elementary",
    "logarithms",
    "moves",
    "powers",
    "spreading",
    "softmax",
    "conditions",
    "parts",
]
# part -> its files, and the properties that are about it, the quickest first
PARTS = {
    "model": (["gradcheck/model.py"], [DIFFERENCES, ALLOWANCES, MODEL]),
    "bounds": (["gradcheck/bounds"], [SHARPNESS, ALLOWANCES, CERTIFIED, BOUNDS, REFEREES]),
    "referees": (["gradcheck/referees"], [DIFFERENCES, ALLOWANCES, SHARPNESS, CERTIFIED, BOUNDS, REFEREES]),
    "checks": (["gradcheck/checks"], [ALLOWANCES, REASONS, CHECKS, POWER]),
    "primitives": (
        [f"{READINGS}/primitives", f"{READINGS}/ball_rules.py", *(f"{RUNNING}/{name}.py" for name in ROUNDINGS)],
        [RULES, ARRAYS, CARRIED, PRIMITIVES],
    ),
    "series": ([f"{READINGS}/series/rules.py"], [SERIES, BENDING]),
    "traced": ([f"{READINGS}/jaxpr/rules.py"], [TRACED]),
    "notation": (["gradcheck/numpy"], [ARRAYS, PRIMITIVES, OWN]),
}
AT_IMPORT = {("gradcheck/checks/table.py", name) for name in ("check", "every")}  # called by decorators
AT_IMPORT.add(("gradcheck/readings/primitives/table.py", "Primitive.__post_init__"))
AT_IMPORT |= {  # which make the rules that stand in the table
    *((f"{RUNNING}/arithmetic.py", name) for name in ("summed", "same_size", "nearer")),
    (f"{RUNNING}/elementary.py", "elementary"),
    *(("gradcheck/readings/primitives/normalised.py", name) for name in ("_parts", "_balls")),
}
SECONDS = 60  # of a processor for all properties of one mutant; a mutant that takes longer than that is killed
PATIENCE = 10  # times as long on the clock: a busy machine kills no mutant


# ---- mutants ----


@dataclass(frozen=True)
class Mutant:
    """One change of one file, by its number; `function` is the outermost one that it is in, if any."""

    part: str
    path: str
    function: str
    number: int


class Changes(cst.CSTVisitor):
    """Every (node, its replacement, function) of a module; annotations are no code."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[cst.CSTNode, cst.CSTNode, str, Any]] = []
        self._names: list[str] = []
        self._body: list[cst.CSTNode] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation):
            return False
        if isinstance(node, cst.ClassDef | cst.FunctionDef) and not self._body:
            self._names.append(node.name.value)
        if self._names and isinstance(node, cst.IndentedBlock) and not self._body and self._in_function:
            self._body.append(node)
        place = self.get_metadata(PositionProvider, node, None)
        for kind, operator in mutation_operators:
            if isinstance(node, kind):
                for changed in operator(node):
                    self.found.append((node, changed, ".".join(self._names) if self._body else "", place))
        return True

    def visit_FunctionDef_body(self, node: cst.FunctionDef) -> None:
        self._in_function = True

    def leave_FunctionDef_body(self, node: cst.FunctionDef) -> None:
        self._in_function = False

    _in_function = False

    def on_leave(self, original_node: cst.CSTNode) -> None:
        if self._body and self._body[-1] is original_node:
            self._body.pop()
        named = isinstance(original_node, cst.ClassDef | cst.FunctionDef) and not self._body
        if named and self._names and self._names[-1] == original_node.name.value:
            self._names.pop()


class Source:
    """A file and all changes of it."""

    def __init__(self, path: str) -> None:
        self.path, self.text = path, (ROOT / path).read_text(encoding="utf-8")
        wrapper, visitor = MetadataWrapper(cst.parse_module(self.text)), Changes()
        wrapper.visit(visitor)
        self.module, self.changes = wrapper.module, visitor.found

    def mutated(self, number: int) -> str:
        """The text of the file with that change."""
        old, new, _, _ = self.changes[number]
        found = self.module.deep_replace(old, new)
        assert isinstance(found, cst.Module)
        return found.code

    def shown(self, number: int) -> str:
        """The changed line, with old and new between brackets."""
        before, after = self.text.splitlines(), self.mutated(number).splitlines()
        first = next(k for k, (a, b) in enumerate(zip([*before, None], [*after, None], strict=False)) if a != b)
        last = next(k for k, (a, b) in enumerate(zip(before[::-1], after[::-1], strict=False)) if a != b)
        was, now = ("\n".join(lines[first : max(first + 1, len(lines) - last)]) for lines in (before, after))
        return between(was.strip(), now.strip())


def between(was: str, now: str) -> str:
    """`a [b → c] d`, where a and d are what the two have in common, as far as whole words go."""
    start = common(was, now)
    rest = common(was[len(start) :][::-1], now[len(start) :][::-1])[::-1]
    while start and (start[-1].isalnum() or start[-1] in "_."):
        start = start[:-1]
    while rest and (rest[0].isalnum() or rest[0] in "_."):
        rest = rest[1:]
    cut = [text[len(start) : len(text) - len(rest)] for text in (was, now)]
    return " ".join(f"{start}⟦{cut[0]} → {cut[1]}⟧{rest}".split())


def common(one: str, other: str) -> str:
    """What both begin with."""
    differ = next((k for k, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return one[:differ]


def files(part: str) -> Iterator[str]:
    for path in PARTS[part][0]:
        found = ROOT / path
        yield from [path] if found.is_file() else sorted(str(each.relative_to(ROOT)) for each in found.glob("*.py"))


def mutants(part: str, sources: dict[str, Source]) -> list[Mutant]:
    """All of one part."""
    return [
        Mutant(part, path, function, number)
        for path in files(part)
        for number, (_, _, function, _) in enumerate(sources.setdefault(path, Source(path)).changes)
    ]


# ---- one mutant, in a fork ----


def forked(work: Callable[[], str], seconds: int = SECONDS) -> str:
    """What `work` returns in a child without output; `timed out` or `crashed` where it returns nothing."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.setitimer(signal.ITIMER_PROF, seconds)
        signal.alarm(PATIENCE * seconds)
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        try:
            os.write(writer, work().encode())
        except BaseException as exception:
            os.write(writer, f"raised {type(exception).__name__}".encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        said = pipe.read().decode()
    _, status = os.waitpid(child, 0)
    return said or ("timed out" if os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGPROF) else "crashed")


def codes(code: CodeType) -> Iterator[CodeType]:
    """Of functions and methods of a module."""
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield each
            yield from codes(each)


def replace_code(path: str, function: str, text: str) -> None:
    """Give every function of that name in that file, wherever it is kept, the code of the mutated text."""
    new = next(c for c in codes(compile(text, str(ROOT / path), "exec")) if c.co_qualname == function)
    for found in gc.get_objects():
        if isinstance(found, FunctionType):
            code = found.__code__
            if (code.co_qualname, code.co_filename) == (function, str(ROOT / path)):
                found.__code__ = new


def first_failure(items: list[pytest.Item]) -> str:
    """The name of the first property that fails; `survived` where none does."""
    for item in items:
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
        calls = self.calls(session.items)
        killers: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for mutant in self.wanted:
            known = killers[mutant.path + mutant.function]
            items = sorted(
                (item for item in session.items if (mutant.path, mutant.function) in calls[item.nodeid]),
                key=lambda item: -known[item.nodeid],
            )
            said = forked(lambda m=mutant, items=items: self.judge(m, items))
            if "::" in said:
                known[said] = max(known.values(), default=0) + 1
            self.write(mutant, said)
        return True

    def judge(self, mutant: Mutant, items: list[pytest.Item]) -> str:
        replace_code(mutant.path, mutant.function, self.sources[mutant.path].mutated(mutant.number))
        return first_failure(items)

    def calls(self, items: list[pytest.Item]) -> dict[str, set[tuple[str, str]]]:
        """Which functions (path, name) of gradcheck each property calls. All of them must pass."""
        with tempfile.TemporaryDirectory() as place:
            kept = Path(place) / "calls"
            said = forked(lambda: self._calls(items, kept), seconds=3600)
            if said != "survived":
                raise RuntimeError(f"without any mutant: {said}")
            return pickle.loads(kept.read_bytes())

    def _calls(self, items: list[pytest.Item], kept: Path) -> str:
        found: dict[str, set[tuple[str, str]]] = {}
        prefix, said = f"{ROOT}/", "survived"
        for item in items:
            codes_called: set[CodeType] = set()
            add = codes_called.add
            sys.setprofile(lambda frame, event, _, add=add: add(frame.f_code) if event == "call" else None)
            said = said if said != "survived" else first_failure([item])
            sys.setprofile(None)
            found[item.nodeid] = {
                (code.co_filename.removeprefix(prefix), code.co_qualname)
                for code in codes_called
                if code.co_filename.startswith(f"{prefix}gradcheck/")
            }
        kept.write_bytes(pickle.dumps(found))
        return said


class Mutated(importlib.abc.MetaPathFinder, importlib.machinery.SourceFileLoader):
    """Imports one module from a mutated text."""

    def __init__(self, name: str, path: str, text: str) -> None:
        super().__init__(name, path)
        self.text = text

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        found = None
        if name == self.name:
            places = [str(Path(self.path).parent)] if self.path.endswith("__init__.py") else None
            found = importlib.util.spec_from_file_location(
                name, self.path, loader=self, submodule_search_locations=places
            )
        return found

    def get_code(self, name: str) -> CodeType:
        return compile(self.text, self.path, "exec")


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


def imported(mutant: Mutant, source: Source, tests: list[str]) -> str:
    """Judge a change outside of functions: everything is imported afterwards."""
    name = mutant.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    sys.meta_path.insert(0, Mutated(name, str(ROOT / mutant.path), source.mutated(mutant.number)))
    importlib.import_module(name)  # before pytest, which loads the files of a package with a pytest plugin by itself
    first = First()
    status = pytest.main(["-x", "-q", *tests], plugins=[first])
    return "survived" if status == 0 else first.said or f"pytest ended with {int(status)}"


# ---- the run ----


def outside(mutant: Mutant) -> bool:
    """Whether the change takes effect only when the module is imported."""
    return not mutant.function or (mutant.path, mutant.function) in AT_IMPORT


def preload() -> None:
    """What every fork would import; nothing of gradcheck."""
    import flint  # noqa: F401
    import jsonschema  # noqa: F401
    import ml_dtypes  # noqa: F401
    import scipy.optimize  # noqa: F401


@dataclass
class Results:
    """What was said of each mutant, kept in a file, one line each; what stands there is not judged again."""

    path: Path
    sources: dict[str, Source] = field(default_factory=dict)
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.path.exists():
            lines = self.path.read_text(encoding="utf-8").splitlines()
            self.rows = {row["id"]: row for row in map(json.loads, lines)}

    def said(self, mutant: Mutant) -> str:
        return self.rows.get(identity(mutant), {}).get("said", "")

    def add(self, mutant: Mutant, said: str) -> None:
        shown = self.sources[mutant.path].shown(mutant.number)
        row = {"id": identity(mutant), **asdict(mutant), "shown": shown, "said": said}
        self.rows[row["id"]] = row
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def identity(mutant: Mutant) -> str:
    return f"{mutant.path}#{mutant.number}"


def judge(wanted: list[Mutant], tests: list[str], results: Results) -> None:
    """Those outside of functions one by one, and all others in one session."""
    for mutant in filter(outside, wanted):
        results.add(mutant, forked(lambda m=mutant: imported(m, results.sources[m.path], tests)))
    inside = [mutant for mutant in wanted if not outside(mutant)]
    child = os.fork() if inside else -1
    if child == 0:
        os._exit(int(pytest.main(["-q", *tests], plugins=[Session(inside, results.sources, results.add)])))
    if inside and os.waitpid(child, 0)[1]:
        raise click.ClickException("the properties could not be run")


def listed(row: dict[str, Any]) -> str:
    """A survivor as docs/mutants.md lists it."""
    return f"{row['path'].removeprefix('gradcheck/')} {row['function'] or '(module)'}: {row['shown']}"


def report(part: str, rows: list[dict[str, Any]]) -> int:
    """Print the score, and the survivors that the document does not list: how many."""
    survived = sorted(listed(row) for row in rows if row["said"] == "survived")
    known = Counter(DOCUMENT.read_text(encoding="utf-8").splitlines()) if DOCUMENT.exists() else Counter()
    unknown = Counter(survived) - known
    killed = len(rows) - len(survived)
    raw, score = (f"{100 * killed / max(1, many):.1f} %" for many in (len(rows), killed + unknown.total()))
    print(
        f"{part}: {len(rows)} mutants, {killed} killed ({raw}), {len(survived)} survive; {score} without those listed"
    )
    print("\n".join(f"  {line}" for line in sorted(unknown.elements())) or "  all survivors are listed")
    return unknown.total()


@click.command()
@click.argument("parts", nargs=-1)
@click.option("--sample", type=int, help="So many mutants of each part, drawn by chance.")
@click.option("--seed", default=0, show_default=True)
@click.option("--results", "path", type=click.Path(path_type=Path), default=Path("mutants.jsonl"), show_default=True)
@click.option("--again", is_flag=True, help="Only those that survive by the results so far.")
@click.option("--tests", multiple=True, help="Properties to use in place of those of the part.")
@click.option("--kind", type=click.Choice(["inside", "outside", "neither"]), help="Of functions; neither: report only.")
def main(*, parts, sample, seed, path, again, tests, kind):
    """Judge the mutants of PARTS, or of all of them."""
    preload()
    results, unknown = Results(path), 0
    for part in parts or PARTS:
        every = mutants(part, results.sources)
        if sample:
            every = random.Random(seed).sample(every, min(sample, len(every)))
        wanted = [m for m in every if results.said(m) == ("survived" if again else "")]
        wanted = [m for m in wanted if kind is None or outside(m) == (kind == "outside")]
        if kind != "neither":
            judge(wanted, list(tests) or PARTS[part][1], results)
            results = Results(path, results.sources)
        unknown += report(part, [results.rows[identity(m)] for m in every if results.said(m)])
    sys.exit(1 if unknown else 0)


if __name__ == "__main__":
    main()
