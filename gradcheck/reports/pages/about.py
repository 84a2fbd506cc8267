"""Where and when a page was made: the versions of what took part, and the command that makes the run again."""

import os
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from gradcheck.checks import CHECKS
from gradcheck.printable import pasted
from gradcheck.reports import commands
from gradcheck.verify import Run

OURS = {
    "gradcheck": "gradcheck",
    "NumPy": "numpy",
    "SciPy": "scipy",
    "python-flint": "python-flint",
    "Hypothesis": "hypothesis",
}
# Named where a target has imported them.
THEIRS = {
    "torch": "torch",
    "jax": "jax",
    "optax": "optax",
    "autograd": "autograd",
    "sklearn": "scikit-learn",
    "statsmodels": "statsmodels",
    "tinygrad": "tinygrad",
    "keras": "keras",
    "casadi": "casadi",
    "mlxtend": "mlxtend",
    "thinc": "thinc",
    "tensorflow": "tensorflow",
}


def versions() -> Iterator[tuple[str, str]]:
    """`("NumPy", "2.4.6")`, …: of us, of what we stand on, and of the frameworks that are loaded."""
    yield "Python", platform.python_version()
    for name, package in {**OURS, **{p: p for module, p in THEIRS.items() if module in sys.modules}}.items():
        try:
            yield name, version(package)
        except PackageNotFoundError:
            continue
    yield "system", f"{platform.system()} {platform.machine()}"


def date() -> str:
    """Now, or what SOURCE_DATE_EPOCH says, for pages that are made again and are to be the same."""
    told = os.environ.get("SOURCE_DATE_EPOCH", "")
    moment = datetime.fromtimestamp(int(told), UTC) if told.isdecimal() else datetime.now().astimezone()
    return f"{moment:%Y-%m-%d %H:%M %Z}".strip()


def command(run: Run) -> str:
    """What is typed to make this run again."""
    words = ["gradcheck", "verify", *commands.command(run), "--dtype", run.dtype]
    words += ["--max-examples", str(run.max_examples), "--seed", str(run.seed)]
    if run.regimes != ("*",):
        words += [word for regime in run.regimes for word in ("--regime", regime)]
    if set(run.tallies) != set(CHECKS):
        words += [word for check in run.tallies for word in ("--check", check)]
    if any(tally.careful for tally in run.tallies.values()):
        words.append("--careful")
    return pasted(words)
