"""Upstream gradients that are posed, and what they make of the gradients of a problem: docs/bounds.md, section 15."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from gradcheck.checks.relations import QUANTITY
from gradcheck.checks.trial import Trial
from gradcheck.enclosure import U64, Enclosure, Reals, outward
from gradcheck.problem import Array

POWERS = (0.125, 0.5, 4.0, 16.0, 2.0**16, 2.0**-20)  # the last two scale a loss, or weigh a small part of one


def factors(trial: Trial) -> tuple[Array, Array]:
    """A power of two, and a number of full significand, of either sign, in the precision of the problem: (1,) each."""
    random, p = trial.random, trial.problem.precision
    last = 2 * random.integers(0, int(0.25 / p.u)) + 1  # odd, so that no shorter precision has it
    full = random.choice([-2.0, 2.0]) * (1 + 2 * p.u * float(last))
    powers = [c for c in POWERS if p.tiny < c * c < p.huge]  # in 16 bits, others leave too few numbers
    return p.round(np.array([random.choice(powers)])), p.round(np.array([full]))


def of_samples(trial: Trial) -> Array:
    """(n,) unequal numbers, of which some are negative, and some 0."""
    random, p = trial.random, trial.problem
    found = random.uniform(0.5, 4.0, p.n) * random.choice([-1.0, 1.0], p.n)
    found[random.random(p.n) < 0.2] = 0
    return p.precision.round(found)


def strided(values: Array, stride: int) -> Array:
    """The same numbers in memory with this stride, counted in numbers; of stride 0 the first, for all."""
    if not stride:
        return np.broadcast_to(values[:1], values.shape)
    base = np.zeros(len(values) * stride, dtype=values.dtype)[::stride]
    base[:] = values
    return base


def scaled(trial: Trial, c: Array, operations: int = 1, pieces: int = 0) -> Mapping[str, tuple[Enclosure, Reals]]:
    """The gradients of sum_i c_i loss_i, c of shape (1,) or (n,), and what rounding may add to them."""
    truth, weights = trial.truth, c.astype(np.float64)
    if pieces:
        truth = replace(truth, grants=replace(trial.granted, pieces=trial.granted.pieces + pieces))
    found = {}
    for key, quantity in QUANTITY.items():
        value = _exact(trial, quantity, weights)
        found[key] = value, truth.upstream(quantity, weights, value.magnitude, operations)
    return found


def _exact(trial: Trial, quantity: str, c: Reals) -> Enclosure:
    """c times the gradient; of one number for each sample, the sum of c_i D_i x_i."""
    if len(c) == 1:
        return _times(trial.truth.enclosure(quantity), c[0])
    D = _times(trial.truth.enclosure("D"), c)
    theta, _, X, _ = trial.problem.reals
    return {
        "D": lambda: D,
        "theta": lambda: _product(D, X.T),
        "b": lambda: _product(D, np.ones((len(c), 1))),
        "X": lambda: _turned(_product(_turned(D), theta)),
    }[quantity]()


def _times(value: Enclosure, c: Reals) -> Enclosure:
    midpoint = value.midpoint * c
    return Enclosure(midpoint, outward(value.radius * abs(c) + 2 * U64 * abs(midpoint)))


def _turned(value: Enclosure) -> Enclosure:
    return Enclosure(value.midpoint.T, value.radius.T)


def _product(left: Enclosure, right: Reals) -> Enclosure:
    """Of an enclosure and exact numbers: its radius, and the roundings of the sum."""
    size, terms = abs(right), left.midpoint.shape[1]
    radius = left.radius @ size + 2 * (terms + 2) * U64 * (abs(left.midpoint) @ size)
    return Enclosure(left.midpoint @ right, outward(radius, 2 * terms + 8))
