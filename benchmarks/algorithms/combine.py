"""Implementations, each made of one stage of every table.

Every stage stands in one of them at least. Those that need nothing which docs/bounds.md does not grant take turns, so that as
many pairs meet as there are implementations; a stage that needs a grant stands among others that do not.
"""

from dataclasses import dataclass

from benchmarks.algorithms import gradients as parts
from benchmarks.algorithms import online
from benchmarks.algorithms.losses import LOSSES
from benchmarks.algorithms.products import PRODUCTS
from benchmarks.algorithms.stage import Array, Stage, Table, number
from benchmarks.algorithms.sums import SUMS
from gradcheck import Implementation

TABLES: dict[str, Table] = {
    "softmax": online.SOFTMAXES,
    "product": PRODUCTS,
    "residual": parts.RESIDUALS,
    "reduction": parts.REDUCTIONS,
    "total": SUMS,
    "loss": LOSSES,
    "jacobian": parts.JACOBIANS,
}


@dataclass(frozen=True)
class Algorithm:
    """A correct implementation, what it is in one line, and the grant that it needs, if any (`stage.NEEDS`)."""

    implementation: Implementation
    what: str
    needs: str


def combined(name: str, stages: dict[str, Stage]) -> Algorithm:
    """The implementation that is made of these stages, one of each table."""
    softmax, product, residual, reduction, total, loss, jacobian = (stages[table].function for table in TABLES)

    def logits(theta: Array, b: Array, X: Array) -> Array:
        return product(theta, X.astype(theta.dtype)) + b

    def gradients(theta: Array, b: Array, X: Array, Y: Array) -> dict[str, Array]:
        A, labels = softmax(logits(theta, b, X)), Y.astype(theta.dtype)
        n = number(X.shape[1], A)
        return reduction(lambda n: residual(A, labels, n), X.astype(A.dtype), n, product, total)

    def mean_loss(theta: Array, b: Array, X: Array, Y: Array) -> Array:
        Z = logits(theta, b, X)
        return loss(Z, softmax(Z), Y.astype(Z.dtype), number(X.shape[1], Z))

    def softmax_jacobian(z: Array) -> Array:
        return jacobian(softmax(z.reshape(-1, 1))[:, 0])

    implementation = Implementation(name, gradients, mean_loss, logits, softmax, softmax_jacobian)
    what = "; ".join(f"{table}: {stage.what}" for table, stage in stages.items())
    return Algorithm(implementation, what, next((s.needs for s in stages.values() if s.needs), ""))


def algorithms() -> dict[str, Algorithm]:
    """All of them, by name: the name of the stage that leads, and of its table where that is not the softmax."""
    plain = {table: [s for s in entered.stages.values() if not s.needs] for table, entered in TABLES.items()}
    found: dict[str, Algorithm] = {}

    def enter(name: str, lead: dict[str, Stage]) -> None:
        turn = len(found)
        others = {table: stages[turn % len(stages)] for table, stages in plain.items()}
        found[name] = combined(name, others | lead)

    for name, stage in TABLES["softmax"].stages.items():
        enter(name, {"softmax": stage})
    for table, entered in TABLES.items():
        for name, stage in entered.stages.items():
            if stage.needs and table != "softmax":
                enter(f"{name} ({table})", {table: stage})
    return found


ALGORITHMS = algorithms()


def implementations() -> dict[str, Implementation]:
    """The implementations by name."""
    return {name: algorithm.implementation for name, algorithm in ALGORITHMS.items()}
