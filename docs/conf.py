"""The site: `sphinx-build -c docs -W . build/site`. Its sources are the pages of the repository, where they lie."""

import re
import sys
from itertools import groupby
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from docs import reference_pages

project = "gradcheck"
author = "gradcheck developers"
copyright = f"2026, {author}"
extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "docs/index"
include_patterns = ["docs/*.md", "docs/*/*.md", "examples/README.md", "CHANGELOG.md", "CONTRIBUTING.md"]
exclude_patterns = ["**/.*", "build"]
html_theme = "furo"
html_title = "gradcheck"
html_show_sourcelink = False
html_copy_source = False
myst_heading_anchors = 3
autodoc_typehints = "none"
autodoc_preserve_defaults = True
default_role = "code"
suppress_warnings = ["myst.header"]  # pages that begin with a note


def _kind(line: str) -> str:
    return "code" if line.startswith("    ") else "text"


def _paragraph(lines: list[str]) -> list[str]:
    """Of a docstring in plain words: what is indented is code, and nothing else is markup but `code`."""
    found: list[str] = []
    for kind, block in groupby(lines, key=_kind):
        if kind == "code":
            found += ["", f".. code-block:: {'pycon' if '>>>' in lines[0] else 'python'}", "", *block, ""]
        else:
            found += [_plain(line) for line in block]
    return found


def _plain(line: str) -> str:
    pieces = re.split(r"(`[^`]*`)", line)
    return "".join(piece if piece.startswith("`") else re.sub(r"([*|_\\])", r"\\\1", piece) for piece in pieces)


def _docstring(*given: Any) -> None:
    *_, lines = given
    made: list[str] = []
    for blank, block in groupby(lines, key=lambda line: not line.strip()):
        made += [""] if blank else _paragraph(list(block))
    lines[:] = made


def setup(app: Any) -> None:
    reference_pages.write()
    app.connect("autodoc-process-docstring", _docstring)
