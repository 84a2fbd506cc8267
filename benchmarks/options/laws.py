"""Every option of the loss alone, and every two that can be had together: one table."""

from itertools import combinations
from typing import Any

from gradcheck import CrossEntropy

WEIGHT = {"class_weight": (0.5, 2.0, 0.3, 1.0) * 4}  # problems have no more than 16 classes
ALONE: dict[str, dict[str, Any]] = {
    "sum": {"reduction": "sum"},
    "each": {"reduction": "none"},
    "a count": {"mean_of": 17},
    "ignored": {"ignore": -100},
    "ignored class": {"ignore": 1},
    "labelled": {"ignore": -100, "mean_of": "labelled"},
    "weights": WEIGHT,
    "extreme weights": {"class_weight": (1e3, 0.0, 1e-3, 1.0) * 4},
    "mean of weights": {**WEIGHT, "mean_of": "weights"},
    "smoothing": {"smoothing": 0.1},
    "smoothing alone": {"smoothing": 1.0},
    "over others": {"smoothing": 0.3, "smoothing_over": "others"},
    "by the label": {"smoothing": 0.1, "smoothing_weight": "label", **WEIGHT},
    "scale": {"scale": 0.7},
    "scale after": {"scale": 3.0, "scaled": "after"},
    "cap": {"softcap": 30.0},
    "low cap": {"softcap": 0.3},
    "z-loss": {"z_loss": 1e-4},
    "large z-loss": {"z_loss": 1.0},
    "z-loss of all": {"z_loss": 0.3, "z_over": "samples", "ignore": -100},
    "l2": {"l2": 0.01},
    "l2 of both": {"l2": 2.0, "l2_bias": True},
}


def together(*names: str) -> dict[str, Any] | None:
    """Their options; None where two of them say different things of one, or cannot be had together."""
    found: dict[str, Any] = {}
    for name in names:
        if any(found.get(option, value) != value for option, value in ALONE[name].items()):
            return None
        found |= ALONE[name]
    return None if found.get("reduction") == "none" and found.get("l2") else found


LAWS = {
    " + ".join(names): CrossEntropy(**options)
    for names in (*((name,) for name in ALONE), *combinations(ALONE, 2))
    if (options := together(*names)) is not None
}
# What a language model is trained with, and ∂ℒ/∂X beside it.
ALL_ON = CrossEntropy(class_weight=WEIGHT["class_weight"], smoothing=0.1, softcap=30.0, z_loss=1e-4)
