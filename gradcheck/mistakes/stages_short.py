"""One stage in a shorter precision, the others in that of the parameters: told by how near its numbers are, not by a proof.

Right code lies within what such code may return, and nothing that is returned is a number of the shorter precision any more.
"""

import numpy as np

from gradcheck.mistakes.rounded import SHORT, SHORTER, cast, through
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import BIAS, GRADIENT, LOGITS, THETA, mistake
from gradcheck.mistakes.tiles import Normalised

KEEP = "keep the dtype of the parameters in this stage, too"


class Short(Normalised):
    """Near, whatever it is."""

    near = True


@mistake("precision", fix=KEEP, equations=(1, 2, *GRADIENT))
class exponential_in_float32(Short):
    """exp is taken in float32 inside the softmax."""

    def _powers(self, Z, shift):
        return cast(np.exp(cast(Z - shift, SHORT)), Z.dtype)

    def total_of(self, Z, shift):
        return like(self._powers(Z, shift).sum(axis=0, keepdims=True), Z)

    def softmax(self, Z):
        shift = self.shift(Z)
        return like(self._powers(Z, shift) / self.total_of(Z, shift), Z)


@mistake("precision", fix=KEEP, equations=(1, 2, *GRADIENT))
class sum_of_exponentials_in_float32(Short):
    """The sum of exps is added up in float32 inside the softmax."""

    def total_of(self, Z, shift):
        return cast(cast(np.exp(Z - shift), SHORT).sum(axis=0, keepdims=True), Z.dtype)


@mistake("precision", fix=KEEP, equations=(2,))
class logarithm_in_float32(Short):
    """The logarithm of the sum of exps is taken in float32 in the loss."""

    def log_softmax(self, Z):
        shift = self.shift(Z)
        return like((Z - shift) - cast(np.log(cast(self.total_of(Z, shift), SHORT)), Z.dtype), Z)


@mistake("precision", fix=KEEP, equations=(2,))
class losses_added_in_float32(Short):
    """The losses of the samples are added up in float32."""

    def total(self, log_A, Y):
        labels = like(Y, log_A)
        each = np.where(Y > 0, -labels * np.where(Y > 0, log_A, 0 * labels), 0 * labels)
        return cast(cast(each, SHORT).sum(), log_A.dtype)


class ShortGradient(Model):
    """Near, whatever it is; the loss is right."""

    near = True


@mistake("precision", fix=KEEP, equations=LOGITS)
class residual_in_float16(ShortGradient):
    """A - Y is rounded to float16."""

    def residual(self, A, Y):
        return through(super().residual(A, Y), SHORTER)


@mistake("precision", fix=KEEP, equations=LOGITS)
class residual_in_float32(ShortGradient):
    """A - Y is rounded to float32."""

    def residual(self, A, Y):
        return through(super().residual(A, Y), SHORT)


@mistake("precision", fix=KEEP, equations=THETA)
class residual_in_float32_times_samples(ShortGradient):
    """∂ℒ/∂θ is made of a residual that is rounded to float32."""

    def theta_gradient(self, D, X):
        return super().theta_gradient(through(D, SHORT), X)


@mistake("precision", fix=KEEP, equations=BIAS)
class residual_in_float32_added(ShortGradient):
    """∂ℒ/∂b is the sum of a residual that is rounded to float32."""

    def bias_gradient(self, D, X):
        return super().bias_gradient(through(D, SHORT), X)


@mistake("precision", fix=KEEP, equations=(5, 22))
class jacobian_diagonal_in_float32(ShortGradient):
    """1 - a is taken in float32 on the diagonal of the Jacobian."""

    def jacobian(self, a):
        found = super().jacobian(a).copy()
        for i in range(len(found)):
            found[i, i] = like(a[i] * cast(1 - cast(a[i], SHORT), a.dtype), a)
        return found
