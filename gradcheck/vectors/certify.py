"""What every quantity of a problem is, how well that is known, and what correct code may be off by.

Values and radii come from balls of so many bits that they are the float64 next to the exact value, and its rounding: they do
not depend on how FLINT rounds inside, nor on the machine. Allowances are made of NumPy's exp and log, which may differ in the
last bit between machines; rounded up to a few bits they are the same, but where one is that close to a multiple.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from gradcheck import bounds
from gradcheck.enclosure import Enclosure, Reals
from gradcheck.precision import Precision
from gradcheck.problem import Problem
from gradcheck.referees import Truth, ball
from gradcheck.verdict import Comparison

# Float64 reaches down to 2**-1074: terms of any size that a problem can hold cancel to what is below that, or to what is exact.
MORE_BITS = 1152
SIGNIFICANT = 8  # bits of a radius or an allowance: it grows by 2**-7 of itself at most
COLUMN = 0  # the sample of which the softmax Jacobian is given


@dataclass(frozen=True, eq=False)
class Certified:
    """One quantity: the enclosure of its exact value, and the rounding error (absolute) that correct code may add."""

    enclosure: Enclosure
    allowed: Reals

    def comparison(self, symbol: str, computed: Reals) -> Comparison:
        """The comparison that a check would make."""
        return Comparison(symbol, computed, self.enclosure, self.allowed)

    @property
    def telling(self) -> bool:
        """Whether some entry can be told from zero."""
        with np.errstate(over="ignore"):
            return bool((self.enclosure.radius + self.allowed < abs(self.enclosure.midpoint)).any())


@dataclass(frozen=True)
class Quantity:
    """A quantity of vectors: its `symbol` in a report, the check that judges the same claim, and its shape (L, d, n)."""

    symbol: str
    check: str
    shape: Callable[[int, int, int], tuple[int, ...]]
    certify: Callable[[Truth], tuple[Enclosure, Reals]]


def _of(name: str) -> Callable[[Truth], tuple[Enclosure, Reals]]:
    return lambda truth: (truth.enclosure(name), truth.allowed(name))


def _jacobian(truth: Truth) -> tuple[Enclosure, Reals]:
    """Of the probabilities of sample `COLUMN` with respect to its logits; rows and columns of masked classes are exactly 0."""
    assert isinstance(truth.values, ball.Values)
    p, found = truth.problem, truth.values.jacobian(COLUMN)
    kept = np.flatnonzero(~p.masked)
    delta = truth.allowed("A")[kept, COLUMN]
    parts = (
        found.midpoint,
        found.radius,
        bounds.jacobian_error(truth.values.A.take(slice(None), COLUMN), delta, truth.granted),
    )
    midpoint, radius, allowed = (np.zeros((p.L, p.L)) for _ in parts)
    if np.isinf(parts[2]).any():  # what masked classes are divided by, too
        allowed[:] = np.inf
    for whole, part in zip((midpoint, radius, allowed), parts, strict=True):
        whole[np.ix_(kept, kept)] = part
    enclosure = Enclosure(midpoint, radius)
    if truth.granted.returned:
        allowed = bounds.returned(allowed, enclosure.magnitude, truth.granted)
    return enclosure, allowed


QUANTITIES: dict[str, Quantity] = {
    "Z": Quantity("Z", "logits", lambda L, d, n: (L, n), _of("Z")),
    "A": Quantity("A", "softmax", lambda L, d, n: (L, n), _of("A")),
    "loss": Quantity("ℒ", "loss", lambda L, d, n: (), _of("loss")),
    "grad_Z": Quantity("∂ℒ/∂Z", "logits_gradient", lambda L, d, n: (L, n), _of("D")),
    "grad_theta": Quantity("∂ℒ/∂θ", "theta_gradient", lambda L, d, n: (L, d), _of("theta")),
    "grad_b": Quantity("∂ℒ/∂b", "bias_gradient", lambda L, d, n: (L, 1), _of("b")),
    "grad_X": Quantity("∂ℒ/∂X", "data_gradient", lambda L, d, n: (d, n), _of("X")),
    "jacobian": Quantity("∂A/∂Z", "jacobian_diagonal", lambda L, d, n: (L, L), _jacobian),
}


LATER = {"grad_X"}  # quantities that older vectors do not have


def upward(bound: Reals) -> Reals:
    """Bounds rounded up to `SIGNIFICANT` bits, outward: they stay bounds."""
    significand, exponent = np.frexp(bound)
    with np.errstate(over="ignore"):
        rounded = np.ldexp(np.ceil(np.ldexp(significand, SIGNIFICANT)), exponent - SIGNIFICANT)
    return np.where(np.isfinite(bound), rounded, bound)


def certify(problem: Problem, grants: Precision | None = None) -> Mapping[str, Certified]:
    """Every quantity of a problem, by balls, whatever its precision; `grants` where rounding is not that of its arrays."""
    truth = replace(ball.truth(problem, MORE_BITS), grants=grants)
    return {name: _certified(*quantity.certify(truth)) for name, quantity in QUANTITIES.items()}


def _certified(found: Enclosure, allowed: Reals) -> Certified:
    """-0 as 0, and everything that is a bound in few bits."""
    return Certified(Enclosure(found.midpoint + 0.0, upward(found.radius)), upward(allowed))
