"""Campaigns on every installed built-in target: `python -m benchmarks.findings --minutes 5 --json FILE`.

What a run finds is written to docs/findings.md by hand: whether upstream knows of it is no matter for a program.
"""

import json
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from gradcheck.campaign import Budget, Campaign, Job, words
from gradcheck.campaign.workers import Processes
from gradcheck.implementations.built_in import BUILT_IN, installed
from gradcheck.implementations.targets import load
from gradcheck.settings import Target

SIZE = 50  # problems of a shard: some of these compile for every shape, and what is not done in time does not count
DISTRIBUTIONS = {
    "sklearn": "scikit-learn",
    "megatron": "megatron-core",
    "tensorflow": "tensorflow-cpu",
    "paddle": "paddlepaddle",
    "liger_kernel": "liger-kernel",
    "cut_cross_entropy": "cut-cross-entropy",
}


def versions(name: str) -> str:
    """`torch 2.13.0`, for each package that the target needs."""
    said = []
    for package in BUILT_IN[name].packages or (name,):
        try:
            said.append(f"{package} {version(DISTRIBUTIONS.get(package, package))}")
        except PackageNotFoundError:
            continue
    return ", ".join(said) or "gradcheck's own"


def hunted(name: str, minutes: float, workers: int, seed: int) -> dict:
    """One campaign, in every precision that the target offers."""
    found = load(name)
    given = Target(name, name)
    job = Job(given, tuple(found.dtypes), seed=seed, size=SIZE)
    with tempfile.TemporaryDirectory() as folder:
        outcome = Campaign(job, Processes(workers), Path(folder)).run(Budget(seconds=60 * minutes))
    click.echo(f"{name} ({versions(name)}; {', '.join(job.dtypes)}): {words.summary(outcome)}")
    for group in words.grouped(outcome.findings):
        click.echo(
            f"    {len(group)} findings of “{group[0].diagnosis}”: {', '.join(f'{f.check} ({f.regime})' for f in group)}"
        )
    return {
        "target": name,
        "versions": versions(name),
        "seconds": outcome.seconds,
        "problems": outcome.problems,
        "ratios": outcome.ratios(),
        "findings": [vars(finding) for finding in outcome.findings],
        "expected": dict(found.expected_failures),
        "notes": list(outcome.notes),
    }


@click.command()
@click.argument("names", nargs=-1)
@click.option("--minutes", default=5.0, show_default=True, help="For each target.")
@click.option("--workers", default=1, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--json", "file", type=click.Path(path_type=Path), help="Everything that was found.")
def main(names: tuple[str, ...], minutes: float, workers: int, seed: int, file: Path | None) -> None:
    """Every installed target, or those named."""
    results = []
    for name in names or installed():
        results.append(hunted(name, minutes, workers, seed))
        if file:
            file.write_text(json.dumps(results, indent=1, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
