"""`gradcheck corpus add|list|minimise|replay`."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from gradcheck.cli.group import Refused, leave, main
from gradcheck.cli.options import chosen, layout_options, process_options
from gradcheck.cli.say import say
from gradcheck.errors import Unusable
from gradcheck.printable import refusal

_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))


class _Told:
    """What cannot be used, told where it is met: the command goes on, and ends with the status for that."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, problem: Unusable) -> None:
        say(f"gradcheck: {refusal(str(problem))}", err=True)
        self.count += 1

    @contextlib.contextmanager
    def met(self) -> Iterator[None]:
        """The same of what is raised inside."""
        try:
            yield
        except Unusable as problem:
            self(problem)

    @property
    def status(self) -> int:
        """2 where there was any."""
        return Refused.exit_code if self.count else 0


@main.group()
def corpus() -> None:
    """A folder of cases that is kept: what `gradcheck fuzz` finds, and what you add."""


@corpus.command()
@_folder
@click.argument("files", metavar="CASE…", nargs=-1, required=True, type=click.Path(path_type=Path))
def add(folder: Path, files: tuple[Path, ...]) -> None:
    """Put cases into DIR. The same problem for the same check is there once; a file that is no case is told, and left out."""
    from gradcheck import corpus as kept

    told = _Told()
    held = kept.Held(folder, told)
    for path, case in kept.read(files, told):
        with told.met():
            say(kept.add(folder, case) if held.take(case) else f"{path}: there already")
    leave(told.status)


@corpus.command("list")
@_folder
def list_(folder: Path) -> None:
    """What is in DIR: each case with its check, target, sizes and regime."""
    from gradcheck import corpus as kept
    from gradcheck import reports
    from gradcheck.campaign.findings import regime_of
    from gradcheck.printable import printable

    table = reports.terminal.plain_table(
        "case", "target", "sizes", "regime", fold=("case", "target", "sizes", "regime")
    )
    told = _Told()
    for path, case in kept.load(folder, told):
        p = case.problem
        sizes = f"n={p.n} d={p.d} L={p.L} {p.precision.name}"
        table.add_row(printable(path.stem), printable(case.target), sizes, regime_of(p))  # the check begins the name
    reports.console().print(table)
    leave(told.status)


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

    told = _Told()
    for path in list(kept.duplicates(kept.load(folder, told))):
        with told.met():
            _remove(path, dry_run)
    if name:
        with quiet():
            implementation = chosen(name, given)[0].load()
        for path, case in kept.load(folder, lambda problem: None):  # these are told already
            with told.met():
                smaller = saved.smaller(implementation, case)
                if smaller is not None:
                    say(f"{path}: {case.problem.entries} to {smaller.problem.entries} numbers")
                    if not dry_run:
                        kept.add(folder, smaller)
                        _remove(path, dry_run)
    say(f"{len(kept.paths(folder)) - told.count} cases")
    leave(told.status)


def _remove(path: Path, dry_run: bool) -> None:
    say(f"{path}: {'would be ' if dry_run else ''}taken out")
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
    from gradcheck.verify import Run, select, status

    select(checks)
    told = _Told()
    with quiet():
        implementation = chosen(name, given)[0].load()
    runs: list[Run] = []
    for path, case in kept.load(folder, told):
        dtype = case.problem.precision.name
        if dtype not in implementation.dtypes:
            say(f"{path.name}: skipped: {implementation.name} does not offer {dtype}")
            continue
        with told.met():
            run = conformance.replay(implementation, case, path, checks)
            runs.append(run)
            for tally in run.tallies.values():
                said = f": {tally.reason}" if tally.reason else ""
                say(f"{path.name}: {tally.check.name}: {tally.outcome}{said}")
            for failure in run.failures:
                say(f"  {words.finding(failure.verdict)}")
    judged = [run for run in runs if run.judged]
    say(f"{len(judged)} cases judged, {sum(run.failed for run in judged)} fail")
    leave(1 if any(run.failed for run in runs) else told.status or status(judged))
