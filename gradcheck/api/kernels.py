"""`from_kernel`, which sets an interpreter up when it is called."""

from collections.abc import Callable, Mapping
from typing import Any

from gradcheck.implementations import Implementation, Layout, Takes
from gradcheck.law import CrossEntropy


def from_kernel(
    kernel: "str | Callable[..., Any]",
    *,
    call: str = "",
    blocks: Mapping[str, int] | None = None,
    layout: Layout | None = None,
    law: CrossEntropy | None = None,
    name: str = "",
    dtypes: tuple[str, ...] = (),
    takes: Takes | None = None,
) -> Implementation:
    """The wrapper of a GPU kernel, run by an interpreter: of Triton, of Pallas, or Numba's simulator of CUDA. No GPU is needed.

    `kernel` is best named, `module:function`, so that the interpreter is set up before it is imported. `call` says what it is
    called with: Z and Y, or X, theta, b and Y; options of the loss, which problems vary; and constants. It is a loss, with its
    gradients by autograd or by JAX. `blocks` replaces block sizes, so that few classes reach the loop over blocks. Small problems
    are posed unless `takes` says otherwise. docs/kernels.md says what an interpreter cannot show.

        implementation = gradcheck.from_kernel(
            "liger_kernel.ops.cross_entropy:LigerCrossEntropyFunction",
            call="Z, Y, None, ignore_index, 0.0, label_smoothing",
            blocks={"MAX_FUSED_SIZE": 2},
        )

    What needs no interpreter is called as it is:

        >>> import gradcheck
        >>> call = "Z, Y, ignore_index=ignore_index, label_smoothing=label_smoothing"
        >>> gradcheck.from_kernel("torch.nn.functional:cross_entropy", call=call).varied
        ('ignore', 'smoothing')
    """
    from gradcheck.implementations.kernels import made

    return made.from_kernel(
        kernel, call=call, blocks=blocks, layout=layout, law=law, name=name, dtypes=dtypes, takes=takes
    )
