"""The only door to Jinja2: templates of this package, every value escaped, and shown as what it is."""

import re
from functools import cache
from typing import TYPE_CHECKING, Any

from gradcheck.printable import markup, printable
from gradcheck.reports.pages import about, palette

if TYPE_CHECKING:
    import jinja2


def written(template: str, **given: Any) -> str:
    """The page that a template of this name makes of what is given, and of what every page says of itself."""
    every = {"light": palette.LIGHT, "dark": palette.DARK, "versions": list(about.versions()), "date": about.date()}
    found = _environment().get_template(template).render(**given, **every)
    return markup(re.sub(r"\n\s*\n+", "\n", found))


@cache
def _environment() -> "jinja2.Environment":
    import jinja2

    made = jinja2.Environment(
        loader=jinja2.PackageLoader("gradcheck.reports.pages"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_plain,
    )
    made.filters["embedded"] = embedded
    return made


def _plain(value: Any) -> Any:
    """Texts without control characters and overrides of writing direction; lengths of a picture with one digit after the point."""
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    if not isinstance(value, str) or hasattr(value, "__html__"):  # what a template has escaped already
        return value
    return "\n".join(map(printable, value.split("\n")))


def embedded(json: str) -> Any:
    """JSON as it may stand in an element: it holds nothing that would end it."""
    from markupsafe import Markup

    return Markup(json.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
