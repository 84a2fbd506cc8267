"""The smallest relative fault in one entry of each identity that each of our referees catches: what `--referees` shows.

The fault is planted in otherwise right code, in the entry of median size of θ, b, Z, of the Jacobian's diagonal or of its rest.
"""

import statistics
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rich.table import Table

from gradcheck import Implementation, Problem, judge, model
from gradcheck.checks import CHECKS, Trial
from gradcheck.referees import mathematical

Array = np.ndarray
IDENTITIES = {
    "∂ℒ/∂θ": ("theta", "theta_gradient", "central_difference_theta", "scipy_check_grad_theta"),
    "∂ℒ/∂b": ("b", "bias_gradient", "central_difference_b", "scipy_check_grad_b"),
    "∂ℒ/∂Z": ("Z", "logits_gradient", "central_difference_Z", "scipy_check_grad_Z"),
    "A(1 − A)": ("diagonal", "jacobian_diagonal", "central_difference_jacobian", "scipy_check_grad_jacobian"),
    "−AᵢAⱼ": ("rest", "jacobian_off_diagonal", "central_difference_jacobian", "scipy_check_grad_jacobian"),
}
REFEREES = ("ball", "central difference", "check_grad")


@dataclass(frozen=True)
class Fault:
    """One entry of one quantity, times 1 + e."""

    quantity: str
    e: float

    def planted(self, quantity: str, array: Array) -> Array:
        if quantity != self.quantity:
            return array
        spoilt, size = array.copy(), abs(array)
        if quantity in ("diagonal", "rest"):
            on = np.eye(len(array), dtype=bool)
            size = np.where(on if quantity == "diagonal" else ~on, size, np.nan)
        order = np.argsort(size.ravel())[: int(np.isfinite(size).sum())]
        place = np.unravel_index(order[len(order) // 2], array.shape)
        spoilt[place] *= 1 + self.e
        return spoilt

    def implementation(self) -> Implementation:
        def gradients(*arrays: Array) -> dict[str, Array]:
            return {key: self.planted(key, array) for key, array in model.gradients(*arrays).items()}

        def jacobian(z: Array) -> Array:
            return self.planted("rest", self.planted("diagonal", model.softmax_jacobian(z)))

        return Implementation("faulty", gradients, model.loss, model.logits, model.softmax, jacobian)


def smallest(faults: list[float], caught: Callable[[float], bool]) -> float:
    """By bisection; infinite where none is caught."""
    return next(iter(faults[bisect_left(faults, True, key=caught) :]), float("inf"))


def radius(problem: Problem, quantity: str) -> float:
    """The median radius (absolute) of the entries that central differences enclose."""
    trial = Trial(Fault("", 0.0).implementation(), problem)
    if quantity in ("theta", "b", "Z"):
        return float(np.median(mathematical.gradient(trial.truth64, quantity).radius))
    on = np.eye(problem.L, dtype=bool)
    entries = mathematical.jacobian(trial.Z[:, trial.column]).entries
    assert entries is not None
    return float(np.median(entries.radius[on if quantity == "diagonal" else ~on]))


def table(posed: list[Problem], faults: list[float]) -> Table:
    found = Table(title=f"Smallest relative fault in one entry that is caught: median (worst) of {len(posed)} problems")
    for column in ("identity", "median radius", *REFEREES):
        found.add_column(column, justify="left" if column == "identity" else "right")
    for identity, (quantity, *checks) in IDENTITIES.items():
        row = []
        for check in checks:

            def caught(e: float, p: Problem, check: str = check, quantity: str = quantity) -> bool:
                return judge(Fault(quantity, e).implementation(), p, [CHECKS[check]])[check].failed

            assert not any(caught(0.0, p) for p in posed), check
            each = [smallest(faults, lambda e, p=p: caught(e, p)) for p in posed]
            row.append(f"{statistics.median(each):.0e} ({max(each):.0e})")
        found.add_row(identity, f"{statistics.median(radius(p, quantity) for p in posed):.1e}", *row)
    return found
