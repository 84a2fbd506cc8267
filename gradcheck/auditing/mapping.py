"""Logits that are scaled and capped: of a block, and of rows that are computed again."""

from typing import Any

import numpy as np

from gradcheck.auditing.dump import Dump
from gradcheck.auditing.matrices import Matrix
from gradcheck.auditing.plan import Plan
from gradcheck.bounds import Slope
from gradcheck.bounds import mapped as bounded
from gradcheck.enclosure import Enclosure, Reals, outward
from gradcheck.law import text

Computed = tuple[Matrix, tuple[Reals, Reals], Reals | None]


def mapped(
    dump: Dump, plan: Plan, given: Computed, sizes: Reals
) -> tuple[Matrix, Matrix | None, tuple[Reals, Reals], Slope]:
    """The logits that the softmax is of, the slope of a cap, the errors of the first, and what is known of the slopes.

    `given` are Z, errors, and what each is no more than before anything cancels: where Z is not in the dump, a scale may be carried
    by theta and b; `sizes` are those of the data.
    """
    Z, (theirs, ours), size = given
    own, p, law = plan.own, plan.arithmetic.granted, dump.law
    bent = Z.mapped(lambda some: text.mapped(some, law), own, "mapped")
    S = bent.mapped(lambda some: slope(dump, some), own, "slope") if law.softcap else None
    most = np.maximum(*map(abs, Z.ends()))
    made, carried = (most, 0 * most) if size is None else (size, p.eta * (1 + sizes))
    largest = Enclosure(most, 0 * most)
    found = bounded(largest, theirs, made, carried, law=law, precision=p, column=True)
    known = bounded(largest, ours, most, 0 * most, law=law, precision=own, column=True)
    of_slope = known.slope.radius + known.slope_delta if law.softcap else 0 * most
    by = Slope(known.slope.midpoint, found.slope_delta, of_slope)
    return bent, S, (found.delta, outward(known.Z.radius + known.delta)), by


def again(dump: Dump, Z: Reals) -> tuple[Reals, Reals | float]:
    """Of rows of Z in float64: the logits that the softmax is of, and the slope of a cap."""
    bent = np.asarray(text.mapped(Z, dump.law))
    return bent, slope(dump, bent) if dump.law.softcap else 1.0


def slope(dump: Dump, bent: Any) -> Any:
    """1 - t^2, where the cap times t was scaled afterwards or not."""
    law = dump.law
    t = bent / (law.softcap * (law.scale if law.scaled == "after" else 1.0))
    return 1 - t * t
