"""Where and when a page was made, and the versions of what took part."""

import os
import platform
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

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
