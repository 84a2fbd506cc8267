"""python -m benchmarks.mutants [PARTS] [--sample N --seed S]

Judge the mutants of PARTS, or of all of them; results are kept, and a run goes on where it was interrupted.
"""

import os
import random
import sys
from pathlib import Path

import click
import pytest

from benchmarks.mutants.forks import forked
from benchmarks.mutants.parts import PARTS, Mutant, mutants
from benchmarks.mutants.results import Results, report, report_quick
from benchmarks.mutants.sessions import ALL, UNCALLED, Session, imported

QUICK = ["-m", "quick"]


def preload() -> None:
    """What every fork would import; nothing of gradcheck."""
    import flint  # noqa: F401
    import jsonschema  # noqa: F401
    import ml_dtypes  # noqa: F401
    import scipy.optimize  # noqa: F401


def judge_inside(wanted: list[Mutant], arguments: list[str], results: Results) -> None:
    """All in one session."""
    child = os.fork() if wanted else -1
    if child == 0:
        os._exit(int(pytest.main(["-q", *arguments], plugins=[Session(wanted, results.sources, results.add)])))
    if wanted and os.waitpid(child, 0)[1]:
        raise click.ClickException("the properties could not be run")
    results.read()


def judge_outside(wanted: list[Mutant], arguments: list[str], results: Results) -> None:
    """One by one."""
    for mutant in wanted:
        results.add(mutant, forked(lambda m=mutant: imported(m, results.sources[m.path], arguments), ALL))


def judge(wanted: list[Mutant], arguments: list[str], results: Results, kind: str | None) -> None:
    """Those in functions first; those that no property calls there are outside."""
    uncalled = {mutant for mutant in wanted if results.said(mutant) == UNCALLED}
    if kind != "outside":
        inside = [mutant for mutant in wanted if mutant.function and mutant not in uncalled]
        judge_inside(inside, arguments, results)
        uncalled |= {mutant for mutant in inside if results.said(mutant) == UNCALLED}
    if kind != "inside":
        judge_outside([mutant for mutant in wanted if not mutant.function or mutant in uncalled], arguments, results)


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice([*PARTS]))
@click.option("--sample", type=int, help="So many mutants of each part, drawn by chance.")
@click.option("--seed", default=0, show_default=True)
@click.option("--results", "path", type=click.Path(path_type=Path), default=Path("mutants.jsonl"), show_default=True)
@click.option("--again", is_flag=True, help="Only those that survive by the results so far.")
@click.option(
    "--quick", is_flag=True, help="Of those killed by the results so far, how many the quick selection kills."
)
@click.option("--tests", multiple=True, help="Properties to use in place of those of the part.")
@click.option("--kind", type=click.Choice(["inside", "outside", "neither"]), help="Of functions; neither: report only.")
def main(*, parts, sample, seed, path, again, quick, tests, kind):
    """Judge the mutants of PARTS, or of all of them."""
    preload()
    whole, unknown = Results(path), 0
    results = Results(path.with_suffix(f".quick{path.suffix}"), whole.sources) if quick else whole
    if quick:
        os.environ["HYPOTHESIS_PROFILE"] = "quick"  # which the sessions read
    for part in parts or PARTS:
        every = list(mutants(part, whole.sources))
        if sample:
            every = random.Random(seed).sample(every, min(sample, len(every)))
        if quick:
            every = [m for m in every if whole.said(m) not in ("survived", UNCALLED, "")]
        open_to = ("survived",) if again else ("", UNCALLED)
        wanted = [m for m in every if results.said(m) in open_to]
        if kind != "neither":
            judge(wanted, [*(tests or PARTS[part].tests), *(QUICK if quick else ())], results, kind)
        judged = [results.rows[m.identity] for m in every if results.said(m) not in ("", UNCALLED)]
        unknown += (report_quick if quick else report)(part, judged)
    sys.exit(1 if unknown else 0)


if __name__ == "__main__":
    main()
