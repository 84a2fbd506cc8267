"""python -m benchmarks.kernel_tests [--rows 32] [--honest 10000]

Of each project's own inputs, precision and shapes: which of eight faults its tolerance passes, and what `assert_explained` says of
the same arrays. Then right kernels on problems of every kind, none of which may be refused.
"""

import argparse
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

import gradcheck
from benchmarks.kernel_tests.faults import FAULTS, faults, gradient
from benchmarks.kernel_tests.kernels import KERNELS, PAIRWISE, chain, written
from benchmarks.kernel_tests.rules import BF16, F16, RULES, Rule
from gradcheck import ops, precision
from gradcheck.asserted.declared import Declared
from gradcheck.asserted.judge import judged
from gradcheck.asserted.said import Explained
from gradcheck.ops.description import Limits, Op
from gradcheck.verdict import Outcome

Array = np.ndarray
HALVES = (BF16, F16)
STRICTEST, WEAKEST = ("–", "passes"), ("passes", "?", "equal", "–")


def declared(dtype: str, **more: Any) -> dict[str, Any]:
    return {"inner": "float32", **more} if dtype in HALVES else more


def posed(rule: Rule, tokens: int, V: int, rows: int, draw: np.random.Generator) -> tuple[Any, ...]:
    """Logits in the precision, classes, what each sample is multiplied by, and the operator."""
    dtype = precision.named(rule.dtype).dtype
    n = min(rows, tokens)
    Z, y = rule.draw(draw, (n, V)).astype(dtype), draw.integers(0, V, n)
    if rule.mean:
        return Z, y, np.full((n, 1), 1 / tokens), ops.cross_entropy(Z, y, mean_of=tokens)
    g = draw.standard_normal(n).astype(np.float32)
    return Z, y, g.astype(np.float64)[:, None], ops.cross_entropy(Z, y, reduction="none", upstream=g)


class Judge:
    """Arrays of one operator: what they must be is worked out once for each declaration."""

    def __init__(self, op: Op, dtype: str) -> None:
        self.op, self.dtype = op, dtype
        self.known: dict[Declared, list[Limits]] = {}

    def __call__(self, array: Array, **declared: Any) -> Explained:
        said = Declared(**declared)
        if said not in self.known:
            self.known.clear()
            grants = said.grants(self.op, precision.named(self.dtype))
            self.known[said] = list(self.op.judge(self.op, "Z", grants))
        return judged(array, self.op, "Z", said, self.known[said])


def row(rule: Rule, rows: int, draw: np.random.Generator) -> Iterator[tuple[str, dict[str, str]]]:
    """What each referee says of each fault: a rule, which has all of its shapes, the strictest; we, the weakest of any."""
    said: dict[str, dict[str, list[str]]] = {k: {f: [] for f in FAULTS} for k in ("rule", "declared", "nothing")}
    for tokens, V in rule.shapes:
        Z, y, scale, op = posed(rule, tokens, V, rows, draw)
        judge = Judge(op, rule.dtype)
        right = gradient(Z.astype(np.float64), y, scale).astype(Z.dtype)
        wrong = [(name, d.astype(Z.dtype)) for name, d in faults(Z.astype(np.float64), y, scale, tokens)]
        for kernel in sorted(KERNELS, key=lambda k: str(k.declares(V))):
            D = kernel.run(Z.astype(np.float32), y, scale.astype(np.float32)).astype(Z.dtype)
            found = judge(D, **declared(rule.dtype, **kernel.declares(V)))
            if not found.agrees:
                print(f"{kernel.name} on {rule.project}, {V}: {found}", flush=True)
        for key, kw in (("declared", declared(rule.dtype, **chain(PAIRWISE))), ("nothing", {})):
            for name, got in wrong:
                same = bool((got == right).all())
                said[key][name].append("equal" if same else word(judge(got, **kw)))
        for name, got in wrong:
            said["rule"][name].append("passes" if rule.passes(got, right) else "–")
    for key, found in said.items():
        order = STRICTEST if key == "rule" else WEAKEST
        yield key, {name: next(word for word in order if word in each) for name, each in found.items()}


def word(found: Any) -> str:
    return {Outcome.AGREE: "passes", Outcome.INCONCLUSIVE: "?"}.get(found.outcome, "–")


def table(rows: int) -> None:
    print("| test of | dtype |", " | ".join(FAULTS), "|\n|" + "---|" * (len(FAULTS) + 2))
    for k, rule in enumerate(RULES):
        for key, found in row(rule, rows, np.random.default_rng(k)):
            name = {"rule": rule.project, "declared": "assert_explained", "nothing": "… nothing declared"}[key]
            print(f"| {name} | {rule.dtype} |", " | ".join(found[f] for f in FAULTS), "|", flush=True)


def honest(runs: int, seed: int = 1) -> Counter[str]:
    """Right kernels on random problems: how many agree, are inconclusive, or are refused, which none may be."""
    draw, counts = np.random.default_rng(seed), Counter[str]()
    for _ in range(runs):
        dtype = ("float32", BF16, F16)[int(draw.integers(3))]
        n, V = int(draw.integers(1, 9)), int(np.exp(draw.uniform(np.log(2), np.log(3000))))
        size, offset = float(np.exp2(draw.uniform(-6, 4))), float(draw.choice([0.0, 0.0, 8.0, -300.0]))
        Z = (size * draw.standard_normal((n, V)) + offset).astype(precision.named(dtype).dtype)
        y = draw.integers(0, V, n)
        k = int(draw.integers(len(KERNELS) + 1))
        mean = bool(draw.integers(2))
        g = np.full(n, 1 / n) if mean else draw.standard_normal(n)
        c = g.astype(np.float32)[:, None]
        op = ops.cross_entropy(Z, y) if mean else ops.cross_entropy(Z, y, reduction="none", upstream=g.astype("f4"))
        z = Z.astype(np.float32)
        with np.errstate(all="ignore"):
            if k == len(KERNELS):
                D, kw, name = written(z, y, c, Z.dtype).astype(Z.dtype), {}, "array by array"
            else:
                kernel = KERNELS[k]
                D, name = kernel.run(z, y, c).astype(Z.dtype), kernel.name
                kw = declared(dtype, **kernel.declares(V)) if draw.integers(4) else {}
        found = gradcheck.explained(D, op, "Z", **kw)
        said = found.outcome.value if kw or found.failed or found.agrees else "inconclusive, nothing declared"
        counts[said] += 1
        if found.failed:
            print(f"REFUSED {name} {kw}\n{found}", flush=True)
    return counts


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=32)
    parser.add_argument("--honest", type=int, default=10_000)
    asked = parser.parse_args()
    if asked.rows:
        table(asked.rows)
    print("right kernels:", dict(honest(asked.honest)))
