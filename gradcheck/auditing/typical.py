"""How far correct code usually is off in a row that is computed again, where roundings are independent: docs/audit-theory.md."""

import numpy as np

from gradcheck.auditing.dump import Dump
from gradcheck.auditing.matrices import Matrix
from gradcheck.auditing.plan import Plan
from gradcheck.enclosure import Reals

FEW = 64.0  # roundings squared: of exp, of the difference before it, of a quotient and a product
LABEL = 16.0  # of a label, its share, and the difference
DEEP = 760.0


def terms(
    dump: Dump, plan: Plan, parts: tuple[Reals, Reals], A: Reals, *, lse: Reals, X: Matrix | None
) -> tuple[Reals, Reals]:
    """(rows, n): D² of D = P − S, P a multiple of A, and the variance of what D is off by before it is summed, in units of u².

    Of log A, z − m and a log-sum-exp are rounded, a sum of L powers drifts, and so do logits that are not in the dump: then
    X (d, n) says how large these are.
    """
    P, S = parts
    distance = -np.log(np.maximum(A, np.exp(-DEEP)))
    relative = distance**2 + lse**2 + FEW + dump.L / 3
    if X is not None and plan.scale is not None:
        size = plan.scale[0] * X.T.norms() + plan.scale[1]
        relative = relative + (1 + plan.arithmetic.operands) * size**2 + dump.d / 3 * (distance + abs(lse)) ** 2
    return (P - S) ** 2, P**2 * relative + (LABEL + dump.L / 3) * S**2
