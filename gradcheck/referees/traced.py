"""What rounding may do to a loss that JAX has traced: to its equations and what the tape makes of them, or to the program that
JAX differentiates them to, whichever is more.

JAX's program is granted where it is one: where it and the tape are, but for rounding, of one value. A rule of a derivative that
is wrong is granted nothing.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradcheck.enclosure import outward
from gradcheck.law.traced import Traced
from gradcheck.precision import FLOAT64
from gradcheck.readings.running import Running
from gradcheck.readings.running.parts import granted
from gradcheck.referees.own import NAMES, Rounded


@dataclass(eq=False)
class Either(Rounded):
    """Of both programs."""

    def _computed(self, quantity: str) -> Running:
        found = super()._computed(quantity)
        name = NAMES.get(quantity, quantity)
        return larger(found, self._flows[name]) if quantity != "loss" and name in self._flows else found
