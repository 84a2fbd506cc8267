"""How far a sum of products is off where roundings are independent of each other: a model, and no theorem: docs/audit-theory.md.

An addition rounds a partial sum s_k, so that the sum is off by Σ ε_k s_k: by √(Σ s_k²) u at most in the standard deviation, where
the ε_k are independent. Partial sums of a walk of n terms come to Σ s_k² ≈ (n/2) Σ a²b², and to (n/3)(Σ ab)² more where it drifts.
"""

import numpy as np

from gradcheck.bounds.error_model import ErrorModel
from gradcheck.enclosure import Reals

FAR = 8.0  # standard deviations, beyond which a result is called unusual
WRITTEN = 3.0  # times that a result may be written down


def usual(model: ErrorModel, terms: int, squares: Reals, value: Reals, before: Reals | float = 0.0) -> Reals:
    """`FAR` standard deviations of sums of so many terms, of which the squares add up to `squares`, and the terms to `value`.

    `before`: the variance of what the terms are off by before they are added, in units of u².
    """
    granted = model.granted
    u = max(granted.adds, granted.u)
    walk = (terms / 2 + 2) * squares + terms / 3 * value**2
    written = max(granted.kept, model.returned, model.stored.u if model.stored.u > u else 0.0)
    stored = (WRITTEN + model.operands) * squares * (written > u) + WRITTEN * value**2
    return np.asarray(
        FAR * np.sqrt(u**2 * walk + written**2 * stored + max(u, written) ** 2 * before) + granted.eta * terms
    )
