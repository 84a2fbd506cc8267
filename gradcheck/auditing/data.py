"""The gradient with respect to X: probes of every sample, and the worst samples computed again, entry by entry.

As in `gradient`, with samples in the place of rows: H = ∂ℒ/∂X is θᵀ D, and a sample's limit is the sum of its entries' limits.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.auditing import faults
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import Compared, Finding, Probed, concluded
from gradcheck.auditing.of_samples import inside
from gradcheck.auditing.plan import Plan, rounding
from gradcheck.auditing.rows import real, threaded, walk
from gradcheck.auditing.sums import Kept, Sums
from gradcheck.enclosure import Reals, outward
from gradcheck.referees.freivalds import rest
from gradcheck.verdict import Witness

TRIED = 3  # samples that an explanation must hold for


def judged(dump: Dump, plan: Plan, sums: Sums) -> Finding:
    """Hᵀ V against what it must be, then samples."""
    parts = ("residual", "size", "limit", "own", "length")
    residual, size, limit, own, length = (np.concatenate([getattr(s, name) for s in sums.data]) for name in parts)
    probed = Probed(residual, size, limit, own)
    chosen = Chosen.of(dump, sums.kept, probed.worst())
    again = chosen.compared(plan)
    found = _placed(concluded("grad_X", probed, again, plan, float(np.median(length))))
    if not found.rows:
        return replace(found, odd=tuple(f"of ∂ℒ/∂X transposed, {text}" for text in faults.odd(again)))
    named = chosen.named(again, found.rows) or faults.each(again, found.rows, dump, "sample")
    return replace(found, faults=(faults.rows_in_words(found.rows, dump.n, "sample"), *named))


def _placed(found: Finding) -> Finding:
    """Places as the array has them: a feature, and a sample."""

    def turned(w: Witness) -> Witness:
        return replace(w, place=w.place[::-1])

    witness = found.verdict.witness
    verdict = replace(found.verdict, witness=turned(witness) if witness else None)
    return replace(found, verdict=verdict, entries=tuple(map(turned, found.entries)))


@dataclass(frozen=True, eq=False)
class Chosen:
    """Some samples (m), each with the block that it is of and its place there, and their logits, or data where a dump has none."""

    dump: Dump
    samples: list[int]
    places: list[tuple[Kept, int]]
    Z: Reals

    @classmethod
    def of(cls, dump: Dump, kept: list[Kept], samples: list[int]) -> "Chosen":
        found = [next(k for k in kept if k.part.start <= i < k.part.stop) for i in samples]
        places = [(k, i - k.part.start) for k, i in zip(found, samples, strict=True)]
        name = "Z" if "Z" in dump.arrays else "X"
        return cls(dump, samples, places, _columns(dump, name, samples))

    def _of(self, read: Any) -> Reals:
        """(m,): something that is kept of each."""
        return np.array([read(kept)[at] for kept, at in self.places])

    def softmax(self, rows: slice, theta: Reals) -> tuple[Reals, Reals]:
        """These rows of A and Y (rows, m)."""
        dump, Z = self.dump, self.Z
        Z = Z[rows] if "Z" in dump.arrays else theta @ Z + real(dump.arrays["b"])[rows, np.newaxis]
        A = np.exp(Z - self._of(lambda k: k.m)) / self._of(lambda k: k.s)
        if dump.index:
            labels = [int(dump.samples("Y", slice(i, i + 1))[0]) for i in self.samples]
            return A, (np.arange(rows.start, rows.stop)[:, np.newaxis] == labels).astype(np.float64)
        return A, _columns(dump, "Y", self.samples)[rows]

    def summed(self, work: "Work", like: Reals) -> Reals:
        """The sum over classes of what `work` makes of theta, A 1ᵀY / N and Y / N, some rows at a time."""
        dump, mass, total = self.dump, self._of(lambda k: k.mass), np.zeros_like(like)

        def one(rows: slice) -> Reals:
            theta = real(dump.arrays["theta"][rows])
            A, Y = self.softmax(rows, theta)
            return np.asarray(work(rows, theta, A * mass / dump.N, Y / dump.N))

        for part in threaded(one, walk(dump.arrays["theta"])):
            total += part
        return total

    def compared(self, plan: Plan) -> Compared:
        """H of these samples (m, d), each entry with its limit."""
        dump, N, double = self.dump, self.dump.N, 2 * rounding(self.dump)
        mass, Q = self._of(lambda k: k.mass), self._of(lambda k: k.Q)
        of_A, flat, size, others = (
            self._of(lambda k, name=name: getattr(k.over_classes, name)) for name in ("A", "flat", "size", "others")
        )
        bound = self.places[0][0].over_classes
        assert bound is not None

        def both(rows: slice, theta: Reals, P: Reals, Y: Reals) -> Reals:
            A, Y = P * N / np.where(mass > 0, mass, 1), Y * N
            known = Y * bound.label * (abs(A - 1) - A - 1) if dump.index else 0.0
            error = A * of_A + Y * (bound.Y + np.where(mass == 1, others, 0) * rest(A, Q)) + known + flat
            error += double * (A * size + Y / N)
            return np.stack([(P - Y / N).T @ theta, error.T @ abs(theta)])

        H, E = self.summed(both, np.zeros((2, len(self.samples), dump.d)))
        extra = max(kept.over_classes.extra for kept, _ in self.places if kept.over_classes)
        limit = outward(E + extra, 4 * dump.L + 64)
        known = inside(plan, mass, dump.L)[:, np.newaxis] + limit < plan.arithmetic.huge
        computed = _columns(dump, "grad_X", self.samples).T
        return Compared("grad_X", computed, H, np.where(known, limit, np.inf), tuple(self.samples))

    def named(self, again: Compared, wrong: tuple[int, ...]) -> tuple[str, ...]:
        """What explains the samples at fault; nothing where no mistake of `MISTAKEN` does."""
        places = [k for k, i in enumerate(self.samples) if i in wrong and np.isfinite(again.computed[k]).all()][:TRIED]
        if not places:
            return ()
        computed, allowed = again.computed[places], again.allowed[places]
        tried = {**MISTAKEN, "as if theta had not been transposed": self._untransposed}
        if self.dump.d != self.dump.L:
            del tried["as if theta had not been transposed"]
        found = {text: self.summed(work, again.truth)[places] for text, work in tried.items()}
        return tuple(text for text, H in found.items() if (abs(H - computed) <= allowed).all())

    def _untransposed(self, rows: slice, theta: Reals, P: Reals, Y: Reals) -> Reals:
        """Of a square theta, θ D."""
        return np.asarray((P - Y).T @ real(self.dump.arrays["theta"][:, rows]).T)


Work = Callable[[slice, Reals, Reals, Reals], Reals]
MISTAKEN: dict[str, Work] = {
    "as if labels were not subtracted": lambda rows, theta, P, Y: P.T @ theta,
    "as if labels alone were summed, without the probabilities": lambda rows, theta, P, Y: -Y.T @ theta,
    "as if labels were added": lambda rows, theta, P, Y: (P + Y).T @ theta,
}


def _columns(dump: Dump, name: str, samples: list[int]) -> Reals:
    """Of an array that can only be sliced."""
    return np.hstack([real(dump.samples(name, slice(i, i + 1))) for i in samples])
