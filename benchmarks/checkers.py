"""Every checker in one form: handed an implementation and a problem, it answers claim by claim. Used by `benchmarks.power`."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial

import numpy as np

from benchmarks import peers
from benchmarks.peers import Claim
from gradcheck import model
from gradcheck.checks import CHECKS
from gradcheck.conformance import pose
from gradcheck.implementations import Implementation
from gradcheck.mistakes import Model
from gradcheck.problem import Problem
from gradcheck.verify import judge

LARGEST = 64  # parameters, and logits: larger problems are posed to nobody, since the slow peers take seconds for each of them


@dataclass(frozen=True, eq=False)
class Posed:
    """A problem and its number in a run; the single random input has none, and all checks judge it."""

    problem: Problem
    number: int | None = None


@dataclass(frozen=True)
class Answer:
    """What one checker says of one claim: it accepts, it refuses, or what it raised instead."""

    claim: str
    accepts: bool
    raised: str = ""


Checker = Callable[[Implementation, Posed], Iterator[Answer]]


# ---- problems ----


@cache
def posed(regimes: tuple[str, ...], dtype: str, seed: int, count: int) -> tuple[Posed, ...]:
    """The first problems of a run that are not too large, the same for every checker."""
    drawn: list[Problem] = []
    pose(drawn.append, dtype=dtype, regimes=regimes or ("*",), seed=seed, count=2 * count, shrink=False)
    kept = [p for p in drawn if max(p.parameters, p.Y.size) <= LARGEST][:count]
    assert len(kept) == count, f"{len(kept)} problems of {count} are not too large"
    return tuple(Posed(p, number) for number, p in enumerate(kept))


@cache
def usual(seed: int) -> tuple[Posed, ...]:
    """One random input, as the documentation of the peers has it."""
    return (Posed(Problem(*peers.problem(3, 4, 5, seed))),)


# ---- what the peers are asked of an implementation ----


def parameters_claim(it: Implementation, problem: Problem) -> Claim:
    """The gradients with respect to theta and b are those of its own loss."""
    theta, b, X, Y = problem.arrays()

    def gradients(theta, b):
        found = it.gradients(theta, b, X, Y)
        return tuple(np.asarray(found[name]) for name in ("theta", "b"))

    return Claim("theta, b", (theta, b), lambda theta, b: it.loss(theta, b, X, Y), gradients)


def logits_claim(it: Implementation, problem: Problem) -> Claim:
    """The gradient with respect to Z is that of its own loss: with Z for theta, no bias, and the identity for X."""
    Z, zero = np.array(exact_logits(problem)), np.zeros_like(problem.b)
    _, _, X, Y = problem.arrays()
    one = np.eye(problem.n, dtype=X.dtype)
    return Claim(
        "Z", (Z,), lambda Z: it.loss(Z, zero, one, Y), lambda Z: (np.asarray(it.gradients(Z, zero, one, Y)["Z"]),)
    )


def softmax_claim(it: Implementation, problem: Problem) -> Claim:
    """The Jacobian of the softmax, column by column, is that of its own softmax; columns do not mix."""

    def jacobian(Z):
        L, n = Z.shape
        found = np.zeros((L, n, L, n), dtype=Z.dtype)
        for i in range(n):
            found[:, i, :, i] = it.softmax_jacobian(Z[:, i])
        return (found,)

    return Claim("softmax", (np.array(exact_logits(problem)),), it.softmax, jacobian)


def exact_logits(problem: Problem) -> np.ndarray:
    return model.logits(problem.theta, problem.b, problem.X.astype(problem.theta.dtype))


CLAIMS = {
    parameters_claim: ("gradients", "loss"),
    logits_claim: ("gradients", "loss"),
    softmax_claim: ("softmax", "softmax_jacobian"),
}


# ---- the checkers ----


def by_peer(peer: Callable[[Claim], bool], it: Implementation, question: Posed) -> Iterator[Answer]:
    """Whatever a peer raises is kept: the user of it sees that, too."""
    for claimed, needs in CLAIMS.items():
        if set(needs) <= set(it.offers):
            claim = claimed(it, question.problem)
            try:
                yield Answer(claim.name, peer(claim))
            except Exception as raised:
                yield Answer(claim.name, False, f"{type(raised).__name__}: {raised}".split("\n")[0][:120])


def by_gradcheck(it: Implementation, question: Posed) -> Iterator[Answer]:
    """Each check in its turn, as in `gradcheck verify`; on a single problem all of them, as in `gradcheck.judge`."""
    number, problem = question.number, question.problem
    due = [check for check in CHECKS.values() if number is None or check.due(number, problem)]
    for name, verdict in judge(it, problem, due).items():
        yield Answer(name, not verdict.failed)


CHECKERS: dict[str, Checker] = {
    "gradcheck": by_gradcheck,
    **{name: partial(by_peer, peer) for name, peer in peers.PEERS.items()},
}


RIGHT = Model().implementation("right")


@cache
def of_right_code(name: str, question: Posed) -> dict[str, Answer]:
    """What this checker says of the right code: where it does not accept that, its refusal of wrong code is no evidence."""
    return {answer.claim: answer for answer in CHECKERS[name](RIGHT, question)}


def in_peace() -> None:
    """For a process that runs checkers: what overflows is seen in the verdicts."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
