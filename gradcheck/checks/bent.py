"""Gradients of losses with a scale, a cap, a z-loss or a penalty, along a direction, by differences of the mathematical loss."""

from dataclasses import replace

import numpy as np

from gradcheck.checks.reading import Skip, require_bounded
from gradcheck.checks.relations import QUANTITY, SYMBOLS
from gradcheck.checks.trial import Trial
from gradcheck.enclosure import Enclosure, Reals
from gradcheck.problem import Problem
from gradcheck.referees import bent, float64, mathematical
from gradcheck.referees.cumulants import VARIABLES, Directional, Move
from gradcheck.verdict import Comparison

SAMPLES = 64  # of logits as parameters, whose data are the identity: a choice of cost


def loss_allowed(trial: Trial, problem: Problem) -> Reals:
    """What rounding may do to the loss of another problem."""
    return replace(float64.truth(problem), grants=trial.granted).allowed("loss")


def own_loss(trial: Trial, problem: Problem) -> Enclosure:
    """Its loss of another problem, where it is right up to rounding."""
    return Enclosure(np.asarray(trial.loss(problem)), loss_allowed(trial, problem))


def parameter_along(trial: Trial, variable: str) -> Comparison:
    """theta, b or X, with the others held: every entry moves, each with a random sign."""
    p = trial.truth64.problem
    theta, b = (0 * array for array in p.reals[:2])
    signs = np.asarray(trial.random.choice([-1.0, 1.0], p.reals[VARIABLES.index(variable)].shape))
    move = replace(Move(theta, b), **{variable: signs})
    return compared(trial, variable, bent.central(p, move, mathematical.loss))


def logits_along(trial: Trial, signs: Reals) -> Comparison:
    """Z, as theta with the identity for data, so that Z = theta; a penalty is of another theta."""
    truth, p = trial.truth64, trial.truth64.problem
    if p.n > SAMPLES:
        raise Skip(f"more than {SAMPLES} samples")
    Z, law = truth.enclosure("Z"), replace(p.law, l2=0.0)
    posed = p.with_arrays(Z.midpoint, 0 * p.b, np.eye(p.n), p.Y).with_law(law)
    move = Move(signs, 0 * p.b)
    return compared(trial, "Z", bent.central(posed, move, mathematical.loss, apart=Z.radius.max(axis=0)))


def compared(trial: Trial, key: str, taken: Directional) -> Comparison:
    """One gradient along what it was moved by."""
    own, allowed = trial.gradient(key), trial.truth.allowed(QUANTITY[key])
    require_bounded(allowed)
    move = taken.move.theta if key == "Z" else getattr(taken.move, key)
    alone = Move(np.zeros_like(own) if move is None else move, np.zeros((1, 1)))  # data that no step has moved
    value = alone.project(own, alone.b)
    what = f"{SYMBOLS[key]} · direction"
    return Comparison(what, value.midpoint, taken.enclosure.inflate(value.radius), alone.spread(allowed, alone.b))
