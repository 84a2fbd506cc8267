"""Pages with what their commands really print: `python -m docs.examples`, or with words to run only commands with these.

A block of Python that begins with the name of a file, as in `# model.py`, is that file, for the commands of its page.
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
DOCS = FOLDER.parent / "docs"
START = sorted((DOCS / "start").glob("*.md"))
GUIDES = tuple(DOCS / name for name in ("own-loss.md", "ranks.md", "reading.md"))
PAGES = (FOLDER.parent / "README.md", FOLDER / "README.md", *GUIDES, *START)
FILE = re.compile(r"^```python\n# (?P<name>\w+\.py)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
# A command, and what stands below it.
BLOCK = re.compile(r"^    \$ (?P<command>.+)\n(?P<printed>(?:(?:    (?!\$).*)?\n)*)", re.MULTILINE)
OURS = ("gradcheck ", "python -m pytest ")  # whose output is shown
GRADCHECK = f"{sys.executable} -m gradcheck"
NOISE = re.compile(
    r"worst ratio [\d.e+-]+( \(\w+\))?(, \d+\+ bits)?|in \d[\d.:() ]*s\b"
    r"|(?<=[^s]agree) +[\d.]+(e[+-]\d\d)? .*|(?<== )-?\d\.\d{5}e-\d\d(?=, but must be)"  # how near a step of an audit is
)
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
    ours = command.startswith(OURS)
    spelt = re.sub(r"^gradcheck ", f"{GRADCHECK} ", re.sub(r"\bpython\b", sys.executable, command))
    places = os.pathsep.join([str(FOLDER.parent), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": places, "COLUMNS": "100"}
    done = subprocess.run(spelt, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode in (CANNOT, 127) or (not ours and done.returncode):
        click.echo(f"left as it stands: {command}: {done.stderr.strip().splitlines()[-1:]}", err=True)
    return done.stdout.replace(f"{folder}/", "") if ours and done.returncode not in (CANNOT, 127) else None


def settled(text: str) -> str:
    """A page without figures of floating-point noise and of time, which differ between machines."""
    return NOISE.sub("", text)


def files() -> dict[str, str]:
    """The files that stand on the pages, by name."""
    found: dict[str, str] = {}
    for page in PAGES:
        for file in FILE.finditer(page.read_text(encoding="utf-8")):
            if found.setdefault(file["name"], file["text"]) != file["text"]:
                raise click.ClickException(f"{page}: another {file['name']} than on the pages before it")
    return found


@click.command()
@click.argument("words", nargs=-1)
@click.option("--page", "names", multiple=True, help="Only this page, by its path from the root of the repository.")
@click.option("--check", is_flag=True, help="Write nothing; fail where a page is stale.")
def main(words: tuple[str, ...], names: tuple[str, ...], check: bool) -> None:
    stale = []
    given = files()
    for path in PAGES:
        if names and path.relative_to(FOLDER.parent).as_posix() not in names:
            continue
        page = path.read_text(encoding="utf-8")
        with TemporaryDirectory() as root:
            shutil.copytree(FOLDER, root, dirs_exist_ok=True)
            for name, text in given.items():
                Path(root, name).write_text(text, encoding="utf-8")
            new = "".join(renewed(page, words, Path(root)))
        differs = settled(new) != settled(page) if check else new != page
        if differs and check:
            stale.append(str(path))
        elif differs:
            path.write_text(new, encoding="utf-8")
        click.echo(f"{('stale' if check else 'wrote') if differs else 'up to date'}: {path}")
    if check and stale:
        raise click.ClickException(f"stale: {', '.join(stale)}; run `python -m docs.examples`")


if __name__ == "__main__":
    main()
