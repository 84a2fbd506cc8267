"""The files that a command leaves: cases of what failed, and reports. Options, and what is said of what was written."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradcheck.cli.tables import Command

if TYPE_CHECKING:
    from gradcheck.verify import Run

_FILE = click.Path(dir_okay=False, path_type=Path)
REPORTS = {
    "json": "Write everything found as JSON; - is standard output.",
    "junit": "Write JUnit XML.",
    "html": "Write a page.",
}


def cases_option(command: Command) -> Command:
    """`--cases`, as `folder`."""
    kind, told = click.Path(path_type=Path), "Where failing problems go."
    return click.option("--cases", "folder", default="cases", show_default=True, type=kind, help=told)(command)


def report_options(command: Command) -> Command:
    """`--json`, `--junit` and `--html`, for `asked_for`."""
    for kind, told in reversed(REPORTS.items()):
        command = click.option(f"--{kind}", f"{kind}_file", type=_FILE, metavar="FILE", help=told)(command)
    return command


def asked_for(given: dict[str, Any]) -> dict[str, Path]:
    """The reports that are asked for, by kind, taken out of `given`. `Unusable` where one could not be written."""
    from gradcheck import reports

    found = {kind: given.pop(f"{kind}_file") for kind in REPORTS}
    files = {kind: path for kind, path in found.items() if path}
    reports.prepare(*files.values())
    return files


def written(files: Mapping[str, Path], runs: Sequence["Run"], folder: Path) -> str:
    """Write these reports; a line on what stands where, of cases too, or nothing where nothing does."""
    from gradcheck import reports
    from gradcheck.printable import printable
    from gradcheck.reports import words

    for kind, path in files.items():
        reports.write(path, reports.FORMATS[kind](runs))
    told = [printable(str(path)) for path in files.values() if path != Path("-")]
    kept = {failure.case for run in runs for failure in run.failures if failure.case}
    told += [f"{words.counted(len(kept), 'case')} in {printable(str(folder))}"] if kept else []
    return f"wrote {', '.join(told)}" if told else ""
