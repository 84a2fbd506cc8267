"""`gradcheck fuzz [TARGET]`."""

import contextlib
import math
import os
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradcheck.cli.group import Refused, leave, main
from gradcheck.cli.options import chosen, layout_options, process_options, run_options
from gradcheck.cli.tables import Amount
from gradcheck.errors import Unusable
from gradcheck.printable import pasted, printable
from gradcheck.supervisor import INTERRUPTED

if TYPE_CHECKING:
    from gradcheck.campaign import Job, Outcome
    from gradcheck.campaign.saved import Replayed
    from gradcheck.campaign.workers import Workers


@main.command()
@click.argument("name", metavar="[TARGET]", required=False)
@click.option("--minutes", type=Amount(0, min_open=True), help="For how long; without a budget, until Ctrl-C.")
@click.option("--workers", type=click.IntRange(1), help="Processes. [one for each processor]")
@click.option("--scheduler", metavar="ADDRESS", help="Run on a Dask cluster: tcp://host:8786.")
@click.option(
    "--corpus",
    "folder",
    default="corpus",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Where cases and findings are kept.",
)
@click.option(
    "--database", default="", metavar="DIR|URL", help="Hypothesis examples: a folder, redis://…, github://owner/repo."
)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write a page.")
@click.option("--ci", is_flag=True, help="GitHub annotations and summary; exit 1 on a new finding only.")
@run_options
@layout_options
@process_options
def fuzz(
    *,
    name: str | None,
    minutes: float | None,
    workers: int | None,
    scheduler: str | None,
    folder: Path,
    html: Path | None,
    ci: bool,
    **given: Any,
) -> None:
    """Pose problems to TARGET until the budget is spent, and keep what is found.

    Saved cases of the corpus come first. Findings are distinct by check, diagnosis and regime; each is shrunk and saved in
    the corpus, and is not reported again. A campaign that was cut short goes on where it was.
    """
    from gradcheck import conformance
    from gradcheck.campaign import Budget, Campaign, display, github, page
    from gradcheck.campaign.saved import replayed
    from gradcheck.reports import console, prepare, workflow, write

    prepare(html)
    with workflow.unheeded() if ci else nullcontext():
        job = _job(name, given)
        conformance.homeless()
        target = pasted(job.target.words)
        budget = Budget(minutes and 60 * minutes, given["max_examples"], len(job.dtypes))
        out = console(quiet=html == Path("-"))
        started = time.monotonic()
        before = replayed(job, folder, started + (budget.seconds or math.inf))
        if before.failed:
            path, _, found = before.failed[0]
            out.print(
                printable(f"{len(before.failed)} saved cases still fail, such as {path}: {found}"), soft_wrap=True
            )
        with display.live(f"gradcheck fuzz {job.target.name}", budget) as watch:
            campaign = Campaign(job, _workers(workers, scheduler), folder, watch, started)
            campaign.outcome.notes.update(dict.fromkeys((*before.unusable, *before.notes)))
            outcome = campaign.run(budget)
        try:
            display.show(outcome, target, out)
            sys.stdout.flush()
        except OSError:
            _unheard()
        if html:
            write(html, page.text(outcome, target))
    if ci:
        for line in github.annotations(outcome, target, job.target.words):
            click.echo(line)
        workflow.write_summary(github.summary(outcome, target))
    leave(_status(outcome, before, ci=ci))


def _unheard() -> None:
    """Standard output goes nowhere: its terminal is gone, or its disk is full. The corpus and the exit status still say it."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _job(name: str | None, given: dict[str, Any]) -> "Job":
    """What is asked for; refused before any worker starts."""
    from gradcheck import drawing, verify
    from gradcheck.campaign import Job, database
    from gradcheck.implementations.quiet import quiet

    said = {key: given.pop(key) for key in ("dtypes", "checks", "regimes", "seed", "database")}
    targets = chosen(name, {key: value for key, value in given.items() if key != "max_examples"})
    if len(targets) != 1:
        raise Unusable(f"pyproject.toml names {len(targets)} targets; expected the name of the one to fuzz")
    (target,) = targets
    with quiet():
        found = target.load()
    verify.known(found.expected_failures)
    dtypes = tuple(dict.fromkeys(said["dtypes"])) or target.dtypes or found.default_dtypes
    for dtype in dtypes:
        found.require(dtype)
    checks, wanted = said["checks"] or target.checks, said["regimes"] or target.regimes
    verify.select(checks)
    drawing.possible(found, wanted)
    database.opened(said["database"])
    return Job(target, dtypes, checks, wanted, said["seed"], database=said["database"])


def _workers(count: int | None, scheduler: str | None) -> "Workers":
    from gradcheck.campaign.cluster import Cluster
    from gradcheck.campaign.workers import Processes

    if scheduler and count:
        raise Unusable("--workers and --scheduler are both given; a cluster has as many workers as it has")
    return Cluster(scheduler) if scheduler else Processes(count or os.cpu_count() or 1)


def _status(outcome: "Outcome", before: "Replayed", *, ci: bool) -> int:
    if outcome.interrupted:
        return INTERRUPTED
    found = outcome.new if ci else outcome.findings or before.failed
    if found or outcome.unshrunk:
        return 1
    if outcome.ended or before.unusable:
        return Refused.exit_code
    return 0 if outcome.judged else 3
