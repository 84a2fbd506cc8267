"""A language model's head is captured in two lines, however it is trained; what is wrong with it is found and named."""

import json

import numpy as np
import pytest
from test_audit_law import outcomes

import gradcheck
from gradcheck import CrossEntropy, Outcome, Unusable
from gradcheck.auditing import audit_path, report
from gradcheck.cli import audited

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


def trained(made, tokens, labels, folder):
    """A step of the head that has gone backward, and its loss."""
    step = gradcheck.capture(made.lm_head, folder)
    loss = heads.loss_of(made, tokens, labels)
    loss.backward()
    return step, loss


@models
def test_labels_as_the_model_takes_them(model, tmp_path):
    made = model()
    tokens, labels = heads.ids(made)
    step, loss = trained(made, tokens, labels, tmp_path / "dump")
    with pytest.raises(Unusable, match=r"only when each sample has that of the next.*say write\(…, shift=True\)"):
        step.write(labels, loss)
    assert not (tmp_path / "dump").exists()
    found = agreeing(step.write(labels, loss, shift=True))
    assert found.law == CrossEntropy(ignore=-100, mean_of="labelled")


@models
def test_labels_that_were_shifted_already(model, tmp_path):
    made = model()
    tokens, labels = heads.ids(made)
    step, loss = trained(made, tokens, labels, tmp_path / "dump")
    agreeing(step.write(torch.nn.functional.pad(labels, (0, 1), value=-100)[:, 1:], loss))


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
    step, loss = trained(made, tokens, labels, tmp_path / "dump")
    agreeing(step.write(labels, loss, shift=True))


@models
def test_an_ignored_token_that_counts_is_named(model, tmp_path):
    made = model()
    tokens, labels = heads.ids(made, prompt=6)
    counted = labels.clone()
    counted[1, 3] = tokens[1, 3]
    step, loss = trained(made, tokens, counted, tmp_path / "dump")
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
    """The gradient of this use alone, and not .grad, which holds the embedding's part: as the report says."""
    for tie in (True, False):
        made = model(tie=tie)
        tokens, labels = heads.ids(made)
        step, loss = trained(made, tokens, labels, tmp_path / f"dump{tie}")
        found = agreeing(step.write(labels, loss, shift=True))
        said = "∂ℒ/∂θ: of this use of the parameter alone, since .grad has more" in str(found)
        assert (said, found.shared, found.status) == (tie, ("grad_theta",) * tie, 0)
        assert (found.alone in audited.notes(found), json.loads(report.text(found))["shared"] != []) == (tie, tie)


@models
def test_the_part_of_an_embedding_that_was_left_in_is_named(model, tmp_path):
    made = model(tie=True)
    tokens, labels = heads.ids(made)
    step, loss = trained(made, tokens, labels, tmp_path / "dump")
    folder = step.write(labels, loss, shift=True)
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


# ---- other ways to train ----


@pytest.mark.parametrize("unscaled", [False, True])
def test_a_scaler_of_float16(unscaled, tmp_path):
    """What is lost in float16 may be more than the gradient: then nothing is said of it, and nothing wrong."""
    layer, X, labels = head()
    scaler, descent = torch.amp.GradScaler("cpu", init_scale=256.0), torch.optim.SGD(layer.parameters(), 0.1)
    step = gradcheck.capture(layer, tmp_path / "dump")
    with torch.autocast("cpu", torch.float16):
        loss = torch.nn.functional.cross_entropy(layer(X), labels)
    scaler.scale(loss).backward()
    if unscaled:
        scaler.unscale_(descent)
    found, told = judged(step.write(labels, loss, factor=scaler.get_scale()))
    assert found.arithmetic.stored == "float16"
    assert (told["Z"], told["loss"]) == (Outcome.AGREE, Outcome.AGREE) and Outcome.DISAGREE not in told.values()


class Remembering(torch.nn.Module):
    """A head within gradient checkpointing."""

    def __init__(self, reentrant):
        super().__init__()
        torch.manual_seed(0)
        self.lm_head, self.reentrant = torch.nn.Linear(heads.D, heads.V), reentrant

    def forward(self, X):
        from torch.utils.checkpoint import checkpoint

        return checkpoint(self.lm_head, X, use_reentrant=self.reentrant)


@pytest.mark.parametrize("reentrant", [True, False])
def test_a_layer_that_is_called_again_by_checkpointing(reentrant, tmp_path):
    made, X = Remembering(reentrant), torch.randn(3, 20, heads.D, requires_grad=True)
    labels = torch.randint(heads.V, (3, 20))
    step = gradcheck.capture(made.lm_head, tmp_path / "dump")
    with torch.no_grad():
        made.lm_head(X)  # an evaluation is none of it
    loss = torch.nn.functional.cross_entropy(made(X).flatten(0, 1), labels.flatten())
    loss.backward()
    agreeing(step.write(labels, loss))
    assert "forward" not in vars(made.lm_head)


def test_a_model_in_float64_whose_loss_is_taken_in_float32(tmp_path):
    made = heads.tiny(dtype=torch.float64)
    tokens, labels = heads.ids(made)
    step, loss = trained(made, tokens, labels, tmp_path / "dump")
    assert agreeing(step.write(labels, loss, shift=True)).arithmetic.inner == "float32"


def head(seed=0, n=60):
    torch.manual_seed(seed)
    layer, X = torch.nn.Linear(heads.D, heads.V), torch.randn(n, heads.D, requires_grad=True)
    return layer, X, torch.randint(heads.V, (n,))


def test_a_layer_that_goes_on_being_trained_holds_its_last_step(tmp_path):
    layer, X, labels = head()
    step, descent = gradcheck.capture(layer, tmp_path / "dump"), torch.optim.SGD(layer.parameters(), 0.1)
    for k in range(3):
        descent.zero_grad()
        loss = torch.nn.functional.cross_entropy(layer(X), labels)
        loss.backward()
        if k < 2:
            descent.step()
    assert len(step._uses.calls) == 1
    agreeing(step.write(labels, loss))


def test_data_that_are_given_by_name(tmp_path):
    """As torch.nn.Linear calls its argument."""
    layer, X, y = torch.nn.Linear(4, 9), torch.randn(6, 4).requires_grad_(), torch.arange(6)
    step = gradcheck.capture(layer, tmp_path / "dump")
    loss = torch.nn.functional.cross_entropy(layer(input=X), y)
    loss.backward()
    agreeing(step.write(y, loss))


def test_tied_embeddings_with_a_sparse_gradient(tmp_path):
    torch.manual_seed(0)
    embedded, layer = torch.nn.Embedding(heads.V, heads.D, sparse=True), torch.nn.Linear(heads.D, heads.V, bias=False)
    layer.weight, tokens = embedded.weight, torch.randint(heads.V, (60,))
    step = gradcheck.capture(layer, tmp_path / "dump")
    loss = torch.nn.functional.cross_entropy(layer(torch.tanh(embedded(tokens))), tokens)
    loss.backward()
    agreeing(step.write(tokens, loss))


def test_logits_that_the_loss_overwrites_are_left_out(tmp_path):
    """As fused kernels do, that write the gradient there."""

    class InPlace(torch.autograd.Function):
        @staticmethod
        def forward(ctx, Z, y):
            A = Z.softmax(1)
            loss = -A[torch.arange(len(y)), y].log().mean()
            A[torch.arange(len(y)), y] -= 1
            Z.data.copy_(A / len(y))
            ctx.save_for_backward(Z.data)
            return loss

        @staticmethod
        def backward(ctx, upstream):
            return upstream * ctx.saved_tensors[0], None

    layer, X, labels = head()
    step = gradcheck.capture(layer, tmp_path / "dump")
    loss = InPlace.apply(layer(X), labels)
    loss.backward()
    found, told = judged(step.write(labels, loss))
    assert set(told.values()) == {Outcome.AGREE} and "Z" in found.missing


def test_options_are_said_once_written_and_judged(tmp_path):
    """A soft cap, a z-loss and smoothing, by their names."""
    layer, X, labels = head()
    step = gradcheck.capture(layer, tmp_path / "dump", softcap=5.0, z_loss=1e-3, smoothing=0.1)
    Z = 5 * torch.tanh(layer(X) / 5)
    loss = torch.nn.functional.cross_entropy(Z, labels, label_smoothing=0.1) + 1e-3 * Z.logsumexp(1).square().mean()
    loss.backward()
    found = agreeing(step.write(labels, loss))
    assert found.law == CrossEntropy(softcap=5.0, z_loss=1e-3, smoothing=0.1)


def test_an_ignored_label_that_is_said_by_its_name(tmp_path):
    layer, X, labels = head()
    labels[::4] = 7
    step = gradcheck.capture(layer, tmp_path / "dump", ignore=7)
    loss = torch.nn.functional.cross_entropy(layer(X), labels, ignore_index=7)
    loss.backward()
    agreeing(step.write(labels, loss))


def test_a_loss_that_was_given_with_its_scale_is_named(tmp_path):
    layer, X, labels = head()
    step = gradcheck.capture(layer, tmp_path / "dump")
    loss = torch.nn.functional.cross_entropy(layer(X), labels) * 1024
    loss.backward()
    found = named(
        step.write(labels, loss, factor=1024),
        "the loss is 1024, the factor of the gradients, times what it must be: write() takes the loss before it was multiplied",
    )
    assert [f.quantity for f in found.findings if f.verdict.outcome is Outcome.DISAGREE] == ["loss"]


def test_a_loss_of_each_sample_with_its_upstream_gradient(tmp_path):
    layer, X, labels = head()
    step = gradcheck.capture(layer, tmp_path / "dump")
    loss, upstream = torch.nn.functional.cross_entropy(layer(X), labels, reduction="none"), torch.rand(60)
    loss.backward(upstream)
    agreeing(step.write(labels, loss, upstream=upstream))


@pytest.mark.parametrize("factors", [0.25, [0.5, 2.0]])
def test_calls_that_are_added_up_one_backward_pass_or_several(factors, tmp_path):
    """Two calls of one layer: what each loss was multiplied by, and both in one backward pass, tied weights among it."""
    layer, X, labels = head()
    other, more = torch.randn(40, heads.D, requires_grad=True), torch.randint(heads.V, (40,))
    step = gradcheck.capture(layer, tmp_path / "dump")
    losses = [torch.nn.functional.cross_entropy(layer(x), y) for x, y in ((X, labels), (other, more))]
    each = factors if isinstance(factors, list) else [factors] * 2
    (losses[0] * each[0] + losses[1] * each[1] + layer.weight.square().sum()).backward()
    agreeing(step.write([labels, more], losses, factor=factors))


def test_losses_of_each_sample_of_several_calls(tmp_path):
    layer, X, labels = head()
    step = gradcheck.capture(layer, tmp_path / "dump")
    upstream = [torch.rand(25), -torch.rand(35)]
    parts = [slice(0, 25), slice(25, 60)]
    losses = [torch.nn.functional.cross_entropy(layer(X[p]), labels[p], reduction="none") for p in parts]
    for loss, by in zip(losses, upstream, strict=True):
        loss.backward(by)
    agreeing(step.write([labels[p] for p in parts], torch.cat(losses), upstream=upstream))


def test_one_loss_of_several_calls_is_one_mean(tmp_path):
    layer, X, labels = head()
    step = gradcheck.capture(layer, tmp_path / "dump")
    Z = torch.cat([layer(X[:25]), layer(X[25:])])
    loss = torch.nn.functional.cross_entropy(Z, labels)
    loss.backward()
    agreeing(step.write(labels, loss))


@pytest.mark.parametrize("lose", [False, True])
def test_a_fused_loss_that_calls_no_layer(lose, tmp_path):
    """Of tied weights, whose data follow from them, too; and with a chunk that overwrites what the others added up."""
    torch.manual_seed(0)
    W = torch.nn.Parameter(torch.randn(heads.V, heads.D) / 4)
    tokens = torch.randint(heads.V, (64,))
    y = torch.where(torch.arange(64) % 5 == 0, -100, torch.roll(tokens, -1))
    X = torch.tanh(W[tokens])
    loss = heads.Chunked.apply(X, W, y, lose)
    step = gradcheck.capture.fused(X, W, None, y, loss, tmp_path / "dump")
    (4 * loss).backward()
    folder = step.write(factor=4.0)
    if lose:
        named(folder, "as if only the last 16 of 64 samples had been summed")
        return
    _, told = judged(folder)
    assert told == dict.fromkeys(("loss", "grad_theta", "grad_X"), Outcome.AGREE), told
    assert not torch.equal(W.grad, torch.from_numpy(np.load(folder / "grad_theta.npy")))


@pytest.mark.parametrize("turned", [False, True])
def test_a_step_of_jax_under_jit(turned, tmp_path):
    jax = pytest.importorskip("jax")
    numpy, draw = jax.numpy, np.random.default_rng(0)
    E = numpy.asarray(draw.standard_normal((heads.V, heads.D)) / 4, numpy.float32)
    b, labels = numpy.zeros(heads.V), draw.integers(0, heads.V, (4, 15))
    step = gradcheck.capture.traced(tmp_path / "dump")

    @jax.jit
    @jax.value_and_grad
    def train(E, b):
        X, W, c = step(numpy.tanh(E[labels]), E.T if turned else E, b)  # tied
        Z = (X @ (W if turned else W.T) + c)[:, :-1]
        y = labels[:, 1:]
        return -numpy.take_along_axis(jax.nn.log_softmax(Z), y[..., None], -1).mean()

    loss, _ = train(E, b)
    _, told = judged(step.write(labels, loss, shift=True))
    assert told == dict.fromkeys(("loss", "grad_theta", "grad_b", "grad_X"), Outcome.AGREE), told
    train(E, b)  # once more
    with pytest.raises(Unusable, match="it exists"):
        step.write(labels, loss, shift=True)


# ---- what cannot be captured ----


def written(change=None, labels=None, **told):
    """A step that went well, and what is said of it."""

    def run(folder):
        layer, X, y = head()
        step = gradcheck.capture(layer, folder)
        loss = torch.nn.functional.cross_entropy(layer(X), y)
        loss.backward()
        if change:
            change(layer)
        step.write(y if labels is None else labels, told.pop("loss", loss), **told)

    return run


def stepped(layer):
    torch.optim.SGD(layer.parameters(), 0.1).step()


def twice(folder):
    layer, X, y = head()
    step = gradcheck.capture(layer, folder)
    loss = torch.nn.functional.cross_entropy(layer(X), y)
    loss.backward()
    step.write(y, loss)
    step.write(y, loss)


def forward_alone(folder):
    layer, X, y = head()
    step = gradcheck.capture(layer, folder)
    layer(X)
    step.write(y)


def behind(folder):
    """The graph of a fused loss is gone."""
    W, X = torch.randn(9, 3, requires_grad=True), torch.randn(5, 3)
    gradcheck.capture.fused(X, W, None, torch.zeros(5, dtype=int), torch.tensor(1.0), folder)


def elsewhere(folder):
    W, X, V = (torch.randn(5, 3, requires_grad=True) for _ in range(3))
    gradcheck.capture.fused(X, W, None, torch.zeros(5, dtype=int), V.sum(), folder)


def late(folder):
    """A fused loss that is told of once it has gone backward."""
    W, X = torch.randn(9, 3, requires_grad=True), torch.randn(5, 3)
    loss = (X @ W.T).logsumexp(1).mean()
    loss.backward(retain_graph=True)
    gradcheck.capture.fused(X, W, None, torch.zeros(5, dtype=int), loss, folder).write()


REFUSED = {
    r"expected write\(\) before optimizer.step\(\)": written(stepped),
    r"labels have shape \(61,\).*expected 60 labels; say shift=True": written(labels=torch.zeros(61, dtype=int)),
    r"hold a label outside of 0 to 210, the first 5000.*or -100": written(labels=torch.full((60,), 5000)),
    "num_items=0.5.*expected how many": written(num_items=0.5),
    "chunks: not known; expected any of shift": written(chunks=3),
    r"the loss has shape \(60,\); expected one number, or upstream=": written(loss=torch.zeros(60)),
    r"2 losses are given, and the layer was called 1 times": written(loss=[torch.zeros(()), torch.zeros(())]),
    "labels of 2 calls are given, and the layer was called 1 times": written(labels=[torch.zeros(60, dtype=int)] * 2),
    "expected a number, or one for each call": written(factor="two"),
    "factor=-1.0; expected a positive number": written(factor=-1.0),
    r"expected one write\(\) for each capture": twice,
    r"the layer has no gradient; expected write\(\) after": forward_alone,
    r"the layer was not called; .*gradcheck.capture.fused\(": lambda folder: gradcheck.capture(head()[0], folder).write(
        [0]
    ),
    "a Tiny has no weight .* expected its lm_head": lambda folder: gradcheck.capture(heads.tiny(), folder),
    "sharpness.*is not known": lambda folder: gradcheck.capture(head()[0], folder, sharpness=2),
    r"'label_smoothing' is not known; did you mean smoothing\?": lambda folder: gradcheck.capture(
        head()[0], folder, label_smoothing=0.1
    ),
    r"'weight' is not known; did you mean class_weight\?": lambda folder: gradcheck.capture(
        head()[0], folder, weight=[1.0]
    ),
    "^no folder is given; expected the path": lambda folder: gradcheck.capture(head()[0]),
    "^the folder is an int; expected the path": lambda folder: gradcheck.capture.traced(3),
    "^an Embedding has no weight": lambda folder: gradcheck.capture(torch.nn.Embedding(5, 3), folder),
    "smoothing: said beside law": lambda folder: gradcheck.capture(
        head()[0], folder, law=CrossEntropy(), smoothing=0.1
    ),
    "the loss has no graph": behind,
    "does not follow from X, W or b": elsewhere,
    r"from the loss; expected capture.fused before loss.backward\(\), and write\(\) after": late,
    "no gradient has come back": lambda folder: gradcheck.capture.traced(folder).write([0]),
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_cannot_be_captured_is_refused_in_one_line(line, tmp_path):
    with pytest.raises(Unusable, match=line) as refused:
        REFUSED[line](tmp_path / "dump")
    assert "\n" not in str(refused.value)


def test_a_capture_ends_with_its_block(tmp_path):
    """As a watch does; a block that wrote nothing leaves nothing."""
    layer, X, y = head()
    forward = layer.forward
    with gradcheck.capture(layer, tmp_path / "dump") as step:
        loss = torch.nn.functional.cross_entropy(layer(X), y)
        loss.backward()
        assert gradcheck.audit(step.write(y, loss)).status == 0
    with pytest.raises(ZeroDivisionError), gradcheck.capture(layer, tmp_path / "none"):
        layer(X) / (1 // 0)
    assert layer.forward == forward and not (tmp_path / "none").exists()


def test_nothing_is_overwritten_unless_that_is_said(tmp_path):
    written()(tmp_path / "dump")
    layer, X, y = head()
    for start in (
        lambda: gradcheck.capture(layer, tmp_path / "dump"),
        lambda: gradcheck.capture.traced(tmp_path / "dump"),
        lambda: gradcheck.capture.fused(X, layer.weight, layer.bias, y, layer(X).sum(), tmp_path / "dump"),
    ):
        with pytest.raises(Unusable, match="it exists"):
            start()
    gradcheck.capture(layer, tmp_path / "dump", overwrite=True)
