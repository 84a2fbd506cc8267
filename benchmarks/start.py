"""How much later commands start than those of another commit: `python -m benchmarks.start OTHER`, a tree of it (git worktree).

Both are run in turns, so that whatever else the machine does slows both, and the difference is the median of the differences.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

HERE = Path(__file__).resolve().parent.parent
COMMANDS = {
    "gradcheck --help": ("--help",),
    "gradcheck checks": ("checks",),
    "verify numpy --max-examples 1": ("verify", "numpy", "--max-examples", "1"),
    "the same with --isolate": ("verify", "numpy", "--max-examples", "1", "--isolate"),
}
LIMIT = 40.0  # milliseconds
UNLIMITED = "the same with --isolate"


def milliseconds(tree: Path, words: tuple[str, ...], folder: str) -> float:
    """How long one run takes, where all that is imported is compiled."""
    said = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    start = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "gradcheck", *words],
        env={**said, "PYTHONPATH": str(tree)},
        cwd=folder,
        stdout=subprocess.DEVNULL,
        check=True,
    )
    return 1000 * (time.perf_counter() - start)


@click.command()
@click.argument("other", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--rounds", default=20, show_default=True)
def main(other: Path, rounds: int) -> None:
    """Print both medians and the difference for each command; exit status 1 where one is over the limit."""
    late = False
    with tempfile.TemporaryDirectory() as folder:
        for name, words in COMMANDS.items():
            found = [
                [milliseconds(tree, words, folder) for tree in (other.resolve(), HERE)[:: 1 if turn % 2 else -1]]
                for turn in range(rounds + 1)
            ][1:]  # the first reads files from the disk
            pairs = [pair[:: 1 if turn % 2 == 0 else -1] for turn, pair in enumerate(found)]
            before, after = (statistics.median(column) for column in zip(*pairs, strict=True))
            later = statistics.median(mine - theirs for theirs, mine in pairs)
            late |= later > LIMIT and name != UNLIMITED
            click.echo(f"{name:32} before {before:6.0f} ms   now {after:6.0f} ms   later by {later:5.1f} ms")
    sys.exit(int(late))


if __name__ == "__main__":
    main()
