"""What is remembered by less than it depends on, so that calls with fresh arrays, one after the other, are right."""

import weakref

import numpy as np

from gradcheck.law.options import PLAIN
from gradcheck.mistakes.conduct import REMEMBERS
from gradcheck.mistakes.stages import Model
from gradcheck.mistakes.table import GRADIENT, LOGITS, mistake

PARAMETERS = (2, 20, *GRADIENT)  # what depends on theta


@mistake(
    "memory",
    fix="make it anew where the numbers of the array are others, not where the array is another one",
    equations=PARAMETERS,
    seen="ooples/AiDotNet.Tensors#583, sgl-project/sglang#30247",
    unforeseeable=REMEMBERS,
)
class made_of_an_array_remembered(Model):
    """What is made of an argument is kept with its array, and not made again when that is written to."""

    def __init__(self, law=PLAIN):
        super().__init__(law)
        self.packed = {}

    def logits(self, theta, b, X):
        known = self.packed.get(id(theta))
        if known is None or known[0]() is not theta:
            known = self.packed[id(theta)] = weakref.ref(theta), theta.copy()
        return super().logits(known[1], b, X)


@mistake(
    "memory",
    fix="let the key of a cache hold every argument that enters into what is kept",
    equations=LOGITS,
    unforeseeable=REMEMBERS,
)
class remembered_by_some_arguments(Model):
    """What is kept is found again by some of the arguments that it was made of, and not by all of them."""

    def __init__(self, law=PLAIN):
        super().__init__(law)
        self.kept = {}

    def gradients(self, theta, b, X, Y):
        self.key = theta.tobytes(), X.tobytes(), X.shape, theta.dtype.name
        return super().gradients(theta, b, X, Y)

    def logits_gradient(self, theta, b, X, Y):
        if self.key not in self.kept:
            self.kept[self.key] = self.softmax(self.logits(theta, b, X))
        return self.mean(self.residual(self.kept[self.key], self.labels(Y)), Y)


@mistake(
    "memory",
    fix="hold the array itself with what is kept by its address, or keep nothing: freed memory is given again",
    equations=PARAMETERS,
    seen="ScalingIntelligence/KernelBench#82",
    unforeseeable=REMEMBERS,
)
class remembered_by_address(Model):
    """What is kept is found again by the address of an array that is gone: another one lies there now."""

    def __init__(self, law=PLAIN):
        super().__init__(law)
        self.packed = {}

    def logits(self, theta, b, X):
        if theta.flags.writeable:  # what cannot be written to looks as if it could not change
            return super().logits(theta, b, X)
        place = theta.__array_interface__["data"][0], theta.shape, theta.strides, theta.dtype.name
        if place not in self.packed:
            self.packed[place] = theta.copy()
        return super().logits(self.packed[place], b, X)


@mistake(
    "memory",
    fix="keep a result once it is complete, and clean up where a call raises",
    equations=GRADIENT,
    unforeseeable=REMEMBERS,
)
class left_by_an_exception(Model):
    """A call that raises leaves what it had begun, and the next one takes that for the result."""

    def __init__(self, law=PLAIN):
        super().__init__(law)
        self.kept = {}

    def gradients(self, theta, b, X, Y):
        key = tuple((array.tobytes(), array.shape, array.dtype.name) for array in (theta, b, X, Y))
        if key not in self.kept:
            self.kept[key] = {"theta": np.zeros_like(theta, subok=False), "b": np.zeros_like(b, subok=False)}
            self.kept[key] = super().gradients(theta, b, X, Y)
        return {name: value.copy() for name, value in self.kept[key].items()}


@mistake(
    "memory",
    fix="give each call, or each thread, an array of its own, or hold a lock",
    equations=(1, *GRADIENT),
    seen="unslothai/unsloth#5002",
    unforeseeable="what it returns is right where one call is made at a time",
)
class one_array_for_all_threads(Model):
    """Calls share an array to work in or to keep: where there are two at once, one takes the numbers of the other for its own."""

    threads = True

    def __init__(self, law=PLAIN):
        super().__init__(law)
        self.arrays = {}

    def softmax(self, Z):
        E = self.arrays.setdefault((Z.shape, Z.dtype.name), np.empty_like(Z))
        np.subtract(Z, Z.max(axis=0), out=E)
        np.exp(E, out=E)
        np.divide(E, E.sum(axis=0), out=E)
        return E.copy()
