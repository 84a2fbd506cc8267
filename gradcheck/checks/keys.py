"""What gradients are called: by us, and elsewhere."""

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any

from gradcheck.checks.reading import Broken, describe, guarded
from gradcheck.errors import text
from gradcheck.implementations.returned import KEYS, named

SHOWN = 20  # names of what a target returns, where none is known
NEAR = {
    **dict.fromkeys(
        ("W", "dW", "w", "dw", "grad_W", "weight", "weights", "dtheta", "grad_theta", "grad_weight"), "theta"
    ),
    **dict.fromkeys(("db", "bias", "dbias", "grad_b", "grad_bias", "B", "dB"), "b"),
    **dict.fromkeys(("dZ", "dz", "z", "grad_Z", "logits", "dlogits", "grad_logits"), "Z"),
    **dict.fromkeys(("dX", "dx", "x", "grad_X", "inputs", "dinputs", "grad_input"), "X"),
}


def expected(keys: Iterable[str]) -> str:
    """What to say of keys of which none is known."""
    meant = ", ".join(NEAR[key] for key in keys if key in NEAR)
    return f"did you mean {meant}?" if meant else f"expected any of {', '.join(KEYS)}"


def by_name(raw: Any) -> Mapping[str, Any]:
    """What `gradients` returned, by the names that are known; `Broken` says what it is where it has none of them."""
    found = guarded("gradients", raw, named)
    if not isinstance(found, Mapping):
        raise Broken(
            f"gradients returned {describe(raw)}; expected theta, b, Z, X by name, in this order, or theta alone"
        )
    offered = guarded("gradients", found, lambda mapping: {key: mapping[key] for key in KEYS if key in mapping})
    if not offered:
        keys = guarded("gradients", found, lambda mapping: sorted(map(str, islice(mapping, SHOWN))))
        raise Broken(f"gradients returned the keys {text(keys, str)}; {expected(keys)}")
    return offered
