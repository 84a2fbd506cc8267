"""Every `repeat` line, run as printed in a fresh process, shows the failure again: `python -m benchmarks.repeats TARGET ...`.

Each target is judged by `gradcheck verify`. Exits with 1 where a
line that was printed does not exit with 1.
"""

import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator

import click
from rich.console import Console
from rich.table import Table

GRADCHECK = (sys.executable, "-m", "gradcheck")
LABEL = "repeat"
SECONDS = 600


def lines(printed: str) -> Iterator[str]:
    """What stands after `repeat`, once each."""
    found = (line.strip().partition(" ") for line in printed.splitlines())
    yield from dict.fromkeys(rest.strip() for word, _, rest in found if word == LABEL)


def status(words: list[str], folder: str) -> tuple[int, str]:
    """The exit status of a command, and what it prints."""
    found = subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    return found.returncode, found.stdout


@click.command()
@click.argument("targets", nargs=-1, required=True)
@click.option("--option", "options", multiple=True, help="Handed to verify, such as --option=--isolate.")
@click.option("--max-examples", default=100, show_default=True)
def main(targets: tuple[str, ...], options: tuple[str, ...], max_examples: int) -> None:
    table = Table("target", "lines", "exit 1", "sentences", "others", box=None)
    whole: Counter[str] = Counter()
    for target in targets:
        counts: Counter[str] = Counter()
        others: list[str] = []
        with tempfile.TemporaryDirectory() as folder:
            given = ["verify", target, "--max-examples", str(max_examples), *options]
            for line in lines(status([*GRADCHECK, *given], folder)[1]):
                words = shlex.split(line) if line.startswith("gradcheck ") else []
                code = status([*GRADCHECK, *words[1:]], folder)[0] if words else 0
                counts["lines" if words else "sentences"] += 1
                counts["exit 1"] += code == 1
                others += [f"{code}: {line}"] if words and code != 1 else []
        whole += counts
        whole["others"] += len(others)
        table.add_row(target, *(str(counts[key]) for key in ("lines", "exit 1", "sentences")), "; ".join(others))
        print(f"{target}: {dict(counts)} {others}", file=sys.stderr, flush=True)
    Console(width=200).print(table)
    print(", ".join(f"{key} {whole[key]}" for key in ("lines", "exit 1", "sentences", "others")))
    sys.exit(bool(whole["others"]))


if __name__ == "__main__":
    main()
