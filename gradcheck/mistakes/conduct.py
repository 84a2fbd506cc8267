"""Conduct: precision lost inside, and what is written, remembered or drawn by chance in the place of a pure function."""

import numpy as np

from gradcheck.law.options import PLAIN
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import BIAS, GRADIENT, LOGITS, THETA, mistake

SHORT, SHORTER = np.dtype(np.float32), np.dtype(np.float16)
NO_CAST = "keep the dtype of the parameters from the first operation to the last"
NO_WRITE = "write into an array of your own, never into an argument"
NO_STATE = "compute from the arguments alone: keep nothing from one call to the next"
REMEMBERS = "what it returns depends on the calls before"
CHANCE = "what it returns depends on numbers drawn at random"


def cast(values, dtype):
    """Rounded to that dtype; too large is infinite, without a warning."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(dtype)


def through(values, dtype):
    """Rounded to that dtype, and back."""
    return cast(cast(values, dtype), values.dtype)


# ---- precision ----


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


# ---- memory order ----


def in_memory_order(array):
    """The same shape, filled with the entries as they lie in memory."""
    return np.ravel(array, order="K").reshape(array.shape)


@mistake(
    "memory",
    fix="heed the strides of X, or copy it with np.ascontiguousarray first",
    equations=(20, *THETA),
    regimes=("memory-F",),
)
class strides_ignored(Model):
    """X read as it lies in memory, as if it were C-ordered."""

    def logits(self, theta, b, X):
        return super().logits(theta, b, in_memory_order(X))

    def theta_gradient(self, D, X):
        return super().theta_gradient(D, in_memory_order(X))


@mistake(
    "memory",
    fix="heed the strides of Y, or copy it with np.ascontiguousarray first",
    equations=LOGITS,
    regimes=("memory-F",),
)
class fortran_labels(Model):
    """The gradient reads Y as it lies in memory, as if it were C-ordered."""

    def labels(self, Y):
        return in_memory_order(super().labels(Y))


# ---- inputs written into ----


def overwrite(array, values):
    """In place, where that is allowed."""
    if array.flags.writeable:
        array[...] = cast(values, array.dtype)


@mistake("memory", fix=NO_WRITE, equations=LOGITS)
class labels_overwritten(Model):
    """Y -= A in place, on the way to the gradient."""

    def gradients(self, theta, b, X, Y):
        found = super().gradients(theta, b, X, Y)
        overwrite(Y, like(Y, theta) - self.softmax(self.logits(theta, b, X)))
        return found


@mistake("memory", fix=NO_WRITE, equations=(1,))
class logits_overwritten(Model):
    """The softmax subtracts the maximum from Z in place."""

    def softmax(self, Z):
        found = super().softmax(Z)
        overwrite(Z, Z - Z.max(axis=0, keepdims=True))
        return found


@mistake("memory", fix=NO_WRITE, equations=THETA)
class samples_scaled_in_place(Model):
    """X /= n in place, to divide ∂ℒ/∂θ by n."""

    def gradients(self, theta, b, X, Y):
        found = super().gradients(theta, b, X, Y)
        overwrite(X, self.divided(like(X, theta), X.shape[1]))
        return found


@mistake("memory", fix="leave the step to the optimiser", equations=THETA)
class weights_updated_in_place(Model):
    """A step of 0.1 taken in θ itself, by the function that only computes the gradient."""

    def gradients(self, theta, b, X, Y):
        found = super().gradients(theta, b, X, Y)
        overwrite(theta, theta - self.divided(found["theta"], 10))
        return found


@mistake("memory", fix=NO_WRITE, equations=(5, 6, 22))
class probabilities_overwritten_in_jacobian(Model):
    """The Jacobian puts the probabilities in the place of the logits z that it was given."""

    def softmax_jacobian(self, z):
        found = super().softmax_jacobian(z)
        overwrite(z, self.softmax(z[:, np.newaxis].copy())[:, 0])
        return found


# ---- what one call leaves to the next ----


@mistake(
    "memory",
    fix="write ∂ℒ/∂Z into an array of its own: the probabilities are needed once more",
    equations=LOGITS,
    seen="NVIDIA/Megatron-LM#1594, linkedin/Liger-Kernel#1251",
    unforeseeable=REMEMBERS,
)
class saved_probabilities_overwritten(Model):
    """∂ℒ/∂Z written over the saved A: a second gradient of the same forward pass takes the first for A."""

    def __init__(self, law=PLAIN):
        super().__init__(law)
        self.saved = {}

    def logits_gradient(self, theta, b, X, Y):
        forward = tuple((array.shape, array.dtype.name, array.tobytes()) for array in (theta, b, X))
        A = self.saved.get(forward)
        if A is None:
            A = self.softmax(self.logits(theta, b, X))
        D = self.mean(self.residual(A, self.labels(Y)), Y)
        self.saved = {**self.saved, forward: D.copy()}
        return D


@mistake(
    "memory",
    fix="return a fresh array from each call, or a copy of the buffer",
    equations=(1, 20, 22, *GRADIENT),
    seen="unslothai/unsloth#5002",
    unforeseeable="what it returns is right until the next call",
)
class reused_output_buffer(Model):
    """Results of one shape live in one array, which the next call writes over."""

    def __init__(self, law=PLAIN):
        super().__init__(law)
        self.buffers = {}

    def _kept(self, function, values):
        key = function, values.shape, values.dtype.name
        buffer = self.buffers.setdefault(key, np.zeros_like(values))
        buffer[...] = values
        return buffer

    def logits(self, theta, b, X):
        return self._kept("logits", super().logits(theta, b, X))

    def softmax(self, Z):
        return self._kept("softmax", super().softmax(Z))

    def softmax_jacobian(self, z):
        return self._kept("softmax_jacobian", super().softmax_jacobian(z))

    def gradients(self, theta, b, X, Y):
        return {key: self._kept(key, value) for key, value in super().gradients(theta, b, X, Y).items()}


@mistake("memory", fix="set the gradient to zero before each call", equations=GRADIENT, unforeseeable=REMEMBERS)
class gradient_accumulated(Model):
    """Added to the gradient that the last call of that shape left."""

    def __init__(self, law=PLAIN):
        super().__init__(law)
        self.left = {}

    def gradients(self, theta, b, X, Y):
        found = {}
        for key, value in super().gradients(theta, b, X, Y).items():
            place = key, value.shape, value.dtype.name
            found[key] = self.left[place] + value if place in self.left else value
            self.left[place] = found[key].copy()
        return found


@mistake(
    "memory",
    fix="key the cache by the numbers, not by their shapes, or keep none",
    equations=(1, 2, 20, 22, *GRADIENT),
    unforeseeable=REMEMBERS,
)
class first_call_remembered(Model):
    """A cache keyed by shapes: later calls of the same shape get the first result again."""

    def __init__(self, law=PLAIN):
        super().__init__(law)
        self.results = {}

    def _first(self, function, compute, *arrays):
        key = (function, *((array.shape, array.dtype.name) for array in arrays))
        if key not in self.results:
            self.results[key] = compute(*arrays)
        return self.results[key].copy()

    def logits(self, theta, b, X):
        return self._first("logits", super().logits, theta, b, X)

    def softmax(self, Z):
        return self._first("softmax", super().softmax, Z)

    def loss(self, theta, b, X, Y):
        return self._first("loss", super().loss, theta, b, X, Y)

    def softmax_jacobian(self, z):
        return self._first("softmax_jacobian", super().softmax_jacobian, z)

    def gradients(self, theta, b, X, Y):
        return self._first("gradients", super().gradients, theta, b, X, Y)


@mistake(
    "memory",
    fix="centre the data before training, once, or not at all",
    equations=GRADIENT,
    unforeseeable=REMEMBERS,
)
class running_mean_subtracted(Model):
    """A running mean of the samples is subtracted from X, and moves with each call."""

    def __init__(self, law=PLAIN):
        super().__init__(law)
        self.centre = {}

    def gradients(self, theta, b, X, Y):
        samples = like(X, theta)
        now = samples.mean(axis=1, keepdims=True)
        before = self.centre.get(now.shape, np.zeros_like(now))
        self.centre[now.shape] = like(before - self.divided(before - now, 10), now)
        return super().gradients(theta, b, like(samples - self.centre[now.shape], theta), Y)


@mistake("memory", fix=NO_STATE, equations=(2,), unforeseeable=REMEMBERS)
class last_loss_returned(Model):
    """The loss of the call before."""

    analytic = False

    def __init__(self, law=PLAIN):
        super().__init__(law)
        self.last = None

    def loss(self, theta, b, X, Y):
        found = super().loss(theta, b, X, Y)
        before, self.last = self.last, found
        return found if before is None else like(before, theta)


@mistake("memory", fix=NO_STATE, equations=GRADIENT, unforeseeable=REMEMBERS)
class call_counter_step(Model):
    """Every second call returns the gradients doubled."""

    def __init__(self, law=PLAIN):
        super().__init__(law)
        self.calls = 0

    def gradients(self, theta, b, X, Y):
        self.calls += 1
        found = super().gradients(theta, b, X, Y)
        return found if self.calls % 2 else {key: value + value for key, value in found.items()}


# ---- chance ----


class Drawn(Model):
    """Draws random numbers: always the same ones in the same order, from the first call on."""

    def __init__(self, law=PLAIN):
        super().__init__(law)
        self.random = np.random.default_rng(0)


@mistake("memory", fix="switch dropout off where gradients are checked", equations=GRADIENT, unforeseeable=CHANCE)
class dropout(Drawn):
    """Each call leaves out other entries of X."""

    def gradients(self, theta, b, X, Y):
        return super().gradients(theta, b, X * self.random.integers(0, 2, X.shape).astype(X.dtype), Y)


@mistake("memory", fix="add noise to the step, not to the gradient", equations=GRADIENT, unforeseeable=CHANCE)
class noise_added(Drawn):
    """Gradients with Gaussian noise of 1e-6, new at each call."""

    def gradients(self, theta, b, X, Y):
        found = super().gradients(theta, b, X, Y)
        return {
            key: value + cast(1e-6 * self.random.standard_normal(value.shape), value.dtype)
            for key, value in found.items()
        }
