"""What is known of an operator that is a short text over primitives: its value and gradients, and what rounding does to them.

A text may have several forms, which are one function: what any of them may come to is right. Read with `Running` arrays: a value
in float64, and what correct code, and our own float64, may be off by together.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck import numpy as space
from gradcheck.enclosure import Enclosure, Reals, outward
from gradcheck.ops.description import Grants, Limits, Op
from gradcheck.precision import FLOAT64, Precision
from gradcheck.problem import Array
from gradcheck.readings.running import Running
from gradcheck.readings.running.parts import granted
from gradcheck.readings.tape import Gradients, Variable
from gradcheck.referees.given import finite

Form = Callable[..., Any]  # of np, and the inputs by name
BLOCK = 2**20


@dataclass(frozen=True, eq=False)
class Text:
    """`forms` of one function of `inputs`, as it takes them. Where its rows are apart (`by_row`), some of them are read at a time,
    and of `logits` those at -inf are taken out; `upstream` is what its value is multiplied by where a gradient is asked for, of
    which `flow` are other forms, of the inputs and what is upstream.
    """

    forms: tuple[Form, ...]
    inputs: Mapping[str, Array]
    by_row: bool = False
    logits: str = ""
    upstream: Array | None = None
    minus_infinity: float = 0.0  # what stands there in the value
    flow: tuple[Form, ...] = ()


def judged(op: Op, wrt: str, g: Grants, text: Text) -> Iterator[Limits]:
    """Its value, or the gradient of the sum of its value times what is upstream."""
    inputs = dict(text.inputs)
    if text.upstream is not None:
        inputs["upstream"] = text.upstream
    seen = op.views[wrt]
    if not text.by_row:
        found = _read(text, inputs, wrt, g.inside)
        yield _limits(0, *(seen.rows(x.reshape(seen.shape)) for x in found))
        return
    n, L = max((len(a), a.shape[-1]) for a in inputs.values())
    each = max(1, BLOCK // max(L, 1))
    for at in range(0, n, each):
        part = {name: array[at : at + each] for name, array in inputs.items()}
        yield _rows(at, part, wrt, g, text)


def _rows(at: int, part: dict[str, Array], wrt: str, g: Grants, text: Text) -> Limits:
    given = part.get(text.logits)
    if given is None or np.isfinite(given).all():
        return _limits(at, *_read(text, part, wrt, g.inside))
    Z, known = finite(given.astype(np.float64).T)
    value, error = _read(text, {**part, text.logits: Z.T}, wrt, g.inside)
    masked = np.isneginf(given) & known[:, None]
    if not wrt and value.shape == masked.shape:
        value = np.where(masked, text.minus_infinity, value)
        error = np.where(masked, 0.0, error)
    return _limits(at, value, np.where(known[:, None], error, np.inf))


def _limits(at: int, value: Reals, error: Reals) -> Limits:
    known = ~np.isnan(value) & ~np.isnan(error)
    return Limits(
        at, Enclosure(np.where(known, value, 0.0), np.zeros_like(value)), outward(np.where(known, error, np.inf), 2)
    )


def _read(text: Text, inputs: Mapping[str, Array], wrt: str, p: Precision) -> tuple[Reals, Reals]:
    """Value and error, the worse of all forms."""
    p = replace(p, returned=0.0)
    with ExitStack() as stack, np.errstate(all="ignore"):
        for dtype in {FLOAT64.dtype, *(a.dtype for a in inputs.values() if a.dtype.kind in "fV")}:
            stack.enter_context(granted(dtype, p))
        read = {name: Running.given(Running.exact(a)) if a.dtype.kind in "fV" else a for name, a in inputs.items()}
        first, *others = [_one(form, dict(read), wrt) for form in text.forms]
        others += [form(space, **read) for form in text.flow if wrt]
        value, error = first.value, first.error
        for other in others:
            error = np.maximum(error, other.error + abs(other.value - value))  # NaN where either is unknown
    return np.asarray(value), np.asarray(error)


def _one(form: Form, read: dict[str, Any], wrt: str) -> Running:
    c = read.pop("upstream", None)
    if not wrt:
        found: Running = form(space, **read)
        return found
    variable = Variable(read[wrt])
    value = form(space, **{**read, wrt: variable})
    if not isinstance(value, Variable):  # what is multiplied by 0, say
        return variable.array * 0
    gradients = Gradients(value if c is None else (value * c).sum())
    flow: Running = gradients[variable] if gradients.reaches(variable) else variable.array * 0
    return flow


def at_labels(g: Grants, text: Text, index: Array, counts: Array, L: int) -> Iterator[Limits]:
    """What the text makes of each sample, (n, 1), at its label; exactly 0 elsewhere."""
    value, error = (x[:, 0] for x in _read(text, text.inputs, "", g.inside))
    n = len(index)
    each = max(1, BLOCK // max(L, 1))
    for at in range(0, n, each):
        part = slice(at, min(n, at + each))
        rows = np.arange(part.stop - at)
        both = np.zeros((2, len(rows), L))
        for k, x in enumerate((value, error)):
            both[k, rows, index[part]] = np.where(counts[part], x[part], 0.0)
        yield _limits(at, *both)
