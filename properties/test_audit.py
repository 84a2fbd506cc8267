"""Audit: honest gradients agree, planted faults are caught and located, and every number is the same on whatever computes it."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

import gradcheck
from gradcheck import Outcome, Unusable, precision
from gradcheck.auditing import audit_path, plan, report, rows, shards
from gradcheck.cli import main

L, D, N = 24, 12, 150
DTYPES = ("float64", "float32", "float16", "bfloat16")


def step(dtype="float32", seed=0, scale=0.3, labels="index"):
    """One honest step of a layer, computed in float64 and written down in `dtype`; the logits are computed from what is written."""
    draw, kind = np.random.default_rng(seed), precision.named(dtype).dtype
    theta, b, X = ((scale * draw.standard_normal(shape)).astype(kind).astype(float) for shape in ((L, D), (L,), (D, N)))
    Z = (theta @ X + b[:, None]).astype(kind).astype(float)
    A = np.exp(Z - Z.max(0))
    A /= A.sum(0)
    index = draw.integers(0, L, N)
    Y = np.eye(L)[:, index] if labels == "index" else draw.dirichlet(np.ones(L), N).T.astype(kind).astype(float)
    dZ = (A * Y.sum(0) - Y) / N
    loss = -(Y * np.log(A)).sum() / N
    arrays = {"theta": theta, "b": b, "X": X, "Z": Z, "A": A, "grad_theta": dZ @ X.T, "grad_b": dZ.sum(1), "grad_Z": dZ}
    arrays["grad_X"] = theta.T @ dZ
    arrays["loss"] = np.asarray(loss)
    made = {name: array.astype(kind) for name, array in arrays.items()}
    return made | {"Y": index if labels == "index" else Y.astype(kind)}


def outcomes(found):
    return {f.quantity: f.verdict.outcome for f in found.findings}


def theta(found):
    return next(f for f in found.findings if f.quantity == "grad_theta")


@given(
    st.sampled_from(DTYPES),
    st.integers(0, 1000),
    st.sampled_from([1e-3, 0.3, 3.0]),
    st.sampled_from(["index", "weights"]),
)
def test_an_honest_step_never_disagrees(dtype, seed, scale, labels):
    """The limits hold for every rounding, whatever is drawn: float64 rounded once is what correct code may return."""
    given = step(dtype, seed, scale, labels)
    found = gradcheck.audit(**given)
    assert Outcome.DISAGREE not in outcomes(found).values()
    assert found.status == 0
    assert not theta(found).odd or given["grad_theta"].dtype.itemsize < 4


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_logits_are_computed_where_the_dump_has_none(dtype):
    given = step(dtype)
    del given["Z"]
    found = gradcheck.audit(**given)
    assert set(outcomes(found).values()) == {Outcome.AGREE}
    assert "Z" in found.missing


@pytest.mark.parametrize("name", ["Z", "A", "loss", "grad_theta", "grad_b", "grad_Z", "grad_X"])
def test_each_quantity_is_judged(name):
    given = step("float64")
    given[name] = given[name] * 1.01
    assert outcomes(gradcheck.audit(**given))[name] is Outcome.DISAGREE


def one_entry(G, X):
    G[7, 3] += 0.01


def nan(G, X):
    G[7, 3] = np.nan


def row(G, X):
    G[7] *= 1.5


def unwritten(G, X):
    G[7:9] = 0


def swapped(G, X):
    G[[7, 9]] = G[[9, 7]]


def label(G, X):
    G[7] += X[:, 0] / N
    G[9] -= X[:, 0] / N


def forgotten(G, X):
    G *= N


def softmax(X):
    given = step()
    A = np.exp(given["Z"].astype(float))
    return A / A.sum(0), np.eye(L)[:, given["Y"]]


def unsubtracted(G, X):
    G[...] = softmax(X)[0] @ X.T / N


def shifted(G, X):
    A, Y = softmax(X)
    G[...] = (A - np.roll(Y, -1, axis=1)) @ X.T / N


def cut_short(G, X):
    A, Y = softmax(X)
    G[...] = (A - Y)[:, :128] @ X[:, :128].T / N


def cut_before(G, X):
    A, Y = softmax(X)
    G[...] = (A - Y)[:, 32:] @ X[:, 32:].T / N


FAULTS = {
    one_entry: ((7,), "row 7: at fault in column 3"),
    nan: ((7,), "row 7: 1 of 12 entries are not finite, the first at column 3"),
    row: ((7,), "row 7: every entry is 1.5 times what it must be"),
    unwritten: ((7, 8), "rows 7, 8: every entry is 0, as if it had not been written"),
    swapped: ((7, 9), "rows 7 and 9 hold each other's values"),
    label: ((7, 9), "what row 7 has too much of, row 9 lacks: labels of one were counted for the other"),
    unsubtracted: (tuple(range(L)), "as if labels were not subtracted"),
    shifted: (tuple(range(L)), "as if each sample had the labels of the next"),
    cut_short: (tuple(range(L)), "as if only the first 128 of 150 samples had been summed"),
    cut_before: (tuple(range(L)), "as if only the last 118 of 150 samples had been summed"),
    forgotten: (tuple(range(L)), "every entry is n times what it must be"),
}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_planted_fault_is_caught_located_and_named(fault):
    given, (rows, words) = step(), FAULTS[fault]
    fault(given["grad_theta"], given["X"])
    found = theta(gradcheck.audit(**given))
    assert found.verdict.outcome is Outcome.DISAGREE
    assert found.rows == rows or (set(found.rows) <= set(rows) and len(rows) == L)
    assert any(words in told for told in found.faults)
    assert found.verdict.witness.place[0] in rows


@pytest.mark.parametrize("size", [0.0, 1e-12, 1e-6, 1e-3])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_no_entry_is_further_off_than_is_certified(dtype, size):
    """Whatever is wrong, and whether it is called wrong: rows that are not named are within what the report says."""
    given, draw = step("float64"), np.random.default_rng(1)
    exact = {name: given[name].copy() for name in ("grad_theta", "Z")}
    given["grad_theta"] += size * draw.standard_normal((L, D))
    made = {k: v.astype(dtype) if v.dtype == float else v for k, v in given.items()} if dtype == "float32" else given
    # the truth is a function of the logits in the dump: of theirs in float64, or of those rounded to float32
    if dtype == "float32":
        A = np.exp(made["Z"].astype(float))
        A /= A.sum(0)
        A[made["Y"], np.arange(N)] -= 1
        exact["grad_theta"] = A @ made["X"].astype(float).T / N
    found = theta(gradcheck.audit(**made))
    error = np.delete(abs(made["grad_theta"] - exact["grad_theta"]), found.rows, axis=0)
    assert error.max(initial=0) <= found.entry
    assert np.sqrt((error**2).sum(axis=1)).max(initial=0) <= found.row


def test_what_exceeds_its_own_limit_is_found_though_every_probe_is_within_theirs():
    """One entry, off by twice what correct code may be: the limit of a probe, over all columns, hides it; its row is looked at."""
    given = step("float32")
    probed = [theta(gradcheck.audit(**_off(given, place))).verdict for place in ((3, 2), (11, 7), (20, 0))]
    assert {verdict.outcome for verdict in probed} == {Outcome.DISAGREE}
    assert all(1 < verdict.ratio < 4 for verdict in probed)


def _off(given, place):
    """By twice its limit, which the report of a larger fault tells."""
    G = given["grad_theta"].copy()
    G[place] += 1.0
    limit = theta(gradcheck.audit(**given | {"grad_theta": G})).verdict.witness.radius
    G[place] = given["grad_theta"][place] + 2 * limit
    return given | {"grad_theta": G}


def test_what_stands_out_within_its_limit_is_pointed_at_and_not_called_wrong():
    given = step("float32")
    G = given["grad_theta"].copy()
    G[7, 3] += 2.0**-6 * (_off(given, (7, 3))["grad_theta"][7, 3] - G[7, 3])
    found = theta(gradcheck.audit(**given | {"grad_theta": G}))
    assert found.verdict.outcome is Outcome.AGREE
    assert [told.split(":")[0] for told in found.odd] == ["entry (7, 3) stands out"]


@pytest.mark.parametrize("name", ["A", "grad_Z"])
def test_entries_that_rounding_explains_whatever_they_are_do_not_agree(name):
    """Probabilities that bfloat16 sums of 2000 classes may be off by more than they are."""
    draw, kind = np.random.default_rng(0), precision.named("bfloat16").dtype
    arrays = {
        "theta": np.zeros((2000, 2)),
        "b": np.zeros(2000),
        "X": draw.standard_normal((2, 3)),
        "Z": np.zeros((2000, 3)),
    }
    arrays["A"] = np.full((2000, 3), 1 / 2000)
    arrays["grad_Z"] = arrays["A"] / 3
    given = {k: arrays[k].astype(kind) for k in ("theta", "b", "X", "Z", name)} | {"Y": np.zeros(3, int)}
    given[name][0] = 0
    found = gradcheck.audit(**given, accumulate="bfloat16")
    assert outcomes(found)[name] is not Outcome.AGREE


def test_an_audit_is_told_in_a_line_for_each_quantity():
    """However many rows are at fault."""
    given = step("float32")
    assert repr(gradcheck.audit(**given)).count(" agree\n") > 1
    found = str(gradcheck.audit(**given | {"grad_theta": 3 * given["grad_theta"]}))
    assert "∂ℒ/∂θ disagree: all 24 rows are at fault; " in found and "every entry is 3 times what it must be" in found
    assert len(found) < 400


def test_a_gradient_that_was_never_written_does_not_agree():
    """Sums in bfloat16: rounding may explain a zero, too, so that nothing is said; and where it may not, it is wrong."""
    for accumulate, outcome in (("bfloat16", Outcome.INCONCLUSIVE), ("float32", Outcome.DISAGREE)):
        given = step("bfloat16")
        given["grad_theta"] = 0 * given["grad_theta"]
        assert theta(gradcheck.audit(**given, accumulate=accumulate)).verdict.outcome is outcome


def test_numbers_of_sixteen_bits_and_zeros_are_called_what_they_are():
    """Most numbers of bfloat16 are numbers of float16, too; and zeros are numbers of both, a small part, and a factor."""
    given = step("float32")
    for name in ("bfloat16", "float16"):
        G = 1.5 * given["grad_theta"].astype(precision.named(name).dtype).astype(np.float32)
        G[:, 0] *= 1.25  # no factor explains it
        told = theta(
            gradcheck.audit(**given | {"grad_theta": G.astype(precision.named(name).dtype).astype(np.float32)})
        )
        assert any(f"every entry is a {name} number" in text for text in told.faults), told.faults
        other = {"bfloat16": " float16", "float16": "bfloat16"}[name]
        assert not any(other in text for text in told.faults)
    for zero in (np.zeros_like(given["grad_theta"]), 1e-12 * given["grad_theta"]):
        told = theta(gradcheck.audit(**given | {"grad_theta": zero}))
        assert all("every entry is 0" in text for text in told.faults[1:]), told.faults


def test_a_bfloat16_dump_is_never_said_to_be_rounded_to_float16():
    given = step("bfloat16")
    told = theta(gradcheck.audit(**given | {"grad_theta": given["grad_theta"][::-1].copy()}))
    assert told.verdict.outcome is Outcome.DISAGREE
    assert "float16" not in str(told.faults)


def test_json_says_null_where_nothing_is_certified():
    given = step("float64")
    given["theta"] = given["theta"] * 1e160  # so that logits overflow with us
    del given["Z"]
    found = gradcheck.audit(**given)
    told = {f["quantity"]: f for f in json.loads(report.text(found))["findings"]}
    assert told["grad_theta"]["outcome"] == "inconclusive"
    assert told["grad_theta"]["every_entry_within"] is None and told["grad_theta"]["every_row_within"] is None


def test_sums_instead_of_means():
    given = step("float64")
    for name in ("grad_theta", "grad_b", "grad_Z", "grad_X", "loss"):
        given[name] = given[name] * N
    assert gradcheck.audit(**given, reduction="sum").status == 0
    assert gradcheck.audit(**given).status == 1


@pytest.mark.parametrize("labels", ["index", "weights"])
def test_memory_stays_below_what_is_allowed_whatever_the_dump_holds(labels):
    """Every entry of A and of the logits' gradient is compared, and every weight read, some rows at a time."""
    classes, count, allowed = 2**16, 256, 256 * plan.MIB
    index, ones = np.arange(count), np.ones(count)
    shape = {"theta": (classes, 2), "b": classes, "X": (2, count), "Z": (classes, count), "grad_X": (2, count)}
    given = {name: np.zeros(size, np.float32) for name, size in shape.items()}
    A = np.full((classes, count), 1 / classes, np.float32)
    one_hot = np.zeros_like(A)
    one_hot[index, index] = 1
    given |= {"A": A, "grad_Z": (A - one_hot) / count, "grad_b": ((A - one_hot) @ ones / count).astype(np.float32)}
    tracemalloc.start()
    found = gradcheck.audit(**given, Y=index if labels == "index" else one_hot, memory=allowed)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert Outcome.DISAGREE not in outcomes(found).values()
    assert peak < allowed


# ---- files ----


def folder(tmp_path, given, name="dump", **settings):
    return gradcheck.capture(given, tmp_path / name, **settings)


def text(path, **options):
    return report.text(audit_path(path, **options)).replace(str(path), "")


def test_python_audits_a_dump_by_its_path_and_says_what_it_takes(tmp_path):
    given = step()
    path = folder(tmp_path, given)
    assert gradcheck.audit(path).findings == gradcheck.audit(str(path)).findings == audit_path(path).findings
    with pytest.raises(
        gradcheck.Unusable, match=r"^Z: given beside the dump .*; expected a dump, or arrays by their names$"
    ):
        gradcheck.audit(path, Z=given["Z"])
    with pytest.raises(gradcheck.Unusable, match=r"^ndarray; expected the path of a dump, or arrays by their names"):
        gradcheck.audit(given["theta"])


def test_every_format_gives_the_same_digits(tmp_path):
    zarr, numpy = pytest.importorskip("zarr"), pytest.importorskip("safetensors.numpy")
    given = step()
    first = text(folder(tmp_path, given))
    np.savez(tmp_path / "dump.npz", **given)
    numpy.save_file({k: np.ascontiguousarray(v) for k, v in given.items()}, tmp_path / "dump.safetensors")
    zarr.save_group(str(tmp_path / "group"), **{name: np.atleast_1d(array) for name, array in given.items()})
    assert {text(tmp_path / name) for name in ("dump.npz", "dump.safetensors", "group")} == {first}


def in_parts(path, samples, cuts=(0, 40, 41, N)):
    """The samples of a folder in three files each, as three processes might have written them."""
    for name in ("X", "Y", "Z", "A", "grad_Z", "grad_X"):
        whole = np.load(path / f"{name}.npy")
        (path / f"{name}.npy").unlink()
        axis = 0 if samples == "rows" or whole.ndim == 1 else 1
        for k in range(3):
            np.save(path / f"{name}.{k}.npy", np.take(whole, range(cuts[k], cuts[k + 1]), axis=axis))


@pytest.mark.parametrize("samples", ["columns", "rows"])
def test_samples_in_parts_give_the_same_digits(tmp_path, samples):
    given = step()
    if samples == "rows":
        given |= {name: np.ascontiguousarray(given[name].T) for name in ("X", "Z", "A", "grad_Z", "grad_X")}
    path = gradcheck.capture(given, tmp_path / "dump", samples=samples)
    first = text(path)
    in_parts(path, samples)
    assert text(path) == first
    (path / "layout.json").unlink()
    assert text(path, layout={"samples": samples}) == first


PLAIN = """
import sys

class Absent:
    def find_spec(self, name, *_):
        if name.split(".")[0] in {names}:
            raise ImportError(name)

sys.meta_path.insert(0, Absent())
from gradcheck.cli import main

main(["audit", sys.argv[1]])
"""
EXTRAS = {"zarr", "numcodecs", "dask", "distributed", "safetensors", "torch", "jax", "ml_dtypes", "transformers"}


@pytest.mark.parametrize("form", ["folder", "npz", "safetensors"])
def test_a_plain_installation_is_enough(tmp_path, form):
    """NumPy and threadpoolctl: what is no array of Zarr is read by hand."""
    given, path = step(), tmp_path / "dump"
    if form == "folder":
        gradcheck.capture(given, path)
    elif form == "npz":
        path = tmp_path / "dump.npz"
        np.savez(path, **given)
    else:
        path, at, header = tmp_path / "dump.safetensors", 0, {}
        for name, array in given.items():
            kind = {"float32": "F32", "int64": "I64"}[array.dtype.name]
            header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [at, at + array.nbytes]}
            at += array.nbytes
        words = json.dumps(header).encode()
        body = b"".join(np.ascontiguousarray(array).tobytes() for array in given.values())
        path.write_bytes(len(words).to_bytes(8, "little") + words + body)
    code = PLAIN.replace("{names}", repr(EXTRAS))
    found = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert found.returncode == 0 and "7 agree" in found.stdout, found.stderr


def test_bfloat16_is_read_from_every_format(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    given = step("bfloat16")
    first = text(folder(tmp_path, given))
    numpy.save_file({k: np.ascontiguousarray(v) for k, v in given.items()}, tmp_path / "dump.safetensors")
    assert text(tmp_path / "dump.safetensors") == first


def small_blocks(monkeypatch):
    for name in ("SAMPLES", "ENTRIES", "STRETCH"):
        monkeypatch.setattr(plan, name, 7)


def test_digits_do_not_follow_from_the_number_of_threads(tmp_path, monkeypatch):
    path = folder(tmp_path, step())
    small_blocks(monkeypatch)
    found = set()
    for count in (1, 2, 4):
        monkeypatch.setattr(rows, "AT_ONCE", count)
        found.add(text(path))
    assert len(found) == 1


def test_a_cluster_gives_the_same_digits_even_when_a_worker_is_lost(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    path = folder(tmp_path, step())
    small_blocks(monkeypatch)
    first = text(path)
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        assert text(path, scheduler=cluster.scheduler_address) == first
        killed = []

        def kill(done, total):
            if not killed:
                killed.append(cluster.workers[0].process.process.kill())

        assert text(path, scheduler=cluster.scheduler_address, told=kill) == first
        assert killed


def test_a_scheduler_that_is_lost_is_one_clear_line(tmp_path, monkeypatch):
    distributed = pytest.importorskip("distributed")
    path = folder(tmp_path, step())
    small_blocks(monkeypatch)
    with distributed.LocalCluster(n_workers=1, processes=False, dashboard_address=None) as cluster:
        ended = []

        def end(done, total):
            if not ended:
                ended.append(cluster.close())

        def slow(*given):
            time.sleep(0.2)
            return shards.shard(*given)

        monkeypatch.setattr("gradcheck.auditing.dask.shard", slow)
        with pytest.raises(Unusable, match="did not finish"):
            audit_path(path, scheduler=cluster.scheduler_address, told=end)


# ---- what cannot be used ----


def cut(path):
    file = path / "Z.npy"
    file.write_bytes(file.read_bytes()[:-100])


def garbled(path):
    (path / "Z.npy").write_bytes(b"no array")


def missing(path):
    (path / "X.npy").unlink()


def nothing(path):
    for name in ("Z", "A", "loss", "grad_theta", "grad_b", "grad_Z", "grad_X"):
        (path / f"{name}.npy").unlink()


def put(name, change):
    def broken(path):
        array = np.load(path / f"{name}.npy")
        np.save(path / f"{name}.npy", change(array))

    return broken


def first(value):
    def change(array):
        array.flat[0] = value
        return array

    return change


UNUSABLE = {
    "is cut short": cut,
    "Z.npy is no .npy file": garbled,
    "X missing": missing,
    "holds nothing to judge": nothing,
    "X holds a number that is not finite": put("X", first(np.nan)),
    "theta holds a number that is not finite": put("theta", first(np.inf)),
    "b holds a number that is not finite": put("b", first(np.nan)),
    "holds a label outside of 0 to 23": put("Y", first(-100)),
    "grad_theta is seen with shape (12, 24); expected (24, 12)": put("grad_theta", np.transpose),
    "; --samples rows (samples='rows' in Python) is for": put("X", np.transpose),
    "loss has shape (2,); expected one number": put("loss", lambda a: np.zeros(2)),
    "X has dtype complex128": put("X", lambda a: a.astype(complex)),
    "does not say what samples and reduction are": lambda path: (path / "layout.json").write_text("{}"),
    "the parts of X are X.1.npy; expected 0, 1, 2": lambda path: (path / "X.npy").rename(path / "X.1.npy"),
    "only X, Y, Z, A, grad_Z, grad_X, upstream, lse can be in parts": lambda path: (path / "b.npy").rename(
        path / "b.0.npy"
    ),
    "expected it to continue X.0.npy": lambda path: (
        in_parts(path, "columns"),
        np.save(path / "X.2.npy", np.ones((3, 2))),
    ),
    "layout.json is not JSON": lambda path: (path / "layout.json").write_text("{"),
}


@pytest.mark.parametrize("line", UNUSABLE)
def test_a_dump_that_cannot_be_used_is_refused_in_one_line(tmp_path, line):
    path = folder(tmp_path, step())
    UNUSABLE[line](path)
    found = CliRunner().invoke(main, ["audit", str(path), "--json", str(tmp_path / "report.json")])
    assert found.exit_code == 2
    assert line in found.output and found.output.count("\n") == 1
    assert not (tmp_path / "report.json").exists()


def test_files_that_are_no_dump_are_refused(tmp_path):
    given = step()
    np.savez_compressed(tmp_path / "small.npz", **given)
    np.savez(tmp_path / "objects.npz", **{**given, "X": np.array([{}], dtype=object)})
    (tmp_path / "cut.npz").write_bytes((tmp_path / "small.npz").read_bytes()[:100])
    (tmp_path / "cut.safetensors").write_bytes(b"\x00\x01")
    (tmp_path / "long.safetensors").write_bytes(b"\xff" * 16)
    (tmp_path / "dump.txt").write_text("")
    for name in ("small.npz", "objects.npz", "cut.npz", "cut.safetensors", "long.safetensors", "dump.txt", "absent"):
        with pytest.raises(Unusable):
            audit_path(tmp_path / name)


@pytest.mark.parametrize("given", [{"probes": 4}, {"memory": 1000}, {"seed": -1}, {"samples": "rows"}, {"G": 1}])
def test_settings_that_make_no_sense_are_refused(given):
    with pytest.raises(Unusable):
        gradcheck.audit(**{**step(), **given})


# ---- command line, capture ----


def test_the_command_shows_verdicts_and_writes_json(tmp_path):
    given = step()
    path = folder(tmp_path, given)
    right = CliRunner().invoke(main, ["audit", str(path)])
    assert right.exit_code == 0 and "7 agree" in right.stdout
    shutil.rmtree(path)
    given["grad_theta"][7] *= 2
    folder(tmp_path, given)
    wrong = CliRunner().invoke(main, ["audit", str(path), "--json", "-"])
    assert wrong.exit_code == 1
    told = json.loads(wrong.stdout)
    assert told["gradcheck_audit"] == 2
    finding = next(f for f in told["findings"] if f["quantity"] == "grad_theta")
    assert (finding["outcome"], finding["rows"], finding["rows_left_out"]) == ("disagree", [7], 0)
    assert finding["every_row_within"] > 0
    nothing = dataclasses.replace(audit_path(path).findings[0], quantity="grad_theta", rows=tuple(range(L)), entry=0.0)
    assert report._finding(nothing, nothing.certifies((L, D, N)))["every_entry_within"] is None
    assert "every entry is 2 times" in CliRunner().invoke(main, ["audit", str(path)]).stdout


def test_a_dump_is_written_whole_or_not_at_all(tmp_path):
    folder(tmp_path, step())
    with pytest.raises(Unusable, match="it exists"):
        folder(tmp_path, step())
    folder(tmp_path, step(), overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dump"]
    (tmp_path / "dump" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(Unusable, match=r"no dump that gradcheck.capture has written"):
        folder(tmp_path, step(), overwrite=True)
    with pytest.raises(Unusable, match="X, Y missing"):
        gradcheck.capture({"theta": np.ones((3, 2)), "b": np.ones(3)}, tmp_path / "other")
    with pytest.raises(Unusable):
        folder(tmp_path / "absent", step())
    assert [path.name for path in tmp_path.iterdir()] == ["dump"]


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_a_torch_step_is_captured_in_two_lines(tmp_path, dtype):
    torch = pytest.importorskip("torch")
    torch.manual_seed(0)
    layer = torch.nn.Linear(D, L).to(getattr(torch, dtype))
    X, labels = torch.randn(2, N // 2, D).to(layer.weight.dtype), torch.randint(0, L, (2, N // 2))
    captured = gradcheck.capture(layer, tmp_path / "dump")
    loss = torch.nn.functional.cross_entropy(layer(X).reshape(-1, L), labels.reshape(-1))
    loss.backward()
    found = audit_path(captured.write(labels, loss))
    assert set(outcomes(found).values()) == {Outcome.AGREE}
    assert found.missing == ("A", "grad_X")


def test_a_jax_step_is_captured_in_two_lines(tmp_path):
    jax = pytest.importorskip("jax")
    given = step()
    theta, b, X, labels = (jax.numpy.asarray(given[name]) for name in ("theta", "b", "X", "Y"))

    def loss(theta, b):
        Z = X.T @ theta.T + b
        return -jax.nn.log_softmax(Z)[jax.numpy.arange(N), labels].mean()

    value, (g, gb) = jax.value_and_grad(loss, (0, 1))(theta, b)
    arrays = {"theta": theta, "b": b, "X": X, "Y": labels, "loss": value, "grad_theta": g, "grad_b": gb}
    assert audit_path(gradcheck.capture(arrays, tmp_path / "dump")).status == 0


def test_a_full_disk_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError("1000 requested and 0 written")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(Unusable, match="1000 requested and 0 written"):
        folder(tmp_path, step())
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_a_report_that_does_not_fit_on_the_disk_is_one_clear_line(tmp_path):
    found = CliRunner().invoke(main, ["audit", str(folder(tmp_path, step())), "--json", "/dev/full"])
    assert found.exit_code == 2
    assert found.output.splitlines()[-1].startswith("gradcheck: cannot write /dev/full")


def test_tensors_are_taken_as_they_are():
    torch = pytest.importorskip("torch")
    given = step()
    tensors = {name: torch.from_numpy(np.array(array)).requires_grad_(name == "theta") for name, array in given.items()}
    assert outcomes(gradcheck.audit(**tensors)) == outcomes(gradcheck.audit(**given))
    with pytest.raises(Unusable, match="which NumPy does not know"):
        gradcheck.audit(**given | {"theta": type("Array", (), {"shape": (L, D), "dtype": "of another kind"})()})


def test_capture_says_what_it_cannot_capture(tmp_path):
    with pytest.raises(Unusable, match="an int cannot be captured"):
        gradcheck.capture(3, tmp_path / "dump")
