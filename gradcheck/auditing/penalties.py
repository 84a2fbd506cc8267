"""l2/2 |θ|², added to the loss, and its gradients: docs/bounds.md, section 14."""

import numpy as np

from gradcheck.auditing.dump import Dump
from gradcheck.auditing.matrices import matrix
from gradcheck.auditing.plan import Plan
from gradcheck.auditing.rows import real, threaded, walk
from gradcheck.bounds import more_of, penalised, penalised_loss, spread
from gradcheck.enclosure import Reals


def of_gradient(dump: Dump, plan: Plan, limit: Reals, parameter: Reals, l2: float, *, count: int = 1) -> Reals:
    """The limit of a gradient with l2 times its parameter added: of an entry, or of the sum of `count` of them.

    The limit holds the relative error of a sum of D x, of any: so D x, in size, is no more than the one over the other.
    """
    if not l2:
        return limit
    model = plan.arithmetic
    writing = _writing(plan)
    with np.errstate(over="ignore", invalid="ignore"):
        size = limit / model.gradient(dump.n)
        limit = limit + own(dump, l2 * parameter)
        limit = limit + (more_of(plan.loss) * l2 * parameter if dump.met else 0.0)
    return penalised(limit, size, parameter, l2, model.granted, terms=dump.n, writing=writing, count=count)


def own(dump: Dump, size: Reals) -> Reals:
    """What we lose in numbers of this size."""
    return np.asarray(2 * spread(dump.d + 16, dump.unit) * size + 4 * dump.d * dump.lost)


def of_loss(dump: Dump, plan: Plan, limit: Reals, value: float, size: float) -> tuple[Reals, float]:
    """The limit and the value of a loss that is no more than `size`."""
    law, b = dump.law, real(dump.arrays["b"])

    def squared(rows: slice) -> float:
        return float(matrix(dump.arrays["theta"][rows]).squares().sum())

    squares = sum(threaded(squared, walk(dump.arrays["theta"])))
    squares += float((b**2).sum()) if law.l2_bias else 0.0
    count = dump.L * (dump.d + 1)
    added = law.l2 / 2 * squares
    limit = limit + 2 * spread(count + 16, dump.unit) * added + count * dump.lost
    found = penalised_loss(
        limit,
        np.asarray(size),
        np.asarray(squares),
        law.l2,
        plan.arithmetic.granted,
        count=count,
        writing=_writing(plan),
    )
    return found, value + added


def _writing(plan: Plan) -> float:
    """θ, where that is finer than what is stored, and a result, where that is written down apart."""
    model = plan.arithmetic
    of_theta = spread(model.theta, model.stored.u)
    return of_theta + model.returned + of_theta * model.returned
