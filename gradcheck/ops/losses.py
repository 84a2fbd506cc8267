"""Losses: the cross-entropy of logits, of a linear layer, of log-probabilities, and a loss of one's own."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.errors import Unusable, require_kind
from gradcheck.law import CrossEntropy, asking
from gradcheck.law.options import LABELLED, SAMPLES, WEIGHTS
from gradcheck.ops import linear, logits, others
from gradcheck.ops.description import Grants, Op, coarsest
from gradcheck.ops.targets import Targets
from gradcheck.ops.views import View, axis_of, ignored, numbers, read
from gradcheck.problem import Array

IGNORED = -100


def _law(
    targets: Targets, weight: Any, mean_of: Any, law: CrossEntropy | None, options: dict[str, Any]
) -> CrossEntropy:
    """As frameworks mean it: a mean over those that count, by their weights; of probabilities, over all samples."""
    beside = {"weight": weight, "mean_of": mean_of, **options}
    if law is not None and (said := [name for name, value in beside.items() if value is not None]):
        raise Unusable(f"law= says all options of the loss; {said[0]}= is given beside it")
    found = _meant(targets, weight, mean_of, options) if law is None else law
    if found.ignore is not None or targets.counts.all():
        return found
    return replace(found, ignore=IGNORED if targets.ignore is None else targets.ignore)


def _meant(targets: Targets, weight: Any, mean_of: Any, options: dict[str, Any]) -> CrossEntropy:
    weights = () if weight is None else tuple(read("weight", weight).astype(np.float64).ravel().tolist())
    if mean_of is None:
        usual = WEIGHTS if weights else LABELLED if not targets.counts.all() else SAMPLES
        mean_of = usual if targets.index else SAMPLES
    if "label_smoothing" in options and "smoothing" in options:
        raise Unusable("smoothing and label_smoothing are one option; expected one of them")
    given = {"smoothing" if key == "label_smoothing" else key: value for key, value in options.items()}
    return CrossEntropy.read({"class_weight": weights, "mean_of": mean_of, **given})


def _upstream(given: Any, samples: tuple[int, ...], n: int) -> Reals | None:
    """(n,) or (1,)."""
    if given is None:
        return None
    c = numbers("upstream", given).astype(np.float64)
    if c.size != 1 and c.shape != samples:
        raise Unusable(f"upstream has shape {c.shape}; expected one number, or one for each sample {samples}")
    return c.reshape(-1)


def _fits(law: CrossEntropy, targets: Targets, L: int, *, layer: bool) -> None:
    if law.own:
        raise Unusable("a loss of one's own is described by gradcheck.ops.loss")
    if law.l2 and not layer:
        raise Unusable("l2 is a penalty of weights, which logits do not have; linear_cross_entropy has them")
    if L < 2:
        raise Unusable(f"{L} class; expected at least two along the axis of the classes")
    some = targets.columns(slice(0, 1), L)
    if refused := asking.refused(replace(law, ignore=None), some, np.zeros(L, dtype=bool)):
        raise Unusable(refused)


def cross_entropy(
    Z: Any,
    Y: Any,
    *,
    weight: Any = None,
    ignore_index: int | None = IGNORED,
    mean_of: str | int | None = None,
    upstream: Any = None,
    samples: str = "rows",
    law: CrossEntropy | None = None,
    **options: Any,
) -> Op:
    """Of logits Z (..., L) and class indices (...) or probabilities (..., L): ℒ, and its gradient with respect to Z.

    `options` are fields of `gradcheck.CrossEntropy`: reduction, smoothing, z_loss, softcap, scale, …; or `law` is all of them.
    `weight` (L,) are class weights. As in frameworks, `ignore_index` does not count, and a mean is over what counts, by
    its weights (`mean_of`). `upstream` is what flows back to the loss: a number, or one for each sample.
    """
    found = read("Z", Z)
    view = View(found.shape, _axis(found, samples))
    targets = Targets.read(Y, view, _ignored(law, ignore_index))
    meant, (n, L) = _law(targets, weight, mean_of, law, options), view.whole
    _fits(meant, targets, L, layer=False)
    lead = _lead(view)
    posed = logits.Samples(view.rows(found), targets, meant, _upstream(upstream, lead, n))
    value = View(lead) if meant.reduction == "none" else View(())
    if posed.upstream is not None and posed.upstream.size > 1 and meant.reduction != "none":
        raise Unusable(
            f'upstream is one for each sample, and the loss is a {meant.reduction}; expected reduction="none"'
        )

    def judge(op: Op, wrt: str, g: Any) -> Iterator[Any]:
        return logits.judged(g, wrt, posed)

    def wrong(wrt: str, g: Grants, rows: slice) -> Iterator[Any]:
        def other(changed: CrossEntropy, rows: slice) -> Iterator[Any]:
            return logits.judged(g, wrt, logits.part(posed, changed, rows) if wrt else replace(posed, law=changed))

        return others.laws(meant, other, rows)

    return Op(
        "cross_entropy",
        {"Z": found},
        {"": value, "Z": view},
        judge,
        about=meant.said,
        wrong=wrong,
        labels=targets.given if targets.index else None,
        inner=L,
    )


def linear_cross_entropy(
    X: Any,
    theta: Any,
    Y: Any,
    b: Any = None,
    *,
    weight: Any = None,
    ignore_index: int | None = IGNORED,
    mean_of: str | int | None = None,
    upstream: Any = None,
    samples: str = "rows",
    law: CrossEntropy | None = None,
    **options: Any,
) -> Op:
    """The same of Z = θX + b: X (..., d), theta (L, d), b (L,); ℒ, and gradients with respect to X, theta, b and Z."""
    data, weights, bias = read("X", X), read("theta", theta), None if b is None else read("b", b)
    axis = _axis(data, samples)
    view = View(data.shape, axis)
    if weights.ndim != 2 or weights.shape[1] != view.whole[1]:
        raise Unusable(f"theta has shape {weights.shape}; expected (L, {view.whole[1]}), a row for each class")
    L, n = len(weights), view.whole[0]
    if bias is not None and bias.size != L:
        raise Unusable(f"b has shape {bias.shape}; expected ({L},)")
    seen = View((*data.shape[:-1], L) if axis == -1 else (L, *data.shape[1:]), axis)
    targets = Targets.read(Y, seen, _ignored(law, ignore_index))
    meant = _law(targets, weight, mean_of, law, options)
    _fits(meant, targets, L, layer=True)
    layer = linear.Layer(weights, bias, view.rows(data), targets, meant, _upstream(upstream, _lead(seen), n))
    inputs = {"X": data, "theta": weights, **({} if bias is None else {"b": bias})}
    views = {} if meant.reduction == "none" else {"": View(())}
    views |= {"X": view, "theta": View(weights.shape, -1), "Z": seen}
    if bias is not None:
        views["b"] = View(bias.shape)

    def judge(op: Op, wrt: str, g: Any) -> Iterator[Any]:
        return linear.judged(g, wrt, layer)

    def wrong(wrt: str, g: Grants, rows: slice) -> Iterator[Any]:
        def other(changed: CrossEntropy, rows: slice) -> Iterator[Any]:
            for found in linear.judged(g, wrt, replace(layer, law=changed)):
                yield replace(found, truth=found.truth.take(rows))

        return others.laws(meant, other, rows)

    return Op(
        "linear_cross_entropy",
        inputs,
        views,
        judge,
        about=meant.said,
        stored=coarsest(inputs).name,
        probed=layer.probed,
        wrong=wrong,
        inner=max(L, view.whole[1]),
    )


def _axis(array: Array, samples: str) -> int:
    if array.ndim < 1 or 0 in array.shape:
        raise Unusable(f"an array of shape {array.shape} holds no samples; expected (..., L)")
    return axis_of(samples)


def _lead(view: View) -> tuple[int, ...]:
    """The shape of what has one entry for each sample."""
    return view.shape[:-1] if view.axis == -1 else view.shape[1:]


def _ignored(law: CrossEntropy | None, index: int | None) -> int | None:
    if law is not None:
        require_kind("law", law, CrossEntropy)
    return ignored(index) if law is None or law.ignore is None else law.ignore
