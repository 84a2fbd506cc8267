"""The primitives that a loss may be made of: a file a group, an entry a primitive, with four columns (`table.Primitive`).

To add one: its entry here, and its name in `gradcheck.numpy`.
"""

from gradcheck.readings.primitives import arithmetic as arithmetic
from gradcheck.readings.primitives import choices as choices
from gradcheck.readings.primitives import elementary as elementary
from gradcheck.readings.primitives import factored as factored
from gradcheck.readings.primitives import moving as moving
from gradcheck.readings.primitives import normalised as normalised
from gradcheck.readings.primitives import ordered as ordered
from gradcheck.readings.primitives import powers as powers
from gradcheck.readings.primitives import sums as sums
from gradcheck.readings.primitives import whole as whole
from gradcheck.readings.primitives.table import PRIMITIVES as PRIMITIVES
from gradcheck.readings.primitives.table import Primitive as Primitive
