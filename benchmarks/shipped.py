"""Makes the cases that ship with gradcheck: `python -m benchmarks.shipped`. Adds what is not there, and takes nothing away.

Problems that found a fault in a bound or a referee are made again from what the changes that mended it say; those that found
one in a real implementation are found again, by its own check, and shrunk.
"""

from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from gradcheck import cases, conformance, corpus
from gradcheck.cases import Case
from gradcheck.implementations.targets import installed, load
from gradcheck.precision import named
from gradcheck.problem import Problem

ROOT = Path(__file__).resolve().parent.parent
ENGINES = sorted((ROOT / "examples" / "pypi").glob("*.py"))


def problem(dtype: str, theta, b, X, labels) -> Problem:
    p = named(dtype)
    Y = np.eye(len(theta))[:, labels]
    return Problem(*(p.round(np.array(a, dtype=np.float64)) for a in (theta, b, X, Y)), "C")


def far(dtype: str, size: float) -> Problem:
    """Logits near each other at a common offset: what exp magnifies, and the cap of expm1."""
    return problem(
        dtype, [[1.0, 2.0], [-1.0, 1.0], [0.0, 1.0]], [[size]] * 3, [[1.0, -1.0, 1.0], [1.0, 1.0, -1.0]], [0, 1, 2]
    )


# What found it -> check and problem. n = 3 where a reciprocal is rounded, and rounded again.
BOUNDS: dict[str, tuple[str, Problem]] = {
    "the cap of expm1": ("softmax", far("float16", 2.0**10)),
    "what exp magnifies, in float32": ("softmax", far("float32", 2.0**20)),
    "what exp magnifies, in float64": ("softmax", far("float64", 1e12)),
    "overflow of a partial sum to infinity": (
        "logits_gradient",
        problem("float16", [[2047.0, 2047.0], [-2047.0, 0.0]], [[0.0], [0.0]], [[16.0, 15.0], [15.5, 16.0]], [0, 1]),
    ),
    "two roundings of a reciprocal": (
        "logits_gradient",
        problem("float32", [[0.3], [-0.7], [0.1]], [[0.0]] * 3, [[0.1, 0.7, -0.3]], [0, 1, 2]),
    ),
    "underflow magnified by what follows": (
        "theta_gradient",
        problem(
            "float16", [[1.0, 0.0], [0.0, 1.0]], [[16.0], [0.0]], [[2.0**-24, 1.0, 1.0], [512.0, 1.0, 512.0]], [0, 0, 0]
        ),
    ),
    "steps of 1e154 where all data is 0": (
        "gradient_of_its_own_loss",
        problem("float64", [[0.0], [0.0]], [[0.0], [0.0]], [[0.0]], [0]),
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
    held = (
        {(case.problem.digest, case.check) for _, case in corpus.load(corpus.SHIPPED)}
        if corpus.SHIPPED.is_dir()
        else set()
    )
    engines = []
    for path in ENGINES:
        try:
            load(str(path))
            engines.append(str(path))
        except Exception as problem:
            click.echo(f"left out: {path.name}: {problem}")
    for case in (*of_bounds(), *of_implementations([*installed(), *engines])):
        key = (case.problem.digest, case.check)
        if key not in held:
            click.echo(f"{cases.save(case, corpus.SHIPPED, above=corpus.ABOVE).name}  {case.target}")
        held.add(key)


if __name__ == "__main__":
    main()
