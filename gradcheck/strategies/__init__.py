"""Hypothesis strategies for problems. Public: they are as good for your own tests as for ours.

@given(problems(dtypes=("float32",), regimes=("saturated", "offset")))
def test_my_softmax(problem): ...
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import cache

import numpy as np
from hypothesis import strategies as st

from gradcheck import precision
from gradcheck.implementations import Layout, Takes
from gradcheck.precision import Precision
from gradcheck.problem import Problem, Reals
from gradcheck.regimes import select
from gradcheck.strategies import palette
from gradcheck.strategies.arrays import (
    LARGER_SIDES,
    SIDES,
    Octets,
    Source,
    blocks,
    full_significands,
    short_decimals,
    wide_floats,
)
from gradcheck.strategies.arrays import Shape as Shape
from gradcheck.strategies.arrays import distributions as distributions
from gradcheck.strategies.arrays import shapes as shapes
from gradcheck.strategies.laws import ignored as left_out
from gradcheck.strategies.laws import laws as laws
from gradcheck.strategies.laws import row
from gradcheck.strategies.parts import Parts, one_hot
from gradcheck.strategies.recipes import LABELS, MEMORY, SHAPES, STEPS, VALUES
from gradcheck.strategies.taken import Room
from gradcheck.strategies.without import mended, reshaped

# The scale of theta: logits from nearly tied to saturated.
SCALES = (1.0, 2.0**-12, 2.0**-4, 0.5, 4.0, 32.0)
SOURCES: tuple[Source, ...] = (*(short_decimals,) * 4, *(full_significands,) * 2, wide_floats, *(blocks,) * 3)
LONG = frozenset({"large", "tiles"})  # shapes whose numbers are seeded blocks

# What is chosen for each problem; "" is as drawn, and comes first, since that is where shrinking goes.
CHOICES = {
    "shape": ("",) * 23 + ("single-sample", "two-classes", "odd-samples", "square") * 4 + ("tiles",) * 3 + ("large",),
    "labels": ("", "", *LABELS),
    "values": ("", "", "", *VALUES),
    "memory": ("", "", "", *MEMORY),
}

# One byte for each choice: the four above, the source of the numbers, the scale, L, d, n, the precision and the regime, and the
# rest for what regimes choose. Hypothesis takes no constants of more than 50 bytes from the modules of a project.
_header = st.binary(min_size=51, max_size=51)


def problems(
    *,
    dtypes: Iterable[str] = ("float64",),
    regimes: Iterable[str] = ("*",),
    ignored: bool = False,
    takes: Takes = Takes(),  # noqa: B008 - immutable
    layout: Layout = Layout(),  # noqa: B008
    few: Iterable[Shape] = (),
) -> st.SearchStrategy[Problem]:
    """Problems in any of the dtypes and any of the regimes (globs; "*" stands for all that are not opt-in).

    With `ignored`, half of them have samples that do not count: columns of zeros in Y. They are of the shapes that `takes` names,
    as `layout` hands arrays over, and out of the regimes that it is not posed. With `few`, they are of these shapes (L, d, n)
    alone, each of the one that is most like what it would have: for code that is compiled for each shape. Shrinks to two classes,
    one feature, one sample, zeros, one-hot labels of class 0 and C-ordered memory. Logits stay within 1/16 of the largest number
    of their precision, and so do sums over samples.

        >>> import gradcheck
        >>> from hypothesis import given, settings
        >>> @settings(max_examples=5, database=None)
        ... @given(gradcheck.problems(dtypes=("float32",), regimes=("ties",)))
        ... def test(problem):
        ...     assert problem.X.shape == (problem.d, problem.n)
        >>> test()
    """
    names, globs = tuple(dtypes), tuple(regimes)
    for name in names:
        precision.named(name)
    everything = globs in ((), ("*",))
    room = Room(takes, layout)
    return _problems(
        names, room.regimes(() if everything else select(globs)), ignored, room, tuple(Shape(*sides) for sides in few)
    )


@cache
def _problems(
    dtypes: tuple[str, ...], wanted: tuple[str, ...], ignored: bool, room: Room, few: tuple[Shape, ...]
) -> st.SearchStrategy[Problem]:
    """Of the wanted regimes, one is drawn and imposed on the rest; none is wanted by default."""
    precisions, refused = [precision.named(name) for name in dtypes], room.takes.refused

    @st.composite
    def drawn(draw: st.DrawFn) -> Problem:
        octets = draw(_header, label="choices")
        p = precisions[octets[9] % len(precisions)]
        regime = wanted[octets[10] % len(wanted)] if wanted else ""
        chosen, choices = _chosen(octets, regime), Octets(octets[11:])
        names = (
            *(name for name in dict.fromkeys(chosen) if name != regime and name not in refused),
            regime,
        )  # what is asked for has the last word
        shape = _shape(octets[4:9], choices, names, p)
        shape = palette.nearest(few, shape) if few else room.fitted(choices, reshaped(refused, shape))
        parts = _parts(draw, octets[4:6], names, shape)
        for table in STEPS:
            for name in names:
                parts = table[name](choices, parts, p) if name in table else parts
        parts = mended(refused, parts, p) if refused else parts
        if ignored:
            parts = replace(parts, Y=parts.Y * ~left_out(draw(row, label="ignored"), parts.Y.shape[1]))
        return _assembled(parts, p)

    return drawn()


def _chosen(octets: bytes, regime: str) -> tuple[str, ...]:
    """One name of each of `CHOICES`; the imposed regime takes the place of what was drawn."""
    return tuple(
        regime if regime and regime in names else names[octet % len(names)]
        for octet, names in zip(octets, CHOICES.values(), strict=False)
    )


def _shape(octets: bytes, choices: Octets, names: tuple[str, ...], p: Precision) -> Shape:
    """One that these regimes need."""
    long = not LONG.isdisjoint(names)
    sides = LARGER_SIDES if SOURCES[octets[0] % len(SOURCES)] is blocks and not long else SIDES
    L, d, n = (octet % most for octet, most in zip(octets[2:], (sides[0] - 1, *sides[1:]), strict=True))
    shape = Shape(L + 2, d + 1, n + 1)
    for name in names:
        shape = SHAPES[name](choices, shape, p) if name in SHAPES else shape
    return shape


def _parts(draw: st.DrawFn, octets: bytes, names: tuple[str, ...], shape: Shape) -> Parts:
    """A plain problem of this shape."""
    source, scale = SOURCES[octets[0] % len(SOURCES)], SCALES[octets[1] % len(SCALES)]
    long = not LONG.isdisjoint(names) or any(side > most for side, most in zip(shape, SIDES, strict=True))
    source = blocks if long else source
    theta, b, X, index = source(draw, shape)
    return Parts(scale * theta, b, X, one_hot(index, shape.L), index, "C")


def _within(limit: float, size: float, values: Reals) -> Reals:
    """The values, or the values times the power of two that brings `size` below the limit."""
    return values if size <= limit else values * 2.0 ** -np.ceil(np.log2(size / limit))


def _assembled(parts: Parts, p: Precision) -> Problem:
    """Rounded to the precision, and scaled down by powers of two where something could overflow."""
    limit = p.huge / 32 / max(float(parts.Y.sum(axis=0).max()), 1.0)
    X = _within(limit, parts.X.shape[1] * float(abs(parts.X).max()), parts.X)
    X = np.trunc(X) if parts.memory == "integers" else X
    finite = np.where(np.isneginf(parts.b), 0, abs(parts.b))
    size = float((abs(parts.theta) @ abs(X) + finite).max())
    theta, b = _within(limit, size, parts.theta), _within(limit, size, parts.b)
    return Problem(p.round(theta), p.round(b), p.round(X), p.round(parts.Y), parts.memory)
