"""Freivalds' referee: correct code never exceeds its limits, and what a probe misses is as rare as it says."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gradcheck
from gradcheck import Arithmetic, CrossEntropy, Outcome, model, problems
from gradcheck.arithmetic import granted
from gradcheck.bounds import ErrorModel, Loss, Masses, columns, differences, spread, weights
from gradcheck.enclosure import U64
from gradcheck.precision import named
from gradcheck.referees import freivalds

DTYPES = ("float64", "float32", "float16", "bfloat16")


def dumped(problem):
    """What gradcheck.model computes in the precision of a problem."""
    arrays = dict(zip(("theta", "b", "X", "Y"), problem.arrays(), strict=True))
    with np.errstate(all="ignore"):
        Z = model.logits(*(arrays[name] for name in ("theta", "b", "X")))
        A, found = model.softmax(Z), model.gradients(*arrays.values())
        loss = np.asarray(model.loss(*arrays.values()))
    return arrays | {"Z": Z, "A": A, "loss": loss, **{f"grad_{name}": found[name] for name in ("theta", "b", "Z", "X")}}


@given(problems(dtypes=DTYPES), st.booleans())
def test_correct_code_of_any_precision_is_never_rejected(problem, logits):
    """Each sum accumulated in the precision of its arrays, which is the worst that the error model allows."""
    if problem.masked.any():
        return
    given = dumped(problem)
    if not logits:
        del given["Z"]
    found = gradcheck.audit(**given, accumulate=problem.precision.name)
    wrong = [f for f in found.findings if f.verdict.outcome is Outcome.DISAGREE]
    assert not wrong


@pytest.mark.parametrize("fault", [(1.0,), (1.0, 1.0), (1.0, -1.0, 0.5), tuple([0.1] * 100)], ids=len)
def test_one_probe_misses_as_rarely_as_the_density_allows(fault):
    """P(|F v| <= t) <= sqrt(2) t / |F| (Ball 1986); for signs, two equal faults would be missed by every second."""
    F, draws = np.asarray(fault), 20_000
    seen = abs(F @ np.random.default_rng(0).uniform(-1, 1, (len(F), draws)))
    for t in (0.01, 0.1, 0.3):
        missed = (seen <= t * np.linalg.norm(F)).mean()
        assert missed <= np.sqrt(2) * t + 5 * np.sqrt(t / draws)


@given(st.integers(8, 64), st.integers(1, 10**6))
def test_the_chance_that_a_certificate_is_wrong_is_below_the_stated_one(count, rows):
    """For all four statements: P(|F v| <= |F| / c for all k) is at most c^-k for an entry, (sqrt(2) / c)^k for the 2-norm."""
    entry, norm = freivalds.certified(1.0, rows, count)
    assert 4 * rows * entry**-count <= freivalds.MISS
    assert 4 * rows * (np.sqrt(2) / norm) ** count <= freivalds.MISS


@given(st.integers(0, 1000), st.sampled_from([1.0, 30.0]), st.integers(2, 40))
def test_the_powers_are_within_what_is_granted_to_us(seed, scale, L):
    """The referee's own float32 exponentials, against float64: log A is off by at most Q."""
    Z = (scale * np.random.default_rng(seed).standard_normal((L, 5))).astype(np.float32)
    own, zero = named("float32"), np.zeros(5)
    p, m, s, reach = freivalds.powers(Z, np.empty_like(Z))
    arithmetic = ErrorModel(own, own)
    found = columns(
        reach, m + np.log(s), L, arithmetic=arithmetic, own=own, logits=(zero, zero + spread(freivalds.QUARTERS, own.u))
    )
    exact = np.exp(Z.astype(float) - m)
    exact /= exact.sum(axis=0)
    assert (abs(p / s - exact) <= exact * np.expm1(found.Q + 2 * L * U64) + 8 * own.eta).all()


def test_writing_an_array_down_costs_more_than_its_operations_only_where_it_is_coarser():
    fine, written = granted("float32", Arithmetic()), granted("bfloat16", Arithmetic(accumulate="float32"))
    stored = named("bfloat16")
    assert ErrorModel(fine, fine).logits(3) == pytest.approx(spread(4, fine.u))
    assert ErrorModel(written, stored).logits(3) == pytest.approx(3 * stored.u, rel=0.01)  # the product, its sum, and Z
    assert ErrorModel(granted("bfloat16", Arithmetic(inner="float32")), stored).logits(3) == pytest.approx(
        stored.u, rel=0.01
    )


# ---- what correct code may do, and once was refused ----


def alone(name, kind, scale=1.0, offset=0.0, sizes=(8, 3, 34), **more):
    """One quantity, of a step in float64 written down in `kind`, with the logits it is a function of."""
    L, d, n = sizes
    draw = np.random.default_rng(0)
    theta, X = (scale * draw.standard_normal(shape) for shape in ((L, d), (d, n)))
    made = {"theta": theta, "b": np.full(L, offset), "X": X}
    made = {key: array.astype(kind) for key, array in made.items()} | {"Y": draw.integers(0, L, n)}
    theta, b, X = (made[key].astype(float) for key in ("theta", "b", "X"))
    made["Z"] = (theta @ X + b[:, np.newaxis]).astype(kind)
    return made if name == "Z" else made | {name: more[name](made)}


def outcome(quantity, found):
    return next(f.verdict.outcome for f in found.findings if f.quantity == quantity)


def lse(Z):
    m = Z.max(axis=0)
    return m + np.log(np.exp(Z - m).sum(axis=0))


def test_log_sum_exps_and_logits_may_be_added_up_apart():
    """docs/bounds.md, section 5: with a common offset, that loses what the size of the offset says."""

    def apart(given):
        picked = given["Z"][given["Y"], np.arange(300)]
        sums = [np.add.accumulate(terms, dtype=np.float32)[-1] for terms in (lse(given["Z"]), picked)]
        return (sums[0] - sums[1]) / np.float32(300)

    given = alone("loss", np.float32, offset=2.0**20, sizes=(8, 3, 300), loss=apart)
    exact = (lse(given["Z"].astype(float)) - given["Z"][given["Y"], np.arange(300)]).mean()
    assert abs(given["loss"] - exact) > 0.1
    assert outcome("loss", gradcheck.audit(**given)) is not Outcome.DISAGREE


def test_a_sum_of_losses_that_overflows_is_no_fault():
    given = alone("loss", np.float16, sizes=(50, 2, 30_000), loss=lambda _: np.float16(np.inf))
    assert outcome("loss", gradcheck.audit(**given)) is Outcome.INCONCLUSIVE


def test_a_loss_may_be_written_in_fewer_bits_than_the_rest():
    def written(given):
        Z = given["Z"].astype(float)
        return np.float16((lse(Z) - Z[given["Y"], np.arange(34)]).mean())

    given = alone("loss", np.float32, loss=written)
    assert outcome("loss", gradcheck.audit(**given)) is Outcome.AGREE
    given["loss"] = given["loss"] * np.float16(1.01)
    assert outcome("loss", gradcheck.audit(**given)) is Outcome.DISAGREE


def test_a_wrong_row_of_logits_is_seen_however_many_samples_there_are():
    """float16: the sum over samples of what a logit may reach is beyond its range, and no logit is."""
    given = alone("Z", np.float16, sizes=(32, 8, 30_000))
    assert outcome("Z", gradcheck.audit(**given)) is Outcome.AGREE
    given["Z"][20] *= np.float16(1.5)
    assert outcome("Z", gradcheck.audit(**given)) is Outcome.DISAGREE


def test_a_product_of_samples_and_signs_may_be_subnormal_where_theta_is_huge():
    given = {"theta": np.array([[1e18], [-1e18]], np.float32), "b": np.zeros(2, np.float32), "Y": np.array([0])}
    given["X"] = np.array([[3 * 2.0**-149]], np.float32)
    given["Z"] = (given["theta"].astype(float) @ given["X"].astype(float)).astype(np.float32)
    assert outcome("Z", gradcheck.audit(**given)) is not Outcome.DISAGREE


def test_what_underflows_with_us_is_granted_with_the_error_of_our_logits():
    """A probability that is 0 to us is known to be below e^Q times an underflow, and no further."""
    own, reach, zero = named("float32"), np.array([104.0]), np.zeros(1)
    fine = ErrorModel(named("float64"), own)
    loss, one = Loss(CrossEntropy(), 1.0, 1, 2, True, fine, own), np.ones(1)
    known, unsure = (
        columns(reach, zero, 2, arithmetic=fine, own=own, logits=(zero, zero + error)) for error in (0.0, 20.0)
    )
    masses = Masses(one, one, one, zero, one == 1)
    flat = [weights(differences(found, masses, loss), one, loss).flat[0] for found in (known, unsure)]
    assert flat[1] >= np.exp(2 * 20.0) * flat[0] / 2
