"""Options of the loss that a step has, and that nobody declared: fitted to a few rows or samples, then declared and audited.

A fit is a guess, whatever it is made of, and is never said. What is said is an audit: with this number declared, as it is printed,
nothing disagrees any more. So limits decide, as ever, and where they are wide, two options may both be said.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from gradcheck import arithmetic
from gradcheck.auditing.again import softmax_of, taken
from gradcheck.auditing.causes import products
from gradcheck.auditing.columns import EXACT, LEFT, Columns, apart
from gradcheck.auditing.dump import Dump
from gradcheck.auditing.findings import Finding
from gradcheck.auditing.sums import Kept
from gradcheck.auditing.undone import rows_of
from gradcheck.enclosure import Reals
from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy
from gradcheck.law.options import LABELLED, SAMPLES, WEIGHTS

ROWS, SAID = 4, 2  # that are fitted to, and options that are told
DIGITS = (1, 2, 3, 5, 7)  # as few as do
CAPS = (30.0, 50.0, 20.0, 15.0, 10.0, 5.0)  # usual ones, tried where logits show no gradient of theirs
SMALL = 2**22  # logits at most, of which that is tried
NAMES = {
    "reduction": "a {} over samples in place of a mean",
    "mean_of": "a mean over {} in place of all samples",
    "smoothing": "label smoothing of ε = {}",
    "z_loss": "a z-loss of {} lse²",
    "l2": "a penalty of {}/2 |θ|²",
    "softcap": "a soft cap of {}",
    "scale": "logits times {}, as by a temperature",
}
LINEAR = ("smoothing", "z_loss", "l2")  # ∂ℒ/∂θ is a linear function of each
MOST = {"smoothing": 1.0}

Tried = tuple[str, CrossEntropy]
Near = Callable[[float], bool]  # whether a number fits as well as the best, about


def named(dump: Dump, kept: list[Kept], findings: Iterable[Finding], agrees: Callable[[Dump], bool]) -> Iterator[str]:
    """In words, each option with which `agrees` finds nothing wrong; nothing where none is alone what is amiss."""
    failed = {one.quantity: one for one in findings if one.verdict.failed}
    if "Z" in failed:
        return iter(())
    tried = _tried(dump, kept, failed)
    with np.errstate(all="ignore"):
        if words := _first(dump, _means(dump), agrees):  # before a factor, which it looks like
            return iter((words,))
        if any(map(agrees, _multiple(dump, kept, failed))):  # as of equal probabilities, which many options leave equal
            return iter(())
        return iter(tuple(islice(filter(None, (_first(dump, laws, agrees) for laws in tried)), SAID)))


def _first(dump: Dump, laws: Iterable[Tried], agrees: Callable[[Dump], bool]) -> str:
    """Of the numbers of one option, the first that explains everything."""
    return next((words for words, law in laws if agrees(replace(dump, law=law))), "")


def _means(dump: Dump) -> Iterator[Tried]:
    """Over the labels that count, or their weights, as frameworks take a mean."""
    if dump.law.counted == SAMPLES and (dump.law.ignore is not None or dump.law.class_weight):
        yield _said(dump, "mean_of", WEIGHTS if dump.law.class_weight else LABELLED)


def _tried(dump: Dump, kept: list[Kept], failed: dict[str, Finding]) -> Iterator[Iterable[Tried]]:
    """Laws to try, by option."""
    if "loss" in failed and dump.law.counted != 1:
        yield (_said(dump, "reduction", "sum"),)
    if "grad_theta" in failed:
        yield from _linear(dump, kept, failed["grad_theta"].rows)
    samples = apart(dump) if "grad_Z" in failed and "Z" in dump.arrays else []
    if samples:
        columns = Columns.of(dump, samples)
        for name in ("softcap", "scale"):
            if name not in dump.law.said:
                yield _numbers(dump, name, *columns.fitted(name))
        yield _weighed(dump, columns)
    elif not ("grad_Z" in dump.arrays or dump.law.softcap) and dump.L * dump.n <= SMALL:
        yield (_said(dump, "softcap", c) for c in CAPS)


def _rows(dump: Dump, kept: list[Kept], rows: tuple[int, ...]) -> tuple[Reals, Callable[[Dump], Reals]]:
    """Ĝ of some rows at fault, and G of them by what is declared."""
    chosen = [rows[k] for k in sorted({int(k) for k in np.linspace(0, len(rows) - 1, ROWS)})]
    theta = taken(dump.arrays["theta"], chosen)
    A, _, slope = softmax_of(dump, kept, chosen)

    def G(other: Dump) -> Reals:
        return products(dump, kept, rows_of(other, kept, chosen, A, slope)[np.newaxis])[0] + other.l2 * theta

    return taken(dump.arrays["grad_theta"], chosen), G


def _multiple(dump: Dump, kept: list[Kept], failed: dict[str, Finding]) -> Iterator[Dump]:
    """With another factor of the loss, where the gradient is about a multiple of what it must be."""
    if "loss" in failed or "grad_theta" not in failed:
        return
    computed, G = _rows(dump, kept, failed["grad_theta"].rows)
    must = G(dump)
    number = float((computed * must).sum() / (must * must).sum())
    left, off = (float(np.linalg.norm(computed - c * must)) for c in (number, 1.0))
    if number > 0 and left <= LEFT * off:
        yield from (replace(dump, factor=dump.factor * float(f"{number:.{digits}g}")) for digits in DIGITS)


def _linear(dump: Dump, kept: list[Kept], rows: tuple[int, ...]) -> Iterator[Iterable[Tried]]:
    """F = Ĝ − G of some rows at fault, by how G changes with each number."""
    computed, G = _rows(dump, kept, rows)
    without = G(dump)
    F = computed - without
    for name in LINEAR:
        if name in dump.law.said or not np.isfinite(F).all():
            continue
        unit: dict[str, Any] = {name: 1.0}
        V = G(replace(dump, law=replace(dump.law, **unit))) - without
        size = float((F * V).sum() / (V * V).sum())
        near = partial(_near, F, V, size)
        found = list(_numbers(dump, name, size, near))
        if name == "smoothing" and size <= 1:  # or of another number, over the others: that with fewer digits is meant
            share = (dump.L - 1) / dump.L
            found += _numbers(dump, name, size * share, partial(_shared, near, share), smoothing_over="others")
            found.sort(key=lambda tried: len(arithmetic.word(tried[1].smoothing)))
        yield found


def _shared(near: Near, share: float, size: float) -> bool:
    return near(size / share)


def _near(F: Reals, V: Reals, best: float, size: float) -> bool:
    whole, left, other = (float(np.linalg.norm(F - number * V)) for number in (0.0, best, size))
    return left <= LEFT * whole and other <= 2 * left + EXACT * whole


def _numbers(dump: Dump, name: str, size: float, near: Near, **more: Any) -> Iterator[Tried]:
    """The number that fits best, with few digits first; nothing where it is none of its kind."""
    if not 0 < size <= MOST.get(name, 2.0**100):
        return
    told = dict.fromkeys(float(f"{size:.{digits}g}") for digits in DIGITS)
    yield from (_said(dump, name, number, **more) for number in told if near(number))


def _said(dump: Dump, name: str, number: float | str, **more: Any) -> Tried:
    said = {name: number, **more}
    options = " ".join(arithmetic.options(said))
    return f"{NAMES[name].format(arithmetic.word(number))}, not declared: with {options} nothing disagrees", replace(
        dump.law, **said
    )


def _weighed(dump: Dump, columns: Columns) -> Iterator[Tried]:
    """Weights of classes, where each sample's ∂ℒ/∂Z is a multiple that its label has; of ranks that have a mean of their own each
    is divided by others.
    """
    if not dump.index or dump.law.class_weight or dump.parts or not columns.multiples():
        return
    found = columns.weights()
    if found is None:
        return
    weights, shown = found
    words = f"weights of classes, not declared: with those that ∂ℒ/∂Z shows nothing disagrees, {shown}"
    try:
        yield words, replace(dump.law, class_weight=weights)
    except Unusable:  # more classes than may be weighed
        return
