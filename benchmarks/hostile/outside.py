"""What is odd about everything but the target: the environment, the words of a command, where it writes, and two runs of one seed."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.hostile.commands import Attack, Ended, ended
from benchmarks.hostile.targets import ABOVE
from benchmarks.kills import HERE

QUICK = ("--max-examples", "5", "--check", "theta_gradient")
VERIFY = ("verify", "target.py", *QUICK)
FUZZ = ("fuzz", "target.py", "--max-examples", "50", "--check", "theta_gradient", "--workers", "1")
WRONG, REFUSED = (1,), (2,)

# an environment, under which a wrong target must be found wrong all the same
ENVIRONMENTS = (
    {"PYTHONWARNINGS": "error"}, {"PYTHONDEVMODE": "1"}, {"PYTHONINSPECT": "1"}, {"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C"},
    {"COLUMNS": "0"}, {"COLUMNS": "-5"}, {"COLUMNS": "999999999"}, {"COLUMNS": "abc"}, {"TERM": "nonesuch"}, {"HOME": "/nowhere"},
    {"TMPDIR": "/nowhere"}, {"GITHUB_ACTIONS": "true"}, {"HYPOTHESIS_PROFILE": "nonesuch"}, {"OMP_NUM_THREADS": "abc"},
)  # fmt: skip
# the words of a command, and how it must end
WORDS = {
    "a seed of 5000 digits": (("verify", "target.py", "--seed", "9" * 5000), REFUSED),
    "a pattern of 30000": (("verify", "target.py", "--check", "a*" * 30000), REFUSED),
    "an escape as a check": (("verify", "target.py", "--check", "\x1b[31m\n::error::x"), REFUSED),
    "an escape as an option": (("verify", "target.py", "--\x1b[31m"), REFUSED),
    "an escape as a command": (("\x1b[31m\n::x::",), REFUSED),
    "no UTF-8": (("verify", "\udcff.py"), REFUSED),
    "a name of 100000": (("verify", "x" * 100000 + ".py"), REFUSED),
    "builtins:exit": (("verify", "builtins:exit", *QUICK), WRONG),
    "builtins:input": (("verify", "builtins:input", *QUICK), WRONG),
    "builtins:breakpoint": (("verify", "builtins:breakpoint", *QUICK), WRONG),
    "our own main": (("verify", "gradcheck.__main__:main", *QUICK), WRONG),
    "a device": (("verify", "/dev/stdin"), REFUSED),
    "JSON on a full disk": ((*VERIFY, "--json", "/dev/full"), REFUSED),
    "JSON in no folder": ((*VERIFY, "--json", "no/x.json"), REFUSED),
    "JUnit by a long name": ((*VERIFY, "--junit", "x" * 300 + ".xml"), REFUSED),
    "cases in a file": ((*VERIFY, "--cases", "target.py"), REFUSED),
    "cases in /proc": ((*VERIFY, "--cases", "/proc/x"), WRONG),
    "two to one output": ((*VERIFY, "--json", "-", "--junit", "-"), REFUSED),
    "minutes that are none": (("fuzz", "target.py", "--minutes", "nan"), REFUSED),
    "minutes without end": (("fuzz", "target.py", "--minutes", "inf"), REFUSED),
    "a corpus in a file": ((*FUZZ, "--corpus", "target.py"), (1, 2)),
    "a corpus in /proc": ((*FUZZ, "--corpus", "/proc/self"), (1, 2)),
    "a corpus in a device": ((*FUZZ, "--corpus", "/dev/full"), (1, 2)),
    "no address of a database": ((*FUZZ, "--database", "redis://[::1"), REFUSED),
    "a database that is none": ((*FUZZ, "--database", "redis://127.0.0.1:9/0"), (1, 2)),
    "memory as a case": (("replay", "/proc/self/mem", "numpy"), REFUSED),
    "a table of pages as a case": (("replay", "/proc/self/pagemap", "numpy"), REFUSED),
    "a terminal as a case": (("replay", "/dev/tty", "numpy"), REFUSED),
    "a folder as a case": (("replay", "/", "numpy"), REFUSED),
    "processes as a dump": (("audit", "/proc/self"), REFUSED),
    "all of /proc as a corpus": (("corpus", "list", "/proc/self/task"), (0, 2, 3)),
}  # fmt: skip


def _placed(text: str = "gradients = wrong") -> tempfile.TemporaryDirectory[str]:
    place = tempfile.TemporaryDirectory()
    (Path(place.name) / "target.py").write_text(ABOVE + text + "\n", encoding="utf-8")
    return place


def outside() -> Iterator[tuple[str, Attack, Ended]]:
    """Each of them, and how it ended."""
    for environment in ENVIRONMENTS:
        with _placed() as place:
            found = ended(VERIFY, Path(place), environment=environment)
        yield " ".join("=".join(item) for item in environment.items()), Attack("", WRONG), found
    for name, (words, status) in WORDS.items():
        with _placed() as place:
            yield name, Attack("", status), ended(words, Path(place))


# ---- the same seed, the same bytes ----

FRAMEWORKS = (
    "torch",
    "jax",
    "jaxlib",
    "optax",
    "autograd",
    "sklearn",
    "statsmodels",
    "tinygrad",
    "keras",
    "casadi",
    "mlxtend",
)
EXTRAS = ("thinc", "ml_dtypes", "distributed", "dask", "zarr", "numcodecs", "redis")
HIDDEN = f"""
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {FRAMEWORKS + EXTRAS!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hidden())
"""
SAME = {
    "again": ({}, ()), "another hash seed": ({"PYTHONHASHSEED": "12345"}, ()), "one thread": ({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}, ()),
    "four threads": ({"OMP_NUM_THREADS": "4", "OPENBLAS_NUM_THREADS": "4"}, ()), "-O": ({}, ("-O",)), "-OO": ({}, ("-OO",)),
    "another place and time": ({"LC_ALL": "C", "TZ": "Asia/Kathmandu"}, ()), "a profile of Hypothesis": ({"HYPOTHESIS_PROFILE": "ci", "CI": "true"}, ()),
    "no frameworks": ({"PYTHONPATH": f"hidden:{HERE}"}, ()), "frameworks imported": ({"PYTHONPATH": f"imported:{HERE}"}, ()),
    "without -S's site": ({"PYTHONNOUSERSITE": "1"}, ("-s",)),
}  # fmt: skip
IMPORTED = "import importlib.util\nfor name in ('autograd', 'redis', 'zarr'):\n    importlib.util.find_spec(name) and __import__(name)\n"


def hide(folder: Path) -> None:
    """What is found before all else when Python starts: without the frameworks, or with them."""
    for name, text in {"hidden": HIDDEN, "imported": IMPORTED}.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "sitecustomize.py").write_text(text, encoding="utf-8")


def same() -> Iterator[tuple[str, str]]:
    """Of each variation, and of campaigns with several workers: what differs from the first run."""
    first = _verified({}, ())
    for name, (environment, flags) in SAME.items():
        yield name, "" if _verified(environment, flags) == first else "another JSON"
    alone = _fuzzed("1")
    for workers in ("2", "3"):
        yield f"{workers} workers", "" if _fuzzed(workers) == alone else "another corpus"


def _verified(environment: dict[str, str], flags: tuple[str, ...]) -> bytes:
    with _placed() as place:
        hide(Path(place))
        for target in ("numpy", "target.py"):
            ended(
                ("verify", target, "--max-examples", "40", "--json", f"{target}.json"),
                Path(place),
                environment=environment,
                flags=flags,
            )
        return b"".join(path.read_bytes() for path in sorted(Path(place).glob("*.json"))) or b"nothing"


def _fuzzed(workers: str) -> dict[str, bytes]:
    with _placed() as place:
        words = ("fuzz", "target.py", "--max-examples", "1000", "--check", "*_gradient", "--workers", workers)
        ended(words, Path(place))
        shutil.rmtree(Path(place) / "corpus" / "progress", ignore_errors=True)
        found = {str(path.relative_to(place)): path.read_bytes() for path in Path(place, "corpus").rglob("*.json")}
        return found or {"nothing": workers.encode()}
