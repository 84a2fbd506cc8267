"""Hypothesis strategies for problems. Public: they are as good for your own tests as for ours.

    @given(problems(dtypes=("float32",), regimes=("saturated", "offset")))
    def test_my_softmax(problem): ...
"""

from collections.abc import Iterable
from functools import cache

import numpy as np
from hypothesis import strategies as st

from gradcheck import precision
from gradcheck.precision import Precision
from gradcheck.problem import Problem, Reals
from gradcheck.regimes import select
from gradcheck.strategies.arrays import Shape as Shape
from gradcheck.strategies.arrays import blocks as blocks
from gradcheck.strategies.arrays import distributions as distributions
from gradcheck.strategies.arrays import indices as indices
from gradcheck.strategies.arrays import one_hot
from gradcheck.strategies.arrays import shapes as shapes
from gradcheck.strategies.arrays import short_decimals as short_decimals
from gradcheck.strategies.arrays import wide_floats as wide_floats
from gradcheck.strategies.recipes import LABELS, MEMORY, SHAPES, STEPS, VALUES, Parts

# The scale of theta: logits from nearly tied to saturated.
SCALES = (1.0, 2.0**-12, 2.0**-4, 0.5, 4.0, 32.0)
SMALL, MIDDLE = shapes(), shapes(max_classes=10, max_features=20, max_samples=40)
SOURCES = (short_decimals, short_decimals, short_decimals, wide_floats, blocks, blocks)

# What is chosen for each problem; "" is as drawn, and comes first, since that is where shrinking goes.
CHOICES = {
    "shape": ("",) * 7 + ("single-sample", "two-classes", "odd-samples", "square") + ("large",),
    "labels": ("", "", *LABELS),
    "values": ("", "", "", *VALUES),
    "memory": ("", "", "", *MEMORY),
}


def problems(*, dtypes: Iterable[str] = ("float64",), regimes: Iterable[str] = ("*",)) -> st.SearchStrategy[Problem]:
    """Problems in any of the dtypes and any of the regimes (globs; "*" stands for all that are not opt-in).

    Shrinks to two classes, one feature, one sample, zeros, one-hot labels of class 0 and C-ordered memory. Logits stay
    within 1/16 of the largest number of their precision, and so do sums over samples.
    """
    names, globs = tuple(dtypes), tuple(regimes)
    for name in names:
        precision.named(name)
    everything = globs in ((), ("*",))
    return _problems(names, () if everything else select(globs))


@cache
def _problems(dtypes: tuple[str, ...], wanted: tuple[str, ...]) -> st.SearchStrategy[Problem]:
    """Of the wanted regimes, one is drawn and imposed on the rest; none is wanted by default."""
    choices = {part: st.sampled_from(names) for part, names in CHOICES.items()}
    precisions = st.sampled_from([precision.named(name) for name in dtypes])
    imposed = st.sampled_from(wanted or ("",))

    @st.composite
    def drawn(draw: st.DrawFn) -> Problem:
        p = draw(precisions, label="precision")
        regime = draw(imposed, label="regime")
        chosen = {part: draw(choice, label=part) for part, choice in choices.items()}
        chosen = {part: regime if regime and regime in CHOICES[part] else name for part, name in chosen.items()}
        parts = _parts(draw, (chosen["shape"], chosen["labels"], chosen["values"], regime))
        for table in STEPS:
            for name in dict.fromkeys((*chosen.values(), regime)):
                parts = table[name](draw, parts, p) if name in table else parts
        return _assembled(parts, p)

    return drawn()


_sources, _scales = st.sampled_from(SOURCES), st.sampled_from(SCALES)


def _parts(draw: st.DrawFn, names: tuple[str, ...]) -> Parts:
    """A plain problem of the shape that these regimes need."""
    large = "large" in names
    source = draw(_sources, label="source")
    source = blocks if large else source
    shape = draw(MIDDLE if source is blocks and not large else SMALL, label="shape")
    for name in dict.fromkeys(names):
        shape = SHAPES[name](draw, shape) if name in SHAPES else shape
    L, d, n = shape
    theta = draw(source(L, d), label="theta") * draw(_scales, label="scale of theta")
    b, X = draw(source(L, 1), label="b"), draw(source(d, n), label="X")
    index = np.resize(draw(indices(L, min(n, 64)), label="labels"), n)
    return Parts(theta, b, X, one_hot(index, L), index, "C")


def _within(limit: float, size: float, values: Reals) -> Reals:
    """The values, or the values times the power of two that brings `size` below the limit."""
    return values if size <= limit else values * 2.0 ** -np.ceil(np.log2(size / limit))


def _assembled(parts: Parts, p: Precision) -> Problem:
    """Rounded to the precision, and scaled down by powers of two where something could overflow."""
    limit = p.huge / 32
    X = _within(limit, parts.X.shape[1] * float(abs(parts.X).max()), parts.X)
    finite = np.where(np.isneginf(parts.b), 0, abs(parts.b))
    size = float((abs(parts.theta) @ abs(X) + finite).max())
    theta, b = _within(limit, size, parts.theta), _within(limit, size, parts.b)
    return Problem(*(p.round(a) for a in (theta, b, X, parts.Y)), memory=parts.memory)
