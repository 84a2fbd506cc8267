"""What each of several means is divided by, as what its samples are multiplied by."""

from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy, text
from gradcheck.law.options import LABELLED, SAMPLES


def shares(labels: list[Any], law: CrossEntropy) -> list[Any]:
    """1/N for each sample of labels (n,) or (n, L), one array of them after the other."""
    found = []
    for Y in labels:
        if Y.ndim == 1:
            counts = np.ones(len(Y)) if law.ignore is None else (law.ignore != Y).astype(np.float64)
            N = counts.sum() if law.mean_of == LABELLED else float(len(Y))
            if law.mean_of not in (LABELLED, SAMPLES):
                known = Y[counts > 0]
                if law.class_weight and len(known) and not 0 <= known.min() <= known.max() < len(law.class_weight):
                    raise Unusable(
                        f"labels hold one that has no weight; expected classes from 0 to {len(law.class_weight) - 1}"
                    )
                N = float(np.asarray(law.class_weight)[Y[counts > 0]].sum()) if law.class_weight else counts.sum()
        else:
            N = float(text.normaliser(Y.T.astype(np.float64), law))
        found.append(np.full(len(Y), 1 / N if N else 0.0))
    return found
