"""Audit of gradients that meet a factor or an upstream gradient of each sample: right code agrees, wrong code is found."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_audit_law import DTYPES, N, dense, dumped, outcomes, softmax, step

import gradcheck
from gradcheck import CrossEntropy, Outcome, Unusable, precision, problems
from gradcheck.errors import ProblemError
from gradcheck.law import text
from gradcheck.strategies import laws

LAWS = (
    CrossEntropy(),
    CrossEntropy(ignore=-100, mean_of="labelled"),
    CrossEntropy(ignore=-100, smoothing=0.1, z_loss=1e-3, softcap=4.0),
    CrossEntropy(reduction="sum", scale=1.5),
)
OF_D = ("loss", "grad_Z", "grad_theta", "grad_b", "grad_X")


def met(law, dtype="float64", seed=0, labels="index", factor=1.0):
    """An honest step, from what is written down: the loss of each sample is multiplied, and then all of it."""
    made, kind = step(law, dtype, seed, labels), precision.named(dtype).dtype
    by = np.random.default_rng(seed).choice([0.0, 0.5, 1.0, -1.5, 3.0], N)
    theta, X, Z = (made[name].astype(float) for name in ("theta", "X", "Z"))
    Y = dense(made["Y"], law, float) if labels == "index" else made["Y"].astype(float)
    due, bent, N_ = text.labels(Y, law), text.mapped(Z, law), text.normaliser(Y, law)
    z, lse = np.where(text.squared(Y, law), law.z_loss, 0), text.log_sum_exp(bent)
    slope = law.scale * (1 - (bent / law.softcap) ** 2 if law.softcap else 1)
    D = by * factor * slope * (softmax(bent) * (due.sum(0) + 2 * z * lse) - due) / N_
    loss = (by * (due.sum(0) * lse - (due * bent).sum(0) + z * lse**2)).sum() / N_
    found = {"grad_Z": D, "grad_theta": D @ X.T, "grad_b": D.sum(1), "grad_X": theta.T @ D, "loss": np.asarray(loss)}
    return made | {name: array.astype(kind) for name, array in found.items()} | {"upstream": by}


@given(
    st.sampled_from(LAWS),
    st.sampled_from(DTYPES),
    st.integers(0, 99),
    st.sampled_from(["index", "weights"]),
    st.sampled_from([1.0, 2.0**-10, 0.3, 1024.0]),
)
def test_right_gradients_never_disagree(law, dtype, seed, labels, factor):
    made = met(law, dtype, seed, labels, factor)
    if seed % 2:  # without logits
        del made["Z"]
    found = outcomes(gradcheck.audit(**made, law=law, factor=factor))
    assert Outcome.DISAGREE not in found.values(), found
    assert dtype not in ("float64", "float32") or set(found.values()) == {Outcome.AGREE}, found


@given(
    problems(dtypes=DTYPES, ignored=True),
    laws(("weight", "smoothing", "z_loss", "scale", "softcap", "l2")),
    st.sampled_from([2.0**-14, 0.3, 3.0, 1024.0]),
    st.integers(0, 9),
)
def test_code_of_any_precision_that_multiplies_first_or_last_is_never_rejected(problem, law, factor, seed):
    """Each operation and sum in the precision of the arrays: the factor comes to D, or to what the sums come to."""
    law = replace(law, ignore=-100, mean_of="labelled").of_classes(problem.L)
    try:
        problem = problem.with_law(law)
    except ProblemError:
        return
    if problem.masked.any():
        return
    made, kind = dumped(problem), problem.precision.dtype
    theta, X = made["theta"], made["X"]
    with np.errstate(all="ignore"):
        by = np.random.default_rng(seed).choice([0.01, 0.5, 1.0, -3.0], problem.n).astype(kind)
        D = made["grad_Z"] * by
        if seed % 2:
            D = D * kind.type(factor)
        made |= {"grad_Z": D, "grad_theta": D @ X.T, "grad_b": D.sum(axis=1), "grad_X": theta.T @ D, "upstream": by}
        if not seed % 2:
            for name in ("grad_Z", "grad_theta", "grad_b", "grad_X"):
                made[name] = made[name] * kind.type(factor)
    made = {name: np.asarray(array, kind) if name.startswith("grad") else array for name, array in made.items()}
    del made["loss"]
    if law.l2:  # that of each sample alone
        del made["grad_theta"], made["grad_b"]
    if seed % 3 == 0:
        del made["Z"]
    found = gradcheck.audit(**made, accumulate=problem.precision.name, law=law, factor=float(kind.type(factor)))
    assert Outcome.DISAGREE not in outcomes(found).values(), [f.verdict for f in found.findings]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: str(law.said))
def test_what_was_not_multiplied_is_found(law):
    right, plain = met(law), step(law)
    for name in OF_D:
        found = outcomes(gradcheck.audit(**right | {name: plain[name]}, law=law))
        assert {key for key, outcome in found.items() if outcome is Outcome.DISAGREE} == {name}


def test_a_factor_that_was_not_said_is_named():
    made = met(LAWS[1], factor=1024.0)
    found = gradcheck.audit(**made, law=LAWS[1])
    theta = next(f for f in found.findings if f.quantity == "grad_theta")
    assert any("1024 times what it must be" in told for told in theta.faults)
    assert outcomes(found)["loss"] is Outcome.AGREE


def test_samples_with_their_upstream_gradients_may_be_in_parts(tmp_path):
    made = met(LAWS[1])
    folder = gradcheck.capture(made, tmp_path / "dump", law=LAWS[1])
    whole = np.load(folder / "upstream.npy")
    (folder / "upstream.npy").unlink()
    np.save(folder / "upstream.0.npy", whole[:40])
    np.save(folder / "upstream.1.npy", whole[40:])
    from gradcheck.auditing import audit_path

    assert set(outcomes(audit_path(folder)).values()) == {Outcome.AGREE}


@pytest.mark.parametrize("factor", [0.0, -1.0, float("nan"), True, "2"])
def test_a_factor_that_is_no_positive_number_is_refused(factor):
    with pytest.raises(Unusable, match="expected a positive number"):
        gradcheck.audit(**step(CrossEntropy()), factor=factor)


def test_an_upstream_gradient_that_is_not_finite_is_refused():
    made = met(LAWS[0])
    made["upstream"][3] = np.nan
    with pytest.raises(Unusable, match="upstream holds a number that is not finite"):
        gradcheck.audit(**made)
