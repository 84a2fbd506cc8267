"""Steps of several ranks are audited as one: with classes of their own, or samples; what one of them did otherwise is named."""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from test_audit_law import outcomes, softmax, step

import gradcheck
from gradcheck import CrossEntropy, Outcome, Unusable
from gradcheck.auditing import audit_path
from gradcheck.law import text

LAW = CrossEntropy(ignore=-100, mean_of="labelled", smoothing=0.1)
CUTS = (0, 10, 24)  # of classes
BATCH = (0, 60, 150)  # of samples
PART = ("theta", "b", "Z", "A", "grad_theta", "grad_b", "grad_Z")


def found_of(folder):
    found = audit_path(folder)
    return {f.quantity: f for f in found.findings}, outcomes(found)


def by_classes(folder, made, law=LAW, change=None, samples="columns"):
    """As two ranks write them: all samples, and rows of classes; ∂ℒ/∂X is each its own part, before it is added up."""
    D, lse = made["grad_Z"], np.log(np.exp(made["Z"]).sum(0))
    for r in range(2):
        rows = slice(CUTS[r], CUTS[r + 1])
        own = {name: array[rows] if name in PART else array for name, array in made.items()}
        own |= {"grad_X": made["theta"][rows].T @ D[rows], "lse": lse}
        if change:
            change(r, own)
        if samples == "rows":
            own |= {name: own[name].T for name in ("X", "Z", "A", "grad_Z", "grad_X")}
        gradcheck.capture(own, folder, law=law, ranks="classes", rank=r, samples=samples)
    return folder


def by_samples(folder, made, law=LAW, change=None, **said):
    """Each its samples, with their own part of the gradients and of the loss."""
    y, counts = made["Y"], made["Y"] != law.ignore
    for r in range(2):
        part = slice(BATCH[r], BATCH[r + 1])
        X, D = made["X"][:, part], made["grad_Z"][:, part]
        own = {"theta": made["theta"], "b": made["b"], "X": X, "Y": y[part], "Z": made["Z"][:, part], "grad_Z": D}
        own |= {
            "grad_theta": D @ X.T,
            "grad_b": D.sum(1),
            "grad_X": made["theta"].T @ D,
            "loss": _loss(made, part, law),
        }
        own |= {"A": made["A"][:, part]}
        if change:
            change(r, own)
        count = CrossEntropy(**{**law.said, "mean_of": int(counts.sum())})
        gradcheck.capture(own, folder, law=count, ranks="samples", rank=r, **said)
    return folder


def _loss(made, part, law):
    """The part that some samples have of the mean."""
    log_A, y = np.log(softmax(made["Z"]))[:, part], made["Y"][part]
    kept = y != law.ignore
    at = -log_A[np.where(kept, y, 0), np.arange(len(y))]
    each = (1 - law.smoothing) * at - law.smoothing * log_A.mean(0)
    return np.asarray(each[kept].sum() / (made["Y"] != law.ignore).sum())


@pytest.mark.parametrize("samples", ["columns", "rows"])
def test_ranks_with_classes_of_their_own_are_one_step(samples, tmp_path):
    _, told = found_of(by_classes(tmp_path / "dump", step(LAW), samples=samples))
    assert set(told.values()) == {Outcome.AGREE} and len(told) == 8, told


def test_ranks_with_samples_of_their_own_are_one_step(tmp_path):
    _, told = found_of(by_samples(tmp_path / "dump", step(LAW)))
    assert set(told.values()) == {Outcome.AGREE} and len(told) == 7, told


@pytest.mark.parametrize("over", ["all", "others"])
def test_a_rank_that_smooths_over_its_own_classes_is_named(over, tmp_path):
    law = CrossEntropy(smoothing=0.1, smoothing_over=over)
    made = step(law)
    rows, less = slice(CUTS[1], CUTS[2]), int(over == "others")
    more = 0.1 / (14 - less) - 0.1 / (24 - less)

    def change(r, own):
        if r == 1:
            off = np.ones((14, 150))
            if less:
                off[np.arange(CUTS[1], 24)[:, None] == made["Y"]] = 0
            own["grad_Z"] = own["grad_Z"] - off * more / 150
            own["grad_theta"] = own["grad_Z"] @ made["X"].T
            own["loss"] = own["loss"] * 1.01

    found, told = found_of(by_classes(tmp_path / "dump", made, law, change))
    assert {name for name, outcome in told.items() if outcome is Outcome.DISAGREE} == {"grad_theta", "grad_Z", "loss"}
    assert found["grad_theta"].rows == tuple(range(24))[rows]
    assert "as if rank 1 smoothed over its own 14 classes alone" in found["grad_theta"].faults
    assert "all of them are of rank 1 of 2" in found["grad_theta"].faults
    assert found["loss"].rows == (1,) and found["loss"].faults[0].startswith("rank 1 of 2")


UNSAID = {
    "label smoothing of ε = 0.1, not declared: with --smoothing 0.1": {"smoothing": 0.1},
    "a z-loss of 0.01 lse², not declared: with --z-loss 0.01": {"z_loss": 0.01},
    "a soft cap of 2, not declared: with --softcap 2": {"softcap": 2.0},
    "logits times 0.5, as by a temperature, not declared: with --scale 0.5": {"scale": 0.5},
}


@pytest.mark.parametrize("words", UNSAID)
@pytest.mark.parametrize("by", [by_classes, by_samples])
def test_an_option_that_no_rank_declared_is_named(by, words, tmp_path):
    """And with it nothing disagrees. That of a rank alone is not, nor another fault beside it."""
    done = CrossEntropy(**UNSAID[words])
    declared, made = CrossEntropy(ignore=-100, mean_of="labelled"), step(CrossEntropy(), done=done)

    def part(r, own):
        """Sums of what the loss takes; its value by samples is not what this is about."""
        if by is by_samples:
            own.pop("loss")
        else:
            own["lse"] = text.log_sum_exp(text.mapped(made["Z"], done)).ravel()

    path = by(tmp_path / "dump", made, declared, part)
    wrong = [f for f in audit_path(path).findings if f.verdict.failed]
    assert "grad_theta" in {f.quantity for f in wrong} and all(any(words in t for t in f.faults) for f in wrong)
    assert audit_path(path, layout=done.said).status == 0

    def more(r, own):
        part(r, own)
        if r == 1:
            own["grad_theta"] = own["grad_theta"] * 1.01

    (found,) = (
        f for f in audit_path(by(tmp_path / "more", made, declared, more)).findings if f.quantity == "grad_theta"
    )
    assert found.verdict.failed and not any("not declared" in text for text in found.faults)


def test_a_log_sum_exp_of_a_rank_of_its_own_is_named(tmp_path):
    def change(r, own):
        if r == 1:
            own["lse"] = np.log(np.exp(own["Z"]).sum(0))  # it forgot to ask the other

    found, told = found_of(by_classes(tmp_path / "dump", step(LAW), change=change))
    assert [name for name, outcome in told.items() if outcome is Outcome.DISAGREE] == ["lse"]
    assert found["lse"].faults == ("rank 1 of 2: another result than it must be, of what all share",)


@pytest.mark.parametrize("r", [0, 1])
def test_a_rank_whose_gradient_was_lost_is_named(r, tmp_path):
    def change(at, own):
        if at == r:
            own["grad_theta"] = 0 * own["grad_theta"]

    found, _ = found_of(by_samples(tmp_path / "dump", step(LAW), change=change))
    assert f"as if rank {r} had been left out" in found["grad_theta"].faults


def test_means_of_ranks_that_were_averaged(tmp_path):
    """As DistributedDataParallel does: each a mean of its own, of which the gradients' mean is taken."""
    made = step(CrossEntropy(), labels="index")
    means = [made["grad_Z"][:, slice(*BATCH[r : r + 2])] * 150 / (BATCH[r + 1] - BATCH[r]) for r in range(2)]
    parts = [slice(*BATCH[r : r + 2]) for r in range(2)]
    G = sum(D @ made["X"][:, part].T for D, part in zip(means, parts, strict=True)) / 2
    for r, part in enumerate(parts):
        loss = _loss(made, part, CrossEntropy(ignore=-100)) * 150 / (BATCH[r + 1] - BATCH[r])
        own = {"theta": made["theta"], "b": made["b"], "X": made["X"][:, part], "Y": made["Y"][part], "loss": loss}
        folder = gradcheck.capture(own | {"grad_theta": G}, tmp_path / "dump", ranks="samples", rank=r)
        (folder / "layout.json").write_text(
            json.dumps({"samples": "columns", "reduction": "mean", "ranks": "samples", "reduced": "mean"})
        )
    _, told = found_of(tmp_path / "dump")
    assert told == dict.fromkeys(("loss", "grad_theta"), Outcome.AGREE)


@pytest.mark.parametrize("law", [CrossEntropy(l2=0.1), CrossEntropy(l2=0.1, l2_bias=True)], ids=["θ", "θ and b"])
@pytest.mark.parametrize("reduced", ["", "sum", "mean"])
@pytest.mark.parametrize("forgotten", [False, True])
def test_ranks_of_which_each_has_a_penalty(law, reduced, forgotten, tmp_path):
    """Of k ranks it is there k times; what a rank does not exchange, its ∂ℒ/∂Z and ∂ℒ/∂X, is no mean of several."""
    made = step(CrossEntropy(), labels="index")
    theta, b = made["theta"], made["b"]
    each = []
    for r in range(2):
        part, n = slice(*BATCH[r : r + 2]), BATCH[r + 1] - BATCH[r]
        X, D = made["X"][:, part], made["grad_Z"][:, part] * 150 / n
        loss = _loss(made, part, CrossEntropy(ignore=-100)) * 150 / n
        l2 = 0.0 if forgotten and r else law.l2
        loss = loss + l2 / 2 * ((theta**2).sum() + law.l2_bias * (b**2).sum())
        own = {"theta": theta, "b": b, "X": X, "Y": made["Y"][part], "Z": made["Z"][:, part], "loss": loss}
        own |= {"grad_Z": D, "grad_X": theta.T @ D, "grad_theta": D @ X.T + l2 * theta}
        each.append(own | {"grad_b": D.sum(1) + l2 * law.l2_bias * b})
    for name in ("grad_theta", "grad_b") if reduced else ():
        whole = sum(own[name] for own in each) / (2 if reduced == "mean" else 1)
        each = [{**own, name: whole} for own in each]
    for r, own in enumerate(each):
        folder = gradcheck.capture(own, tmp_path / "dump", law=law, ranks="samples", rank=r)
        said = json.loads((folder / "layout.json").read_text())
        (folder / "layout.json").write_text(json.dumps(said | ({"reduced": reduced} if reduced else {})))
    _, told = found_of(tmp_path / "dump")
    wrong = {"loss", "grad_theta", *(["grad_b"] if law.l2_bias else [])} if forgotten else set()
    assert {name for name, outcome in told.items() if outcome is Outcome.DISAGREE} == wrong and len(told) == 6


@pytest.mark.parametrize("convention", [np.nan, 0.0, 1.0])
def test_the_mean_of_a_rank_in_which_no_sample_counts_is_nan_or_0(convention, tmp_path):
    law = CrossEntropy(ignore=-100, mean_of="labelled")
    y = np.r_[np.full(60, -100), np.arange(90) % 24]
    made = step(law, labels="index")
    A = softmax(made["Z"])
    for r in range(2):
        part = slice(*BATCH[r : r + 2])
        D = A[:, part] - np.eye(24)[:, y[part]] if r else np.zeros((24, 60))
        D = D / 90
        loss = -np.log(A[y[part], np.arange(60, 150)]).mean() if r else convention
        own = {"theta": made["theta"], "b": made["b"], "X": made["X"][:, part], "Y": y[part], "Z": made["Z"][:, part]}
        own |= {"loss": np.asarray(loss), "grad_theta": D @ made["X"][:, part].T}
        gradcheck.capture(own, tmp_path / "dump", law=law, ranks="samples", rank=r)
    _, told = found_of(tmp_path / "dump")
    assert told["grad_theta"] is told["Z"] is Outcome.AGREE
    assert told["loss"] is (Outcome.DISAGREE if convention == 1 else Outcome.AGREE)


def test_a_rank_may_have_one_class(tmp_path):
    made = step(CrossEntropy(), labels="index")
    for r, rows in enumerate((slice(0, 1), slice(1, 24))):
        own = {name: array[rows] if name in PART else array for name, array in made.items()}
        gradcheck.capture(own | {"grad_X": made["grad_X"]}, tmp_path / "dump", ranks="classes", rank=r)
    _, told = found_of(tmp_path / "dump")
    assert set(told.values()) == {Outcome.AGREE}, told
    with pytest.raises(Unusable, match="theta has 1 row"):
        gradcheck.capture({n: a[:1] if n in PART else a for n, a in made.items()}, tmp_path / "other")


def another(name):
    def change(r, own):
        if r == 1:
            own[name] = own[name] + 1

    return change


def rolled(r, own):
    own["Y"] = np.roll(own["Y"], r)


def lacking(r, own):
    if r == 1:
        del own["A"]


REFUSED = {
    "rank 1 has another X than rank 0; expected the same samples": (by_classes, another("X")),
    "rank 1 has another Y than rank 0": (by_classes, rolled),
    "rank 1 has another theta than rank 0; expected the same parameters": (by_samples, another("theta")),
    r"rank 1 and rank 0 do not hold the same arrays \(A\)": (by_samples, lacking),
}


@pytest.mark.parametrize("line", REFUSED)
def test_ranks_that_do_not_share_what_they_must_are_named(line, tmp_path):
    write, change = REFUSED[line]
    with pytest.raises(Unusable, match=line):
        audit_path(write(tmp_path / "dump", step(LAW), change=change))


def test_ranks_that_are_missing_or_say_something_else(tmp_path):
    folder = by_classes(tmp_path / "dump", step(LAW))
    (folder / "rank.1").rename(folder / "rank.2")
    with pytest.raises(Unusable, match=r"expected rank\.0, rank\.1 and so on, without a gap"):
        audit_path(folder)
    (folder / "rank.2").rename(folder / "rank.1")
    (folder / "rank.1" / "layout.json").write_text('{"samples": "columns", "reduction": "sum", "ranks": "classes"}')
    with pytest.raises(Unusable, match=r"the layout.json of rank 1 says something else"):
        audit_path(folder)
    with pytest.raises(Unusable, match="expected what each rank has of its own"):
        gradcheck.capture(step(LAW), tmp_path / "other", ranks="features")


ODD = (
    np.zeros(0),
    np.zeros(()),
    np.zeros(3),
    np.zeros((2, 3)),
    np.zeros((2, 0)),
    np.zeros((1, 2, 3)),
    np.full(150, 999),
)


@pytest.mark.parametrize("write", [by_classes, by_samples], ids=["classes", "samples"])
def test_arrays_of_any_shape_are_refused_or_judged(write, tmp_path):
    """Of one rank, and of both: never an error of ours."""
    folder = write(tmp_path / "dump", step(LAW))
    names = [file.stem for file in (folder / "rank.0").glob("*.npy")]
    for name in names:
        kept = [(folder / f"rank.{r}" / f"{name}.npy").read_bytes() for r in range(2)]
        for odd in ODD:
            for several in ((0,), (0, 1)):
                for r in several:
                    np.save(folder / f"rank.{r}" / f"{name}.npy", odd.astype(int) if name == "Y" else odd)
                with suppress(Unusable):  # where it may be what it says it is, it is judged
                    audit_path(folder)
                for r in range(2):
                    (folder / f"rank.{r}" / f"{name}.npy").write_bytes(kept[r])
    assert audit_path(folder).status == 0


@pytest.mark.parametrize(
    "said",
    [
        {"factor": "2"},
        {"pieces": "x"},
        {"law": {"mean_of": []}},
        {"reduced": 3},
        {"ranks": {}},
        {"law": 3},
        {"shared": 3},
        {"shared": [["grad_theta"]]},
    ],
)
def test_layouts_of_ranks_that_say_anything_are_refused(said, tmp_path):
    folder = by_samples(tmp_path / "dump", step(LAW))
    for r in range(2):
        file = folder / f"rank.{r}" / "layout.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "reduced": "", **said}))
    with pytest.raises(Unusable):
        audit_path(folder)


def test_a_weight_that_one_rank_shares_is_shared(tmp_path):
    """What others add to it may be nothing on a rank, whose layout does not say it then: no refusal."""
    folder = by_samples(tmp_path / "dump", step(LAW))
    file = folder / "rank.1" / "layout.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "shared": ["grad_theta"]}))
    assert audit_path(folder).shared == ("grad_theta",)


def test_two_processes_that_train_together(tmp_path):
    """Of gloo: a head whose classes are shared out, one whose samples are, and a rank that smooths over its own classes."""
    torch = pytest.importorskip("torch")
    if not torch.distributed.is_available() or not torch.distributed.is_gloo_available():
        pytest.skip("torch has no gloo")
    file = Path(__file__).with_name("gloo_ranks.py")
    running = [subprocess.Popen([sys.executable, file, str(r), tmp_path]) for r in range(2)]
    assert [process.wait(120) for process in running] == [0, 0]
    for name, count in (("classes", 6), ("samples", 6)):
        _, told = found_of(tmp_path / name)
        assert set(told.values()) == {Outcome.AGREE} and len(told) == count, told
    found, told = found_of(tmp_path / "own")
    assert {told[name] for name in ("grad_theta", "grad_Z", "grad_b", "grad_X")} == {Outcome.DISAGREE}
    assert "as if rank 1 smoothed over its own 30 classes alone" in found["grad_theta"].faults
    assert found["loss"].odd == ("ℒ: all ranks share it, and that of rank 1 is not that of rank 0",)


@pytest.mark.parametrize("law", [{"ignore": -100}, {"ignore": -100, "reduction": "sum"}])
def test_a_law_that_does_not_repeat_the_reduction_has_that_of_the_layout(law, tmp_path):
    made = step(CrossEntropy(reduction="sum", ignore=-100), labels="index")
    folder = gradcheck.capture(made, tmp_path / "dump", reduction="sum", ignore=-100)
    said = {"samples": "columns", "reduction": "sum", "law": law}
    (folder / "layout.json").write_text(json.dumps(said))
    _, told = found_of(folder)
    assert set(told.values()) == {Outcome.AGREE}, told
