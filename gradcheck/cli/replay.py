"""`gradcheck replay CASE [TARGET]`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from gradcheck.cli.group import leave, main
from gradcheck.cli.options import chosen, layout_options, process_options
from gradcheck.errors import Unusable


@main.command()
@click.argument("case", type=click.Path(path_type=Path))
@click.argument("name", metavar="[TARGET]", required=False)
@click.option(
    "--check", "checks", multiple=True, metavar="GLOB", help="Other checks than the one the case was saved for."
)
@layout_options
@process_options
def replay(*, case: Path, name: str | None, checks: tuple[str, ...], **given: Any) -> None:
    """Judge TARGET on one saved problem again: the check that failed there, or those asked for."""
    from gradcheck import cases, conformance, reports
    from gradcheck.verify import status

    saved = cases.load(case)
    targets = chosen(name, given)
    if len(targets) != 1:
        raise Unusable(
            f"pyproject.toml names {len(targets)} targets; expected the name of the one to judge after {case}"
        )
    run = conformance.replay(targets[0].load(), saved, case, checks)
    run = replace(run, command=targets[0].words)
    reports.terminal.show_replay(run, reports.console())
    leave(status([run]))
