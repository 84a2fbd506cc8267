"""`explained` and `assert_explained`."""

from typing import Any

from gradcheck.api.telling import telling
from gradcheck.arithmetic import Arithmetic
from gradcheck.asserted.declared import Declared
from gradcheck.asserted.judge import judged
from gradcheck.asserted.said import Explained
from gradcheck.errors import Disagreement, Unusable
from gradcheck.ops.description import Op
from gradcheck.verdict import Outcome


class Unexplained(Disagreement):
    """Rounding does not explain an array, or what it could explain is too much to tell. The message says where; `found` is all.

    >>> import numpy as np, gradcheck
    >>> try:
    ...     gradcheck.assert_explained(np.zeros(2), gradcheck.ops.softmax(np.zeros(2)))
    ... except gradcheck.Unexplained as wrong:
    ...     print(wrong.found.cause, wrong.found.exact)
    it is all zeros 0.5
    """

    __module__ = "gradcheck"

    def __init__(self, found: Explained) -> None:
        super().__init__(str(found))
        self.found = found


@telling
def explained(
    actual: Any,
    op: Op,
    wrt: str | None = None,
    *,
    inner: str = "",
    accumulate: str = "",
    stored: str = "",
    sums: str = "",
    elementary: float = 0,
    filtered: float = 0.0,
    deterministic: bool = True,
    arithmetic: Arithmetic | None = None,
) -> Explained:
    """Whether rounding explains `actual`, an array of any framework: the value of `op`, or its gradient with respect to an input.

    `op` is one of `gradcheck.ops`, with its inputs; `wrt` names one of these, or nothing. Granted is what correct code of the
    array's precision may be off by, sums of 16-bit arrays in float32, and what is declared beside that, in the words of
    `gradcheck.Arithmetic`: `inner`, `accumulate` and `stored` are precisions, of everything inside (results are written down
    once), of sums, and of arrays between two steps; `sums` how deep these are, "chain:64" or "blocked:256", where it is not any
    order; or `arithmetic` all of it. `elementary` is what exp, log and tanh are off by, in units in the last place; a gradient
    filter may leave out entries whose probability is below `filtered`.

        >>> import numpy as np, gradcheck
        >>> Z = np.array([[1.0, 2.0, 4.0]])
        >>> A = np.exp(Z) / np.exp(Z).sum()
        >>> gradcheck.explained(A, gradcheck.ops.softmax(Z)).agrees
        True
        >>> print(gradcheck.explained(A * 1.01, gradcheck.ops.softmax(Z)))  # doctest: +ELLIPSIS
        softmax is not explained by rounding: 3 of 3 entries ...
    """
    declared = Declared(inner, accumulate, stored, sums, elementary, filtered, deterministic, arithmetic)
    if not isinstance(op, Op):
        raise Unusable(f"explained takes what was computed as one of gradcheck.ops; given {type(op).__name__}")
    return judged(actual, op, wrt, declared)


@telling
def assert_explained(
    actual: Any,
    op: Op,
    wrt: str | None = None,
    *,
    inconclusive: str = "fail",
    inner: str = "",
    accumulate: str = "",
    stored: str = "",
    sums: str = "",
    elementary: float = 0,
    filtered: float = 0.0,
    deterministic: bool = True,
    arithmetic: Arithmetic | None = None,
) -> None:
    """Raise an `AssertionError` unless rounding explains `actual`; the arguments are those of `gradcheck.explained`.

    It raises as well where rounding could explain so much that nothing is shown, and says so in its first line;
    `inconclusive="pass"` lets that pass.

        >>> import numpy as np, gradcheck
        >>> x = np.array([1.0, 2.0, 4.0], dtype=np.float32)
        >>> gradcheck.assert_explained(x.mean(), gradcheck.ops.mean(x))
        >>> gradcheck.assert_explained(x.sum(), gradcheck.ops.mean(x))
        Traceback (most recent call last):
        ...
        gradcheck.Unexplained: mean is not explained by rounding: 1 of 1 entries are off by more
          place     []
          value     7
          exact     2.33333333 ± 5.6e-07 allowed to float32
          ratio     8.39e+06 times what rounding may do; 0 bits are right
          of        mean(x float32[3])
    """
    __tracebackhide__ = True
    if inconclusive not in ("fail", "pass"):
        raise Unusable(f"inconclusive is {inconclusive!r:.60}; expected fail or pass")
    found = explained(
        actual,
        op,
        wrt,
        inner=inner,
        accumulate=accumulate,
        stored=stored,
        sums=sums,
        elementary=elementary,
        filtered=filtered,
        deterministic=deterministic,
        arithmetic=arithmetic,
    )
    if not (found.agrees or (inconclusive == "pass" and found.outcome is Outcome.INCONCLUSIVE)):
        raise Unexplained(found)
