"""Audits of arrays where they are: the verdicts of NumPy's, by the array API standard, and nothing but sums on the host."""

from fractions import Fraction

import array_api_strict as strict
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_audit import FAULTS, L, N, outcomes, step

import gradcheck
from gradcheck import Outcome, Unusable
from gradcheck.auditing.columns import Columns
from gradcheck.auditing.dump import of as dump_of
from gradcheck.auditing.matrices import Held, Placed, door, placed
from gradcheck.auditing.matrices.sums import PAIR, Pairs
from gradcheck.bounds import ELEMENTARY_ULPS, spread
from gradcheck.precision import named
from gradcheck.referees import freivalds

BARE = ("A", "grad_Z")  # whose every entry is compared, where they are in a dump


def on(device):
    return lambda array: strict.asarray(np.array(array), device=strict.Device(device))


def torch(array):
    found = pytest.importorskip("torch")
    if array.dtype.name != "bfloat16":
        return found.from_numpy(np.array(array))
    return found.from_numpy(np.array(array).view(np.int16)).view(found.bfloat16)


def jax(array):
    return pytest.importorskip("jax.numpy").asarray(array)


def there(arrays, to):
    return {name: Placed(to(array)) if array.ndim == 2 else array for name, array in arrays.items()}


def told(found):
    return [(f.quantity, f.verdict.outcome, f.rows) for f in found.findings]


@pytest.mark.parametrize("fault", [None, *FAULTS], ids=lambda fault: getattr(fault, "__name__", "honest"))
@pytest.mark.parametrize("to", [torch, on("device1")], ids=["torch", "strict"])
@pytest.mark.parametrize("without", [(), ("Z",)], ids=["", "without logits"])
def test_verdicts_are_those_of_numpy(to, fault, without):
    given = {name: array for name, array in step().items() if name not in without}
    if fault:
        fault(given["grad_theta"], given["X"])
    assert told(gradcheck.audit(**there(given, to))) == told(gradcheck.audit(**given))


@pytest.mark.parametrize("dtype", ["float64", "float16", "bfloat16"])
def test_verdicts_are_those_of_numpy_in_any_precision(dtype):
    for labels in ("index", "weights"):
        given = step(dtype, labels=labels)
        assert told(gradcheck.audit(**there(given, torch))) == told(gradcheck.audit(**given))


@pytest.mark.parametrize("device", ["device1", "no_float64"])
def test_what_gradients_meet_is_the_same_where_the_arrays_are(device):
    given = {name: array for name, array in step().items() if name not in (*BARE, "grad_X")}
    given |= {"upstream": np.linspace(-1, 2, N).astype(np.float32)}
    found = gradcheck.audit(factor=4.0, law=gradcheck.CrossEntropy(l2=0.1, softcap=2.0), **there(given, on(device)))
    assert told(found) == told(gradcheck.audit(factor=4.0, law=gradcheck.CrossEntropy(l2=0.1, softcap=2.0), **given))


@pytest.mark.parametrize("law", [{"smoothing": 0.1}, {"softcap": 3.0, "l2": 0.01}, {"z_loss": 0.01, "scale": 0.5}])
def test_verdicts_of_any_loss_are_those_of_numpy(law):
    given, law = step(), gradcheck.CrossEntropy(**law)
    assert told(gradcheck.audit(law=law, **there(given, torch))) == told(gradcheck.audit(law=law, **given))


@pytest.mark.parametrize("fault", ["", "entry"])
@pytest.mark.parametrize("to", [on("no_float64"), jax], ids=["no float64", "jax"])
def test_a_device_without_float64_gives_the_same_verdicts(to, fault):
    given = {name: array for name, array in step().items() if name not in (*BARE, "grad_X")}
    if fault:
        given["grad_theta"][7, 3] += 0.01
    assert told(gradcheck.audit(**there(given, to))) == told(gradcheck.audit(**given))


# ---- pairs of float32 ----


def exactly(M, V):
    terms = [[Fraction(float(m)) * Fraction(float(v)) for m, v in zip(row, V, strict=True)] for row in M]
    return [sum(row) for row in terms], [sum(map(abs, row)) for row in terms]


@settings(max_examples=30)
@given(st.integers(0, 2**32), st.integers(1, 70), st.sampled_from([0, 10, 38]))
def test_pairs_of_float32_are_within_what_is_granted_to_us(seed, count, decades):
    """Against exact fractions, of sums that cancel as far as they can."""
    draw = np.random.default_rng(seed)
    M = (draw.standard_normal((2, count)) * 10.0 ** draw.uniform(-decades, 0, (2, count))).astype(np.float32)
    V = draw.standard_normal((count, 1))
    V[-1] = -(M[0, :-1] @ V[:-1])[0] / M[0, -1]
    found = Placed(on("no_float64")(M))
    assert isinstance(found.sums, Pairs)
    exact, size = exactly(M, V[:, 0])
    for computed, truth, most in zip(found.right(V)[:, 0], exact, size, strict=True):
        limit = Fraction(spread(count + 64, PAIR)) * most + Fraction(count * placed.LOST) * (1 + Fraction(abs(V).max()))
        assert abs(Fraction(float(computed)) - truth) <= limit


def test_one_float32_is_not_enough():
    M = np.array([[1.0, 2.0**-30, -1.0]], np.float32)
    assert Placed(on("no_float64")(M)).right(np.ones((3, 1)))[0, 0] == 2.0**-30


def test_numbers_too_large_for_pairs_are_multiplied_on_the_host():
    M = np.array([[3e38, 1.0], [1.0, 1.0]], np.float32)
    V = np.array([[1.0], [2.0]])
    assert (Placed(on("no_float64")(M)).right(V) == Held(M).right(V)).all()


# ---- what comes to the host, and what a device is told ----


@pytest.mark.parametrize("law", [{}, {"smoothing": 0.1}, {"softcap": 3.0}, {"class_weight": (1.0, 2.0) * (L // 2)}])
def test_sums_alone_come_to_the_host(law, monkeypatch):
    """No array of the step: of each, what has k numbers for a class, a feature or a sample."""
    seen = []
    monkeypatch.setattr(placed, "host", lambda array: seen.append(array.shape) or door.host(array))
    monkeypatch.setattr("gradcheck.auditing.matrices.sums.host", placed.host)
    law, given = gradcheck.CrossEntropy(**law), step()
    if not law.plain:  # what such a loss has, of which no more is asked here than that it agrees
        of = Columns.of(dump_of({**given, "grad_Z": given["Z"]}, **law.said), list(range(N)))
        given |= {"grad_Z": of.must().astype(np.float32)}
        del given["loss"], given["grad_b"], given["grad_theta"], given["grad_X"]
        if law.mapped:
            del given["A"]
    found = gradcheck.audit(law=law, **there(given, torch))
    assert {name: outcomes(found)[name] for name in BARE if name in given} == {
        name: Outcome.AGREE for name in BARE if name in given
    }
    assert seen and all(len(shape) < 2 or min(shape) <= 20 for shape in seen)
    assert not {given[name].shape for name in ("theta", "X", "Z")} - {(L, 12), (12, N)} & set(map(tuple, seen))


@pytest.mark.parametrize("name", BARE)
@pytest.mark.parametrize("fault", ["label", "another class", "nan"])
@pytest.mark.parametrize("to", [torch, on("device1")], ids=["torch", "strict"])
def test_a_fault_in_one_entry_is_found_where_the_arrays_are(name, fault, to):
    """With the place and the words of NumPy's."""
    given = step()
    place = (int(given["Y"][7]) if fault == "label" else (int(given["Y"][7]) + 1) % L, 7)
    given[name] = given[name].copy()
    given[name][place] = np.nan if fault == "nan" else given[name][place] * 1.01
    found, must = gradcheck.audit(**there(given, to)), gradcheck.audit(**given)
    assert told(found) == told(must) and outcomes(found)[name] == Outcome.DISAGREE
    (wrong,) = (finding for finding in found.findings if finding.quantity == name)
    assert wrong.verdict.witness.place == place


def test_bfloat16_of_torch_stays_with_torch(monkeypatch):
    monkeypatch.setattr("gradcheck.tensors._words", None)
    found = pytest.importorskip("torch")
    given = step("bfloat16")
    there = {k: torch(v) if v.dtype.name == "bfloat16" else found.as_tensor(v) for k, v in given.items()}
    there["theta"].requires_grad_(True)
    assert told(gradcheck.audit(**there)) == told(gradcheck.audit(**given))


def test_products_are_pinned_to_their_precision_and_everything_is_as_it_was():
    found, jax = pytest.importorskip("torch"), pytest.importorskip("jax")
    cuda, cpu = found.backends.cuda.matmul, found.backends.mkldnn.matmul
    before = cuda.fp32_precision, cpu.fp32_precision
    cuda.fp32_precision = cpu.fp32_precision = "tf32"
    x = found.ones(2, 2, requires_grad=True)
    try:
        with found.autocast("cpu", found.bfloat16):
            with door.pinned():
                assert (cuda.fp32_precision, cpu.fp32_precision) == ("ieee", "ieee")
                assert (x @ x).dtype is found.float32 and not (x @ x).requires_grad
                assert jax.numpy.zeros(1, "float64").dtype == "float64"
                assert jax.config.jax_default_matmul_precision == "highest"
            assert (x @ x).dtype is found.bfloat16
        assert (cuda.fp32_precision, cpu.fp32_precision) == ("tf32", "tf32")
        assert not jax.config.jax_enable_x64
    finally:
        cuda.fp32_precision, cpu.fp32_precision = before


def test_what_a_device_flushes_is_granted_to_us():
    """XLA takes subnormal numbers for zero: a gradient of them, right or rounded, is no fault."""
    given = {name: array for name, array in step(scale=0.1).items() if name in ("theta", "b", "X", "Y", "grad_theta")}
    given["X"] = (given["X"] * 1e-38).astype(np.float32)
    Z = given["theta"].astype(float) @ given["X"].astype(float) + given["b"][:, None]
    A = np.exp(Z) / np.exp(Z).sum(0)
    A[given["Y"], np.arange(N)] -= 1
    given["grad_theta"] = (A @ given["X"].astype(float).T / N).astype(np.float32)
    wide = {name: array for name, array in step(scale=3.0).items() if name not in ("grad_X", "grad_b", "grad_theta")}
    assert ((wide["A"] > 0) & (wide["A"] < 2.0**-127)).any()
    for arrays in (given, wide):
        assert Outcome.DISAGREE not in outcomes(gradcheck.audit(**there(arrays, jax))).values()


def test_the_powers_of_a_device_are_those_of_numpy():
    Z, own = np.random.default_rng(0).standard_normal((300, 7)).astype(np.float32), named("float32")
    ours, theirs = Held(Z).powers(own), Placed(on("device2")(Z)).powers(own)
    assert (ours.m == theirs.m).all() and (ours.reach == theirs.reach).all()
    roundings = freivalds.QUARTERS + 4 * ELEMENTARY_ULPS["float32"] + 1  # and powers, here and there; sums in float64
    assert (abs(ours.s - theirs.s) <= spread(roundings, own.u) * theirs.s).all()
    index = np.arange(7)
    assert (Placed(on("device2")(Z)).at(index) == Held(Z).at(index)).all()


def test_arrays_in_several_places_are_refused_in_one_line():
    given = there(step("bfloat16"), torch)
    found = {name: array.array if isinstance(array, Placed) else array for name, array in given.items()}
    found["theta"] = on("device1")(step()["theta"])
    with pytest.raises(Unusable, match="expected all of them on one device") as raised:
        gradcheck.audit(**found)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (lambda G: G.to_sparse(), "grad_theta is of layout torch.sparse_coo; expected a dense tensor"),
        (lambda G: G.to("meta"), "grad_theta is on torch's meta device, and has no numbers"),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_tensors_without_numbers_side_by_side_are_refused_in_one_line(made, words, dtype):
    """As an embedding's sparse gradient is; whether NumPy or torch would read the others."""
    arrays = {name: torch(array) for name, array in step(dtype).items() if array.ndim}
    with pytest.raises(Unusable, match=words):
        gradcheck.audit(**{**arrays, "grad_theta": made(arrays["grad_theta"])})
