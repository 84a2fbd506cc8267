"""Pages: what was found as one HTML file, which loads nothing and needs no JavaScript. Jinja2 writes them, every text escaped."""

from gradcheck.reports.pages.comparison import text as comparison
from gradcheck.reports.pages.runs import text as text

__all__ = ["comparison", "text"]
