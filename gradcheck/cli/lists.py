"""`gradcheck checks`, `gradcheck targets` and `gradcheck mistakes`: what there is, as tables."""

from contextlib import suppress
from pathlib import Path

import click

from gradcheck.cli.group import leave, main
from gradcheck.supervisor import INTERRUPTED


@main.command()
def checks() -> None:
    """List the checks with their equations, and the regimes of problems."""
    from gradcheck import reports
    from gradcheck.checks import CHECKS
    from gradcheck.regimes import REGIMES

    console, words = reports.console(), reports.words
    table = reports.terminal.plain_table("check", "eq.", "claim", fold=("claim",))
    for check in CHECKS.values():
        table.add_row(check.name, words.equations(check), check.claim)
    console.print(table)
    console.print()
    table = reports.terminal.plain_table("regime", "posed", "problems", fold=("problems",))
    for regime in REGIMES.values():
        table.add_row(regime.name, "on request" if regime.opt_in else "always", regime.what)
    console.print(table)


@main.command()
def targets() -> None:
    """List the built-in targets, and how to install what is missing."""
    from gradcheck import reports
    from gradcheck.errors import install
    from gradcheck.implementations import BUILT_IN

    table = reports.terminal.plain_table("target", "what", "here", fold=("what", "here"))
    for name, target in BUILT_IN.items():
        table.add_row(name, target.what, "yes" if target.installed else install(*target.missing))
    reports.console().print(table)


@main.command()
@click.option("--kill-matrix", is_flag=True, help="Pose them: which check kills which, and in how many test cases.")
@click.option("--max-examples", default=100, show_default=True, type=click.IntRange(1), help="Test cases at each seed.")
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), help="Write the kill matrix as JSON."
)
@click.option(
    "--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write the kill matrix as a page."
)
def mistakes(kill_matrix: bool, max_examples: int, json_file: Path | None, html: Path | None) -> None:
    """List the mistakes that a diagnosis can name: what each computes, how it is mended, and where it was seen."""
    if (json_file or html) and not kill_matrix:
        raise click.UsageError(f"--{'json' if json_file else 'html'} writes the kill matrix; give --kill-matrix, too")
    (_kill_matrix(max_examples, json_file, html) if kill_matrix else _mistakes())


def _mistakes() -> None:
    from gradcheck import reports
    from gradcheck.mistakes import GROUPS, MISTAKES

    console = reports.console()
    columns = ("mistake", "eq.", "what it computes", "fix", "seen")
    for group, title in GROUPS.items():
        table = reports.terminal.plain_table(*columns, fold=("eq.", "what it computes", "fix", "seen"))
        for mistake in (m for m in MISTAKES.values() if m.group == group):
            what = mistake.what.replace("{value}", "c")
            table.add_row(mistake.name, reports.words.ranges(mistake.equations), what, mistake.fix, mistake.seen)
        console.print(title, style="bold")
        console.print(table)
        console.print()


def _kill_matrix(count: int, json_file: Path | None, html: Path | None) -> None:
    from gradcheck import kills, reports
    from gradcheck.cli import kill_page
    from gradcheck.cli.progress import progress
    from gradcheck.mistakes import MISTAKES

    reports.prepare(json_file, html)
    found: list[kills.Kills] = []
    early = True
    with progress("posing", len(MISTAKES)) as show, suppress(KeyboardInterrupt):
        for row in kills.matrix(count):
            found.append(row)
            show(row.mistake, len(found))
        early = False
    console = reports.console(quiet=Path("-") in (json_file, html))
    numbers = ("mistakes", "median", "worst")
    table = reports.terminal.plain_table("mistake", "median", "worst", "by", right=numbers, fold=("by",))
    for cells in kills.by_mistake(found):
        table.add_row(*cells)
    console.print(table)
    console.print()
    table = reports.terminal.plain_table("check", *numbers, "alone", right=numbers, fold=("alone",))
    for cells in kills.by_check(found):
        table.add_row(*cells)
    console.print(table)
    missed = [row.mistake for row in found if row.worst is None]
    console.print(
        f"\n{len(found) - len(missed)} of {len(found)} mistakes are killed within {count} test cases at each of "
        f"{len(kills.SEEDS)} seeds; median and worst are test cases to the first kill, over the seeds"
    )
    if early:
        console.print(f"interrupted after {len(found)} of {len(MISTAKES)} mistakes, so this is not the whole matrix")
    if json_file and not early:
        reports.write(json_file, kills.text(found))
    if html and not early:
        reports.write(html, kill_page.text(found))
    leave(INTERRUPTED) if early else None
