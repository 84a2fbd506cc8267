"""Makes the cases that ship with gradcheck: `python -m benchmarks.shipped`. Adds what is not there, and takes nothing away.

Problems that show a fault of an old bound or referee are made again from what the change that mended it says, and were judged
by the commit before it; that of a loss of two sums lies there as it was found. Those that found a fault in a real
implementation are found again, by its own check, and shrunk.
"""

from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from gradcheck import cases, conformance, corpus
from gradcheck.cases import Case
from gradcheck.implementations.built_in import installed
from gradcheck.implementations.targets import load
from gradcheck.precision import named
from gradcheck.problem import Problem

ROOT = Path(__file__).resolve().parent.parent
ENGINES = sorted((ROOT / "examples" / "pypi").glob("*.py"))


def problem(dtype: str, theta, b, X, Y) -> Problem:
    p = named(dtype)
    return Problem(*(p.round(np.array(a, dtype=np.float64)) for a in (theta, b, X, Y)), "C")


# What was at fault -> check and problem. `properties/refused.py` has the correct code that was refused on each.
BOUNDS: dict[str, tuple[str, Problem]] = {
    # six sums of 2^60 + 128 that round to 2^60: exact probabilities are below e^-700, computed ones 1/2
    "the cap of expm1": (
        "logits_gradient",
        problem("float64", [[1.0] * 7, [1.0] + [0.0] * 6], [[0.0]] * 2, [[2.0**60]] + [[128.0]] * 6, [[1.0], [0.0]]),
    ),
    "logits that overflow": (
        "logits_gradient",
        problem("float16", [[300.0], [-300.0]], [[0.0]] * 2, [[300.0, 1.0]], np.eye(2)),
    ),
    "products with the mass that overflow": (
        "loss",
        problem("float16", [[0.0]] * 2, [[100.0]] * 2, [[0.0]], [[1000.0], [0.0]]),
    ),
    "data that underflows and meets the mass": (
        "theta_gradient",
        problem("float16", [[0.0]] * 2, [[0.0]] * 2, [[2.0**-24] * 3], [[1000.0] * 3, [0.0] * 3]),
    ),
    "labels that underflow and meet the distance": (
        "loss",
        problem("float16", [[0.0]] * 2, [[0.0], [30000.0]], [[0.0] * 3], [[2.0**-24] * 3, [0.0] * 3]),
    ),
    "steps of 1e154 where all data is tiny": (
        "scipy_check_grad_theta",
        problem("float64", [[0.0]] * 2, [[0.0]] * 2, [[2.0**-535]], [[1.0], [0.0]]),
    ),
}


def of_bounds():
    """Cases for no target in particular."""
    yield from (Case(found, check, "") for check, found in BOUNDS.values())


def of_implementations(names):
    """The smallest failure of each check that is known to fail, and of engines with faults."""
    for name in names:
        implementation = replace(load(name), expected_failures={})
        known = load(name).expected_failures
        if not known and not name.endswith(".py"):
            continue
        checks = tuple(dict.fromkeys(entry.partition("/")[0] for entry in known))
        run = conformance.conform(implementation, dtype=implementation.dtypes[0], checks=checks, max_examples=500)
        for failure in run.failures:
            case = Case(failure.problem, failure.check.name, Path(name).name)
            if conformance.replay(implementation, case, Path(name)).failures:  # what does not fail again shows nothing
                yield case


@click.command()
def main() -> None:
    """Into the folder of the package."""
    held = corpus.Held(corpus.SHIPPED)
    engines = []
    for path in ENGINES:
        try:
            load(str(path))
            engines.append(str(path))
        except Exception as problem:
            click.echo(f"left out: {path.name}: {problem}")
    for case in (*of_bounds(), *of_implementations([*installed(), *engines])):
        if held.take(case):
            click.echo(f"{cases.save(case, corpus.SHIPPED, above=corpus.ABOVE).name}  {case.target}")


if __name__ == "__main__":
    main()
