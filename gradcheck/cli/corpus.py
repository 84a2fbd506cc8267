"""`gradcheck corpus add|list|minimise|replay`."""

from pathlib import Path
from typing import Any

import click

from gradcheck.cli.group import leave, main
from gradcheck.cli.options import chosen, layout_options, process_options
from gradcheck.errors import Unusable

_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))


@main.group()
def corpus() -> None:
    """A folder of cases that is kept: what `gradcheck fuzz` finds, and what you add."""


@corpus.command()
@_folder
@click.argument("files", metavar="CASE…", nargs=-1, required=True, type=click.Path(path_type=Path))
def add(folder: Path, files: tuple[Path, ...]) -> None:
    """Put cases into DIR. The same problem for the same check is there once; all are read before any is written."""
    from gradcheck import cases
    from gradcheck import corpus as kept

    held = kept.Held(folder)
    for path, case in [(path, cases.load(path)) for path in files]:
        click.echo(kept.add(folder, case) if held.take(case) else f"{path}: there already")


@corpus.command("list")
@_folder
def list_(folder: Path) -> None:
    """What is in DIR: each case with its check, target, sizes and regime."""
    from gradcheck import corpus as kept
    from gradcheck import reports
    from gradcheck.campaign.findings import regime_of
    from gradcheck.reports.words import printable

    table = reports.terminal.plain_table(
        "case", "target", "sizes", "regime", fold=("case", "target", "sizes", "regime")
    )
    for path, case in kept.load(folder):
        p = case.problem
        sizes = f"n={p.n} d={p.d} L={p.L} {p.precision.name}"
        table.add_row(path.stem, printable(case.target), sizes, regime_of(p))  # the check begins the name
    reports.console().print(table)


@corpus.command()
@_folder
@click.argument("name", metavar="[TARGET]", required=False)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@layout_options
@process_options
def minimise(*, folder: Path, name: str | None, dry_run: bool, **given: Any) -> None:
    """Take out of DIR what says nothing new.

    Without TARGET, cases of the same problem for the same check. With TARGET, also each case that still fails for it is made
    smaller, as long as it fails in the same way.
    """
    from gradcheck import corpus as kept
    from gradcheck.campaign import saved
    from gradcheck.implementations.quiet import quiet

    extra = list(kept.duplicates(kept.load(folder)))
    for path in extra:
        _remove(path, dry_run)
    if name:
        with quiet():
            implementation = chosen(name, given)[0].load()
        for path, case in kept.load(folder):
            smaller = saved.smaller(implementation, case)
            if smaller is not None:
                click.echo(f"{path}: {saved.size(case.problem)} to {saved.size(smaller.problem)} numbers")
                if not dry_run:
                    kept.add(folder, smaller)
                    _remove(path, dry_run)
    click.echo(f"{len(kept.paths(folder))} cases")


def _remove(path: Path, dry_run: bool) -> None:
    click.echo(f"{path}: {'would be ' if dry_run else ''}taken out")
    if dry_run:
        return
    try:
        path.unlink(missing_ok=True)
    except OSError as problem:
        raise Unusable(f"cannot remove {path}: {problem.strerror}") from None


@corpus.command()
@_folder
@click.argument("name", metavar="TARGET")
@click.option("--check", "checks", multiple=True, metavar="GLOB", help="Other checks than those the cases are for.")
@layout_options
@process_options
def replay(*, folder: Path, name: str, checks: tuple[str, ...], **given: Any) -> None:
    """Judge TARGET on every case of DIR in a precision that it offers. Exit status as for `gradcheck verify`."""
    from gradcheck import conformance
    from gradcheck import corpus as kept
    from gradcheck.implementations.quiet import quiet
    from gradcheck.reports import words
    from gradcheck.verify import Run, status

    with quiet():
        implementation = chosen(name, given)[0].load()
    runs: list[Run] = []
    for path, case in kept.load(folder):
        dtype = case.problem.precision.name
        if dtype not in implementation.dtypes:
            click.echo(f"{path.name}: skipped: {implementation.name} does not offer {dtype}")
            continue
        runs.append(conformance.replay(implementation, case, path, checks))
        for tally in runs[-1].tallies.values():
            said = f": {words.printable(tally.reason)}" if tally.reason else ""
            click.echo(f"{path.name}: {tally.check.name}: {tally.outcome}{said}")
        for failure in runs[-1].failures:
            click.echo(f"  {words.finding(failure.verdict)}")
    judged = [run for run in runs if run.judged]
    click.echo(f"{len(judged)} cases judged, {sum(run.failed for run in judged)} fail")
    leave(1 if any(run.failed for run in runs) else status(judged))
