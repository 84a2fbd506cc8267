"""Precision that is lost inside, and what it is lost to."""

import numpy as np

from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import BIAS, GRADIENT, LOGITS, THETA, mistake

SHORT, SHORTER = np.dtype(np.float32), np.dtype(np.float16)
NO_CAST = "keep the dtype of the parameters from the first operation to the last"


def cast(values, dtype):
    """Rounded to that dtype; too large is infinite, without a warning."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(dtype)


def through(values, dtype):
    """Rounded to that dtype, and back."""
    return cast(cast(values, dtype), values.dtype)


class Inside(Model):
    """Everything computed in the dtype `inner`, whatever comes in; results go back to that of the parameters."""

    analytic = False
    coarse_throughout = True
    inner: np.dtype = SHORT

    def _cast(self, *arrays):
        return (cast(array, self.inner) for array in arrays)

    def logits(self, theta, b, X):
        return cast(super().logits(*self._cast(theta, b, X)), theta.dtype)

    def softmax(self, Z):
        return cast(super().softmax(cast(Z, self.inner)), Z.dtype)

    def loss(self, theta, b, X, Y):
        return cast(super().loss(*self._cast(theta, b, X, Y)), theta.dtype)

    def gradients(self, theta, b, X, Y):
        found = super().gradients(*self._cast(theta, b, X, Y))
        return {key: cast(value, theta.dtype) for key, value in found.items()}

    def softmax_jacobian(self, z):
        return cast(super().softmax_jacobian(cast(z, self.inner)), z.dtype)


@mistake("precision", fix=NO_CAST, equations=(1, 2, 20, 22, *GRADIENT), common=True)
class float32_inside(Inside):
    """float64 in, float64 out, float32 between."""

    coarse = "float32"
    inner = SHORT


@mistake("precision", fix=NO_CAST, equations=(1, 2, 20, 22, *GRADIENT))
class float16_inside(Inside):
    """float64 in, float64 out, float16 between."""

    coarse = "float16"
    inner = SHORTER


@mistake("precision", fix="keep the logits in the dtype of the parameters", equations=(20,))
class logits_in_float32(Model):
    """The logits rounded to float32."""

    analytic = False
    coarse = "float32"

    def logits(self, theta, b, X):
        return through(super().logits(theta, b, X), SHORT)


@mistake("precision", fix="compute the softmax in the dtype of the logits", equations=(1,))
class softmax_in_float32(Model):
    """The softmax computed in float32."""

    coarse = "float32"

    def softmax(self, Z):
        return cast(super().softmax(cast(Z, SHORT)), Z.dtype)


@mistake("precision", fix="compute the softmax in the dtype of the logits", equations=(1,))
class softmax_in_float16(Model):
    """The softmax computed in float16: logits above 65504 are infinite."""

    coarse = "float16"

    def softmax(self, Z):
        return cast(super().softmax(cast(Z, SHORTER)), Z.dtype)


@mistake("precision", fix="keep ∂ℒ/∂Z in the dtype of the parameters", equations=LOGITS)
class gradient_in_float32(Model):
    """∂ℒ/∂Z rounded to float32, and the other gradients made of it."""

    coarse = "float32"

    def logits_gradient(self, theta, b, X, Y):
        return through(super().logits_gradient(theta, b, X, Y), SHORT)


@mistake(
    "precision",
    fix="add up in the dtype of the terms, or a longer one",
    equations=BIAS,
    seen="pytorch/executorch#20090",
)
class sums_in_float16(Model):
    """∂ℒ/∂b summed in float16."""

    coarse = "float16"

    def bias_gradient(self, D, X):
        return cast(super().bias_gradient(cast(D, SHORTER), X), D.dtype)


@mistake("precision", fix="multiply matrices in the dtype of the parameters", equations=THETA)
class matrix_product_in_float32(Model):
    """∂ℒ/∂θ multiplied in float32."""

    coarse = "float32"

    def theta_gradient(self, D, X):
        return cast(super().theta_gradient(cast(D, SHORT), X), D.dtype)


@mistake("precision", fix="read the data in the dtype of the parameters", equations=(20, *THETA))
class samples_in_float32(Model):
    """X rounded to float32 wherever it is read."""

    analytic = False

    def logits(self, theta, b, X):
        return super().logits(theta, b, cast(X, SHORT))

    def theta_gradient(self, D, X):
        return super().theta_gradient(D, cast(X, SHORT))


@mistake("precision", fix="multiply with the weights as they are, not with a short copy", equations=(20,))
class weights_in_float16(Model):
    """θ rounded to float16 before it is multiplied."""

    analytic = False

    def logits(self, theta, b, X):
        return super().logits(through(theta, SHORTER), b, X)


@mistake("precision", fix="divide by n, or take 1/n in the dtype of the values", equations=(2, *GRADIENT))
class reciprocal_in_float32(Model):
    """Multiplied by a 1/n of float32 in place of divided by n."""

    def mean(self, values, Y):
        return like(values * float(np.float32(1) / np.float32(Y.shape[1])), values)


@mistake(
    "precision", fix="compute the loss in the dtype of the parameters", equations=(2,), seen="pytorch/pytorch#29429"
)
class loss_in_float32(Model):
    """The loss computed from the logits in float32, beside a right gradient."""

    analytic = False
    coarse = "float32"

    def log_softmax(self, Z):
        return super().log_softmax(cast(Z, SHORT))

    def loss(self, theta, b, X, Y):
        return cast(super().loss(theta, b, X, Y), theta.dtype)


@mistake("precision", fix="make the array of ∂ℒ/∂θ in the dtype of θ", equations=THETA)
class integer_truncation(Model):
    """∂ℒ/∂θ cut to whole numbers, in the right dtype."""

    def theta_gradient(self, D, X):
        return through(super().theta_gradient(D, X), np.int64)


@mistake("precision", fix="make the arrays of results in the dtype of θ", equations=GRADIENT)
class integer_result(Model):
    """All gradients returned as whole numbers."""

    def gradients(self, theta, b, X, Y):
        return {key: cast(value, np.int64) for key, value in super().gradients(theta, b, X, Y).items()}


@mistake(
    "precision",
    fix="make the array of ∂ℒ/∂θ in the dtype of θ, not of X",
    equations=THETA,
    seen="rsokl/MyGrad#193, scikit-learn/scikit-learn#11226",
    regimes=("integers",),
)
class array_like_integer_samples(Model):
    """∂ℒ/∂θ written into an array of the dtype of X: cut to whole numbers where X is one of them."""

    def theta_gradient(self, D, X):
        found = super().theta_gradient(D, X)
        return cast(found, X.dtype) if X.dtype.kind in "iu" else found


@mistake("precision", fix="return gradients in the dtype of the parameters", equations=GRADIENT)
class float32_returned(Model):
    """All gradients returned as float32."""

    def gradients(self, theta, b, X, Y):
        return {key: cast(value, SHORT) for key, value in super().gradients(theta, b, X, Y).items()}
