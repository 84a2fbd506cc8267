"""Arithmetics that read one text: NumPy (values), `running` (rounding) and `balls` (the truth); `tape` reads it backward."""

from gradcheck.readings import primitives as primitives
