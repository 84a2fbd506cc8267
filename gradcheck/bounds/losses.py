"""Of the loss, given what rounding does to the softmax: docs/bounds.md, sections 5 and 14."""

import numpy as np

from gradcheck.bounds.folding import Folded
from gradcheck.bounds.penalties import penalised_loss
from gradcheck.bounds.roundings import relative
from gradcheck.bounds.softmax import SoftmaxError
from gradcheck.enclosure import Reals, outward
from gradcheck.precision import Precision


def loss_error(
    folded: Folded, softmax: SoftmaxError, times: int = 1, *, ours: bool = False, each: bool = False
) -> Reals:
    """Of the loss, absolute, shape (), given what rounding does to its softmax; with every sample `times` over.

    `ours` is for code that is known to add up Y log A, where others may add up log-sum-exps and logits apart. With `each`, of what
    each sample adds to it, (n,).
    """
    precision, Y = folded.precision, folded.Y
    used, axis = Y > 0, 0 if each else None
    terms = times * int(np.count_nonzero(Y, axis=axis).max(initial=0) if each else np.count_nonzero(Y))
    # lse and Z of each label may be added up apart, in any order
    k = folded.relative(5, max(2 * terms - 1, 0), writings=3, readings=2, among=2 * times * Y.size)

    def at_labels(x: Reals) -> Reals:
        return np.where(used, x, 0.0) if each else x[used]

    with np.errstate(over="ignore", invalid="ignore"):
        if ours:
            per_entry, size = (1 + k) * softmax.log_A + k * softmax.distance, softmax.distance
        else:
            per_entry, size = _label_errors(softmax, k, folded.by_sample, precision)
        labels, distance = at_labels(Y), at_labels(softmax.distance)
        total = (labels * at_labels(per_entry)).sum(axis=axis)
        most = times * (total + (labels * at_labels(size)).sum(axis=axis))
        # products underflow, or Y / N does in code that weighs each term
        underflow = (1 + k) * (terms + 2 + times * distance.sum(axis=axis)) * precision.eta * folded.below_one
        if precision.loses:
            underflow = underflow + (1 + k) * (terms + times * (labels + distance).sum(axis=axis)) * precision.eta
        if not folded.problem.law.plain:
            total = total + (1 + k) * _of_labels(folded, softmax, k).sum(axis=axis)
            if folded.problem.law.smoothing:  # the sum over the classes, before it is multiplied by smoothing / L
                most = most + times * (folded.unsmoothed * (per_entry + size)).sum(axis=axis)
            if folded.problem.law.z_loss:
                squares, of_squares = _squares(folded, softmax, each=each)
                total, most = total + of_squares, most + times * (squares + of_squares)
                # lse^2 before it is multiplied
                most = np.maximum(most, ((softmax.lse + softmax.lse_error) ** 2).max())
            most = most * folded.below_one
    known = (most < precision.huge) & (not np.isnan(folded.N))
    return outward(np.where(known, total / folded.N + underflow, np.inf), terms + 24)


def _of_labels(folded: Folded, softmax: SoftmaxError, k: float) -> Reals:
    """What each label that is off, or is a sum of parts that cancel, costs, (L, n): what stands at it, in either form."""
    stands = softmax.distance + softmax.log_A + 2 * softmax.lse
    off = folded.error + k * folded.parts
    return np.where(off > 0, off * stands, 0.0)


def _squares(folded: Folded, softmax: SoftmaxError, *, each: bool = False) -> tuple[Reals, Reals]:
    """sum c lse^2, and what that is off by: lse twice, and the roundings of two products and of the sum. Or `each` term.

    lse^2 may overflow before it is made small by c, and c or c/N may underflow before it is multiplied.
    """
    n, axis = (1, 0) if each else (folded.problem.n, None)
    k = folded.relative(9, n, writings=3, readings=2)
    z, lse, apart, eta = folded.z, softmax.lse, softmax.lse_error, folded.precision.eta
    reach = ((lse + apart) ** 2).sum(axis=axis)
    if not ((1 + k) * reach < folded.precision.huge).all():
        return 0 * reach, reach + np.inf
    used = z > 0
    squares = np.where(used, z * lse * lse, 0.0)
    off = np.where(used, z * (2 * lse + apart) * apart, 0.0)
    lost = 3 * folded.at_least_one * reach + 2 * n * (1 + z.max())
    found = (1 + k) * off.sum(axis=axis) + k * squares.sum(axis=axis) + (1 + k) * lost * eta
    return np.asarray(squares.sum(axis=axis)), np.asarray(found)


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
    k = folded.relative(5, 2 * L - 1, among=2 * L)
    with np.errstate(over="ignore", invalid="ignore"):
        per_entry, _ = _label_errors(softmax, k, False, precision)
        total = np.where(used, Y * per_entry, 0).sum(axis=0)
        underflow = (1 + k) * (L + 2 + np.where(used, softmax.distance, 0).sum(axis=0)) * precision.eta
        if not folded.problem.law.plain:
            total = total + (1 + k) * _of_labels(folded, softmax, k).sum(axis=0)
    return outward(total + underflow, L + 24)
