"""Between NumPy's arrays and PyTorch's tensors."""

from collections.abc import Callable
from contextvars import ContextVar
from functools import wraps
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gradcheck import precision
from gradcheck.implementations import handing

Array = NDArray[Any]
CPU = "cpu"
DEVICE: ContextVar[str] = ContextVar("device", default=CPU)  # where tensors are made


def tensor(array: Array) -> torch.Tensor:
    """A view where PyTorch can have one: it wants writable memory and positive strides, and knows no bfloat16 of NumPy's."""
    plain = array.flags.writeable and all(stride > 0 for stride in array.strides)
    kept = array if plain else array.copy()
    made = (
        torch.from_numpy(kept.view(np.int16)).view(torch.bfloat16)
        if kept.dtype.name == "bfloat16"
        else torch.from_numpy(kept)
    )
    made = made if DEVICE.get() == CPU else made.to(DEVICE.get())
    return handing.now().framework(("tensor",), array, made, _step)


def _step(kept: torch.Tensor, made: torch.Tensor) -> None:
    """New numbers, as an optimiser writes them: its version counter says so to whoever looks at that."""
    with torch.no_grad():
        kept.copy_(made.clone())


def leaf(array: Array, *, requires_grad: bool) -> torch.Tensor:
    """A parameter, or data by which is differentiated."""
    made = tensor(array).detach()
    if made.is_floating_point():
        made.requires_grad_(requires_grad)
    return handing.now().framework(("leaf", requires_grad), array, made, lambda kept, made: None)  # in one memory


def array(result: torch.Tensor, like: Array) -> Array:
    """The NumPy array of a result; of bfloat16 in the dtype of `like`, unless that is finer."""
    plain = result.detach().cpu()
    if plain.dtype is not torch.bfloat16:
        return plain.numpy()
    dtype = like.dtype if like.dtype.name == "bfloat16" else precision.named("bfloat16").dtype
    return plain.view(torch.int16).numpy().view(dtype)


def alone(function: Callable[..., Any], device: str = CPU) -> Callable[..., Any]:
    """The function on one thread: even log_softmax of twelve numbers waits for all of them, milliseconds on a busy machine.

    Its tensors are made on the device.
    """

    @wraps(function)
    def called(*arguments: Any, **options: Any) -> Any:
        threads, place = torch.get_num_threads(), DEVICE.set(device)
        torch.set_num_threads(1)
        try:
            return function(*arguments, **options)
        finally:
            torch.set_num_threads(threads)
            DEVICE.reset(place)

    return called
