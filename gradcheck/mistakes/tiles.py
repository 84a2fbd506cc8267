"""Classes in blocks, as kernels take them: sums that are not rescaled, lanes that are empty, blocks that are forgotten."""

from typing import Any

import numpy as np

from gradcheck.law.functions import values
from gradcheck.mistakes.scale import without
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import GRADIENT, LOGITS, mistake

BLOCKS = (4, 8, 16, 32, 64, 128, 256, 512, 1024, 2, 1)
LANES: tuple[Any, ...] = (8, 16, 32, 64, 128, 4, 256, 512, 1024, 2)
WHOLE = "2^⌈log₂(L)⌉"  # a row in one block, as wide as the next power of 2
TILES = (*LANES, WHOLE)


def empty(L, tile):
    """How many lanes of the last tile of so many classes no class fills."""
    return (1 << (L - 1).bit_length()) - L if tile == WHOLE else -L % tile


class Normalised(Model):
    """exp(Z - shift)/sum, and (Z - shift) - log sum: of a shift and of a sum that may be wrong."""

    analytic = False

    def shift(self, Z):
        return Z.max(axis=0, keepdims=True)

    def total_of(self, Z, shift):
        return like(np.exp(Z - shift).sum(axis=0, keepdims=True), Z)

    def softmax(self, Z):
        shift = self.shift(Z)
        return like(np.exp(Z - shift) / self.total_of(Z, shift), Z)

    def log_softmax(self, Z):
        shift = self.shift(Z)
        return like((Z - shift) - np.log(self.total_of(Z, shift)), Z)

    def log_sum_exp(self, Z):
        shift = self.shift(Z)
        return like(shift + np.log(self.total_of(Z, shift)), Z)


def blocks(size, block):
    """One slice after the other."""
    return [slice(i, min(i + block, size)) for i in range(0, size, block)]


@mistake(
    "stability",
    fix="multiply the running sum by exp(old max - new max) when the maximum grows",
    equations=(1, 2, *GRADIENT),
)
class running_sum_not_rescaled(Normalised):
    """Online softmax over blocks of {value} classes: the running sum is not rescaled when the maximum grows."""

    choices = BLOCKS
    value = 2

    def total_of(self, Z, shift):
        found, most = 0 * shift, None
        for block in blocks(len(Z), self.value):
            here = Z[block].max(axis=0, keepdims=True)
            most = here if most is None else np.maximum(most, here)
            found = found + np.exp(Z[block] - most).sum(axis=0, keepdims=True)
        return like(found, Z)


class Lanes(Normalised):
    """The empty lanes of the last block of `value` classes are logits of 0."""

    choices = TILES
    value = 8

    def empty(self, L):
        return empty(L, self.value)

    def shift(self, Z):
        most = super().shift(Z)
        return np.maximum(most, 0 * most) if self.empty(len(Z)) else most

    def total_of(self, Z, shift):
        found = super().total_of(Z, shift)
        return like(found + np.exp(-shift) * self.empty(len(Z)), Z) if self.empty(len(Z)) else found


@mistake(
    "softmax",
    fix="load -inf into the lanes beyond the last class, not 0",
    equations=(1, 2, *GRADIENT),
    seen="verl-project/verl#5349",
)
class empty_lanes_of_a_block(Lanes):
    """The empty lanes of the last block of {value} classes count as logits of 0."""


@mistake("softmax", fix="load -inf into the lanes beyond the last class, in every block", equations=(1, 2, *GRADIENT))
class empty_lanes_of_later_blocks(Lanes):
    """The empty lanes of the last block of {value} classes count as logits of 0, where it is not the only one."""

    choices = LANES
    value = 4

    def empty(self, L):
        return super().empty(L) if self.value < L else 0


@mistake("labels", fix="subtract 1 at the label in every block of classes", equations=LOGITS)
class labels_of_the_first_block(Model):
    """Y is subtracted in the first {value} classes only: labels beyond are not."""

    choices = LANES
    value = 4

    def residual(self, A, Y):
        labels = like(Y, A)
        return like(A * labels.sum(axis=0, keepdims=True), A) - without(labels, np.s_[self.value :])


@mistake("softmax", fix="skip no block whose probabilities are small", equations=LOGITS, seen="apple/ml-cross-entropy")
class small_blocks_skipped(Model):
    """Blocks of {value} probabilities that are all below 2^-12 are taken for 0 in the gradient."""

    choices = tuple(f"{a} x {b}" for a in (128, 2, 4, 8, 16, 32, 64, 256) for b in (4, 1, 2, 8, 16, 32, 64, 128))
    value = "2 x 1"

    def residual(self, A, Y):
        kept, (rows, columns) = A.copy(), map(int, self.value.split(" x "))
        for i in blocks(len(A), rows):
            for j in blocks(A.shape[1], columns):
                if values(A[i, j]).max() < 2.0**-12:
                    kept[i, j] = 0
        return super().residual(kept, Y)


@mistake(
    "softmax",
    fix="the loss is of all classes: sample from the best k, do not train on them",
    equations=(1, 2, *GRADIENT),
)
class top_k_softmax(Normalised):
    """Softmax over the {value} largest logits: the others have probability 0."""

    choices = (8, 5, 2, 3, 4, 1, 10, 16, 20, 32, 40, 50, 64, 100)
    value = 3

    def _cut(self, Z):
        if len(Z) <= self.value:
            return Z
        numbers = values(Z)
        least = np.sort(numbers, axis=0)[-self.value]
        return np.where(numbers >= least, Z, 0 * Z - np.inf)

    def softmax(self, Z):
        return super().softmax(self._cut(Z))

    def log_softmax(self, Z):
        return super().log_softmax(self._cut(Z))


@mistake("softmax", fix="add up all lanes", equations=(1, 2, *GRADIENT))
class last_lane_not_summed(Normalised):
    """The last class is left out of the sum of exps, where L is a multiple of {value}."""

    choices = (8, 4, 2, 16, 32, 1)
    value = 2

    def total_of(self, Z, shift):
        return super().total_of(Z[:-1] if len(Z) % self.value == 0 else Z, shift)


@mistake("softmax", fix="add the sums of all ranks before dividing", equations=LOGITS)
class sums_of_each_rank(Model):
    """Classes on {value} ranks, each of which divides by its own sum in the gradient."""

    choices = (2, 4, 8, 3)
    value = 2

    def residual(self, A, Y):
        local = A.copy()
        for piece in blocks(len(A), -(-len(A) // self.value)):
            whole = A[piece].sum(axis=0, keepdims=True)
            least = like(0 * whole + float(np.finfo(np.float64).tiny), A)
            local[piece] = like(A[piece] / np.maximum(whole, least), A)
        return super().residual(local, Y)


@mistake("scale", fix="process the last block of classes, although it is not full", equations=GRADIENT)
class tail_classes_left_out(Model):
    """No gradient for the classes beyond the last multiple of {value}, where there are as many."""

    choices = (4, 8, 16, 32, 2, 64, 128)
    value = 2

    def logits_gradient(self, theta, b, X, Y):
        D = super().logits_gradient(theta, b, X, Y)
        return without(D, np.s_[len(D) // self.value * self.value :]) if len(D) > self.value else D


@mistake(
    "stability", fix="take the maximum over all classes", equations=(1, 2, *GRADIENT), seen="ggml-org/llama.cpp#24451"
)
class maximum_of_the_first_classes(Normalised):
    """The maximum of the first {value} classes is subtracted."""

    choices = (1, 2, 4, 8, 16, 32, 64, 128, 512)
    value = 1

    def shift(self, Z):
        return Z[: self.value].max(axis=0, keepdims=True)


@mistake(
    "stability",
    fix="subtract the maximum in every block of the sum",
    equations=(1, 2, *GRADIENT),
    seen="tenstorrent/tt-metal#51278",
)
class last_block_not_shifted(Normalised):
    """The last block of {value} classes is summed without the maximum subtracted."""

    choices = (32, 16, 8, 4, 2, 1, 64, 128)
    value = 1

    def total_of(self, Z, shift):
        start = (len(Z) - 1) // self.value * self.value
        rest = np.exp(Z[start:]).sum(axis=0, keepdims=True)
        return like(super().total_of(Z[:start], shift) + rest if start else rest, Z)
