"""The whole number below, and the nearest: constant wherever they have a derivative. Where rounding may turn them, either."""

from typing import Any

import flint
import numpy as np

from gradcheck.readings import ball_rules
from gradcheck.readings.primitives.table import Primitive, flat
from gradcheck.readings.running import choices


def _nearest(x: Any) -> flint.arb:
    """Of what is halfway the even one; of what may be, either."""
    up, down = (x + flint.arb(0.5)).floor(), (x - flint.arb(0.5)).ceil()
    if up == down or not (up.is_exact() and down.is_exact()):
        return up.union(down)
    return up if (up / 2).is_integer() else down


FLOOR = Primitive("floor", np.floor, (flat,), choices.whole(np.floor), flint.arb.floor, same=(np.floor,))
ROUND = Primitive(
    "round", np.rint, (flat,), choices.whole(np.rint), lambda x: _nearest(ball_rules.ball(x)), same=(np.rint,)
)
