"""Hostile files, targets, programs and surroundings, and what became of each: `python -m benchmarks.hostile --group all`.

Tried and failed, a row for each kind. A file fails where anything but `Unusable` is raised, where its line is not one, where a file
appears elsewhere, or where it takes more than `SLOW` seconds; the others where the exit status is not what it must be, where there
is a traceback or not a word, or where anything is left behind.
"""

import sys

import click
from rich.console import Console
from rich.table import Table

from benchmarks.hostile.groups import GROUPS
from benchmarks.hostile.kinds import KINDS
from benchmarks.hostile.trying import attempts


@click.command()
@click.option("--inputs", default=2000, show_default=True, type=click.IntRange(1), help="Broken files, over all kinds.")
@click.option("--seed", default=0, show_default=True)
@click.option(
    "--group",
    "chosen",
    multiple=True,
    default=["files"],
    show_default=True,
    type=click.Choice(["files", *GROUPS, "all"]),
)
@click.option("--verbose", is_flag=True, help="Show each attack as it ends.")
def main(inputs: int, seed: int, chosen: tuple[str, ...], verbose: bool) -> None:
    """Attack, and count."""
    every = "all" in chosen
    failed = _files(inputs, seed) if every or "files" in chosen else []
    table = Table("group", "tried", "failed", title="targets, programs and surroundings")
    for group in GROUPS:
        if every or group in chosen:
            wrong = list(_tried(group, verbose))
            table.add_row(group, str(len(wrong)), str(len([line for line in wrong if line])))
            failed += filter(None, wrong)
    if table.row_count:
        Console().print(table)
    for line in failed[:20]:
        print(line)
    sys.exit(1 if failed else 0)


def _files(inputs: int, seed: int) -> list[str]:
    table = Table("kind", "tried", "refused", "read", "failed", title=f"broken files, seed {seed}")
    failed = []
    for name in KINDS:
        found = attempts(name, -(-inputs // len(KINDS)), seed)
        table.add_row(name, *(str(n) for n in (found.tried, found.refused, found.read, len(found.failed))))
        failed += found.failed
    Console().print(table)
    return failed


def _tried(group: str, verbose: bool):
    """For each attack what is wrong, or nothing."""
    for name, wrong, last in GROUPS[group]():
        if verbose:
            print(f"{'BAD ' if wrong else '    '}{group}: {name:34} {wrong} | {last[:150]}", flush=True)
        yield f"{group}: {name}: {wrong} | {last}" if wrong else ""


if __name__ == "__main__":
    main()
