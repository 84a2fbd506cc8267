"""`gradcheck compare TARGET TARGET…`: checks × implementations."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradcheck.arithmetic import FIELDS
from gradcheck.cli.group import leave, main
from gradcheck.cli.losses import law_options, own_loss, own_options
from gradcheck.cli.options import arithmetic_options, declaring, require_options, run_options, said_of
from gradcheck.cli.taking import taken, takes_options
from gradcheck.cli.timing import budget_option
from gradcheck.cli.verify import judged
from gradcheck.errors import Unusable
from gradcheck.law.options import FIELDS as LAW
from gradcheck.settings import configured, named
from gradcheck.supervisor import INTERRUPTED

if TYPE_CHECKING:
    from gradcheck.verify import Run


@main.command()
@click.argument("names", metavar="TARGET...", nargs=-1)
@run_options
@budget_option
@require_options
@arithmetic_options
@law_options
@own_options
@takes_options
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="As in verify."
)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a page.")
def compare(*, names: tuple[str, ...], json_file: Path | None, html: Path | None, **settings: Any) -> None:
    """Judge several targets on the same problems, and show checks × targets: verdict, effective bits and worst test ratio.

    Targets are named as in verify; without any, all that pyproject.toml names are compared. Each dtype is a column of its own,
    and every target has to be made for those asked for. No cases are saved.
    """
    from gradcheck import reports
    from gradcheck.reports import pages
    from gradcheck.verify import status

    files = {kind: path for kind, path in (("json", json_file), ("html", html)) if path}
    reports.prepare(*files.values())
    folder = Path.cwd()
    rounds, law, takes = said_of(FIELDS, settings), said_of(LAW, settings), taken(settings)
    own = own_loss(settings)
    named_ones = tuple(named(name, folder) for name in names) or tuple(configured(folder).values())
    targets = tuple(declaring(target, law=law, arithmetic=rounds, takes=takes, **own) for target in named_ones)
    if not targets:
        raise Unusable(
            "no target is given, and no pyproject.toml here or above names any; `gradcheck targets` lists some"
        )
    runs: list[Run] = [run for run, _ in judged(targets, settings)]
    reports.terminal.show_comparison(runs, reports.console(quiet=Path("-") in files.values()))
    for kind, path in files.items():
        reports.write(path, (pages.comparison if kind == "html" else reports.FORMATS[kind])(runs))
    leave(INTERRUPTED if runs[-1].interrupted else status(runs))
