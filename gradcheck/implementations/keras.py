"""`keras` and, in keras_probabilities, the same of probabilities: keras.ops.categorical_crossentropy. The only door to Keras.

Samples in rows, a loss for each sample; the mean over samples is the caller's. Keras has no gradients of its own: they are those of
its backend, which is PyTorch here. So are the logits: keras.ops.matmul of float64 returns float32 (keras-team/keras#23223).
"""

import os
from dataclasses import replace
from typing import Any

os.environ.setdefault("KERAS_BACKEND", "torch")  # Keras chooses once, when it is first imported

import keras

from gradcheck.errors import Unusable
from gradcheck.implementations.record import Implementation, Layout, NotPosed
from gradcheck.implementations.torch import from_torch, linear
from gradcheck.implementations.torch_arrays import alone, array, tensor

if keras.backend.backend() != "torch":
    raise Unusable(
        f"the backend of Keras is {keras.backend.backend()} here, but must be torch: set KERAS_BACKEND=torch"
    )


# of float64, keras.losses returns means in float32 on torch: its division is as keras.ops.matmul
DTYPES = ("float32", "float16", "bfloat16")


def require_finite(Z: Any) -> None:
    """`NotPosed` where a class is masked."""
    if Z.isneginf().any():
        raise NotPosed("Keras multiplies every logarithm with its label, and so declines logits of -inf")


def of_logits(name: str, Z: Any, **options: Any) -> Any:
    """One of keras.losses, which computes in float32 unless it is told otherwise."""
    require_finite(Z)
    dtype = keras.backend.standardize_dtype(Z.dtype)
    return getattr(keras.losses, name)(from_logits=True, dtype=dtype, **options)


def target(name: str, *, from_logits: bool, **others: Any) -> Implementation:
    """The loss of logits, or that of their softmax."""

    def loss(Z: Any, Y: Any) -> Any:
        if from_logits:
            require_finite(Z)
        output = Z if from_logits else keras.ops.softmax(Z)
        return keras.ops.categorical_crossentropy(Y.to(Z.dtype), output, from_logits=from_logits).mean()

    made = from_torch(loss, logits=linear, layout=Layout(samples="rows"), name=name)
    return replace(made, logits=None, softmax=alone(lambda Z: array(keras.ops.softmax(tensor(Z)), Z)), **others)


implementation = target("keras", from_logits=True)
