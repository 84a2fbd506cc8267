"""Runs as one HTML page, by Jinja2 with every name escaped. The only door to Jinja2."""

from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec

from gradcheck.errors import Missing
from gradcheck.reports import words
from gradcheck.verify import Run


def require() -> None:
    """Raise `Missing` where Jinja2 is not installed."""
    if find_spec("jinja2") is None:
        raise Missing.extra("an HTML report", "Jinja2", "html")


def text(runs: Sequence[Run]) -> str:
    """All runs of one command."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("gradcheck.reports", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(runs=runs, words=words, version=version("gradcheck"))
