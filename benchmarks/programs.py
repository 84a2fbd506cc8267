"""Do computed results and the truth lie within running errors? `python -m benchmarks.programs --singles 1000000 --programs 100000`.

Single primitives, and random programs over them, in every precision: values and gradients by NumPy, and by torch and JAX where
these are installed, of inputs that are anywhere within errors of their own, against the running error; the truth by balls as well.
Says the worst ratio of error to bound of each primitive and framework, and ends with 1, and with the text, where one is outside.
JAX runs one operation at a time, and so a part only (`--jax N`: one in N). What is known to be a fault of a framework
(docs/findings.md) has a column of its own, with a star.
"""

import random
import sys
from collections import defaultdict
from importlib.util import find_spec
from time import perf_counter
from typing import Any

import click
import numpy as np

import gradcheck.numpy
from benchmarks.random import programs as texts
from benchmarks.random.judged import Given, compiled, judged
from benchmarks.random.singles import DTYPES, FAULTS, SINGLES, drawn, erring
from gradcheck import precision

Worst = dict[str, dict[str, float]]


class Counted:
    """Results, the worst ratio of each name and framework, and what is outside."""

    def __init__(self, largest: float = 2.0**-2) -> None:
        self.largest = largest  # error of an input
        self.results = 0
        self.worst: Worst = defaultdict(lambda: defaultdict(float))
        self.outside: list[str] = []

    def add(self, name: str, framework: str, ratio: Any, said: str) -> None:
        """The ratios of one result."""
        worst = float(np.max(ratio, initial=0.0))
        self.results += int(np.size(ratio))
        self.worst[name][framework] = max(self.worst[name][framework], worst)
        if worst > 1 and not framework.endswith("*"):
            self.outside.append(said)


def single(rng: np.random.Generator, name: str, dtype: str, frameworks: tuple[str, ...], counted: Counted) -> None:
    """One draw of a primitive: 4 x k entries, their value and gradients."""
    kind, case = precision.named(dtype).dtype, SINGLES[name]
    shape = (4, 6) if case.few else (4, 64)
    arrays = [drawn(rng, domain, shape, kind) for domain in (case.domain, case.other) if domain]
    errors, moved = [
        list(part) for part in zip(*(erring(rng, array, counted.largest) for array in arrays), strict=True)
    ]
    text = compiled(f"def loss(x, y=None, *, np):\n    return {case.text}\n")
    with np.errstate(all="ignore"):
        sample = text(*(array.astype(np.float64) for array in arrays), np=gradcheck.numpy)
        given = Given(arrays, errors, moved, rng.normal(size=np.shape(sample)).astype(kind))
        for framework, place, ratio in judged(text, given, frameworks):
            if (framework, dtype, name) in FAULTS:
                framework = f"{framework}*"  # noqa: PLW2901
            said = f"{framework}, {dtype}, result {place} of {case.text}: {np.max(ratio):.3g}"
            counted.add(name, framework, ratio, said)


def program(seed: int, dtype: str, frameworks: tuple[str, ...], counted: Counted) -> None:
    """One program, its value and both gradients."""
    numbers, kind = np.random.default_rng(seed), precision.named(dtype).dtype
    found = texts.drawn(random.Random(seed))
    arrays = [drawn(numbers, "modest", shape, kind) for shape in found.shapes]
    errors, moved = [
        list(part) for part in zip(*(erring(numbers, array, counted.largest) for array in arrays), strict=True)
    ]
    for framework, place, ratio in judged(compiled(found.text), Given(arrays, errors, moved), frameworks):
        inputs = "".join(f"# {name} = {a.astype(np.float64).tolist()}\n" for name, a in zip("xy", moved, strict=True))
        said = f"{framework}, {dtype}, seed {seed}, result {place}: {np.max(ratio):.3g}\n{found.text}{inputs}"
        counted.add("programs", framework, ratio, said)


def told(counted: Counted, what: str, number: int, seconds: float) -> None:
    """A table, the worst first."""
    print(f"{number:,} {what}, {counted.results:,} results, {len(counted.outside)} outside, {seconds:.0f} s")
    names = sorted({framework for row in counted.worst.values() for framework in row})
    print(f"  {'worst ratio':16}" + "".join(f"{name:>9}" for name in names))
    for name, row in sorted(counted.worst.items(), key=lambda item: -max(item[1].values())):
        print(f"  {name:16}" + "".join(f"{row.get(framework, 0.0):9.3f}" for framework in names))


@click.command()
@click.option("--singles", default=10_000, help="Results of single primitives, and as many of their gradients.")
@click.option("--programs", "several", default=1_000, help="Random programs.")
@click.option("--seed", default=0)
@click.option("--jax", "one_in", default=50, help="One of so many runs in JAX.")
@click.option("--dtype", "dtypes", multiple=True, default=DTYPES)
@click.option("--only", default="", help="A single primitive.")
@click.option(
    "--exact", is_flag=True, help="Inputs have no errors of their own, so that ratios tell of rounding alone."
)
@click.option("--most", default=3, help="So many texts of what is outside.")
def main(
    *, singles: int, several: int, seed: int, one_in: int, dtypes: tuple[str, ...], only: str, exact: bool, most: int
) -> None:
    """Draw them."""
    installed = tuple(name for name in ("torch", "jax") if find_spec(name))
    outside: list[str] = []

    def frameworks(k: int) -> tuple[str, ...]:
        return ("numpy", *(name for name in installed if name != "jax" or k % one_in == 0))

    largest = 0.0 if exact else 2.0**-2
    counted, k, began, numbers = Counted(largest), 0, perf_counter(), np.random.default_rng(seed)
    cases = [name for name in SINGLES if only in ("", name)]
    values = 0
    while values < singles:
        name = cases[k % len(cases)]
        single(numbers, name, dtypes[k // len(cases) % len(dtypes)], frameworks(k // len(cases)), counted)
        values += 24 if SINGLES[name].few else 256
        k += 1
    if singles:
        told(counted, "single results", values, perf_counter() - began)
        outside += counted.outside
    counted, began = Counted(largest), perf_counter()
    for k in range(several):
        program(2**32 * seed + k, dtypes[k % len(dtypes)], frameworks(k // len(dtypes)), counted)
    if several:
        told(counted, "programs", several, perf_counter() - began)
        outside += counted.outside
    print(*outside[:most], sep="\n")
    sys.exit(bool(outside))


if __name__ == "__main__":
    main()
