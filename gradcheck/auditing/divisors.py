"""What each of several means is divided by, as what its samples are multiplied by; and the sum of these means."""

from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy, text
from gradcheck.law.options import LABELLED, SAMPLES


def shares(labels: list[Any], law: CrossEntropy) -> list[Any]:
    """1/N for each sample of labels (n,) or (n, L), one array of them after the other; 0 where nothing counts."""
    each = [_divisor(Y, law) for Y in labels]
    return [np.full(len(Y), 1 / N if N else 0.0) for Y, N in zip(labels, each, strict=True)]


def _divisor(Y: Any, law: CrossEntropy) -> float:
    if isinstance(law.counted, int):  # of a sum, and of a count that all divide by
        return float(law.counted)
    if Y.ndim > 1:
        return float(text.normaliser(Y.T.astype(np.float64), law))
    known = Y if law.ignore is None else Y[law.ignore != Y]
    if law.counted == SAMPLES:
        return float(len(Y))
    if law.counted == LABELLED or not law.class_weight:
        return float(len(known))
    if len(known) and not 0 <= known.min() <= known.max() < len(law.class_weight):
        raise Unusable(f"labels hold one that has no weight; expected classes from 0 to {len(law.class_weight) - 1}")
    return float(np.asarray(law.class_weight)[known].sum())


def summed(losses: list[Any], each: list[Any], *, penalty: bool) -> Any:
    """The sum of losses, of parts whose samples are multiplied by `each`; None where that is no number by any convention.

    Of a part in which no sample counts the mean is NaN, or 0, and its gradients are 0: NaN is taken for 0 there, unless it has a
    penalty, or there is nothing else.
    """
    empty = [not by.any() for by in each]
    if (penalty or all(empty)) and any(np.isnan(loss).any() for loss, none in zip(losses, empty, strict=True) if none):
        return None
    return np.asarray(sum(np.where(np.isnan(loss) & none, 0.0, loss) for loss, none in zip(losses, empty, strict=True)))
