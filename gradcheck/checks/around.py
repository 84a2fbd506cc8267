"""What a loss does to what is around it: logits that it is handed, labels, and inputs that need no gradient."""

from dataclasses import replace

import numpy as np

from gradcheck.checks.bars import answers, plain_labels, uncapped
from gradcheck.checks.reading import Skip, as_reals
from gradcheck.checks.relations import SYMBOLS
from gradcheck.checks.repeatable import identical
from gradcheck.checks.table import AGREED, check, found
from gradcheck.checks.trial import Trial
from gradcheck.checks.used import Found, exact, gradients, held, pair, require_right
from gradcheck.enclosure import U64, Enclosure, Reals
from gradcheck.problem import Problem
from gradcheck.verdict import Comparison


def capped(problem: Problem) -> Problem:
    """The problem of tanh of its logits, with parameters so small that the logits are about 1: by a power of two, exactly."""
    theta, b, X, _ = problem.reals
    logits = abs(theta) @ abs(X) + np.where(np.isneginf(b), 0, abs(b))
    step = 2.0 ** -max(np.frexp(float(logits.max(initial=1.0)))[1], 0)
    round_ = problem.precision.round
    small = problem.with_arrays(round_(theta * step), round_(b * step), problem.X, problem.Y)
    return small.with_law(replace(problem.law, softcap=1.0, scaled="after"))


@check(3, needs=("gradients",), turns=(9,), bars=(answers("through"), uncapped))
def gradient_through_a_kept_output(trial: Trial) -> Found:
    """The loss of tanh(Z) has the gradient that follows: tanh keeps its output, which the loss leaves alone."""
    require_right(trial)
    if trial.problem.masked.any():
        raise Skip("tanh of a masked logit is -1, and not masked")
    small = capped(trial.problem)
    require_right(trial.beside(small.with_law(trial.problem.law)))  # of logits so small, too, which others are not
    yield from held(trial, "through", "through tanh", trial.call("through", *small.arrays()), exact(trial, small))


@check(needs=("gradients",), turns=(9,), bars=(answers("left"),))
def logits_left_alone(trial: Trial) -> Found:
    """Neither the loss nor its gradient writes into the logits that it is given."""
    raw = pair("left", trial.call("left", *trial.problem.arrays()), 3)
    before, after, end = (as_reals("left", each, trial.problem.Y.shape) for each in raw)
    if not identical(before, after):
        yield found(_changed("the loss", before, after))
    elif not identical(after, end):
        yield found(_changed("the gradient of the loss", after, end))
    yield AGREED


def _changed(who: str, one: Reals, other: Reals) -> str:
    l, i = (int(k) for k in np.argwhere(one.view(np.int64) != other.view(np.int64))[0])
    return (
        f"{who} writes into the logits: Z[{l}, {i}] was {one[l, i]:.6g}, and is {other[l, i]:.6g}; "
        "whatever made them and keeps its output has another gradient then"
    )


@check(needs=("gradients",), turns=(9,), bars=(answers("some"),))
def inputs_without_gradient(trial: Trial) -> Found:
    """Where some inputs need no gradient, the others have theirs, and labels have none."""
    require_right(trial)
    own = [key for key in ("theta", "b", "X") if key in trial.raw_gradients() and trial.law.made_of(key)]
    truths = exact(trial)
    for key in own:
        given = gradients("some", trial.call("some", *trial.problem.arrays(), (key,)))
        if key not in given:
            yield found(f"{SYMBOLS[key]} is missing where {_others(own, key)} no gradient")
            continue
        if "Y" in given:
            yield found(f"labels that need no gradient were given one, beside {SYMBOLS[key]}")
        yield from held(trial, "some", "alone", {key: given[key]}, truths)


def _others(own: list[str], key: str) -> str:
    names = {"theta": "θ", "b": "b", "X": "X"}
    others = [names[each] for each in own if each != key]
    return f"{' and '.join(others)} need{'s' * (len(others) == 1)}" if others else "labels need"


@check(needs=("gradients",), turns=(9,), bars=(answers("some"), plain_labels))
def gradient_of_labels(trial: Trial) -> Found:
    """Labels that need a gradient get none or -log A/n, up to a number for each sample."""
    require_right(trial)
    given = gradients("some", trial.call("some", *trial.problem.arrays(), ("theta", "b", "X", "Y")))
    yield from held(trial, "some", "beside that of the labels", {k: given[k] for k in given if k != "Y"}, exact(trial))
    if "Y" in given:
        yield from _of_labels(trial, as_reals("some['Y']", given["Y"], trial.problem.Y.shape))


def _of_labels(trial: Trial, computed: Reals) -> Found:
    """Labels of one mass move along the simplex: differences between two classes of one sample, labelled both."""
    truth, p = trial.truth, trial.problem
    Z, N = truth.enclosure("Z"), p.divisor
    first = p.reals[3].argmax(axis=0)[np.newaxis]
    labelled = (p.reals[3] > 0) & (np.arange(p.L)[:, np.newaxis] != first)
    if not labelled.any():
        return
    reference = (first, np.arange(p.n))
    error = truth.label_gradient()
    mine = np.where(labelled, computed - computed[reference], 0)
    due = np.where(labelled, (Z.midpoint[reference] - Z.midpoint) / N, 0)
    own = 4 * U64 * (abs(computed) + abs(computed[reference]) + (abs(Z.midpoint) + abs(Z.midpoint[reference])) / N)
    radius = np.where(labelled, (Z.radius + Z.radius[reference]) / N + own, 0)
    yield Comparison(
        "∂ℒ/∂Y, between two labels", mine, Enclosure(due, radius), np.where(labelled, error + error[reference], 0)
    )
