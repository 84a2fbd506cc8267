"""Where arrays are, and how they come to the host. The only door to array_api_compat, and to the settings of frameworks."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.errors import Missing, Unusable, typed


def namespace(array: Any) -> Any:
    """The functions of the array API standard for this array."""
    try:
        from array_api_compat import array_namespace
    except ImportError:
        raise Missing.package("an audit of arrays where they are", "array-api-compat") from None
    try:
        return array_namespace(array)
    except TypeError:
        raise Unusable(
            f"{typed(array)} is given; expected an array that NumPy can slice, or one that follows the array API standard"
        ) from None


def device(array: Any) -> Any:
    """Of an array."""
    from array_api_compat import device

    return device(array)


def dtype(array: Any) -> np.dtype[Any]:
    """What NumPy calls the dtype of an array of any framework."""
    name = str(array.dtype).rpartition(".")[2].rstrip("'>)")
    return precision.named(name).dtype if name in precision.NAMES else np.dtype(name)


def doubled(xp: Any, where: Any) -> bool:
    """Whether there is float64 on a device: MPS has none, JAX has it within `pinned`, and a TPU has something in its place."""
    if "tpu" in str(getattr(where, "platform", "")).lower():
        return False
    try:
        found = xp.zeros(1, dtype=xp.float64, device=where)
    except Exception:  # whatever a framework says in its place
        return False
    return dtype(found) == np.float64


def host(array: Any) -> Any:
    """As an array of NumPy."""
    if hasattr(array, "detach"):  # torch
        return array.detach().cpu().resolve_conj().resolve_neg().numpy()
    if hasattr(array, "get") and hasattr(array, "device"):  # CuPy
        return array.get()
    try:
        return np.asarray(array)
    except (RuntimeError, TypeError):  # of another device than that of the host
        from array_api_compat import to_device

        return np.asarray(to_device(array, "cpu") if hasattr(array, "at") else array.to_device(_cpu(array)))


def _cpu(array: Any) -> Any:
    return namespace(array).__array_namespace_info__().default_device()


def seen(array: Any) -> bool:
    """Whether NumPy sees an array where it lies, without a copy: bfloat16 of torch it does not know."""
    if isinstance(array, np.ndarray | np.generic) or not hasattr(array, "shape"):
        return True
    if hasattr(array, "detach"):
        return array.device.type == "cpu" and str(array.dtype) != "torch.bfloat16"
    if hasattr(array, "devices"):  # JAX
        return all(one.platform == "cpu" for one in array.devices())
    return not (hasattr(array, "__array_namespace__") or hasattr(array, "__cuda_array_interface__"))


@contextmanager
def pinned() -> Iterator[None]:
    """Products of float32 in float32: no TF32, no bfloat16, no autocast, whatever the frameworks that are imported were told; and
    float64, which JAX has where it is asked for. All of it as it was afterwards, and in this thread.
    """
    with ExitStack() as stack:
        for name, pin in (("torch", _torch), ("jax", _jax)):
            if name in sys.modules:
                stack.enter_context(pin(sys.modules[name]))
        yield


@contextmanager
def unrecorded(torch: Any) -> Iterator[None]:
    """Nothing here is differentiated, or done in another precision than that of the tensors."""
    with torch.no_grad(), ExitStack() as stack:
        for kind in ("cpu", "cuda", "mps"):
            if kind == "cpu" or getattr(torch, kind).is_available():
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


@contextmanager
def _torch(torch: Any) -> Iterator[None]:
    backends = [torch.backends.cuda.matmul, getattr(torch.backends, "mkldnn", None)]
    backends[1] = getattr(backends[1], "matmul", None)
    known = [b for b in backends if hasattr(b, "fp32_precision")]
    before = [b.fp32_precision for b in known] if known else torch.get_float32_matmul_precision()
    try:
        if known:
            for b in known:
                b.fp32_precision = "ieee"
        else:
            torch.set_float32_matmul_precision("highest")
        with unrecorded(torch):
            yield
    finally:
        if known:
            for b, was in zip(known, before, strict=True):
                b.fp32_precision = was
        else:
            torch.set_float32_matmul_precision(before)


@contextmanager
def _jax(jax: Any) -> Iterator[None]:
    with jax.default_matmul_precision("highest"), jax.enable_x64(True):
        yield
