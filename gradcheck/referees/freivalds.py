"""Freivalds' referee: a full-size gradient judged through matrix-vector products, for less than it cost.

    G v = (A diag(c) − Y')(Xᵀ v)/N         for random v: O(Ld + Ln + nd) a probe, where G itself costs O(Ldn)
    Hᵀ v = (A diag(c) − Y')ᵀ(θ v)/N        for H = ∂ℒ/∂X, likewise;  c = 1ᵀY' + 2 z lse

Knows the definition of the softmax and the derivative of log-sum-exp, and nothing of `gradcheck.model`. What correct code
may be off by is carried through the same products; the derivations are in docs/audit-theory.md. Rigorous: correct code of the
stated error model is never rejected. What probes may miss is a matter of chance, and stated (`certified`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck.enclosure import Reals

Array = NDArray[np.generic]

MISS = 2.0**-40  # the chance that what is certified in one audit is not true
STATEMENTS = 6  # of one audit: an entry and a norm, of each row of three quantities
CACHED = 2**17  # entries that are worked on at once
QUARTERS = 2  # roundings of a sum of powers in their own precision


# ---- probes ----


def probes(d: int, count: int, seed: int) -> Reals:
    """V (d, count), uniform on [-1, 1].

    Uniform rather than signs: a row of two equal faults is missed by every second vector of signs, however large they are.
    """
    return np.random.default_rng([seed, d]).uniform(-1, 1, (d, count))


def certified(most: float, rows: int, count: int) -> tuple[float, float]:
    """Bounds of the largest entry and of the 2-norm of each of `rows` rows, of which `count` probes showed no more than `most`.

    True for all of them, whatever they are, but for a chance below `MISS` over the draw.
    """
    # P(|F v| <= t for all k probes) <= (t / |F_j|)^k, and (sqrt(2) t / |F|)^k: docs/audit-theory.md
    # and twice that, for the grids that v is rounded to
    factor = float((2 * STATEMENTS * rows / MISS) ** (1 / count))
    return factor * most, float(np.sqrt(2)) * factor * most


# ---- one block of samples ----


def powers(Z: Array, out: Array) -> tuple[Array, Reals, Reals, Reals]:
    """exp(Z - m) (L, n) into `out`, in its precision; the maxima m, the sums s and max Z - min Z, each (n,)."""
    L, n = Z.shape
    m, s, reach = np.empty(n), np.empty(n), np.empty(n)
    # some samples at a time where they lie together, so that what is read once stays in the cache
    each = max(1, CACHED // L) if Z.strides[0] < Z.strides[1] else n
    with np.errstate(invalid="ignore", over="ignore", under="ignore"):
        for at in range(0, n, each):
            part = slice(at, at + each)
            z, p = Z[:, part], out[:, part]
            highest = z.max(axis=0).astype(out.dtype)
            m[part] = highest
            reach[part] = m[part] - z.min(axis=0).astype(np.float64)
            np.subtract(z, highest, out=p)
            np.exp(p, out=p)
            s[part] = _summed(p)
    return out, m, s, reach


def _summed(p: Any) -> Reals:
    """Of each column: quarters are added in the precision of p, which costs `QUARTERS` roundings, and these sums in float64."""
    quarter, rest = divmod(len(p), 4)
    if not quarter:
        return np.asarray(p.sum(axis=0, dtype=np.float64))
    half = p[: 2 * quarter] + p[2 * quarter : 4 * quarter]
    half[:quarter] += half[quarter:]
    found = np.asarray(half[:quarter].sum(axis=0, dtype=np.float64))
    return found + p[4 * quarter :].sum(axis=0, dtype=np.float64) if rest else found
