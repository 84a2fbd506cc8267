"""A declared depth of sums: what it grants holds for sums of sums, is sharper, and a false declaration is told as such."""

import math
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner

import gradcheck
from gradcheck import Arithmetic, CrossEntropy, Implementation, Loss, Outcome, Problem, Unusable, judge, layouts
from gradcheck.arithmetic import granted
from gradcheck.auditing.dump import of
from gradcheck.auditing.plan import error_model
from gradcheck.bounds import rescaling
from gradcheck.bounds.columns import summed
from gradcheck.bounds.penalties import penalised_loss
from gradcheck.bounds.roundings import depth
from gradcheck.checks import CHECKS
from gradcheck.cli import main
from gradcheck.reports import commands
from gradcheck.tally import Tally
from gradcheck.verify import Run

BLOCKED = Arithmetic(sums="blocked:256")


def blocks(terms, B):
    """Additions in a row of one sum in blocks."""
    return min(terms - 1, B + math.ceil(terms / B) - 2)


@pytest.mark.parametrize("B", [1, 2, 3, 7, 16])
def test_sums_of_sums_and_two_that_are_subtracted_are_no_deeper(B):
    """Over classes, then over samples; and a difference beside."""
    p = granted("float32", Arithmetic(sums=f"blocked:{B}"))
    for L in range(1, 60):
        for n in range(1, 60):
            assert blocks(L, B) + blocks(n, B) + 1 <= max(depth(p, L * n), 1)
            assert blocks(L * n, B) + 1 <= max(depth(p, 2 * L * n - 1), 1)


def test_terms_that_are_zero_belong_to_blocks_too():
    """One label of a thousand in a block each: their sum is as deep as there are blocks."""
    p = granted("float32", BLOCKED)
    assert depth(p, 999) == 260 and depth(p, 999, among=10**6) == 999
    assert depth(granted("float32", Arithmetic()), 999) == 999


def test_a_rescaled_sum_is_granted_once_a_block_and_no_more_than_in_any_order():
    """Both ways hold."""
    p, usual = granted("float32", BLOCKED), granted("float32", Arithmetic())
    for L in (2, 64, 65, 300, 1000, 10**5):
        assert sum(summed(L, p)) <= sum(summed(L, usual))
    assert sum(summed(10**5, p)) < sum(summed(10**5, usual)) / 10


def step(n, sequential=False):
    """One step in float32 of eight runs of equal samples; sums in a row where `sequential`, and otherwise by pairs."""
    rng = np.random.default_rng(3)
    L, d = 3, 4
    theta, b = rng.normal(size=(L, d)).astype("f4"), np.zeros(L, "f4")
    X = rng.uniform(0.5, 1, size=(d, 8)).astype("f4").repeat(n // 8, 1)
    y = rng.integers(0, L, 8).repeat(n // 8)
    Z = theta @ X + b[:, None]
    E = np.exp(Z - Z.max(axis=0))
    D = E / E.sum(axis=0)
    D[y, np.arange(n)] -= 1
    D /= np.float32(n)
    terms = D[:, None] * X
    G = np.add.accumulate(terms, axis=2)[..., -1] if sequential else terms.sum(axis=2)
    return {"theta": theta, "b": b, "X": X, "Y": y, "Z": Z, "grad_theta": G}


def test_the_limit_of_a_long_sum_is_ten_times_sharper_and_correct_code_is_within():
    """At 4,096 terms; and what was hidden by the limit of any order is found."""
    arrays = step(4096)
    usual, blocked = (error_model(of(arrays), a) for a in (Arithmetic(), BLOCKED))
    assert usual.gradient(4096) > 10 * blocked.gradient(4096)
    assert gradcheck.audit(**arrays, arithmetic=BLOCKED).status == 0
    arrays["grad_theta"][1, 2] += 2.0**-14 * abs(arrays["grad_theta"]).max()
    assert gradcheck.audit(**arrays).status == 0
    found = gradcheck.audit(**arrays, arithmetic=BLOCKED)
    assert found.status == 1 and found.findings[-1].verdict.witness.place == (1, 2)


def test_a_false_declaration_is_told_as_such_in_an_audit():
    """Where it is the order of the sums that explains it, and of another fault nothing of the sort is said."""
    arrays = step(16384, sequential=True)
    assert gradcheck.audit(**arrays).status == 0
    found = gradcheck.audit(**arrays, arithmetic=BLOCKED).findings[-1]
    assert found.verdict.outcome is Outcome.DISAGREE
    assert found.faults == ("would agree if sums were in any order: they are not as --sums blocked:256 says",)
    arrays["grad_theta"][0] *= 2
    found = gradcheck.audit(**arrays, arithmetic=BLOCKED).findings[-1]
    assert found.faults and not any("any order" in said for said in found.faults)


def test_a_false_declaration_is_told_as_such_by_verify():
    """Everything that failed agrees without it."""
    n = 16384
    arrays = step(n)
    p = Problem(arrays["theta"], arrays["b"][:, None], arrays["X"], np.eye(3, dtype="f4")[:, arrays["Y"]])

    def gradients(theta, b, X, Y):
        Z = theta @ X + b
        E = np.exp(Z - Z.max(axis=0))
        D = (E / E.sum(axis=0) - Y) / X.dtype.type(n)
        terms = D[:, None] * X
        return {"theta": np.add.accumulate(terms, axis=2)[..., -1]}

    code = Implementation("in a row", gradients, dtypes=("float32",), arithmetic=BLOCKED)
    tally = Tally(CHECKS["theta_gradient"])
    tally.add(p, judge(code, p, ["theta_gradient"])["theta_gradient"])
    assert tally.failing
    rounds = layouts.rounds(code, [tally])
    assert rounds == Arithmetic()
    run = Run("in a row", "float32", 0, 1, (), 1, {}, arithmetic=BLOCKED, rounds=rounds)
    assert commands.suggested(run) == "the default, without --sums blocked:256: that sums are in any order"


@pytest.mark.parametrize(
    "said",
    [
        "blocked",
        "blocked:",
        "blocked:0",
        "blocked:-1",
        "blocked:1e3",
        "any",
        256,
        "blocked:٣",
        "chain:0",
        "chain",
        "64",
    ],
)
def test_what_cannot_be_declared_is_refused(said):
    """In one line, with what may be."""
    with pytest.raises(Unusable, match="blocked:256"):
        Arithmetic(sums=said)
    result = CliRunner().invoke(main, ["verify", "numpy", "--sums", str(said)])
    assert result.exit_code == 2


def test_a_loss_of_ones_own_has_no_declared_depth():
    """Its terms are not known to be those of a block."""
    own = Loss(lambda Z, Y: ((Z - Y) ** 2).sum())
    with pytest.raises(Unusable, match="granted to the cross-entropy"):
        Implementation("own", loss=lambda *a: 0.0, law=own, arithmetic=BLOCKED)
    assert CrossEntropy().plain


@pytest.mark.parametrize("K", [1, 3, 20])
def test_a_sum_of_sums_and_two_that_are_subtracted_are_granted_the_chain_of_each(K):
    """A loss over classes, then over samples, log-sum-exps apart: each sum may be as long as is declared."""
    p = granted("float32", Arithmetic(sums=f"chain:{K}"))
    for L in range(1, 40):
        for n in range(1, 40):
            most = min(L - 1, K) + min(n - 1, K) + 1
            assert most <= max(depth(p, 2 * L * n - 1, among=2 * L * n), 1)
        assert depth(p, L - 1) == min(L - 1, K)


def test_a_penalty_is_one_more_sum_beside_that_of_the_losses():
    """In chains of 4 the squares of 40 weights and what they are added to are granted 9 additions, as 10 in any order are."""
    chained, usual = granted("float32", Arithmetic(sums="chain:4")), granted("float32", Arithmetic())
    of = partial(penalised_loss, np.array(0.0), np.array(0.0), np.array(1.0), 2.0)
    assert of(chained, count=40) == pytest.approx(of(usual, count=9), rel=1e-12)


def test_a_chain_is_no_weaker_than_any_order_and_rescales_no_oftener_than_it_adds():
    """As blocks are."""
    p, usual = granted("float32", Arithmetic(sums="chain:20")), granted("float32", Arithmetic())
    for L in (2, 64, 65, 300, 1000, 10**5):
        assert sum(summed(L, p)) <= sum(summed(L, usual))
    assert summed(10**5, p)[1] >= 20 * rescaling(p)
