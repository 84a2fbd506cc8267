"""What is judged first is a matter of the clock; what is said in the end is not."""

from dataclasses import replace

import numpy as np
import pytest

from gradcheck.checks import select
from gradcheck.conformance import conform
from gradcheck.drawing import pose
from gradcheck.implementations import adapt, load
from gradcheck.implementations.pace import FIRST, SLOW, Pace
from gradcheck.judging import Judging
from gradcheck.law.options import PLAIN
from gradcheck.order import LARGE, WINDOW, Order
from gradcheck.problem import Problem
from gradcheck.verdict import Outcome


class Clock:
    """A clock that stands still, but for what is added."""

    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


def slow(implementation, seconds, clock):
    """The same code, each call of which takes so long by this clock."""

    def waiting(function):
        def called(*arrays):
            clock.time += seconds
            return function(*arrays)

        return called

    functions = {name: waiting(getattr(implementation, name)) for name in implementation.offers}
    found = replace(implementation, **functions)
    found.home.pace.now = clock
    return found


def wrong(implementation):
    """A gradient that is summed over the samples."""

    def gradients(theta, b, X, Y):
        found = implementation.gradients(theta, b, X, Y)
        return {**found, "theta": found["theta"] * Y.shape[1]}

    return replace(implementation, gradients=gradients)


def drawn(count):
    """The problems of a run."""
    found: list[Problem] = []
    pose(found.append, dtype="float64", regimes=("*",), seed=0, count=count, shrink=False)
    return found


def told(run):
    """Everything that a run says, and on which problems."""
    tallies = {
        name: (t.counts, t.reasons, t.ratio, t.slack, t.first and t.first[0].digest, [p.digest for p in t.failing])
        for name, t in run.tallies.items()
    }
    return tallies, run.report(), [f.problem.digest for f in run.failures]


@pytest.mark.parametrize("target", [load("numpy"), wrong(load("numpy"))], ids=["right", "wrong"])
def test_a_slow_run_says_what_a_quick_one_says(target):
    clock = Clock()
    quick = told(conform(replace(target, name="it"), max_examples=40))
    assert told(conform(replace(slow(target, 1.0, clock), name="it"), max_examples=40)) == quick


def test_every_check_of_a_slow_target_comes_first_and_large_problems_last():
    clock, asked = Clock(), list[tuple[str, int]]()
    target = adapt(slow(load("numpy"), 2 * SLOW, clock))
    judging = Judging(target, select(()), "float64")
    order = Order(
        judging, target.home.pace, lambda check, problem, verdict: asked.append((check.name, problem.entries))
    )
    for problem in drawn(100):
        order.take(problem)
    order.end()
    met = sum(not check.barred(target, PLAIN, "float64") for check in judging.checks)
    assert order.hurried and len({name for name, _ in asked[:200]}) >= met
    sizes = [entries for _, entries in asked]
    last = max(k for k, entries in enumerate(sizes) if entries <= LARGE)
    assert sizes[last + 1 :] and sizes[last + 1 :] == sorted(sizes[last + 1 :])
    judged = {name for name, tally in judging.tallies.items() if tally.judged}
    early = [name for name, entries in asked[:last] if entries > LARGE and name in judged]
    assert len(set(early)) <= 3 and len(early) <= 3 * len(set(early))  # which could judge no other problem
    assert judging.done == 100 and not judging.partly


def test_the_checks_of_a_quick_target_come_problem_by_problem():
    asked, problems = list[str](), drawn(WINDOW + 4)
    judging = Judging(load("numpy"), select(("*gradient*", "loss")), "float64")
    order = Order(judging, Pace(now=Clock()), lambda check, problem, verdict: asked.append(problem.digest))
    for problem in problems:
        order.take(problem)
        assert asked[-1] == problem.digest and judging.done == judging.posed
    order.end()
    assert not order.hurried and judging.done == len(problems)


def test_few_problems_are_all_judged_before_a_window_is_full():
    judging = Judging(load("numpy"), select(()), "float64")
    order = Order(judging, Pace(), lambda check, problem, verdict: None, hurried=True)
    for problem in drawn(7):
        order.take(problem)
    assert judging.done == 0
    order.end()
    assert judging.done == 7 and sum(judging.tallies["loss"].counts.values()) == 7


def test_what_is_left_in_the_middle_is_counted_in_part():
    judging = Judging(load("numpy"), select(()), "float64")
    whole, part, none = (judging.pose(load_problem(n)) for n in (2, 3, 4))
    for check in tuple(part.left[:3]):
        judging.ask(part, check)
    for check in tuple(whole.left):
        judging.ask(whole, check)
    assert judging.done == 1 and judging.tallies["logits"].counts[Outcome.AGREE] == 1
    judging.finish()
    assert (judging.done, judging.partly) == (1, 1) and none.left
    assert judging.tallies["logits"].counts[Outcome.AGREE] == 2 and judging.tallies["finite"].counts[Outcome.AGREE] == 1


def load_problem(n):
    return Problem(np.ones((2, 1)), np.zeros((2, 1)), np.arange(float(n))[np.newaxis], np.eye(2)[:, np.arange(n) % 2])


def test_a_pace_is_known_after_a_few_calls():
    clock = Clock()
    pace = Pace(now=clock)
    for _ in range(FIRST):
        assert not pace.slow
        began = clock()
        clock.time += 2 * SLOW
        pace.add(began)
    assert pace.slow and pace.mean == pytest.approx(2 * SLOW)
