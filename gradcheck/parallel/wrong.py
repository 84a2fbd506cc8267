"""What wrong code of several ranks would return, in float64: each mistake as it changes ∂ℒ/∂Z and the loss of each rank."""

from collections.abc import Iterator, Mapping

import numpy as np

from gradcheck.checks import Trial
from gradcheck.enclosure import Reals
from gradcheck.law import functions, text
from gradcheck.parallel.shares import Shared

Made = Mapping[str, Reals]  # of each quantity, (1, ...) or one for each rank


class Known:
    """Of the problem: logits Z (L, n), their log-sum-exp (n,), labels, and which samples count."""

    def __init__(self, trial: Trial, shared: Shared) -> None:
        p = trial.problem
        self.trial, self.shared, self.law = trial, shared, p.law
        self.theta, _, self.X, self.Y = p.reals
        self.Z, self.A = trial.truth.enclosure("Z").midpoint, trial.truth.enclosure("A").midpoint
        self.D, self.N = trial.truth.enclosure("D").midpoint, p.divisor
        self.counted = shared.counted
        self.lse = functions.log_sum_exp(self.Z)[0]
        self.targets = text.labels(self.Y, p.law)

    @property
    def plain(self) -> bool:
        """Whether the formulas below are of this loss."""
        return not (self.law.class_weight or self.law.mapped or self.law.added)

    def smoothing(self, L: int) -> float:
        """What each of L classes has, times L, of code that smooths over these."""
        e = self.law.smoothing
        return e * L / max(L - 1, 1) if self.law.smoothing_over == "others" else e

    def made(self, D: Reals, losses: list[Reals] | None = None) -> Made:
        """All quantities that follow from ∂ℒ/∂Z, times N, of samples that count; `losses` are (n,), of each rank."""
        D = np.where(self.counted, D, 0) / self.N
        found = {"Z": D, "theta": D @ self.X.T, "b": D.sum(axis=1, keepdims=True), "X": self.theta.T @ D}
        whole = {name: each[np.newaxis] for name, each in found.items()}
        if losses is not None:
            whole["loss"] = np.array([np.where(self.counted, each, 0).sum() / self.N for each in losses])
        return whole


def of_classes(trial: Trial, shared: Shared) -> Iterator[tuple[str, Made]]:
    """Mistakes of ranks that have classes of their own."""
    known = Known(trial, shared)
    if not known.plain or shared.shares.ranks == 1:
        return
    if known.law.smoothing:
        yield "each rank smoothed over its own classes alone", _own_smoothing(known)
    yield "each rank took the softmax of its own classes alone", _own_softmax(known)
    yield "each rank subtracted a maximum of its own, and the sums were added up", _own_maximum(known)
    yield "labels were taken for classes of each rank, without the number of its first", _own_labels(known)


def _own_smoothing(known: Known) -> Made:
    D, losses = np.array(known.A), []
    label = (known.Y * known.Z).sum(axis=0)
    for rows in known.shared.classes:
        e = known.smoothing(len(rows))
        D[rows] -= (1 - e) * known.Y[rows] + e / len(rows)
        losses.append(known.lse - (1 - e) * label - e * known.Z[rows].mean(axis=0))
    return known.made(D, losses)


def _own_softmax(known: Known) -> Made:
    D = -known.targets
    for rows in known.shared.classes:
        D[rows] += np.exp(functions.log_softmax(known.Z[rows]))
    return known.made(D)


def _own_maximum(known: Known) -> Made:
    powers = np.array(known.Z)
    for rows in known.shared.classes:
        powers[rows] = np.exp(known.Z[rows] - known.Z[rows].max(axis=0))
    return known.made(powers / powers.sum(axis=0) - known.targets)


def _own_labels(known: Known) -> Made:
    Y, index = np.zeros_like(known.Y), known.Y.argmax(axis=0)
    for rows in known.shared.classes:
        at = np.flatnonzero(index < len(rows))
        Y[rows[0] + index[at], at] = 1
    return known.made(known.A - text.labels(Y, known.law))


def of_samples(trial: Trial, shared: Shared) -> Iterator[tuple[str, Made]]:
    """Mistakes of ranks that have samples of their own: means of means."""
    known = Known(trial, shared)
    if known.law.reduction != "mean":
        return
    yield from _of_means(known, "ranks", _of_ranks(shared))
    if shared.shares.ranks > 1:
        every = np.full(shared.problem.n, known.N / shared.problem.n)
        yield "the sum over all samples were divided by those of all, counted or not", _weighed(known, every)


def of_pieces(trial: Trial, shared: Shared) -> Iterator[tuple[str, Made]]:
    """The same of pieces, which are samples, whatever ranks share out."""
    known, shares = Known(trial, shared), shared.shares
    own = shared.samples[:1] if shares.by_classes else shared.samples
    if shares.pieces > 1 and known.law.reduction == "mean":
        yield from _of_means(known, "pieces", [at.ravel() for mine in own for at in mine])


def _of_means(known: Known, what: str, parts: list[np.ndarray]) -> Iterator[tuple[str, Made]]:
    if len(parts) < 2:
        return
    factor = np.zeros(known.shared.problem.n)
    for at in parts:
        count = max(int(known.counted[at].sum()), 1)  # the mean of none is taken for 0
        factor[at] = known.N / (len(parts) * count)
    yield f"it were the mean of the {what}' means, and not over all samples that count", _weighed(known, factor)


def _weighed(known: Known, factor: Reals) -> Made:
    """With each sample so many times as heavy."""
    each, whole = _of_each(known), known.made(known.D * factor * known.N)
    return whole if each is None else {**whole, "loss": np.array([(each * factor).sum() / known.N])}


def _of_each(known: Known) -> Reals | None:
    """(n,): the loss of each sample, times what the mean divides by."""
    if not known.plain:
        return None
    each = known.lse - (known.targets * known.Z).sum(axis=0)
    return np.where(known.counted, each, 0)


def _of_ranks(shared: Shared) -> list[np.ndarray]:
    return [np.concatenate([at.ravel() for at in mine]) for mine in shared.samples]


def parts(trial: Trial, shared: Shared, name: str) -> Reals | None:
    """What each rank has of a quantity that is a sum over ranks, (k, ...); None of what is none."""
    known = Known(trial, shared)
    if shared.shares.by_classes:
        if name != "X":
            return None
        return np.array([known.theta[rows].T @ known.D[rows] for rows in shared.classes])
    own = [np.isin(np.arange(shared.problem.n), at) for at in _of_ranks(shared)]
    if name == "loss":
        each = _of_each(known)
        return None if each is None else np.array([each[at].sum() / known.N for at in own])
    if name in ("theta", "b"):
        X = known.X.T if name == "theta" else np.ones((shared.problem.n, 1))
        return np.array([known.D[:, at] @ X[at] for at in own])
    return None
