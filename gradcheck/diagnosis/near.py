"""Precision that is lost in one stage: code whose numbers are much nearer to those of a shorter stage than to the right ones."""

import numpy as np

from gradcheck.diagnosis import entries
from gradcheck.diagnosis.description import Diagnosis, Part, digests
from gradcheck.diagnosis.views import QUANTITIES, View, symbols
from gradcheck.mistakes import MISTAKES, Mistake
from gradcheck.problem import Reals

LOOKED = 12  # failing problems that are looked at
NEARER = 0.3  # of the error that is left when the stage is shorter, in the median


def lost(views: list[View], names: frozenset[str]) -> Diagnosis | None:
    """The stage that is most likely shorter; None where no stage brings what was returned much nearer."""
    looked = views[:LOOKED]
    names = frozenset(names & QUANTITIES.keys())
    if len(looked) < 2 or not names:
        return None
    shares = {mistake: _left(mistake, looked, names) for mistake in MISTAKES.values() if mistake.model.near}
    best = min(shares, key=lambda mistake: shares[mistake])
    if shares[best] > NEARER:
        return None
    bits = min((entries.bits(found) for name in names if (found := entries.seen(looked, name))), default=0.0)
    left = f"; about {bits:.0f} bits are left" if bits >= 1 else ""
    first = best.what[0].lower() if best.what[1].islower() else best.what[0]
    what = f"precision is lost in {symbols(names)}, near to this: {first}{best.what[1:]}{left}"
    return Diagnosis((Part(what, names, best.fix, (best.name,), exact=False),), frozenset(), digests(views))


def _left(mistake: Mistake, views: list[View], names: frozenset[str]) -> float:
    """The share of the error that is left beside code with this mistake, in the median of these problems."""
    found = []
    with np.errstate(all="ignore"):
        for view in views:
            made = dict(view.sketched(mistake.model, names))
            for name in names & view.wrong & made.keys():
                values, right = view.outputs[name].astype(np.float64), view.right[name].value
                if values.shape != right.shape or made[name].shape != right.shape:
                    return np.inf
                found.append(_share(values, right, made[name].astype(np.float64)))
    return float(np.median(found)) if found else np.inf


def _share(values: Reals, right: Reals, made: Reals) -> float:
    """The largest distance from what the mistake makes, beside that from what is right; without a limit where one is not finite."""
    finite = np.isfinite(values)
    if not np.array_equal(finite, np.isfinite(made)):
        return np.inf
    if not finite.any():
        return 0.0
    off = float(abs(values - right)[finite].max())
    return float(abs(values - made)[finite].max()) / off if off > 0 else np.inf
