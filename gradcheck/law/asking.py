"""What a loss asks of the classes and the labels of a problem."""

from collections.abc import Iterator

from gradcheck.law.functions import Array
from gradcheck.law.options import CrossEntropy


def refused(law: CrossEntropy, Y: Array, masked: Array) -> str:
    """Why it cannot be posed of labels Y (L, n), where these classes (L,) are masked; empty where it can."""
    return next(iter((*_labels(law, Y), *(_masked(law) if masked.any() else ()))), "")


def _labels(law: CrossEntropy, Y: Array) -> Iterator[str]:
    L = len(Y)
    if len(law.class_weight) not in (0, L):
        yield f"class_weight has {len(law.class_weight)} weights; expected {L}, one for each class"
    if law.ignore is not None and 0 <= law.ignore < L and Y[law.ignore].any():
        yield f"ignore={law.ignore}, but samples carry that class; expected columns of zeros there"
    if law.smoothing_over == "others" and law.smoothing and (Y > 1).any():
        yield "smoothing over the other classes is of labels of at most 1"


def _masked(law: CrossEntropy) -> Iterator[str]:
    if law.own:
        yield "a masked class is of the cross-entropy: a loss of one's own is posed finite logits"
    if law.smoothing:
        yield "a masked class has no smoothed label: its loss is infinite"
    if law.l2:
        yield "a masked class has weights that are penalised: not judged"
    if law.softcap:
        yield "a masked class is none once its logit is capped: -inf becomes minus the cap"
