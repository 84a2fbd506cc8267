"""`gradcheck verify [TARGET]`."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from gradcheck.budget import TOLD, Budget
from gradcheck.cli.files import asked_for, cases_option, report_options, written
from gradcheck.cli.group import leave, main
from gradcheck.cli.options import chosen, layout_options, process_options, require_options, run_options
from gradcheck.cli.progress import progress
from gradcheck.cli.say import say
from gradcheck.cli.timing import budget_option
from gradcheck.errors import Unusable
from gradcheck.settings import Target
from gradcheck.supervisor import INTERRUPTED

if TYPE_CHECKING:
    from gradcheck.implementations import Implementation
    from gradcheck.verify import Run

SETTINGS = ("dtypes", "checks", "regimes", "max_examples", "seed", "careful", "require", "budget")


@main.command()
@click.argument("name", metavar="[TARGET]", required=False)
@run_options
@budget_option
@require_options
@layout_options
@process_options
@cases_option
@report_options
@click.option("--ci", is_flag=True, help="Annotations and a summary for a GitHub workflow, a cause each.")
@click.option("-v", "--verbose", is_flag=True, help="Show every check and every failure.")
@click.option("-q", "--quiet", is_flag=True, help="Show one line.")
@click.option("--careful", is_flag=True, help="To lose bits that careful code keeps is a failure.")
def verify(
    *,
    name: str | None,
    folder: Path,
    ci: bool,
    verbose: bool,
    quiet: bool,
    **given: Any,
) -> None:
    """Pose problems to TARGET and judge everything that it computes.

    TARGET is a built-in name (see `gradcheck targets`), package.module:object, path/to/file.py:object, or a name of the user's
    pyproject.toml: a module, an object or a gradcheck.Implementation with any of gradients, loss, logits, softmax,
    softmax_jacobian; a bare function is taken as gradients(theta, b, X, Y). Without TARGET, everything that pyproject.toml names
    in [tool.gradcheck.targets] is judged.
    """
    from gradcheck import cases, reports
    from gradcheck.reports import workflow
    from gradcheck.verify import status

    files = asked_for(given)
    cases.prepare(folder)
    settings = {key: given.pop(key) for key in SETTINGS}
    results = reports.console(quiet=Path("-") in files.values())
    runs: list[Run] = []
    with workflow.unheeded() if ci else nullcontext():
        targets = chosen(name, given)
        loads = {target.words: target.load for target in targets}
        for found, left in judged(targets, settings):
            if runs and not quiet:
                results.print()
            runs.append(_saved(found, folder, None if found.interrupted else loads[found.command], left))
            reports.terminal.show(runs[-1], results, said=verbose - quiet)
    told = written(files, runs, folder)
    if told and not quiet:
        results.print(told)
    if ci:
        for line in workflow.annotations(runs):
            click.echo(line)
        workflow.write_summary(workflow.summary(runs))
    leave(INTERRUPTED if runs[-1].interrupted else status(runs))


def _saved(run: "Run", folder: Path, again: "Callable[[], Implementation] | None", left: Budget) -> "Run":
    """The run with its cases saved, and repeated if there is time; or as it is, with a word on why not, so that nothing is lost."""
    from gradcheck import conformance

    try:
        found = left.spend(TOLD, lambda: conformance.saved(run, folder, again))
        return found or conformance.saved(_unrepeated(run, left), folder)
    except Unusable as problem:
        say(f"gradcheck: {problem}", err=True)
        return run


def _unrepeated(run: "Run", left: Budget) -> "Run":
    """The run whose failures there was no time to repeat, which it says."""
    from gradcheck.verify import Cut

    cut = run.cut or Cut(left.seconds, whole=True)
    return replace(run, cut=replace(cut, undone=(*cut.undone, "whether each repeats from its file")))


def judged(targets: tuple[Target, ...], settings: dict[str, Any]) -> Iterator[tuple["Run", Budget]]:
    """A run for each target and dtype, one after the other, up to an interrupt. What cannot be used is refused before the first.

    Each has an equal part of the time that is left, which is handed on with it.
    """
    from gradcheck import conformance, drawing, verify
    from gradcheck.implementations.quiet import quiet

    conformance.homeless()
    budget = Budget(settings.get("budget"))
    with quiet():
        loaded = [(target, target.load()) for target in targets]
    for target, found in loaded:
        verify.select(settings["checks"] or target.checks)
        drawing.possible(found, settings["regimes"] or target.regimes)
    said = tuple(dict.fromkeys(settings["dtypes"]))
    asked = {target.name: said or target.dtypes or found.default_dtypes for target, found in loaded}
    for target, found in loaded:
        for dtype in asked[target.name]:
            found.require(dtype)
    wanted = [(target, found, dtype) for target, found in loaded for dtype in asked[target.name]]
    for number, (target, found, dtype) in enumerate(wanted):
        count = settings["max_examples"] or target.max_examples or 500
        left = budget.part(len(wanted) - number)
        with progress(f"{target.name} {dtype}", count) as bar:
            run = conformance.conform(
                found,
                dtype=dtype,
                checks=settings["checks"] or target.checks,
                regimes=settings["regimes"] or target.regimes,
                max_examples=count,
                seed=settings["seed"],
                careful=settings.get("careful", False),
                require=[name for names in settings["require"] for name in names] or target.require,
                budget=left,
                progress=bar,
                heard=bar.heard,
            )
        beside = [gap for gap in run.unposed if not (gap.kind == "dtype" and gap.name in asked[target.name])]
        door = "pyproject" if target.configured else "command"
        yield replace(run, command=target.words, door=door, unposed=tuple(beside)), left
        if run.interrupted:
            return
