"""What differences of losses with a scale, a cap, a z-loss or a penalty are off by is bounded, and shows faults."""

from dataclasses import replace

import flint
import numpy as np
import pytest

from gradcheck import CrossEntropy, Implementation, Problem
from gradcheck.checks import CHECKS
from gradcheck.checks.relations import SYMBOLS
from gradcheck.checks.trial import Trial
from gradcheck.enclosure import Enclosure
from gradcheck.law import text
from gradcheck.model import Stages
from gradcheck.readings.balls import Balls
from gradcheck.readings.differentiate import Derived
from gradcheck.referees import bending, bent
from gradcheck.referees.cumulants import Move
from gradcheck.verdict import Outcome

LAWS = {
    "scale": CrossEntropy(scale=2.5),
    "cap": CrossEntropy(softcap=2.0),
    "cap, then scale": CrossEntropy(softcap=30.0, scale=0.5, scaled="after"),
    "scale, then cap": CrossEntropy(softcap=1.5, scale=3.0, class_weight=(1.0, 3.0, 0.5, 2.0)),
    "z-loss": CrossEntropy(z_loss=0.5),
    "z-loss of labelled": CrossEntropy(z_loss=1e-3, ignore=-100, mean_of="labelled", smoothing=0.1),
    "penalty": CrossEntropy(l2=0.3, l2_bias=True),
    "all": CrossEntropy(softcap=5.0, z_loss=0.1, l2=0.1, scale=2.0, smoothing=0.1, reduction="sum"),
}
EACH = pytest.mark.parametrize("name", LAWS)
BITS = 400


def posed(law: CrossEntropy, seed: int = 0, size: float = 1.0, dtype: str = "float64") -> Problem:
    rng = np.random.default_rng(seed)
    L, d, n = 4, 3, 5
    Y = np.eye(L)[:, rng.integers(0, L, n)]
    Y[:, 0] = 0 if law.ignore is not None else 1 / 4
    arrays = size * rng.normal(size=(L, d)), size * rng.normal(size=(L, 1)), rng.normal(size=(d, n)), Y
    return Problem(*(array.astype(dtype) for array in arrays)).with_law(law)


def moves(p: Problem, rng: np.random.Generator) -> list[Move]:
    signs = lambda array: rng.choice([-1.0, 1.0], array.shape)
    theta, b, X = p.reals[:3]
    alike = np.ones_like(b) + 0.25 * np.eye(p.L, 1)  # all logits move alike, but for one
    return [Move(signs(theta), signs(b)), Move(0 * theta, alike), Move(0 * theta, 0 * b, signs(X))]


def exactly(p: Problem) -> Derived:
    return Derived(*map(Balls.exact, p.reals), p.law)


def largest(found: Balls) -> float:
    return float((abs(found.values()) + found.radii()).max())


def truncation(p: Problem, move: Move, step: float, *, central: bool) -> float:
    """|loss(p+) - loss(p-) - <gradient, p+ - p->|, or of p+ and p, in 400 bits."""
    ends = [
        replace(move, **{key: side * step * part for key, part in vars(move).items() if part is not None})
        for side in ((1, -1) if central else (1, 0))
    ]
    with flint.ctx.workprec(BITS):
        here = exactly(p)
        arrays = [
            [
                Balls.exact(a + (0 if part is None else part))
                for a, part in zip(p.reals[:3], vars(end).values(), strict=True)
            ]
            for end in ends
        ]
        law, Y = here.law, Balls.exact(p.reals[3])
        found = text.loss(*arrays[0], Y, law) - text.loss(*arrays[1], Y, law)
        for key, top, bottom in zip(("theta", "b", "X"), *arrays, strict=True):
            found = found - (here.gradient(key) * (top - bottom)).sum()
        return largest(found)


@EACH
@pytest.mark.parametrize("quotient", [bent.central, bent.forward])
def test_no_difference_is_off_by_more_than_its_bound_and_some_by_a_good_part_of_it(name, quotient):
    """Losses that are known exactly leave the truncation alone; steps from the longest there may be to short ones."""
    rng, ratios = np.random.default_rng(1), []
    known = lambda _: Enclosure(np.zeros(()), np.zeros(()))
    for seed, size in ((0, 1.0), (1, 0.1), (2, 6.0)):
        p = posed(LAWS[name], seed, size)
        for move in moves(p, rng):
            for scale in (1.0, 2.0**-7):
                shorter = replace(move, **{k: scale * part for k, part in vars(move).items() if part is not None})
                taken = quotient(p, shorter, known)
                off = truncation(p, shorter, taken.step, central=quotient is bent.central)
                bound = float(taken.enclosure.radius)
                assert off <= bound
                ratios.append(off / bound if bound else 0.0)
    assert max(ratios) > 0.02


@EACH
def test_slopes_of_a_cap_are_bounded(name):
    """|g'|, |g''| and |g'''|, by differences of balls on a grid; the largest of each is nearly met where there is a cap."""
    law, at = LAWS[name], np.linspace(-6, 6, 241) * max(LAWS[name].softcap, 1.0) / 3
    bounds, h = bending.Bending(posed(law)).slopes, 2.0**-40
    with flint.ctx.workprec(BITS):
        g = [text.mapped(Balls.exact(at) + k * h, exactly(posed(law)).law) for k in (-2, -1, 0, 1, 2)]
        quotients = (
            (g[3] - g[1]) / (2 * h),
            (g[3] - 2 * g[2] + g[1]) / h**2,
            (g[4] - 2 * g[3] + 2 * g[1] - g[0]) / (2 * h**3),
        )
        for found, bound in zip(quotients, bounds, strict=True):
            assert largest(found) <= bound * (1 + 1e-9) + 1e-9
            assert not law.softcap or largest(found) >= 0.9 * bound


CHECKED = {
    "central_difference_theta": "theta",
    "central_difference_b": "b",
    "central_difference_Z": "Z",
    "central_difference_X": "X",
    "forward_difference": "theta",
    "gradient_of_its_own_loss": "b",
    "scipy_check_grad_theta": "theta",
    "scipy_check_grad_b": "b",
    "scipy_check_grad_X": "X",
    "scipy_check_grad_Z": "Z",
}


def code(law: CrossEntropy, key: str = "", fault: float = 0.0) -> Implementation:
    """The right one; or one entry of one gradient is off, by that much of the largest."""
    stages = Stages(law)

    def gradients(theta, b, X, Y):
        found = stages.gradients(theta, b, X, Y)
        if key:
            wrong = found[key].copy()
            wrong.flat[-1] += fault * abs(wrong).max()
            found[key] = wrong
        return found

    return Implementation("code", gradients, stages.loss, law=law)


@EACH
@pytest.mark.parametrize("check", CHECKED)
def test_a_wrong_gradient_is_caught_by_the_difference_alone(name, check):
    """No closed form, and no ball, is asked: 1e-6 by a central difference, 1e-3 by a forward one."""
    p = posed(LAWS[name])
    if check.startswith("scipy"):  # which takes few coordinates
        L, n = (3, 2) if not p.law.class_weight else (4, 2)
        p = Problem(p.theta[:L], p.b[:L], p.X[:, 1 : n + 1], p.Y[:L, 1 : n + 1] + 0.125).with_law(p.law)
    fault = 1e-6 if "central" in check or "own" in check else 1e-3
    judged = lambda target: CHECKS[check].judge(Trial(target, p))
    right, wrong = judged(code(p.law)), judged(code(p.law, CHECKED[check], fault))
    if check == "scipy_check_grad_Z" and p.law.l2:
        assert right.outcome is wrong.outcome is Outcome.SKIPPED and "a penalty is of θ" in right.reason
        return
    assert right.outcome is Outcome.AGREE, right
    assert wrong.outcome is Outcome.DISAGREE, wrong
    if check.startswith("central"):
        assert f"{SYMBOLS[CHECKED[check]]} · direction = " in str(wrong)


@EACH
def test_a_loss_of_another_precision_and_a_wrong_one(name):
    """float32 and float16 agree, too; where a loss is wrong, no step is known to be right for it."""
    for dtype in ("float32", "float16"):
        p = posed(LAWS[name], dtype=dtype)
        for check in CHECKED:
            assert CHECKS[check].judge(Trial(code(p.law), p)).outcome is not Outcome.DISAGREE
    p = posed(LAWS[name])
    wrong = replace(code(p.law), loss=lambda *arrays: 1 + Stages(p.law).loss(*arrays))
    found = CHECKS["gradient_of_its_own_loss"].judge(Trial(wrong, p))
    assert found.outcome is Outcome.SKIPPED and "see the check loss" in found.reason


def test_logits_that_overflow_say_nothing():
    known = lambda _: Enclosure(np.zeros(()), np.zeros(()))
    p = posed(CrossEntropy(softcap=2.0, z_loss=1.0, scale=2.0**100), size=2.0**1000)
    for quotient in (bent.central, bent.forward):
        assert quotient(p, moves(p, np.random.default_rng(0))[0], known).enclosure.radius == np.inf
