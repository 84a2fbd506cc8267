"""Equations that put entries into places of an array. What is for a place beyond its end goes nowhere, as JAX has it."""

from typing import Any

import numpy as np

from gradcheck.errors import Unusable
from gradcheck.law.functions import Array
from gradcheck.readings.jaxpr import door
from gradcheck.readings.jaxpr.kinds import known, whole
from gradcheck.readings.jaxpr.moves import added, in_a_row, picked
from gradcheck.readings.jaxpr.step import Step
from gradcheck.readings.places import places
from gradcheck.readings.primitives.arithmetic import MULTIPLY
from gradcheck.readings.primitives.moving import PICK, SCATTER

SEVERAL = "a traced loss puts several numbers into one place; which of them stays JAX does not say"


def _landing(step: Step, x: Any, indices: Any, updates: Any) -> tuple[Array, Array]:
    """The places in the list of x that are written to, and of the updates that are."""
    standing = door.landing(
        places(tuple(x.shape)), whole(indices, "an index"), tuple(updates.shape), step.params
    ).ravel()
    kept = np.flatnonzero(standing >= 0)
    return standing[kept], kept


def summed(step: Step, x: Any, indices: Any, updates: Any) -> Any:
    """Added to what is there."""
    to, kept = _landing(step, x, indices, updates)
    landed = SCATTER(PICK(updates, places=kept), places=to, shape=tuple(x.shape))
    return added(step, landed, x)


def put(step: Step, x: Any, indices: Any, updates: Any) -> Any:
    """In the place of what is there."""
    to, kept = _landing(step, x, indices, updates)
    if len(np.unique(to)) < len(to) and not known(updates) and step.number(updates) is None:
        raise Unusable(SEVERAL)
    return _put(x, updates, to, kept)


def _put(x: Any, updates: Any, to: Array, kept: Array) -> Any:
    standing = places(tuple(x.shape)).copy()
    standing.reshape(-1)[to] = x.size + kept
    return picked(in_a_row(x, updates), lambda a: a[standing])


def multiplied(step: Step, x: Any, indices: Any, updates: Any) -> Any:
    """Multiplied into what is there."""
    to, kept = _landing(step, x, indices, updates)
    if len(np.unique(to)) < len(to):
        raise Unusable("a traced loss multiplies several numbers into one place; write it with jnp.prod")
    found = MULTIPLY(PICK(x, places=to), PICK(updates, places=kept))
    return _put(x, found, to, np.arange(len(to)))
