"""What is known of a linear layer with its cross-entropy: the value, and gradients with respect to X, θ, b and Z = θX + b."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck import referees
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.law import CrossEntropy
from gradcheck.ops.description import Grants, Limits, Probed
from gradcheck.ops.logits import droppable
from gradcheck.ops.targets import Targets
from gradcheck.problem import Array, Problem
from gradcheck.referees.truth import Truth

LARGE = 2**24  # logits that are looked at all at once
QUANTITIES = {"": "loss", "Z": "D", "X": "X", "theta": "theta", "b": "b"}
AUDITED = {"": "loss", "Z": "grad_Z", "X": "grad_X", "theta": "grad_theta", "b": "grad_b"}


@dataclass(frozen=True, eq=False)
class Layer:
    """theta (L, d), b (L,) or nothing, X (n, d) in rows, and labels."""

    theta: Array
    b: Array | None
    X: Array
    targets: Targets
    law: CrossEntropy
    upstream: Reals | None = None

    def probed(self, wrt: str) -> Probed | None:
        """Where it is for an audit, which probes what it does not compare: samples in rows, and a loss that is one number."""
        if len(self.theta) * len(self.X) <= LARGE:
            return None
        return Probed(AUDITED[wrt], self._dump, turned=wrt in ("X", "Z"))

    @property
    def _dump(self) -> dict[str, Any]:
        law, counts = self.law, self.targets.counts
        c = self.upstream
        if law.reduction == "none":
            law, c = replace(law, reduction="sum"), np.ones(1) if c is None else c
        Y = np.where(counts, self.targets.given, law.ignore if law.ignore is not None else 0)
        found = {"theta": self.theta, "X": self.X, "Y": Y if self.targets.index else self.targets.given, "law": law}
        found["b"] = np.zeros(len(self.theta), dtype=self.theta.dtype) if self.b is None else self.b
        return found if c is None else {**found, "upstream": np.broadcast_to(c, (len(self.X),))}

    @cached_property
    def problem(self) -> Problem:
        """In float64, which holds all of it exactly."""
        L, n = len(self.theta), len(self.X)
        b = np.zeros((L, 1)) if self.b is None else self.b.reshape(-1, 1)
        theta, b, X = (np.asarray(a, dtype=np.float64) for a in (self.theta, b, self.X.T))
        return Problem(theta, b, X, self.targets.columns(slice(0, n), L)).with_law(self.law)


def judged(g: Grants, wrt: str, layer: Layer) -> Iterator[Limits]:
    """One block: all of it."""
    truth = replace(referees.oracle(layer.problem), grants=replace(g.inside, returned=0.0))
    name = QUANTITIES[wrt]
    found, allowed = (
        _plain(truth, name) if layer.upstream is None or not wrt else _times(truth, name, layer.upstream, layer.problem)
    )
    if g.filtered and wrt:
        allowed = outward(allowed + _dropped(truth, wrt, g, layer))
    turned = wrt in ("X", "Z")
    parts = [np.atleast_2d(x.T if turned else x) for x in (found.midpoint, found.radius, allowed)]
    yield Limits(0, Enclosure(parts[0], parts[1]), parts[2])


def _plain(truth: Truth, name: str) -> tuple[Enclosure, Reals]:
    return truth.enclosure(name), truth.allowed(name)


def _times(truth: Truth, name: str, c: Reals, problem: Problem) -> tuple[Enclosure, Reals]:
    """Of the sum of c_i loss_i: D times c, and what is made of it."""
    D = truth.enclosure("D")
    c = np.broadcast_to(c, (problem.n,))
    mid, radius = D.midpoint * c, D.radius * abs(c) + U64 * abs(D.midpoint * c)
    by = CONTRACTED[name]
    value, size, own = by(problem, mid), by(_absolute(problem), abs(mid)), by(_absolute(problem), radius)
    own = outward(own + (problem.n + problem.L + 4) * U64 * size, 8)
    return Enclosure(value, own), truth.upstream(name, abs(c), abs(value) + own)


def _absolute(p: Problem) -> Problem:
    theta, b, X, Y = p.reals
    return p.with_arrays(abs(theta), abs(b), abs(X), Y)


CONTRACTED: dict[str, Callable[[Problem, Reals], Reals]] = {
    "D": lambda p, D: D,
    "theta": lambda p, D: np.asarray(D @ p.reals[2].T),
    "b": lambda p, D: np.asarray(D.sum(axis=1, keepdims=True)),
    "X": lambda p, D: np.asarray(p.reals[0].T @ D),
}


def _dropped(truth: Truth, wrt: str, g: Grants, layer: Layer) -> Reals:
    """What a filter may leave out of a gradient: of D the entries that it drops, through the same product."""
    D = truth.enclosure("D").magnitude * (1.0 if layer.upstream is None else abs(layer.upstream))
    left = np.where(droppable(truth, g), D, 0.0)
    found: Any = CONTRACTED[QUANTITIES[wrt]](_absolute(layer.problem), left)
    return outward(found, 2 * layer.problem.n + 16)
