"""Runs as one HTML page, by Jinja2 with every name escaped. The only door to Jinja2."""

from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from gradcheck.errors import Missing
from gradcheck.printable import markup, printable
from gradcheck.reports import words
from gradcheck.verify import Run


def require() -> None:
    """Raise `Missing` where Jinja2 is not installed."""
    if find_spec("jinja2") is None:
        raise Missing.package("an HTML report", "jinja2")


def text(runs: Sequence[Run]) -> str:
    """All runs of one command."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gradcheck.reports", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    return markup(environment.get_template("page.html").render(runs=runs, words=words, version=version("gradcheck")))


def _plain(value: Any) -> Any:
    """Each value without control characters and overrides of writing direction; panels have lines."""
    return "\n".join(map(printable, value.split("\n"))) if isinstance(value, str) else value
