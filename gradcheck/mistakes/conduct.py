"""What is remembered from one call to the next, or drawn by chance, in the place of a pure function."""

import numpy as np

from gradcheck.law.options import PLAIN
from gradcheck.mistakes.rounded import cast
from gradcheck.mistakes.stages import Model, like
from gradcheck.mistakes.table import GRADIENT, LOGITS, mistake

NO_STATE = "compute from the arguments alone: keep nothing from one call to the next"
REMEMBERS = "what it returns depends on the calls before"
CHANCE = "what it returns depends on numbers drawn at random"


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


@mistake("memory", fix="leave momentum to the optimiser", equations=GRADIENT, unforeseeable=REMEMBERS)
class momentum_added(Model):
    """A part of the gradient that the last call of that shape returned is added, as momentum is."""

    value = 0.9

    def __init__(self, law=PLAIN):
        super().__init__(law)
        self.left = {}

    def gradients(self, theta, b, X, Y):
        found = {}
        for key, now in super().gradients(theta, b, X, Y).items():
            place = key, now.shape, now.dtype.name
            found[key] = like(now + self.left[place] * self.value, now) if place in self.left else now
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
