"""Whether logits are X θᵀ + b and nothing else, by the graph that made them: of a layer whose forward is not torch's own.

A layer that scales, caps or normalises, or adds what others learn, gives other logits than an audit takes them for: it is refused,
and not called wrong. Knows names of functions of autograd, and imports no framework.
"""

import sys
from typing import Any

from gradcheck.auditing.passing import Passing

SHAPED = ("View", "UnsafeView", "ReshapeAlias", "Squeeze", "Unsqueeze", "Transpose", "Permute", "T", "Alias", "Expand")
WRITTEN = (*SHAPED, "ToCopy")  # an operand may be written down in another precision first, as autocast does
PRODUCTS = ("Addmm", "Mm", "Linear", "Bmm")
MARK = "gradcheck"


def own(layer: Any) -> bool:
    """Whether a layer has the forward of torch.nn.Linear, whoever looks at it."""
    linear = sys.modules["torch"].nn.Linear.forward
    replaced = vars(layer).get("forward")
    while isinstance(replaced, Passing):
        replaced = replaced.before
    plain = replaced is None or getattr(replaced, "__func__", None) is linear
    return plain and getattr(type(layer), "forward", None) is linear


def odd(Z: Any, X: Any, weight: Any, bias: Any) -> str:
    """What Z is where it is no product of X and the weight, with the bias or none; "" where it is."""
    known = [one.grad_fn for one in (X, weight, bias) if one is not None and one.grad_fn is not None]
    for function in known:
        function.metadata[MARK] = True
    node = _through(Z.grad_fn, SHAPED)
    last, added = f"the last function that makes them is {_name(node)}", False
    if _name(node) == "Add" and node._saved_alpha == 1:
        sides = [side for side in _before(node, SHAPED) if bias is None or side is not bias.grad_fn]
        node, added = sides[0] if len(sides) == 1 else None, bias is not None
    if _name(node) not in PRODUCTS or {getattr(node, name, 1) for name in ("_saved_alpha", "_saved_beta")} != {1}:
        return last
    taken = _before(node, WRITTEN)
    if bias is not None and not added and bias.grad_fn not in taken:
        return "they are without its bias"
    operands = {id(one) for one in taken if one is not None}
    needed = {id(one) for one in known if bias is None or one is not bias.grad_fn}
    return "" if needed <= operands <= {id(one) for one in known} else f"they are {_name(node)} of something else"


def _name(node: Any) -> str:
    return type(node).__name__.removesuffix("0").removesuffix("Backward")


def _before(node: Any, names: tuple[str, ...]) -> list[Any]:
    return [_through(function, names) for function, _ in node.next_functions]


def _through(node: Any, names: tuple[str, ...]) -> Any:
    """What was computed before it was only shaped, or written down; X, and what stands for a parameter, are ends."""
    while node is not None and _name(node) in names and MARK not in node.metadata:
        node = node.next_functions[0][0]
    return node
