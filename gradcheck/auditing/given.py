"""Arrays that somebody hands us, of any framework: which of them NumPy looks at, and which are left where they are."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck import precision, tensors
from gradcheck.arithmetic import Arithmetic
from gradcheck.auditing.dump import NAMES
from gradcheck.auditing.matrices import Placed
from gradcheck.auditing.matrices.door import device, namespace, seen
from gradcheck.errors import Unusable, raised, require_kind, text, typed
from gradcheck.law import CrossEntropy
from gradcheck.law.options import FIELDS as LAW
from gradcheck.law.options import LABELLED, meant

ALIASES = {  # what frameworks call arrays, some of whose names are near to an option that is something else
    "W": "theta",
    "weight": "theta (or class_weight)",
    "bias": "b",
    "x": "X",
    "labels": "Y",
    "target": "Y",
    "y": "Y",
    "logits": "Z",
}


def apart(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arrays by name, and options of the loss."""
    for name in given:
        if name not in (*NAMES, *LAW):
            here = f"did you mean {ALIASES[name]}?" if name in ALIASES else meant(name, *NAMES)
            raise Unusable(f"{name}: not known; {here}")
    return {k: v for k, v in given.items() if k in NAMES}, {k: v for k, v in given.items() if k in LAW}


def where_they_are(arrays: dict[str, Any]) -> dict[str, Any]:
    """As NumPy sees them, where it can see all of them without a copy; and otherwise where they are. `b` of None is no bias."""
    arrays = with_bias(arrays)
    elsewhere = [array for name, array in arrays.items() if not _seen(name, array)]
    if not elsewhere:
        return {name: _of_host(name, value) for name, value in arrays.items()}
    like = max(elsewhere, key=lambda array: len(array.shape))
    return {name: _placed(name, array, like) for name, array in arrays.items()}


def with_bias(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """With a `b` of None as zeros, whose precision is that of nothing."""
    none = "b" in arrays and arrays["b"] is None and len(getattr(arrays.get("theta"), "shape", ())) == 2
    return {**arrays, "b": np.zeros(arrays["theta"].shape[0])} if none else dict(arrays)


def _seen(name: str, array: Any) -> bool:
    if array is None:
        raise Unusable(f"{name} is None; expected an array, or nothing said of {name}")
    require_numbers(name, array)
    try:
        return seen(array)
    except TypeError:  # a tracer of jax is nowhere
        raise Unusable(f"{name} is {typed(array)} without numbers; expected an audit outside of jit and grad") from None
    except Unusable:
        raise
    except Exception as exception:  # a type that somebody made may raise anything
        raise Unusable(f"{name} is {typed(array)}, which raised {raised(exception)}") from None


def require_numbers(name: str, array: Any) -> None:
    """`Unusable` where numbers are masked, or a tensor of torch does not hold them one beside the other."""
    if isinstance(array, np.ma.MaskedArray) and array.mask.any():
        raise Unusable(f"{name} is a masked array, of which numbers are masked; expected an array of numbers")
    if tensors.sparse(array):
        raise Unusable(f"{name} is {typed(array)}; expected an array of numbers: .toarray()")
    if not hasattr(array, "detach"):
        return
    layout, quantized = str(getattr(array, "layout", "")), getattr(array, "is_quantized", False)
    if quantized or layout not in {"", "torch.strided"}:
        raise Unusable(
            f"{name} is {'quantized' if quantized else f'of layout {layout}'}; expected a dense tensor: "
            f".{'dequantize' if quantized else 'to_dense'}()"
        )
    if getattr(array, "is_meta", False):
        raise Unusable(
            f"{name} is on torch's meta device, and has no numbers; expected a tensor of a step that was run"
        )


def numbers(name: str, given: Any) -> Any:
    """What somebody says of a step as an array of real numbers; `Unusable` where it is none."""
    require_numbers(name, given)
    try:
        found = tensors.array(given)
    except (TypeError, ValueError, RuntimeError):
        found = None
    if found is None or found.dtype.kind in "OSUMmc":
        raise Unusable(f"{name}: {text(given, repr):.60}; expected real numbers")
    return found


def require_declared(law: Any, arithmetic: Any) -> None:
    """`Unusable` where one of these is said, and is something else."""
    for name, given, kind in (("law", law, CrossEntropy), ("arithmetic", arithmetic, Arithmetic)):
        if given is not None:
            require_kind(name, given, kind)


def law_of(law: CrossEntropy | None, options: Mapping[str, Any]) -> CrossEntropy:
    """The loss that is computed, or its options one by one: a mean is over the samples that count, where one does not, unless
    more is said.
    """
    if law is not None and options:
        raise Unusable(
            f"{', '.join(options)}: said beside law; expected law with all of its options, or each by its name"
        )
    found = law or CrossEntropy.read(options)
    more = law is not None or found.reduction != "mean" or {"mean_of", "class_weight"} & set(options)
    return found if more or found.ignore is None else replace(found, mean_of=LABELLED)


def _of_host(name: str, array: Any) -> Any:
    """Arrays of torch and JAX as those of NumPy; files that are read piece by piece are left to those who read them."""
    if isinstance(array, np.matrix | np.ma.MaskedArray):  # whose products are others
        return np.asarray(array)
    if isinstance(array, list | tuple):
        return numbers(name, array)
    if not (hasattr(array, "detach") or hasattr(array, "devices")):
        return array
    try:
        return tensors.array(array)
    except TypeError:
        raise Unusable(
            f"{name} has dtype {array.dtype}, which NumPy has not; expected one of {', '.join(precision.NAMES)}"
        ) from None


def _placed(name: str, array: Any, like: Any) -> Any:
    """Matrices of one framework, on one device; vectors and labels are few numbers, and come to the host."""
    if isinstance(array, Placed):
        return array
    if len(getattr(array, "shape", ())) < 2:
        return tensors.array(array) if seen(array) else np.asarray(Placed(array))
    try:
        if namespace(array) is namespace(like) and device(array) == device(like):
            return Placed(array)
        if seen(array):
            return Placed(namespace(like).asarray(np.ascontiguousarray(tensors.array(array)), device=device(like)))
    except TypeError:  # a dtype that NumPy has, and the other has not
        pass
    raise Unusable(f"{name} is not where another array is, on {device(like)}; expected all of them on one device")
