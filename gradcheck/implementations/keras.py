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
from gradcheck.implementations.torch import alone, array, from_torch, linear, tensor

if keras.backend.backend() != "torch":
    raise Unusable(
        f"the backend of Keras is {keras.backend.backend()} here, but must be torch: set KERAS_BACKEND=torch"
    )


def target(name: str, *, from_logits: bool, **others: Any) -> Implementation:
    """The loss of logits, or that of their softmax."""

    def loss(Z: Any, Y: Any) -> Any:
        if from_logits and Z.isneginf().any():
            raise NotPosed(
                "categorical_crossentropy multiplies every logarithm with its label, and so declines logits of -inf"
            )
        output = Z if from_logits else keras.ops.softmax(Z)
        return keras.ops.categorical_crossentropy(Y.to(Z.dtype), output, from_logits=from_logits).mean()

    made = from_torch(loss, logits=linear, layout=Layout(samples="rows"), name=name)
    return replace(made, logits=None, softmax=alone(lambda Z: array(keras.ops.softmax(tensor(Z)), Z)), **others)


implementation = target("keras", from_logits=True)
