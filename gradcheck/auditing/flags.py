"""What a framework was told that products may round to: one reading for a watch, a capture and an audit of tensors where they are.

A product of float32 may be one of TF32 or bfloat16: that is granted, as if it had been declared. One of 16 bits may be added up
in 16 bits, of which torch says only that "a few truncations of the intermediate accumulation" are allowed (Numerical accuracy,
"Reduced precision reduction"): no limit follows from that, and such a product is not judged until the flag is False, or its sums
are declared.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gradcheck.arithmetic import Arithmetic
from gradcheck.errors import Unusable

REDUCED = {
    "float16": ("allow_fp16_reduced_precision_reduction", "allow_fp16_accumulation"),
    "bfloat16": ("allow_bf16_reduced_precision_reduction",),
}
FLOAT32 = "float32"  # what a product of it is, in place of a flag
FAST = {"tf32": "tf32", "bf16": "bfloat16", "high": "tf32", "medium": "bfloat16"}  # by either of torch's ways to say it
JAX = {"gpu": "tf32", "tpu": "bfloat16"}  # by default
EXACT = ("highest", "float32")  # as JAX is told otherwise
KNOWN = (FLOAT32, *(flag for flags in REDUCED.values() for flag in flags))

Flags = Mapping[str, Any]


def read(device: str) -> dict[str, Any]:
    """Of products on a device of this type, now: the flags of a GPU, and what products of float32 are where they are not that."""
    torch = sys.modules.get("torch")
    if torch is None:
        return {}
    fast = FAST.get(_float32(torch, device), "")
    found = {FLOAT32: fast} if fast else {}
    if device != "cuda":
        return found
    matmul = torch.backends.cuda.matmul
    return {**found, **{flag: bool(getattr(matmul, flag, False)) for flag in KNOWN[1:]}}


def of(arrays: Iterable[Any]) -> dict[str, Any]:
    """Of the device that tensors of torch are on, a GPU before a CPU; of arrays of JAX, what its products of float32 are there."""
    given = list(arrays)
    types = {array.device.type for array in given if hasattr(array, "detach") and hasattr(array, "device")}
    if types:
        return read("cuda" if "cuda" in types else types.pop())
    platforms = {one.platform for array in given if hasattr(array, "addressable_shards") for one in array.devices()}
    fast = next((JAX[platform] for platform in sorted(platforms) if platform in JAX), "")
    exact = fast and str(sys.modules["jax"].config.jax_default_matmul_precision) in EXACT
    return {FLOAT32: fast} if fast and not exact else {}


def said(arrays: Iterable[Any]) -> dict[str, Any]:
    """As a dump says them."""
    found = of(arrays)
    return {"flags": found} if found else {}


def granted(flags: Flags, kind: str, declared: Arithmetic) -> Arithmetic:
    """With what products of these arrays may be, the coarsest of which are of `kind`; what is declared prevails.

    Operands are rounded, and sums are those of float32.
    """
    fast = flags.get(FLOAT32, "")
    if not fast or kind != "float32" or declared.inner:
        return declared
    return replace(declared, inner=fast, accumulate=declared.accumulate or "float32")


def doubt(flags: Flags, kind: str, declared: Arithmetic) -> str:
    """Why products of arrays of this kind cannot be judged, with what to set; nothing where they can."""
    flag = next((flag for flag in REDUCED.get(kind, ()) if flags.get(flag)), "")
    if not flag or declared.accumulate:
        return ""
    return (
        f"torch may add up products of {kind} in {kind} there; set torch.backends.cuda.matmul.{flag} = False before the step, or "
        'declare accumulate="float32"'
    )


def known(given: Any, source: str) -> Flags:
    """As a dump says them; `Unusable` where nobody knows them."""
    fast = given.get(FLOAT32, "tf32") if isinstance(given, Mapping) else None
    if fast not in FAST.values() or not all(one == FLOAT32 or type(given[one]) is bool for one in given):
        raise Unusable(f"{source}: flags={given!r:.80}; expected true or false of {', '.join(KNOWN[1:])}")
    unknown = [one for one in given if one not in KNOWN]
    if unknown:
        raise Unusable(f"{source}: flags: {unknown[0]!r:.60} is not known; expected any of {', '.join(KNOWN)}")
    return dict(given)


def _float32(torch: Any, device: str) -> str:
    """By a backend's own setting, which torch has since 2.9; before, by that of all, and by CUDA's alone."""
    cuda = device == "cuda"
    backend = torch.backends.cuda if cuda else getattr(torch.backends, "mkldnn", None)
    said = getattr(getattr(backend, "matmul", None), "fp32_precision", None)
    if said is not None:
        return str(said)
    said = str(torch.get_float32_matmul_precision())
    return "high" if cuda and said == "highest" and torch.backends.cuda.matmul.allow_tf32 else said
