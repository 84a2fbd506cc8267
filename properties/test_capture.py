"""A language model's head is captured in two lines, however it is trained; what is wrong with it is found and named."""

import pytest
from test_audit_law import outcomes

import gradcheck
from gradcheck import CrossEntropy, Outcome, Unusable
from gradcheck.auditing import audit_path

torch = pytest.importorskip("torch")
heads = pytest.importorskip("heads")

REAL = pytest.mark.skipif(
    not pytest.importorskip("importlib.util").find_spec("transformers"), reason="transformers is not installed"
)
MODELS = [pytest.param(heads.tiny, id="tiny"), pytest.param(heads.gpt2, id="GPT-2", marks=REAL)]
models = pytest.mark.parametrize("model", MODELS)


def judged(folder):
    found = audit_path(folder)
    return found, outcomes(found)


def agreeing(folder):
    """Everything that a dump of a head has is right."""
    found, told = judged(folder)
    assert set(told.values()) == {Outcome.AGREE}, told
    assert {"loss", "grad_theta", "grad_X", "grad_Z", "Z"} <= set(told)
    return found


def named(folder, *words):
    """Something disagrees, and the report says what."""
    found, told = judged(folder)
    assert Outcome.DISAGREE in told.values(), told
    faults = [text for f in found.findings for text in f.faults]
    assert all(any(word in text for text in faults) for word in words), faults
    return found


# ---- the seven cases of a real head: as they are, and with a fault ----


@models
def test_labels_as_the_model_takes_them(model, tmp_path):
    made = model()
    tokens, labels = heads.ids(made)
    step = gradcheck.capture(made.lm_head, tmp_path / "dump")
    loss = heads.loss_of(made, tokens, labels)
    loss.backward()
    with pytest.raises(Unusable, match=r"only when each sample has that of the next.*say write\(…, shift=True\)"):
        step.write(labels, loss)
    assert not (tmp_path / "dump").exists()
    found = agreeing(step.write(labels, loss, shift=True))
    assert found.law == CrossEntropy(ignore=-100, mean_of="labelled")


@models
def test_labels_that_are_shifted_once_more_are_named(model, tmp_path):
    made = model()
    tokens, labels = heads.ids(made)
    step = gradcheck.capture(made.lm_head, tmp_path / "dump")
    loss = heads.loss_of(made, tokens, torch.nn.functional.pad(labels, (0, 1), value=-100)[:, 1:])
    loss.backward()
    named(step.write(labels, loss, shift=True), "as if each sample had the labels of the next")


@models
def test_a_prompt_that_does_not_count(model, tmp_path):
    made = model()
    tokens, labels = heads.ids(made, prompt=6)
    step = gradcheck.capture(made.lm_head, tmp_path / "dump")
    loss = heads.loss_of(made, tokens, labels)
    loss.backward()
    agreeing(step.write(labels, loss, shift=True))


@models
def test_an_ignored_token_that_counts_is_named(model, tmp_path):
    made = model()
    tokens, labels = heads.ids(made, prompt=6)
    counted = labels.clone()
    counted[1, 3] = tokens[1, 3]
    step = gradcheck.capture(made.lm_head, tmp_path / "dump")
    loss = heads.loss_of(made, tokens, counted)
    loss.backward()
    # of the second sequence, the sample before the token
    named(step.write(labels, loss, shift=True), f"sample {tokens.shape[1] + 2}, which does not count")


@models
@pytest.mark.parametrize("how", ["bfloat16", "autocast"])
def test_sixteen_bits(model, how, tmp_path):
    made = model(dtype=torch.bfloat16 if how == "bfloat16" else torch.float32)
    tokens, labels = heads.ids(made, prompt=6)
    step = gradcheck.capture(made.lm_head, tmp_path / "dump")
    with torch.autocast("cpu", torch.bfloat16, enabled=how == "autocast"):
        loss = heads.loss_of(made, tokens, labels)
    loss.backward()
    agreeing(step.write(labels, loss, shift=True))


@models
@pytest.mark.parametrize("how", ["bfloat16", "autocast"])
def test_a_fault_in_sixteen_bits_is_called_what_it_is(model, how, tmp_path):
    """One token too few in the divisor; and no number of bfloat16 is called one of float16."""
    made = model(dtype=torch.bfloat16 if how == "bfloat16" else torch.float32)
    tokens, labels = heads.ids(made, prompt=6)
    step = gradcheck.capture(made.lm_head, tmp_path / "dump")
    with torch.autocast("cpu", torch.bfloat16, enabled=how == "autocast"):
        loss = heads.loss_of(made, tokens, labels)
    (loss * 2).backward()
    found = named(step.write(labels, loss, shift=True), "every entry is 2 times")
    assert "float16" not in str([f.faults for f in found.findings])


@models
def test_a_loss_scale(model, tmp_path):
    made = model()
    tokens, labels = heads.ids(made)
    step = gradcheck.capture(made.lm_head, tmp_path / "dump")
    loss = heads.loss_of(made, tokens, labels)
    (loss * 1024).backward()
    agreeing(step.write(labels, loss, shift=True, factor=1024))


@models
def test_a_loss_scale_that_was_divided_by_already(model, tmp_path):
    made = model()
    tokens, labels = heads.ids(made)
    step = gradcheck.capture(made.lm_head, tmp_path / "dump")
    loss = heads.loss_of(made, tokens, labels)
    (loss * 1024).backward()
    for parameter in made.parameters():
        parameter.grad /= 1024
    agreeing(step.write(labels, loss, shift=True, factor=1024))


@models
def test_a_count_of_items_and_one_token_too_many(model, tmp_path):
    made = model()
    tokens, labels = heads.ids(made, prompt=6)
    count = int((labels[:, 1:] != -100).sum())
    for number, dump in ((count, "right"), (count + 1, "wrong")):
        made.zero_grad()
        step = gradcheck.capture(made.lm_head, tmp_path / dump)
        loss = heads.loss_of(made, tokens, labels, num_items_in_batch=torch.tensor(number))
        loss.backward()
        step.write(labels, loss, shift=True, num_items=count)
    agreeing(tmp_path / "right")
    named(tmp_path / "wrong", "N/(N + 1) times what it must be")


@models
def test_tied_embeddings(model, tmp_path):
    """The gradient of this use alone, and not .grad, which holds the embedding's part."""
    made = model(tie=True)
    tokens, labels = heads.ids(made)
    step = gradcheck.capture(made.lm_head, tmp_path / "dump")
    loss = heads.loss_of(made, tokens, labels)
    loss.backward()
    agreeing(step.write(labels, loss, shift=True))


@models
def test_the_part_of_an_embedding_that_was_left_in_is_named(model, tmp_path):
    made = model(tie=True)
    tokens, labels = heads.ids(made)
    step = gradcheck.capture(made.lm_head, tmp_path / "dump")
    loss = heads.loss_of(made, tokens, labels)
    loss.backward()
    folder = step.write(labels, loss, shift=True)
    import numpy as np

    np.save(folder / "grad_theta.npy", made.lm_head.weight.grad.numpy())
    found = named(folder, "as an embedding that is tied to theta adds to its gradient")
    rows = next(f for f in found.findings if f.quantity == "grad_theta").rows
    assert set(rows) <= set(tokens.reshape(-1).tolist())


@models
def test_two_micro_batches(model, tmp_path):
    """Of different numbers of labels: the mean of the means, as training has it, and one mean over all."""
    made = model()
    step = gradcheck.capture(made.lm_head, tmp_path / "means")
    first, second = heads.ids(made, 1), heads.ids(made, 2, prompt=6)
    losses = [heads.loss_of(made, *one) for one in (first, second)]
    for loss in losses:
        (loss / 2).backward()
    agreeing(step.write([first[1], second[1]], losses, shift=True, factor=0.5))
    count = sum(int((labels[:, 1:] != -100).sum()) for _, labels in (first, second))
    made.zero_grad()
    step = gradcheck.capture(made.lm_head, tmp_path / "whole")
    losses = []
    for one in (first, second):
        losses.append(heads.loss_of(made, *one, num_items_in_batch=torch.tensor(count)))
        losses[-1].backward()
    agreeing(step.write([first[1], second[1]], losses, shift=True, num_items=count))


@models
def test_a_micro_batch_that_was_lost_is_named(model, tmp_path):
    made = model()
    step = gradcheck.capture(made.lm_head, tmp_path / "dump")
    some = [heads.ids(made, seed) for seed in (1, 2)]
    losses = []
    for one in some:
        made.zero_grad()
        losses.append(heads.loss_of(made, *one))
        (losses[-1] / 2).backward()
    n = some[0][0].numel()
    folder = step.write([labels for _, labels in some], losses, shift=True, factor=0.5)
    named(folder, f"as if only the last {n} of {2 * n} samples had been summed")
