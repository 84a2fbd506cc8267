"""A head that is watched while it is trained, for a few per cent of what its products cost.

with gradcheck.watch(model.lm_head, every=100) as watch:
    ...                                            # training, as it is
print(watch.found)
"""

import os
from pathlib import Path
from typing import Any

from gradcheck.arithmetic import Arithmetic
from gradcheck.auditing.given import require_declared
from gradcheck.auditing.watching.layer import Watch
from gradcheck.errors import Unusable, typed

EVERY, PROBES = 100, 2


def watch(
    layer: Any,
    *,
    every: int = EVERY,
    probes: int = PROBES,
    to: str | os.PathLike[str] | None = None,
    on: str = "warn",
    arithmetic: Arithmetic | None = None,
) -> Watch:
    """Judge the three products of a torch.nn.Linear, Z, ∂ℒ/∂θ and ∂ℒ/∂X, of one call in `every`, where they are.

    Where a step calls the layer several times, those calls are judged, too, that are made before anything has flowed back to it.

    What rounding cannot explain is a `gradcheck.DisagreementWarning`, with `on="raise"` a `Disagreement` out of the backward pass,
    with `on="keep"` neither; `watch.found` has it, and says what could not be judged and why. What is only unusual is
    warned of once. `to` is a file to which a line of JSON is added for each call that was due. `arithmetic` declares how the
    layer rounds, where its arrays do not show it. `watch.close()` lets go of the layer, and so does the end of a `with`.

        >>> import gradcheck, torch
        >>> head = torch.nn.Linear(16, 50)
        >>> with gradcheck.watch(head, every=1) as watch:
        ...     torch.nn.functional.cross_entropy(head(torch.randn(20, 16)), torch.arange(20)).backward()
        >>> print(watch.found)
        1 call, 1 judged, 0 inconclusive
          nothing disagrees
    """
    require_declared(None, arithmetic)
    if not (to is None or isinstance(to, str | os.PathLike)):
        raise Unusable(f"to is {typed(to)}; expected the path of a file")
    return Watch(
        layer,
        every=every,
        probes=probes,
        to=None if to is None else Path(to),
        on=on,
        arithmetic=arithmetic or Arithmetic(),
    )
