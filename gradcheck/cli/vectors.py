"""`gradcheck vectors export | certify | judge | schema`: problems with certified answers, for suites that cannot run us."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradcheck.arithmetic import FIELDS, Arithmetic
from gradcheck.cli.group import STATUS, leave, main
from gradcheck.cli.losses import law_options
from gradcheck.cli.options import arithmetic_options, said_of
from gradcheck.cli.progress import progress
from gradcheck.cli.say import say
from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy
from gradcheck.law.options import FIELDS as LAW

if TYPE_CHECKING:
    from gradcheck.vectors.form import Vector


@main.group()
def vectors() -> None:
    """Problems with certified answers, for suites in any language that cannot run gradcheck; see docs/vectors.md."""


@vectors.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--dtype", "dtypes", multiple=True, help="float64, float32, float16 or bfloat16; several may be given. [float64]"
)
@click.option("--count", default=1, type=click.IntRange(1), help="Problems for each dtype and regime. [1]")
@click.option("--seed", default=0, type=click.IntRange(0), help="The same seed poses the same problems. [0]")
@click.option(
    "--regime", "globs", multiple=True, metavar="GLOB", help="Only problems of these regimes; opt-in ones too."
)
@click.option("--shipped", is_flag=True, help="Copy the set that ships with gradcheck; nothing is drawn.")
@click.option("--force", is_flag=True, help="Replace the vectors that DIR holds.")
@law_options
def export(
    *,
    folder: Path,
    dtypes: tuple[str, ...],
    count: int,
    seed: int,
    globs: tuple[str, ...],
    shipped: bool,
    force: bool,
    **settings: Any,
) -> None:
    """Write problems and their certified answers into DIR: one JSON file each, and index.json."""
    from gradcheck.vectors import folder as folders

    folders.replaceable(folder, force=force)
    law = said_of(LAW, settings)
    if shipped and (dtypes or globs or law):
        raise Unusable("--shipped copies a set as it is; expected no --dtype, no --regime and no options of the loss")
    if shipped:
        files = folders.shipped()
    else:
        from gradcheck.vectors.posing import regimes

        dtypes, names = tuple(dict.fromkeys(dtypes)) or ("float64",), regimes(globs)
        made = {"dtypes": dtypes, "seed": seed, "count": count, "regimes": names}
        files = folders.texts(_certified(dtypes, names, seed, count, CrossEntropy(**law)), made)
    folders.write(folder, files, force=force)
    say(f"{folder}: {len(files) - 1} vectors and {folders.INDEX}, {sum(map(len, files.values())) // 1000} kB")


def _certified(
    dtypes: tuple[str, ...], regimes: tuple[str, ...], seed: int, count: int, law: CrossEntropy
) -> "list[Vector]":
    from gradcheck import precision
    from gradcheck.vectors import posing

    for dtype in dtypes:
        precision.named(dtype)
    found: list[Vector] = []
    with progress("certifying", len(dtypes) * len(regimes)) as bar:
        for done, (dtype, regime) in enumerate((dtype, regime) for dtype in dtypes for regime in regimes):
            bar(f"{dtype} {regime}", done)
            found += posing.vectors(dtype, regime, seed, count, law)
    return found


@vectors.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--write", is_flag=True, help="Replace what differs.")
def certify(*, folder: Path, write: bool) -> None:
    """Certify the problems in DIR again, and compare bit by bit with what is there; exit with 1 where something differs."""
    from gradcheck.vectors import folder as folders

    index = folders.load(folder)
    files = folders.certified_again(index)
    names = [name for name in files if name != folders.INDEX]
    differ = [name for name in names if (folder / name).read_bytes() != files[name].encode()]
    if write:
        folders.write(folder, files, force=True)
    for line in (*differ, f"{folder}: {len(differ)} of {len(names)} vectors differ"):
        say(line)
    leave(1 if differ and not write else 0)


@vectors.command(epilog=STATUS)
@click.argument("paths", metavar="[DIR] ANSWERS", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="As in verify."
)
@arithmetic_options
@law_options
def judge(*, paths: tuple[Path, ...], json_file: Path | None, **settings: Any) -> None:
    """Judge ANSWERS, a JSON file or a folder of them, to the vectors in DIR; without DIR, to those that ship with gradcheck."""
    from gradcheck import reports
    from gradcheck.cli import answered
    from gradcheck.vectors import SHIPPED, answers, folder, report
    from gradcheck.vectors import judge as judged

    if len(paths) not in (1, 2):
        raise Unusable(f"{len(paths)} paths are given; expected ANSWERS, or DIR and ANSWERS")
    reports.prepare(json_file)
    law, rounds = said_of(LAW, settings), said_of(FIELDS, settings)
    index = folder.load(paths[0] if len(paths) == 2 else SHIPPED)
    found = judged(index, answers.load(paths[-1]), Arithmetic(**rounds), CrossEntropy(**law) if law else None)
    answered.show(found, reports.console(quiet=json_file == Path("-")))
    if json_file:
        reports.write(json_file, report.text(found))
    leave(found.status)


@vectors.command()
def schema() -> None:
    """Print the JSON Schema of vectors, of their index, and of answers."""
    from gradcheck.vectors import SCHEMA_FILE

    click.echo(SCHEMA_FILE.read_text(encoding="utf-8"), nl=False)
