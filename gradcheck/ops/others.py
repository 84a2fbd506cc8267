"""What the same operator would be under other options: what code may have computed instead."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from gradcheck.law import CrossEntropy
from gradcheck.law.options import LABELLED, SAMPLES, WEIGHTS
from gradcheck.ops.description import Limits

Changed = dict[str, Any]


def _changes(law: CrossEntropy) -> Iterator[tuple[str, Changed]]:
    """What may have been forgotten, or done though it was not meant."""
    for name, said in (
        ("smoothing", "without the smoothing of labels"),
        ("softcap", "without the soft cap"),
        ("z_loss", "without the z-loss"),
        ("class_weight", "without the weights of classes"),
    ):
        if getattr(law, name):
            yield said, {name: () if name == "class_weight" else 0.0}
    if law.scale != 1:
        yield "without the scale of logits", {"scale": 1.0}
    if law.smoothing:
        over = "all" if law.smoothing_over == "others" else "others"
        yield f"labels smoothed over {over}", {"smoothing_over": over}
    else:
        yield "labels smoothed by 0.1", {"smoothing": 0.1}
    if law.reduction == "mean":
        yield "a sum over the samples, no mean", {"reduction": "sum"}
        yield from (
            (f"a mean over {other}", {"mean_of": other})
            for other in (SAMPLES, LABELLED, WEIGHTS)
            if other != law.mean_of
        )
    if law.reduction == "sum":
        yield "a mean over the samples, no sum", {"reduction": "mean"}


def laws(
    law: CrossEntropy, judged: Callable[[CrossEntropy, slice], Iterator[Limits]], rows: slice
) -> Iterator[tuple[str, Any]]:
    """What these rows would be under each, in words."""
    for said, change in _changes(law):
        try:
            found = next(iter(judged(replace(law, **change), rows)))
        except Exception:  # options that do not go together
            continue
        yield said, found.truth.midpoint
