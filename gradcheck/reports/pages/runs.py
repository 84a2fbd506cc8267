"""The runs of one command as a page."""

from collections.abc import Sequence

from gradcheck.reports import data
from gradcheck.reports.pages import told
from gradcheck.reports.pages.writing import written
from gradcheck.verify import Run


def text(runs: Sequence[Run]) -> str:
    """All of them, with a list of contents where there are several."""
    return written(
        "runs.html",
        runs=[told.of(run) for run in runs],
        data=data.text(runs),
    )
