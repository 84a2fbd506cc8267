"""What gradients are called: by us, and elsewhere."""

from collections.abc import Iterable

from gradcheck.implementations.returned import KEYS

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
