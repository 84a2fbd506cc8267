"""The three products of a call, Z = X θᵀ + b, ∂ℒ/∂θ = Dᵀ X and ∂ℒ/∂X = D θ, with samples in rows: probes, and rows computed again.

A probe is a random vector, with which a product and its factors are multiplied: O(Ld + Ln + nd). What is further off than
independent roundings lead is looked at: its rows are computed again in float64, and each entry is judged by the theorem. So
nothing is refused that correct code may do, whatever the model of roundings is worth.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck.auditing.watching.sweep import Swept, contracted, double, swept, wide
from gradcheck.bounds import FAR, ErrorModel, spread, usual
from gradcheck.enclosure import U64, Reals, outward
from gradcheck.tensors import array
from gradcheck.verdict import Witness

CHANGED = {
    "theta": "θ was changed in place since the layer was called",
    "X": "X was changed in place since the layer was called",
}
OVERFLOW = "it is not finite, and rounding or the range of its precision may explain that"
LOOKED = 2  # rows that are computed again, of each product
SINGLE = 2.0**-24


@dataclass(frozen=True, eq=False)
class Entry:
    """An entry of a row that was computed again: how far it is off in units of its limit, and of what is usual."""

    witness: Witness
    ratio: float
    unusual: float


@dataclass(frozen=True, eq=False)
class Judged:
    """Of one product: the worst probe, in units of what is usual, entries that stand out, and why nothing is known."""

    quantity: str
    probe: float
    entries: tuple[Entry, ...] = ()
    unknown: str = ""


@dataclass(eq=False)
class Call:
    """theta (L, d), b (L,) or None and X (n, d) of one call, with probes v (d,) and w (L,) of which there are several."""

    theta: Any
    b: Any
    X: Any
    model: ErrorModel
    v: list[Any]
    w: list[Any]
    D: Any = None

    @classmethod
    def of(cls, theta: Any, b: Any, X: Any, model: ErrorModel, *, probes: int, seed: tuple[int, ...]) -> "Call":
        """With probes that are drawn from a seed."""
        rng, like = np.random.default_rng(seed), wide(theta[:0])
        v, w = (
            [like.new_tensor(rng.uniform(-1, 1, size), dtype=like.dtype) for _ in range(probes)]
            for size in theta.shape[::-1]
        )
        return cls(theta, b, X, model, v, w)

    @cached_property
    def _theta(self) -> Swept:
        third = [self.w[0].new_full((len(self.w[0]),), 1 / 3)]
        return swept(self.theta, self.v, self.w, [self.v[0].new_full((len(self.v[0]),), 1 / 3)], third)

    @cached_property
    def _X(self) -> Swept:
        third = self.v[0].new_full((len(self.v[0]),), 1 / 3)
        return swept(self.X, [*self.v, *self._theta.left], (), [third, self._theta.columns[0]])

    @cached_property
    def _D(self) -> Swept:
        return swept(self.D, self._theta.right, self._X.right[: len(self.v)], [self._theta.rows[0]], [self._X.rows[0]])

    def flowed(self, D: Any) -> None:
        """∂ℒ/∂Z (n, L) of another backward pass; None where none is needed any more."""
        self.D = D
        self.__dict__.pop("_D", None)

    def logits(self, Z: Any) -> Judged:
        """Z (n, L), each sample for itself."""
        b = self.b if self.b is not None else self.w[0].new_zeros(len(self.w[0]))
        added = [float(double(b) @ double(w)) for w in self.w]
        must = [x + more for x, more in zip(self._X.right[len(self.v) :], added, strict=True)]
        squares = self._X.rows[1] + wide(b).square().sum() / 3
        probed = self._probed("Z", Z, self.w, must, squares, terms=self.theta.shape[1])
        return self._looked(probed, lambda i: self._logits_again(Z, i, b))

    def of_theta(self, G: Any) -> Judged:
        """∂ℒ/∂θ (L, d), each class for itself."""
        probed = self._probed("grad_theta", G, self.v, self._D.left, self._D.columns[0], terms=len(self.X))
        judged = self._looked(probed, lambda l: self._again("grad_theta", G, l, self.D[:, l], self.X, data=False))
        return self._same(judged, "X", self._X.right)

    def of_X(self, H: Any) -> Judged:
        """∂ℒ/∂X (n, d), each sample for itself."""
        probed = self._probed("grad_X", H, self.v, self._D.right, self._D.rows[0], terms=len(self.theta))
        judged = self._looked(probed, lambda i: self._again("grad_X", H, i, self.D[i], self.theta, data=True))
        return self._same(judged, "theta", self._theta.right)

    def _same(self, judged: Judged, name: str, before: list[Any]) -> Judged:
        """As it was judged, where something is off; unless what is off is θ or X itself, which is another than in the call.

        A gradient of other numbers than the logits are of is a gradient of neither, and no rounding: so it is not certified.
        """
        now = swept(getattr(self, name), self.v).right if judged.probe > 1 else ()
        if all(bool((one == other).all()) for one, other in zip(before, now, strict=False)):
            return judged
        return replace(judged, entries=(), unknown=CHANGED[name])

    def _probed(self, name: str, P: Any, by: Any, must: Any, squares: Any, *, terms: int) -> tuple[str, Reals, bool]:
        """Of each row, how far it is off in units of what is usual; and whether what it must be is known."""
        across = P.shape[1]
        found = swept(P, by, (), [by[0].new_full((across,), 1 / 3)])
        drift, S = (np.asarray(array(x), np.float64) for x in (found.rows[0], squares))
        own = 2.0**-53 if str(by[0].dtype) == "torch.float64" else SINGLE
        ratios, known = np.zeros(len(drift)), True
        with np.errstate(all="ignore"):
            for left, right in zip(found.right, must, strict=True):
                value = np.asarray(array(right), np.float64)
                ours = (across + terms) * (S / 2 + value**2 / 3) + across / 2 * drift
                limit = (
                    usual(self.model, terms, S, np.sqrt(drift)) + FAR * own * np.sqrt(ours) + across * self.model.eta
                )
                off = abs(np.asarray(array(left), np.float64) - value) / limit
                known &= bool(np.isfinite(value).all() and np.isfinite(S).all())
                ratios = np.fmax(ratios, np.where(np.isnan(off), np.inf, off))
        return name, ratios, known

    @staticmethod
    def _looked(probed: tuple[str, Reals, bool], again: Any) -> Judged:
        name, ratios, known = probed
        if not known:
            return Judged(name, float("nan"), (), "what it is a product of is not finite, or its squares are not")
        worst = [int(k) for k in np.argsort(-ratios, kind="stable")[:LOOKED] if ratios[k] > 1]
        looked = [again(k) for k in worst]
        entries = tuple(entry for entry in looked if entry is not None)
        beyond = any(np.isinf(ratios[k]) and entry is None for k, entry in zip(worst, looked, strict=True))
        return Judged(name, float(ratios.max(initial=0.0)), entries, OVERFLOW if beyond else "")

    def _again(self, name: str, P: Any, row: int, factor: Any, A: Any, *, data: bool) -> Entry | None:
        """A row that is Σ factor_k A_k."""
        value, size, squares, most = contracted(A, factor, over_rows=True)
        terms, model = len(factor), self.model
        k = model.data(terms) if data else model.gradient(terms)
        operands = most + float(double(factor).abs().sum())
        return self._worst(name, P[row], row, (value, size, squares), (k, model.underflow(terms, operands), terms))

    def _logits_again(self, Z: Any, i: int, b: Any) -> Entry | None:
        value, size, squares, most = contracted(self.theta, self.X[i], over_rows=False)
        more, d, model = np.asarray(array(double(b))), self.theta.shape[1], self.model
        value, size, squares = value + more, size + abs(more), squares + more**2
        operands = most + float(double(self.X[i]).abs().sum())
        return self._worst("Z", Z[i], i, (value, size, squares), (model.logits(d), model.underflow(d, operands), d))

    def _worst(
        self, name: str, row: Any, at: int, found: tuple[Reals, Reals, Reals], counts: tuple[float, Reals, int]
    ) -> Entry | None:
        """The entry that is worst, where one is beyond what is usual."""
        (value, size, squares), (k, lost, terms) = found, counts
        with np.errstate(all="ignore"):
            computed = np.asarray(array(row)).astype(np.float64)
            limit = outward(size * (k + 2 * spread(terms + 8, U64)) + lost, terms + 16)
            limit = np.where(size + limit < self.model.huge, limit, np.inf)
            off = abs(computed - value)
            # what underflows is no independent rounding, and what leaves the range is none at all
            common = np.where(np.isfinite(limit), usual(self.model, terms, squares, value) + lost, np.inf)
            ratio, unusual = off / limit, off / common
        ratio = np.where(np.isnan(off) & np.isfinite(limit), np.inf, np.nan_to_num(ratio, nan=0.0, posinf=np.inf))
        unusual = np.where(np.isnan(unusual), 0.0, unusual)
        j = int(ratio.argmax()) if ratio.max() > 1 else int(unusual.argmax())
        if not (ratio[j] > 1 or unusual[j] > 1):
            return None
        numbers = (float(array[j]) for array in (computed, value, limit))
        return Entry(Witness(name, (at, j), *numbers), float(ratio[j]), float(unusual[j]))
