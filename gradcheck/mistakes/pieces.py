"""Samples in pieces: chunks, tiles and ranks whose means, sums or remainders are not those of the batch."""

from itertools import pairwise
from typing import ClassVar

import numpy as np

from gradcheck.mistakes.scale import summed, without
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import GRADIENT, LOGITS, THETA, mistake
from gradcheck.mistakes.tiles import blocks

CHUNKS = (32, 16, 8, 64, 128, 4, 2, 256, 512, 1024, 2048, 10, 100, 1000)


class Pieces(Model):
    """Loss and gradient of a batch in chunks of `value` samples."""

    choices = CHUNKS
    value = 4

    def sizes(self, n):
        """(1, n): how large the chunk of each sample is."""
        found = np.zeros((1, n))
        for piece in blocks(n, self.value):
            found[:, piece] = piece.stop - piece.start
        return found

    def folded(self, Y, other):
        labels = like(Y, other)
        n, chunks = Y.shape[1], -(-Y.shape[1] // self.value)
        return self.shared(like(self.divided(like(labels * n, other), self.sizes(n)), other), chunks)

    def shared(self, labels, chunks):
        return self.divided(labels, chunks)


@mistake(
    "scale",
    fix="weigh each chunk's mean by its share of the samples: the last one is smaller",
    equations=(2, *GRADIENT),
)
class mean_of_the_means(Pieces):
    """Chunks of {value} samples: the mean of the chunks' means, though the last chunk is smaller."""


@mistake(
    "scale",
    fix="divide each chunk's sum by n, not by its own size",
    equations=(2, *GRADIENT),
    seen="NVIDIA-NeMo/Automodel#3803",
)
class means_of_chunks_added(Pieces):
    """Chunks of {value} samples: their means are added up."""

    def shared(self, labels, chunks):
        return labels


@mistake("memory", fix="add the chunks up: += in place of =", equations=THETA)
class last_chunk_of_theta_gradient(Model):
    """∂ℒ/∂θ is that of the last chunk of {value} samples: each is written over the one before."""

    choices = CHUNKS
    value = 4

    def theta_gradient(self, D, X):
        last = blocks(X.shape[1], self.value)[-1]
        return super().theta_gradient(D[:, last], X[:, last])


@mistake("memory", fix="add the chunks up: += in place of =", equations=GRADIENT)
class last_chunk_of_the_gradient(Model):
    """All gradients are those of the last chunk of {value} samples."""

    choices = CHUNKS
    value = 4

    def logits_gradient(self, theta, b, X, Y):
        D = super().logits_gradient(theta, b, X, Y)
        return without(D, np.s_[:, : blocks(D.shape[1], self.value)[-1].start])


@mistake("scale", fix="launch a block for the samples that are left over", equations=GRADIENT)
class tail_samples_left_out(Model):
    """No gradient for the samples beyond the last multiple of {value}, where there are more than as many."""

    choices = (8, 16, 32, 4, 2, 64, 128, 256)
    value = 4

    def logits_gradient(self, theta, b, X, Y):
        D, n = super().logits_gradient(theta, b, X, Y), Y.shape[1]
        return without(D, np.s_[:, n // self.value * self.value :]) if n > self.value else D


@mistake("scale", fix="begin the next block where the last one ended", equations=GRADIENT)
class first_sample_of_the_second_block_left_out(Model):
    """Sample {value} is left out of the gradient: the second block begins one too late."""

    choices = (32, 16, 8, 4, 2, 64, 128, 256, 1024)
    value = 2

    def logits_gradient(self, theta, b, X, Y):
        return without(super().logits_gradient(theta, b, X, Y), np.s_[:, self.value : self.value + 1])


@mistake("scale", fix="take all samples", equations=GRADIENT)
class first_samples_only(Model):
    """Only the first {value} samples enter the gradient."""

    choices = (1000, 100, 10, 32, 64, 128, 16, 8, 4, 2, 256, 512, 1024)
    value = 4

    def logits_gradient(self, theta, b, X, Y):
        return without(super().logits_gradient(theta, b, X, Y), np.s_[:, self.value :])


@mistake("memory", fix="write the column before the last into its own place", equations=GRADIENT)
class last_sample_in_the_place_of_its_neighbour(Model):
    """∂ℒ/∂Z of the last sample stands in the last two columns, where n is a multiple of {value}."""

    choices = (16, 8, 4, 2, 32, 64, 1)
    value = 2

    def logits_gradient(self, theta, b, X, Y):
        D, n = super().logits_gradient(theta, b, X, Y).copy(), Y.shape[1]
        if n > 1 and n % self.value == 0:
            D[:, -2] = D[:, -1]
        return D


class Ranks(Model):
    """The gradient on `value` ranks."""

    choices: ClassVar[tuple[int, ...]] = (2, 4, 8, 3, 16)
    value = 2

    def parts(self, n):
        """One slice for each rank."""
        ends = [k * n // self.value for k in range(self.value + 1)]
        return [slice(a, b) for a, b in pairwise(ends)]


@mistake("scale", fix="weigh the gradient of each rank by its share of the samples", equations=GRADIENT)
class gradients_of_unequal_ranks_averaged(Ranks):
    """The mean of the gradients of {value} ranks, whose batches are not equally large."""

    def logits_gradient(self, theta, b, X, Y):
        D, n = super().logits_gradient(theta, b, X, Y).copy(), Y.shape[1]
        whole = summed(D)
        for part in self.parts(n) if n >= self.value else ():
            D[:, part] = self.divided(self.divided(whole[:, part], part.stop - part.start), self.value)
        return D


@mistake("scale", fix="divide by all samples, and give the remainder to some rank", equations=GRADIENT)
class remainder_of_ranks_dropped(Ranks):
    """n // {value} samples on each of {value} ranks: the remainder is dropped, and the mean is over the others."""

    choices = (4, 2, 8, 16, 32, 3)

    def logits_gradient(self, theta, b, X, Y):
        D, n = super().logits_gradient(theta, b, X, Y), Y.shape[1]
        if n <= self.value:
            return D
        kept = n // self.value * self.value
        return without(self.divided(summed(D), kept), np.s_[:, kept:])


@mistake("axis", fix="read X and Y in one order: heed strides that are negative", equations=GRADIENT)
class samples_read_in_reverse(Model):
    """X is read with its samples in reverse order in the gradient, and Y is not."""

    def gradients(self, theta, b, X, Y):
        return super().gradients(theta, b, np.flip(X, axis=1), Y)


@mistake(
    "labels",
    fix="shift labels once: the data are shifted already",
    equations=(2, *LOGITS),
    seen="huggingface/transformers#47394",
)
class labels_of_the_next_sample_everywhere(Model):
    """Each sample with the label of the sample before it, in loss and gradient."""

    def folded(self, Y, other):
        return np.roll(super().folded(Y, other), 1, axis=1)


@mistake("memory", fix="copy D in its own order: reshape does not transpose", equations=GRADIENT)
class gradient_transposed_in_memory(Model):
    """∂ℒ/∂Z lies in memory as its transpose, and is read as if it did not."""

    def logits_gradient(self, theta, b, X, Y):
        D = super().logits_gradient(theta, b, X, Y)
        return D.T.reshape(D.shape)
