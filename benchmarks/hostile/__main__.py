"""Broken files of every kind against what reads them: `python -m benchmarks.hostile --inputs 100000`.

Tried and failed, a row for each kind. It fails where anything but `Unusable` is raised, where its line is not one, where a file
appears elsewhere, or where it takes more than `SLOW` seconds.
"""

import sys

import click
from rich.console import Console
from rich.table import Table

from benchmarks.hostile.kinds import KINDS
from benchmarks.hostile.trying import attempts


@click.command()
@click.option("--inputs", default=2000, show_default=True, type=click.IntRange(1), help="Broken files, over all kinds.")
@click.option("--seed", default=0, show_default=True)
def main(inputs: int, seed: int) -> None:
    """Break files, read them, and count."""
    table = Table("kind", "tried", "refused", "read", "failed", title=f"broken files, seed {seed}")
    failed = []
    for name in KINDS:
        found = attempts(name, -(-inputs // len(KINDS)), seed)
        table.add_row(name, *(str(n) for n in (found.tried, found.refused, found.read, len(found.failed))))
        failed += found.failed
    Console().print(table)
    for line in failed[:20]:
        print(line)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
