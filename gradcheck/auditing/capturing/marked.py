"""Labels of a step as a model takes them: of any shape, with samples that do not count, shifted inside."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.auditing.given import numbers
from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy
from gradcheck.law.options import LABELLED, NO_CLASS, SAMPLES
from gradcheck.tensors import array

IGNORED = NO_CLASS  # where nothing else is said
AT_ONCE = 2**24  # entries that are looked at at a time

Shapes = list[tuple[int, ...]]


def of(
    given: Any, shapes: Shapes, law: CrossEntropy, *, shift: bool, any_rank: bool = False
) -> tuple[list[Any], CrossEntropy]:
    """Labels of each call, (n,) or (n, L), and the law with the label of samples that do not count.

    Where the law names none, that is -100: where labels hold it, or the last of a sequence has none; the mean is then of the
    others, unless more was said. `any_rank`: another rank's may hold it.
    """
    found = [numbers("labels", labels) for labels in _calls(given, shapes)]
    held = any(labels.dtype.kind in "iu" and (labels == IGNORED).any() for labels in found)
    if law.ignore is None and (shift or held or (any_rank and found[0].dtype.kind in "iu")):
        plain = law.reduction == "mean" and law.mean_of == SAMPLES and not law.class_weight
        law = replace(law, ignore=IGNORED, mean_of=LABELLED if plain else law.mean_of)
    if not shift:
        return [_flat(labels, shape) for labels, shape in zip(found, shapes, strict=True)], law
    assert law.ignore is not None
    return [shifted(labels, shape, law.ignore) for labels, shape in zip(found, shapes, strict=True)], law


def fit(given: Any, shapes: Shapes) -> bool:
    """Whether labels are as many as these calls have."""
    if _several(given):
        return len(given) == len(shapes)
    found = numbers("labels", given)
    samples = found.shape[:-1] if found.dtype.kind not in "iub" else found.shape
    return math.prod(samples) == sum(math.prod(shape) for shape in shapes)


def _several(given: Any) -> bool:
    """Whether there are some of each call."""
    return isinstance(given, Sequence) and len(given) > 0 and hasattr(given[0], "shape")


def _calls(given: Any, shapes: Shapes) -> list[Any]:
    """Labels of each call, which may be all in one."""
    if _several(given):
        if len(given) != len(shapes):
            raise Unusable(
                f"labels of {len(given)} calls are given, and the layer was called {len(shapes)} times with a gradient; expected "
                "those of each call"
            )
        return list(given)
    if len(shapes) == 1:
        return [given]
    whole, sizes = numbers("labels", given), [int(np.prod(shape)) for shape in shapes]
    if len(whole.reshape(-1)) != sum(sizes):
        raise Unusable(
            f"{whole.size} labels are given, and the layer was called with {sum(sizes)} samples in {len(sizes)} calls, each with a "
            "gradient; expected those of each call in a list, and nothing differentiated beside the step"
        )
    parts = np.split(whole.reshape(-1), np.cumsum(sizes)[:-1])
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def _flat(labels: Any, shape: tuple[int, ...]) -> Any:
    n = int(np.prod(shape))
    if labels.dtype.kind not in "iub" and labels.ndim >= 2 and labels.size:
        return labels.reshape(-1, labels.shape[-1])
    if labels.dtype.kind not in "iub":
        raise Unusable(
            f"labels of dtype {labels.dtype} have shape {labels.shape}; expected class indices, or weights (…, L)"
        )
    if labels.size != n:
        more = "; say shift=True where the model leaves the last of each sequence out" if labels.size > n else ""
        raise Unusable(
            f"labels have shape {labels.shape}, and the layer was called with {shape}: expected {n} labels{more}"
        )
    return labels.reshape(-1)


def shifted(labels: Any, shape: tuple[int, ...], ignore: int) -> Any:
    """The label of each sample is that of the next, and the last of a sequence has none, or is left out."""
    if labels.dtype.kind not in "iu" or labels.ndim < 1:
        raise Unusable(
            f"labels of dtype {labels.dtype} and shape {labels.shape} cannot be shifted; expected class indices (…, sequence)"
        )
    moved = labels[..., 1:]
    if moved.size == int(np.prod(shape)):
        return moved.reshape(-1)
    return _flat(np.concatenate([moved, np.full((*labels.shape[:-1], 1), ignore, labels.dtype)], axis=-1), shape)


def require_unshifted(given: Any, labels: list[Any], calls: Sequence[Mapping[str, Any]], law: CrossEntropy) -> None:
    """`Unusable` where the labels contradict the logits' gradient, and shifted by one they do not: a model shifts them inside."""
    if any(call.get("grad_Z") is None for call in calls) or any(Y.ndim > 1 for Y in labels):
        return
    ignore = IGNORED if law.ignore is None else law.ignore
    said = [array(one) for one in _calls(given, [call["X"].shape[:-1] for call in calls])]
    if any(one.ndim < 1 or one.shape[-1] < 2 for one in said):
        return
    D = [call["grad_Z"].reshape(-1, call["grad_Z"].shape[-1]) for call in calls]
    if all(_fits(d, y, ignore) for d, y in zip(D, labels, strict=True)):
        return
    moved = [shifted(one, call["X"].shape[:-1], ignore) for one, call in zip(said, calls, strict=True)]
    if all(_fits(d, y, ignore) for d, y in zip(D, moved, strict=True)):
        raise Unusable(
            "labels fit the gradient only when each sample has that of the next, as in a model that shifts them inside; "
            "say write(…, shift=True)"
        )


def require_classes(Y: Any, L: int, ignore: int | None) -> None:
    """`Unusable` where a label is no class, and not that of samples that do not count."""
    if Y.dtype.kind not in "iu":
        return
    out = Y[((Y < 0) | (Y >= L)) & ((IGNORED if ignore is None else ignore) != Y)]
    if len(out):
        raise Unusable(
            f"labels hold a label outside of 0 to {L - 1}, the first {out[0]}; expected classes, or "
            f"{IGNORED if ignore is None else ignore} where a sample does not count (ignore= names another)"
        )


def _fits(D: Any, Y: Any, ignore: int) -> bool:
    """Whether the gradient of each logit that a label names is the least of its sample, and the others' samples have none."""
    L = D.shape[1]
    for at in range(0, len(D), max(1, AT_ONCE // L)):
        part = slice(at, at + max(1, AT_ONCE // L))
        d, y = np.asarray(D[part]).astype(np.float64), Y[part]
        least, counts = d.min(axis=1), (y != ignore) & (y >= 0) & (y < L)
        there = d[np.arange(len(y)), np.where(counts, y, 0)]
        if ((least < 0) & ~(counts & (there == least))).any():
            return False
    return True
