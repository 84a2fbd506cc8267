"""The pages of the reference, made as the site is built: one for each public name, and what each command says of itself."""

import textwrap
from collections.abc import Iterable
from importlib import import_module
from operator import attrgetter
from pathlib import Path
from typing import Any

import click
from click.testing import CliRunner

import gradcheck
from gradcheck.cli import main

FOLDER = Path(__file__).parent / "reference"
KINDS = {
    "Judge": ("check", "conform", "judge", "judge_gradient", "assert_gradient", "parametrize", "problems", "ranks"),
    "One array": ("explained", "assert_explained", "ops", "problems_for"),
    "Targets": ("load", "Implementation", "from_*", "NotPosed"),
    "Declare": ("Layout", "CrossEntropy", "Loss", "Arithmetic", "Takes"),
    "Large steps": ("audit", "capture", "watch"),
    "What is found": ("Run", "Verdict", "Outcome", "Disagreement", "Problem", "Enclosure"),
    "Errors and warnings": ("Unusable", "Missing", "Unexplained", "*Warning"),
}
# What users call on what a name gives them, as they write it: where it stands, below gradcheck.
CALLED = {
    "Loss": {"Loss.traced": "law.own.Loss.traced"},
    "audit": {"found = audit(…)": "auditing.outcome.Audit", "found.findings[i]": "auditing.findings.Finding"},
    "capture": {
        "capture.fused": "auditing.capture.Capture.fused",
        "capture.traced": "auditing.capture.Capture.traced",
        "capture(…).write": "auditing.capturing.step.Step.write",
        "capture(…).close": "auditing.capturing.step.Step.close",
        "capture.fused(…).write": "auditing.capturing.fused.Fused.write",
        "capture.traced(…)(X, W, b)": "auditing.capturing.traced.Traced.__call__",
        "capture.traced(…).write": "auditing.capturing.traced.Traced.write",
    },
    "explained": {"found = explained(…)": "asserted.said.Explained"},
    "watch": {
        "watch(…).found": "auditing.watching.layer.Watch.found",
        "watch(…).close": "auditing.watching.layer.Watch.close",
        "found": "auditing.watching.found.Found",
    },
}
WIDTH = 100


def names() -> list[str]:
    """The public names that have a page."""
    return [name for name in gradcheck.__all__ if not name.startswith("__")]


def kinds() -> dict[str, list[str]]:
    """What there is of each kind; what none of them names comes last."""
    left, found = names(), {}
    for kind, globs in KINDS.items():
        found[kind] = [name for glob in globs for name in left if Path(name).match(glob)]
        left = [name for name in left if name not in found[kind]]
    return {**found, **({"Others": left} if left else {})}


def one(name: str) -> str:
    """The page of one name: what its docstring says."""
    it = getattr(gradcheck, name)
    how = "autoclass" if isinstance(it, type) else "automodule" if not callable(it) else "autofunction"
    members = "" if how == "autofunction" else "\n   :members:"
    below = CALLED.get(name, {}) if how == "autofunction" else {}  # a class has its members above
    return f"# {name}\n\n{_shown(how, name, members)}" + "".join(
        f"\n## `{said}`\n\n{_shown(_how(path), path)}" for said, path in below.items()
    )


def _shown(how: str, path: str, members: str = "") -> str:
    return f"```{{eval-rst}}\n.. {how}:: gradcheck.{path}{members}\n```\n"


def called(path: str) -> Any:
    """What stands there: a class, or what it has."""
    words = path.split(".")
    at = next(place for place, word in enumerate(words) if word[0].isupper())
    return attrgetter(".".join(words[at:]))(import_module(".".join(("gradcheck", *words[:at]))))


def _how(path: str) -> str:
    """The directive of autodoc for it."""
    it = called(path)
    return "autoclass" if isinstance(it, type) else "autoproperty" if isinstance(it, property) else "automethod"


def first(name: str) -> str:
    """The first sentence of what it says of itself."""
    said = " ".join((getattr(gradcheck, name).__doc__ or "").split("\n\n")[0].split())
    return said.replace("|", "\\|")


def index() -> str:
    """Every public name, with what it is."""
    lines = ["# Python", "", "`import gradcheck` costs nothing; each of these is imported when it is first used.", ""]
    for kind, found in kinds().items():
        lines += [f"## {kind}", "", "| name | what it is |", "|---|---|"]
        lines += [f"| [`{name}`]({name}.md) | {first(name)} |" for name in found]
        lines += [""]
    lines += ["```{toctree}", ":hidden:", *(name for found in kinds().values() for name in found), "```"]
    return "\n".join(lines) + "\n"


def _commands(command: click.Command, words: tuple[str, ...] = ()) -> Iterable[tuple[str, ...]]:
    yield words
    for name, below in getattr(command, "commands", {}).items():
        yield from _commands(below, (*words, name))


def commands() -> str:
    """What each command prints with --help."""
    parts = ["# Command line", ""]
    for words in _commands(main):
        done = CliRunner().invoke(
            main, [*words, "--help"], prog_name="gradcheck", terminal_width=WIDTH, max_content_width=WIDTH
        )
        said = textwrap.indent(done.output.rstrip("\n"), "    ", lambda line: bool(line.strip()))
        parts += [f"## gradcheck {' '.join(words)}".rstrip(), "", said, ""]
    return "\n".join(parts).rstrip("\n") + "\n"


def write() -> None:
    """All of them; those that have not changed are left alone, so that Sphinx does not read them again."""
    FOLDER.mkdir(exist_ok=True)
    made = {"index": index(), "cli": commands(), **{name: one(name) for name in names()}}
    for name, text in made.items():
        path = FOLDER / f"{name}.md"
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    for path in FOLDER.glob("*.md"):
        if path.stem not in made:
            path.unlink()
