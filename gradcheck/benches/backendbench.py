"""BackendBench: in the place of `eval_correctness_test(op, impl, test)`, of the operators of aten that `gradcheck.ops` knows."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gradcheck import ops
from gradcheck.benches.described import answers, kept
from gradcheck.errors import Unusable, raised

REDUCTIONS = ("none", "mean", "sum")  # as aten numbers them


def _nll(x: Any, y: Any, weight: Any = None, reduction: int = 1, ignore: int = -100, *_: Any) -> dict[str, Any]:
    return {"log_A": x, "Y": y, "weight": weight, "reduction": REDUCTIONS[reduction], "ignore_index": ignore}


# From the arguments of each to what it returns; None for an output that is not judged.
ATEN: dict[str, Callable[..., Any]] = {
    "_softmax": lambda x, dim, *_: ops.softmax(x, dim),
    "_log_softmax": lambda x, dim, *_: ops.log_softmax(x, dim),
    "_softmax_backward_data": lambda g, A, dim, *_: ops.softmax_backward_data(g, A, dim),
    "_log_softmax_backward_data": lambda g, A, dim, *_: ops.log_softmax_backward_data(g, A, dim),
    "nll_loss_forward": lambda *given: [ops.nll(**_nll(*given)), None],
    "nll_loss_backward": lambda g, *given: ops.nll_loss_backward(g, **_nll(*given)),
    "sum": lambda x, dim=None, keepdim=False, **_: ops.sum(x, dim, keepdims=keepdim),
    "mean": lambda x, dim=None, keepdim=False, **_: ops.mean(x, dim, keepdims=keepdim),
    "mm": ops.matmul,
    "addmm": lambda c, a, b, beta=1.0, alpha=1.0: ops.addmm(c, a, b, beta=beta, alpha=alpha),
}


@dataclass(frozen=True)
class Result:
    """Of one call: whether rounding explains what came back, and what it does not."""

    op_name: str
    is_correct: bool
    error_msg: str = ""


def known(op: Any) -> str:
    """`_softmax` of `aten._softmax.default`; empty of what is not among `ATEN`."""
    return next((part for part in str(op).replace("::", ".").split(".") if part in ATEN), "")


def eval_correctness_test(op: Any, impl: Callable[..., Any], test: Any, **declared: Any) -> Result:
    """Of `impl` on the arguments of `test`; an operator that is not known is not judged, and that is no success."""
    name, args, kwargs, before = known(op), tuple(test.args), dict(test.kwargs), kept(test.args)
    if not name:
        return Result(str(op), False, f"{op} is not among {', '.join(ATEN)}: not judged")
    try:
        returned = impl(*args, **kwargs)
    except Exception as broken:
        return Result(name, False, raised(broken))
    try:
        found = answers(lambda *given: ATEN[name](*given, **kwargs), before, returned, **declared)
    except Unusable as wrong:  # of integers, say
        return Result(name, False, f"{wrong}: not judged")
    return Result(name, bool(found), str(found))
