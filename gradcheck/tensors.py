"""What other frameworks return, as NumPy arrays. Imports no framework: tensors say themselves what they hold."""

import sys
from typing import Any

import numpy as np

from gradcheck import precision


def array(value: Any) -> Any:
    """A tensor as a NumPy array: detached, on this machine, and bfloat16 as it is; anything else as NumPy takes it."""
    if type(value) is np.ndarray:  # mostly, and it is asked often: nothing else is to be found out
        return value
    if isinstance(value, np.ma.MaskedArray) and value.mask.any():
        raise ValueError("a masked array, of which numbers are masked; expected an array of numbers")
    if sparse(value):
        raise ValueError(f"a sparse {type(value).__name__}; expected an array of numbers: .toarray()")
    if hasattr(value, "detach") and hasattr(value, "cpu"):
        value = value.detach().cpu()
        if "sparse" in str(getattr(value, "layout", "")):
            value = value.to_dense()
        if str(value.dtype) == "torch.bfloat16":
            return _words(value).view(precision.named("bfloat16").dtype)
        if str(value.dtype) == "paddle.bfloat16":
            return np.asarray(value.numpy()).view(precision.named("bfloat16").dtype)
        return value.resolve_conj().resolve_neg().numpy() if hasattr(value, "resolve_conj") else value.numpy()
    if hasattr(value, "numpy") and not hasattr(value, "__array__"):  # tinygrad's
        value = value.numpy()
    if str(getattr(value, "dtype", "")) == "mlx.core.bfloat16":
        return np.asarray(value.view(sys.modules["mlx.core"].uint16)).view(precision.named("bfloat16").dtype)
    return np.asarray(value)


def sparse(value: Any) -> bool:
    """Whether it is one of SciPy's, of which NumPy would make an array of one object."""
    return hasattr(value, "toarray") and hasattr(value, "nnz")


def _words(value: Any) -> Any:
    """The bits of 16-bit numbers, which torch itself cannot hand to NumPy."""
    return value.contiguous().view(sys.modules["torch"].int16).numpy()
