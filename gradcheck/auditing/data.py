"""The gradient with respect to X: probes of every sample, and the worst samples computed again, entry by entry.

As in `gradient`, with samples in the place of rows: H = ∂ℒ/∂X is θᵀ D, and a sample's limit is the sum of its entries' limits.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.auditing import faults, mapping, typical
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import Compared, Finding, Probed, concluded
from gradcheck.auditing.labels import Labels
from gradcheck.auditing.matrices import Matrix, matrix
from gradcheck.auditing.of_samples import inside
from gradcheck.auditing.plan import Plan, flushed
from gradcheck.auditing.rows import real, threaded, walk
from gradcheck.auditing.sums import Kept, Sums
from gradcheck.auditing.terms import Terms
from gradcheck.bounds import Weights, usual
from gradcheck.enclosure import Reals, outward
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
    named = chosen.named(again, found.rows)
    zeros = faults.unwritten(again, found.rows, "sample")
    named = (*zeros, *named) if named else faults.each(again, found.rows, dump, "sample")[0]
    return replace(found, faults=(faults.rows_in_words(found.rows, dump.n, "sample"), *named))


def _placed(found: Finding) -> Finding:
    """Places as the array has them: a feature, and a sample."""

    def turned(w: Witness) -> Witness:
        return replace(w, place=w.place[::-1])

    witness = found.verdict.witness
    verdict = replace(found.verdict, witness=turned(witness) if witness else None)
    unusual = tuple(replace(remark, witness=turned(remark.witness)) for remark in found.unusual)
    return replace(found, verdict=verdict, entries=tuple(map(turned, found.entries)), unusual=unusual)


@dataclass(frozen=True, eq=False)
class Chosen:
    """Some samples (m), each with the block that it is of and its place there; their labels, those of the dump where these are
    weights, and their logits, or data where a dump has none.
    """

    dump: Dump
    samples: list[int]
    places: list[tuple[Kept, int]]
    labels: Labels
    Y: Reals | None
    Z: Reals

    @classmethod
    def of(cls, dump: Dump, kept: list[Kept], samples: list[int]) -> "Chosen":
        found = [next(k for k in kept if k.part.start <= i < k.part.stop) for i in samples]
        places = [(k, i - k.part.start) for k, i in zip(found, samples, strict=True)]
        name = "Z" if "Z" in dump.arrays else "X"
        labels = Labels.joined([(k.labels, at) for k, at in places])
        Y = None if dump.index else _columns(dump, "Y", samples)
        return cls(dump, samples, places, labels, Y, _columns(dump, name, samples))

    def _of(self, read: Any) -> Reals:
        """(m,): something that is kept of each."""
        return np.array([read(kept)[at] for kept, at in self.places])

    def softmax(self, rows: slice, theta: Matrix) -> tuple[Reals, Reals, Reals | float]:
        """These rows of A and Y' (rows, m), and of the slope of a cap."""
        dump, Z = self.dump, self.Z
        Z = Z[rows] if "Z" in dump.arrays else theta.right(Z) + real(dump.arrays["b"])[rows, np.newaxis]
        bent, slope = mapping.again(dump, Z)
        A = np.exp(bent - self._of(lambda k: k.m)) / self._of(lambda k: k.s)
        return A, self.labels.of(rows, self.Y), slope

    def summed(self, work: Callable[[slice, Matrix, Reals, Reals, Reals | float], Reals], like: Reals) -> Reals:
        """The sum over classes of what `work` makes of theta, A, Y' and the slope, some rows at a time."""
        total = np.zeros_like(like)

        def one(rows: slice) -> Reals:
            theta = matrix(self.dump.arrays["theta"][rows]).exact("theta")
            return work(rows, theta, *self.softmax(rows, theta))

        for part in threaded(one, walk(self.dump.arrays["theta"])):
            total += part
        return total

    def compared(self, plan: Plan) -> Compared:
        """H of these samples (m, d), each entry with its limit."""
        bound, labels = self._bound(), self.labels
        terms = Terms(
            self.dump, bound, labels, self._of(lambda k: k.pull), self._of(lambda k: k.share), self._of(lambda k: k.Q)
        )

        lse = self._of(lambda k: k.m + np.log(k.s))
        X = None if "Z" in self.dump.arrays else matrix(self.Z)

        def both(rows: slice, theta: Matrix, A: Reals, Y: Reals, slope: Reals | float) -> Reals:
            hard = labels.hard.of(rows, self.Y) if labels.law.smoothing else None
            D, error = terms.of(rows, A, Y, hard)
            P, S = slope * A * terms.pull, slope * Y * terms.share
            squares, before = typical.terms(self.dump, plan, (P, S), A, lse=lse, X=X)
            largest = self.dump.lost and theta.sizes()[1].max()
            lost = flushed(self.dump, len(D), largest, D)
            H, E, each = theta.T.moments(D * slope, error, np.hstack([squares, before]))
            return np.stack([H.T, E.T + lost, *np.split(each.T, 2)])

        H, E, squares, before = self.summed(both, np.zeros((4, len(self.samples), self.dump.d)))
        limit = outward(E + bound.extra, 4 * self.dump.L + 64)
        assert plan.turned is not None
        known = inside(self.dump, plan, plan.turned, bound, labels.mass, limit=limit.max(axis=1))[:, np.newaxis]
        computed = _columns(self.dump, "grad_X", self.samples).T
        common = usual(plan.arithmetic, self.dump.L, squares, H, before)
        return Compared("grad_X", computed, H, np.where(known, limit, np.inf), tuple(self.samples), usual=common)

    def _bound(self) -> Weights:
        """Of these samples."""
        all_of = [kept.over_classes for kept, _ in self.places if kept.over_classes is not None]
        names = ("A", "Y", "hard", "others", "flat", "size", "unit")
        arrays: dict[str, Any] = {n: self._of(lambda k, n=n: getattr(k.over_classes, n)) for n in names}
        return replace(all_of[0], **arrays, extra=max(bound.extra for bound in all_of))

    def named(self, again: Compared, wrong: tuple[int, ...]) -> tuple[str, ...]:
        """What explains the samples at fault; nothing where no mistake of `MISTAKEN` does."""
        places = [k for k, i in enumerate(self.samples) if i in wrong and np.isfinite(again.computed[k]).all()][:TRIED]
        if not places:
            return ()
        computed, allowed = again.computed[places], again.allowed[places]
        tried = {**MISTAKEN, **({UNTURNED: self._untransposed} if self.dump.d == self.dump.L else {})}
        pull, share = self._of(lambda k: k.pull), self._of(lambda k: k.share)

        def explains(of: Mistaken) -> bool:
            H = self.summed(lambda rows, theta, A, Y, S: of(rows, theta, S * A * pull, S * Y * share), again.truth)[
                places
            ]
            return bool((abs(H - computed) <= allowed).all())

        return tuple(text for text, of in tried.items() if explains(of))

    def _untransposed(self, rows: slice, theta: Matrix, P: Reals, Y: Reals) -> Reals:
        """Of a square theta, θ D."""
        return np.asarray((P - Y).T @ real(self.dump.arrays["theta"][:, rows]).T)


# From P = A c and Y = Y'/N (rows, m): what stands in the place of θᵀ(P − Y).
UNTURNED = "as if theta had not been transposed"
Mistaken = Callable[[slice, Matrix, Reals, Reals], Reals]
MISTAKEN: dict[str, Mistaken] = {
    "as if labels were not subtracted": lambda rows, theta, P, Y: theta.left(P),
    "as if labels alone were summed, without the probabilities": lambda rows, theta, P, Y: theta.left(-Y),
    "as if labels were added": lambda rows, theta, P, Y: theta.left(P + Y),
}


def _columns(dump: Dump, name: str, samples: list[int]) -> Reals:
    """Of an array that can only be sliced."""
    return np.hstack([real(dump.samples(name, slice(i, i + 1))) for i in samples])
