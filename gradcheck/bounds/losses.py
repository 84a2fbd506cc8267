"""Of the loss, given what rounding does to the softmax: docs/bounds.md, sections 5 and 14."""

import numpy as np

from gradcheck.bounds.folding import Folded
from gradcheck.bounds.penalties import penalised_loss
from gradcheck.bounds.roundings import relative
from gradcheck.bounds.softmax import SoftmaxError
from gradcheck.enclosure import Reals, outward
from gradcheck.precision import Precision


def loss_error(folded: Folded, softmax: SoftmaxError, times: int = 1, *, ours: bool = False) -> Reals:
    """Of the loss, absolute, shape (), given what rounding does to its softmax; with every sample `times` over.

    `ours` is for code that is known to add up Y log A, where others may add up log-sum-exps and logits apart.
    """
    precision, Y = folded.precision, folded.Y
    terms = times * int(np.count_nonzero(Y))
    # lse and Z of each label may be added up apart, in any order
    k = folded.relative(5, max(2 * terms - 1, 0), writings=3, readings=2, among=2 * times * Y.size)
    used = Y > 0
    with np.errstate(over="ignore", invalid="ignore"):
        if ours:
            per_entry, size = (1 + k) * softmax.log_A + k * softmax.distance, softmax.distance
        else:
            per_entry, size = _label_errors(softmax, k, folded.by_sample, precision)
        labels, distance = Y[used], softmax.distance[used]
        total = (labels * per_entry[used]).sum()
        most = times * (total + (labels * size[used]).sum())
        # products underflow, or Y / N does in code that weighs each term
        underflow = (1 + k) * (terms + 2 + times * distance.sum()) * precision.eta * folded.below_one
        if precision.loses:
            underflow += (1 + k) * (terms + times * (labels.sum() + distance.sum())) * precision.eta
        if not folded.problem.law.plain:
            total = total + (1 + k) * _of_labels(folded, softmax, k).sum()
            if folded.problem.law.smoothing:  # the sum over the classes, before it is multiplied by smoothing / L
                most = most + times * (folded.unsmoothed * (per_entry + size)).sum()
            if folded.problem.law.z_loss:
                squares, of_squares = _squares(folded, softmax)
                total, most = total + of_squares, most + times * (squares + of_squares)
                # lse^2 before it is multiplied
                most = np.maximum(most, ((softmax.lse + softmax.lse_error) ** 2).max())
            most = most * folded.below_one
    known = most < precision.huge and not np.isnan(folded.N)
    return outward(total / folded.N + underflow if known else np.inf, terms + 24)


def _of_labels(folded: Folded, softmax: SoftmaxError, k: float) -> Reals:
    """What each label that is off, or is a sum of parts that cancel, costs, (L, n): what stands at it, in either form."""
    stands = softmax.distance + softmax.log_A + 2 * softmax.lse
    off = folded.error + k * folded.parts
    return np.where(off > 0, off * stands, 0.0)


def _squares(folded: Folded, softmax: SoftmaxError) -> tuple[Reals, Reals]:
    """sum c lse^2, and what that is off by: lse twice, and the roundings of two products and of the sum.

    lse^2 may overflow before it is made small by c, and c or c/N may underflow before it is multiplied.
    """
    k = folded.relative(9, folded.problem.n, writings=3, readings=2)
    z, lse, apart, eta = folded.z, softmax.lse, softmax.lse_error, folded.precision.eta
    if not ((1 + k) * ((lse + apart) ** 2).sum() < folded.precision.huge):
        return np.asarray(0.0), np.asarray(np.inf)
    used = z > 0
    squares = np.where(used, z * lse * lse, 0.0)
    off = np.where(used, z * (2 * lse + apart) * apart, 0.0)
    lost = 3 * folded.at_least_one * ((lse + apart) ** 2).sum() + 2 * folded.problem.n * (1 + z.max())
    found = (1 + k) * off.sum() + k * squares.sum() + (1 + k) * lost * eta
    return np.asarray(squares.sum()), np.asarray(found)


def penalty_error(found: Reals, folded: Folded, softmax: SoftmaxError) -> Reals:
    """With l2/2 |theta|^2 added, which is a sum of squares."""
    problem, precision = folded.problem, folded.precision
    squares = (problem.reals[0] ** 2).sum() + ((problem.reals[1] ** 2).sum() if problem.law.l2_bias else 0.0)
    with np.errstate(over="ignore", invalid="ignore"):
        labels = folded.Y > 0
        size = (folded.Y[labels] * softmax.distance[labels]).sum() / folded.N
        if problem.law.z_loss:
            size = size + _squares(folded, softmax)[0] / folded.N
    count = problem.reals[0].size + problem.reals[1].size
    return penalised_loss(found, size, squares, problem.law.l2, precision, count=count)


def _label_errors(softmax: SoftmaxError, k: float, one_hot: bool, precision: Precision) -> tuple[Reals, Reals]:
    """For each label, per unit of its mass: what its term of the loss may be off by, and how large its parts are."""
    apart = 2 * softmax.lse + softmax.distance
    per_entry = (1 + k) * softmax.log_A + k * apart
    if one_hot:
        return per_entry, softmax.distance
    # also mass * lse - sum Y Z per sample, with a product and a sum of its own
    own = relative(precision, 4, len(softmax.log_A) - 1, writings=2)
    return per_entry + (1 + k) * own * (apart + softmax.log_A), apart


def sample_loss_errors(folded: Folded, softmax: SoftmaxError) -> Reals:
    """Of the loss of each sample, absolute, (n,): the terms of `loss_error` for one sample at a time."""
    precision, Y = folded.precision, folded.Y
    L, used = len(Y), Y > 0
    k = folded.relative(5, 2 * L - 1)
    with np.errstate(over="ignore", invalid="ignore"):
        per_entry, _ = _label_errors(softmax, k, False, precision)
        total = np.where(used, Y * per_entry, 0).sum(axis=0)
        underflow = (1 + k) * (L + 2 + np.where(used, softmax.distance, 0).sum(axis=0)) * precision.eta
        if not folded.problem.law.plain:
            total = total + (1 + k) * _of_labels(folded, softmax, k).sum(axis=0)
    return outward(total + underflow, L + 24)
