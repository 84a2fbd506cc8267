"""`gradcheck replay CASE TARGET`."""

import sys
from pathlib import Path
from typing import Any

import click

from gradcheck.cli.group import main
from gradcheck.cli.options import layout_options, target


@main.command()
@click.argument("case", type=click.Path(path_type=Path))
@click.argument("name", metavar="TARGET")
@click.option(
    "--check", "checks", multiple=True, metavar="GLOB", help="Other checks than the one the case was saved for."
)
@layout_options
def replay(case: Path, name: str, checks: tuple[str, ...], **layout: Any) -> None:
    """Judge TARGET on one saved problem again: the check that failed there, or those asked for."""
    from gradcheck import cases, conformance, reports
    from gradcheck.verify import status

    saved = cases.load(case)
    run = conformance.replay(target(name, layout), saved, case, checks)
    reports.terminal.show_replay(run, reports.console())
    sys.exit(status([run]))
