"""python -m benchmarks.mutants [PARTS] [--sample N --seed S]

Judge the mutants of PARTS, or of all of them; results are kept, and a run goes on where it was interrupted.
"""

import os
import random
import sys
from pathlib import Path

import click
import pytest

from benchmarks.mutants.changes import Source
from benchmarks.mutants.forks import forked
from benchmarks.mutants.parts import PARTS, Mutant, mutants
from benchmarks.mutants.results import UNCALLED, Results, report
from benchmarks.mutants.sessions import ALL, Session, imported

ASKED = os.environ.get("HYPOTHESIS_PROFILE", "dev")


def preload() -> None:
    """What every fork would import; nothing of gradcheck."""
    import flint  # noqa: F401
    import jsonschema  # noqa: F401
    import ml_dtypes  # noqa: F401
    import scipy.optimize  # noqa: F401


def of_quick(quick: bool) -> None:
    """How many problems a property draws in the sessions to come."""
    os.environ["HYPOTHESIS_PROFILE"] = "quick" if quick else ASKED


def judge_inside(wanted: list[Mutant], arguments: list[str], results: Results, quick: bool) -> None:
    """All in one session."""
    child = os.fork() if wanted else -1
    if child == 0:
        session = Session(wanted, results.sources, lambda mutant, said: results.add(mutant, said, quick))
        os._exit(int(pytest.main(["-q", *arguments], plugins=[session])))
    if wanted and os.waitpid(child, 0)[1]:
        raise click.ClickException("the properties could not be run")
    results.read()


def judge_outside(wanted: list[Mutant], arguments: list[str], results: Results, quick: bool) -> None:
    """One by one."""
    for mutant in wanted:
        said = forked(lambda m=mutant: imported(m, results.sources[m.path], arguments), ALL)
        results.add(mutant, said, quick)


def judge(wanted: list[Mutant], tests: list[str], results: Results, kind: str | None, quick: bool) -> None:
    """Those in functions first; those that no property calls there are outside."""
    of_quick(quick)
    arguments = [*tests, *(("-m", "quick") if quick else ())]
    if kind != "outside":
        judge_inside([m for m in wanted if m.function and results.said(m) != UNCALLED], arguments, results, quick)
    if kind != "inside":
        judge_outside([m for m in wanted if not m.function or results.said(m) == UNCALLED], arguments, results, quick)


def of_parts(
    parts: tuple[str, ...], sample: int | None, seed: int, sources: dict[str, Source]
) -> dict[str, list[Mutant]]:
    """The mutants of each part, or so many of them, drawn by chance."""
    found = {part: list(mutants(part, sources)) for part in parts}
    if sample:
        found = {part: random.Random(seed).sample(every, min(sample, len(every))) for part, every in found.items()}
    return found


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice([*PARTS]))
@click.option("--sample", type=int, help="So many mutants of each part, drawn by chance.")
@click.option("--seed", default=0, show_default=True)
@click.option("--results", "path", type=click.Path(path_type=Path), default=Path("mutants.jsonl"), show_default=True)
@click.option("--again", is_flag=True, help="Those, too, that survive by the results so far.")
@click.option(
    "--quick", is_flag=True, help="With the quick selection only; list what it did not kill and the whole does."
)
@click.option("--tests", multiple=True, help="Properties to use in place of those of the parts.")
@click.option("--kind", type=click.Choice(["inside", "outside", "neither"]), help="Of functions; neither: report only.")
def main(*, parts, sample, seed, path, again, quick, tests, kind):
    """Judge the mutants of PARTS, or of all of them: by the quick selection, and what survives that by all properties."""
    preload()
    results = Results(path)
    found = of_parts(parts or tuple(PARTS), sample, seed, results.sources)
    every = [mutant for of_part in found.values() for mutant in of_part]
    tests = list(tests or dict.fromkeys(test for part in found for test in PARTS[part].tests))
    for selection in () if kind == "neither" else (True,) if quick else (True, False):
        judge([m for m in every if results.open(m, selection, again)], tests, results, kind, selection)
    unknown = [
        report(part, [results.rows[m.identity] for m in of_part if results.said(m) not in ("", UNCALLED)], quick)
        for part, of_part in found.items()
    ]
    sys.exit(1 if any(unknown) else 0)


if __name__ == "__main__":
    main()
