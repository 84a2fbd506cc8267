"""Pages with what their commands really print: `python -m docs.examples`, or with words to run only commands with these.

What a machine lacks (a package, a compiler, Node.js) is told, and its block is left as it stands.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import click

FOLDER = Path(__file__).parent.parent / "examples"
PAGES = (FOLDER / "README.md", FOLDER.parent / "docs" / "own-loss.md")
# A command, and what stands below it.
BLOCK = re.compile(r"^    \$ (?P<command>.+)\n(?P<printed>(?:(?:    (?!\$).*)?\n)*)", re.MULTILINE)
CANNOT = 2  # gradcheck's exit status where something is missing


def renewed(page: str, chosen: tuple[str, ...], root: Path) -> Iterator[str]:
    """The page, piece by piece, with the output of each chosen command in a copy of the examples."""
    end, folder = 0, root
    for block in BLOCK.finditer(page):
        command = block["command"]
        yield page[end : block.start()]
        end = block.end()
        if command.startswith("cd "):
            folder = root / command.split()[1]
        wanted = not chosen or any(word in command for word in chosen)
        printed = _printed(command, folder if " && " not in command else root) if wanted else None
        yield f"    $ {command}\n" + (block["printed"] if printed is None else _indented(printed, block["printed"]))
    yield page[end:]


def _indented(printed: str, before: str) -> str:
    """As a block of the page; what followed it by an empty line still does."""
    lines = [f"    {line}".rstrip() + "\n" for line in printed.strip("\n").split("\n")] if printed.strip() else []
    return "".join(lines) + ("\n" if before.endswith("\n\n") or before == "\n" else "")


def _printed(command: str, folder: Path) -> str | None:
    """What it prints; None where it is no command of ours, or cannot be run here."""
    if command.startswith("cd ") and " && " not in command:
        return None
    ours = command.startswith("gradcheck ")
    spelt = re.sub(r"\bpython\b", sys.executable, command) if not ours else f"{sys.executable} -m {command}"
    places = os.pathsep.join([str(FOLDER.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": places, "COLUMNS": "100"}
    done = subprocess.run(spelt, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode in (CANNOT, 127) or (not ours and done.returncode):
        click.echo(f"left as it stands: {command}: {done.stderr.strip().splitlines()[-1:]}", err=True)
    return done.stdout if ours and done.returncode not in (CANNOT, 127) else None


@click.command()
@click.argument("words", nargs=-1)
def main(words: tuple[str, ...]) -> None:
    for path in PAGES:
        page = path.read_text(encoding="utf-8")
        with TemporaryDirectory() as root:
            shutil.copytree(FOLDER, root, dirs_exist_ok=True)
            text = "".join(renewed(page, words, Path(root)))
        path.write_text(text, encoding="utf-8")
        click.echo(f"{'up to date' if text == page else 'wrote'}: {path}")


if __name__ == "__main__":
    main()
