"""What it means where a use of gradients is wrong, and how it is mended: one thing may show in several checks."""

SAVED = (
    "A second backward of the same forward pass gives other numbers: the first has changed what forward had saved",
    "multiply the saved gradient by the upstream gradient out of place, or refuse a second backward",
)
UPSTREAM = (
    "The upstream gradient is not multiplied in, or not as it is: backward is right where it is 1",
    "multiply what backward returns by the gradient that it is handed, in a precision that holds it",
)
SAMPLES = (
    "The upstream gradient of a sample is not the one that its loss was handed",
    "read the upstream gradient by its strides (one of 0 is a number for all samples), or make it contiguous first",
)
LOGITS = (
    "The logits that the loss is handed are written to: an operation before it that keeps its output has a wrong gradient",
    "write into an array of your own, or tell autograd with mark_dirty, which then refuses",
)
NEEDED = (
    "Which inputs need a gradient changes what the others get",
    "make each gradient that ctx.needs_input_grad asks for, whatever the others need, and none for labels that need none",
)
LABELS = (
    "Labels that need a gradient get one that is not theirs",
    "return None in the place of labels, or -log A/n",
)
PASSES = (
    "Two forward passes before one backward share what they save: the second overwrites what the first needs",
    "save it with the pass (ctx.save_for_backward), not with the module or the function",
)
FUNCTION = (
    "A function that differentiates the loss gives other gradients than backward",
    "write forward without ctx (setup_context), so that both take one path",
)
MAPPED = (
    "Mapped over samples, the loss of one sample is not its own",
    "let no operation of the loss reach over the batch by position, or refuse vmap",
)
PRECISION = (
    "What is kept from a call in one precision is used in another",
    "convert parameters and buffers at each call, and key what is kept by dtype",
)
NOTHING = (
    "A batch in which no sample counts has a gradient that is not 0: what is in it moves the weights, or makes them NaN",
    "where the count is 0, divide by 1 before the gradient is taken, and let no state of another batch stand",
)

# By check: what is wrong, and the fix.
MEANT: dict[str, tuple[str, str]] = {
    "upstream_gradient": UPSTREAM,
    "upstream_gradients_of_samples": SAMPLES,
    "backward_twice": SAVED,
    "batch_in_pieces": PASSES,
    "functional_gradient": FUNCTION,
    "mapped_over_samples": MAPPED,
    "another_precision": PRECISION,
    "gradient_through_a_kept_output": LOGITS,
    "logits_left_alone": LOGITS,
    "inputs_without_gradient": NEEDED,
    "gradient_of_labels": LABELS,
    "no_sample_counts": NOTHING,
}
