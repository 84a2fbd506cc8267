"""`gradcheck replay CASE [TARGET]`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradcheck.arithmetic import FIELDS
from gradcheck.cli.group import leave, main
from gradcheck.cli.options import chosen, layout_options, process_options, said_of
from gradcheck.errors import Unusable
from gradcheck.law.options import FIELDS as LAW

if TYPE_CHECKING:
    from gradcheck.cases import Case
    from gradcheck.verify import Run

LIMITS = ("time_limit", "memory_limit")


@main.command()
@click.argument("case", type=click.Path(path_type=Path))
@click.argument("name", metavar="[TARGET]", required=False)
@click.option(
    "--check", "checks", multiple=True, metavar="GLOB", help="Other checks than the one the case was saved for."
)
@layout_options
@process_options
def replay(*, case: Path, name: str | None, checks: tuple[str, ...], **given: Any) -> None:
    """Judge TARGET on one saved problem again: the check that failed there, or those asked for.

    A case of several ranks is judged on as many; TARGET is then the script and its function, as `gradcheck ranks` takes them.
    """
    from gradcheck import cases, conformance, reports
    from gradcheck.verify import status

    if case.suffix == ".py":
        raise Unusable(f"{case} is no case; expected the case first: gradcheck replay CASE.json {case}")
    saved = cases.load(case)
    if saved.shares:
        run = _of_ranks(case, saved, name, checks, given)
        reports.terminal.show_replay(run, reports.console())
        leave(status([run]))
    targets = chosen(name, given)
    if len(targets) != 1:
        raise Unusable(
            f"pyproject.toml names {len(targets)} targets; expected the name of the one to judge after {case}"
        )
    run = conformance.replay(targets[0].load(), saved, case, checks)
    run = replace(run, command=targets[0].words)
    reports.terminal.show_replay(run, reports.console())
    leave(status([run]))


def _of_ranks(path: Path, case: "Case", name: str | None, checks: tuple[str, ...], given: dict[str, Any]) -> "Run":
    """A case of ranks says how it is shared out, and no file says what is run."""
    from gradcheck import conformance
    from gradcheck.arithmetic import Arithmetic
    from gradcheck.law import CrossEntropy
    from gradcheck.parallel import kept

    if not name:
        raise Unusable(
            f"{path} is a case of ranks, and no script is given; expected gradcheck replay {path} SCRIPT:FUNCTION"
        )
    conformance.homeless()
    law, rounds, limits = (said_of(names, given) for names in (LAW, FIELDS, LIMITS))
    others = [key for key, value in given.items() if value not in (None, ())] + ["pieces"] * ("pieces" in rounds)
    if others:
        option = others[0].replace("_", "-")
        raise Unusable(
            f"--{option} is not said of a case of ranks; expected options of the loss, how it rounds, or limits"
        )
    declared = CrossEntropy(**law) if law else None
    return kept.replay(name, case, path, checks=checks, law=declared, arithmetic=Arithmetic(**rounds), **limits)
