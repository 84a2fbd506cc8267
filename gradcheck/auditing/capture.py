"""A dump of one training step, written from a torch or jax loop in two lines.

step = gradcheck.capture(layer, "dump")              # torch: a Linear whose logits go into cross_entropy
... loss.backward(); step.write(labels, loss)

gradcheck.capture({"theta": W, "b": b, "X": X, "Y": y, "grad_theta": g}, "dump", samples="rows")     # arrays of any framework
"""

import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck import precision
from gradcheck.arithmetic import Arithmetic
from gradcheck.auditing import dump, files
from gradcheck.errors import Unusable
from gradcheck.law import CrossEntropy
from gradcheck.law.options import PLAIN
from gradcheck.tensors import array


def write(
    arrays: Mapping[str, Any],
    folder: Path,
    *,
    samples: str = "columns",
    law: CrossEntropy = PLAIN,
    overwrite: bool = False,
    **declared: Any,
) -> Path:
    """Write a folder of .npy files and layout.json, whole or not at all; `Unusable` where these do not make a dump.

    A folder that exists is refused; with `overwrite`, a dump is replaced, and any other folder is refused all the same.
    """
    found = {name: array(value) for name, value in arrays.items()}
    unknown = [name for name in found if name not in dump.NAMES]
    if unknown:
        raise Unusable(f"{', '.join(unknown)}: not known; expected any of {', '.join(dump.NAMES)}")
    options: dict[str, Any] = law.said
    dump.of(found, samples=samples, source=str(folder), **options, **declared)
    require(folder, overwrite)
    whole = {"law": options} if set(options) - {"reduction"} else {}
    said = json.dumps({"samples": samples, "reduction": law.reduction, **whole, **declared}) + "\n"
    temporary = None
    try:
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".gradcheck-"))
        for name, value in found.items():
            np.save(temporary / f"{name}.npy", value, allow_pickle=False)
        (temporary / files.LAYOUT).write_text(said, encoding="utf-8")
        _put(temporary, folder)
    except OSError as problem:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
        raise Unusable(f"cannot write {folder}: {problem.strerror or problem}") from None
    return folder


def _put(made: Path, folder: Path) -> None:
    """What was made in the place of a folder that may be there, which comes back where that fails."""
    old = made.with_name(f"{made.name}-old")
    if folder.exists():
        os.rename(folder, old)
    try:
        os.rename(made, folder)
    except OSError:
        if old.exists():
            os.rename(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def require(folder: Path, overwrite: bool) -> None:
    """Raise `Unusable` where a dump cannot be written there: something exists that is not to be replaced, or is no dump."""
    if not (folder.exists() or folder.is_symlink()):
        return
    if not overwrite:
        raise Unusable(f"cannot write {folder}: it exists; choose another folder, or say overwrite=True")
    known = {files.LAYOUT, *(f"{name}.npy" for name in dump.NAMES)}
    if folder.is_symlink() or not folder.is_dir() or not {path.name for path in folder.iterdir()} <= known:
        raise Unusable(
            f"cannot write {folder}: it is no dump that gradcheck.capture has written; choose another folder"
        )


def _wide(tensor: Any) -> Any:
    """(batch, sequence, k) as (samples, k)."""
    return tensor.reshape(-1, tensor.shape[-1])


def _stored(loss: Any, Z: Any, *others: Any) -> dict[str, str]:
    """The precision of arrays that are written down, where that can be seen: by autocast, or by a fused loss in 16 bits."""
    kinds = [precision.named(str(tensor.dtype).removeprefix("torch.")) for tensor in (Z, *others)]
    coarser = kinds[0].u > max(kind.u for kind in kinds[1:])
    return {"stored": kinds[0].name} if coarser or (_fused(loss) and kinds[0].dtype.itemsize == 2) else {}


def _fused(loss: Any) -> bool:
    """Whether torch's own cross-entropy made this: in 16 bits it writes log A down, and not what each operation comes to."""
    last = getattr(loss, "grad_fn", None)
    before = [function for function, _ in getattr(last, "next_functions", ())]
    names = [type(function).__name__ for function in (last, *before[:1])]
    return [name.removesuffix("Backward0") for name in names] in (
        ["NllLoss", "LogSoftmax"],
        ["NllLoss2D", "LogSoftmax"],
    )


def _apart(layer: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
    """The same data by another name: what flows back to it comes from this layer alone, whoever else uses the data."""
    return (given[0].view_as(given[0]), *given[1:]) if given[0].requires_grad else given


class Step:
    """What a torch Linear (weight (L, d), bias (L,)) takes and gives in one step. Sequences are flattened to samples.

    Where the data require a gradient, as those of a layer before do, that is written, too.
    """

    def __init__(
        self, layer: Any, folder: Path, law: CrossEntropy, declared: Mapping[str, Any], *, overwrite: bool = False
    ) -> None:
        require(folder, overwrite)  # now, and not after hours of training
        self._overwrite = overwrite
        self._layer, self._folder, self._law, self._declared = layer, folder, law, declared
        self._seen: list[tuple[Any, Any]] = []
        self._hooks = (layer.register_forward_pre_hook(_apart), layer.register_forward_hook(self._see))

    def _see(self, layer: Any, given: Any, logits: Any) -> None:
        if logits.requires_grad:
            logits.retain_grad()
        if given[0].requires_grad:
            given[0].retain_grad()
        self._seen.append((given[0], logits))

    def write(self, labels: Any, loss: Any = None) -> Path:
        """Write the dump, once `loss.backward()` has run; the gradients must be those of this step alone."""
        for hook in self._hooks:
            hook.remove()
        layer = self._layer
        if len(self._seen) != 1:
            raise Unusable(f"the layer was called {len(self._seen)} times since capture; expected one step")
        if layer.weight.grad is None:
            raise Unusable("the layer has no gradient; expected write() after loss.backward()")
        X, Z = self._seen.pop()
        tall = layer.weight.shape[0]
        bias = layer.bias if layer.bias is not None else layer.weight.detach().new_zeros(tall)
        arrays = {"theta": layer.weight, "b": bias, "X": _wide(X), "Y": labels.reshape(-1), "Z": _wide(Z)}
        arrays |= {"grad_theta": layer.weight.grad}
        late = {
            "loss": loss,
            "grad_b": getattr(layer.bias, "grad", None),
            "grad_Z": None if Z.grad is None else _wide(Z.grad),
            "grad_X": None if not X.requires_grad or X.grad is None else _wide(X.grad),
        }
        arrays |= {name: value for name, value in late.items() if value is not None}
        return write(
            arrays,
            self._folder,
            samples="rows",
            law=self._law,
            overwrite=self._overwrite,
            **{**_stored(loss, Z, X, layer.weight), **self._declared},
        )


def capture(
    source: Any,
    folder: str | os.PathLike[str],
    *,
    samples: str = "columns",
    reduction: str = "mean",
    law: CrossEntropy | None = None,
    arithmetic: Arithmetic | None = None,
    overwrite: bool = False,
) -> Any:
    """A `Step` that watches a torch layer; of a mapping of arrays named as in `gradcheck.audit`, the folder written at once.

    `arithmetic` declares how the step rounds, where its arrays do not show it; what autocast and torch's cross-entropy write
    down is seen. `law` is the loss that is computed, `reduction` alone a mean or a sum. A folder that exists is refused, before the
    step; `overwrite` replaces it where it is a dump.
    """
    declared, law = arithmetic.said if arithmetic else {}, law or CrossEntropy(reduction=reduction)
    if isinstance(source, Mapping):
        return write(source, Path(folder), samples=samples, law=law, overwrite=overwrite, **declared)
    if not hasattr(source, "register_forward_hook"):
        raise Unusable(
            f"a {type(source).__name__} cannot be captured; expected a torch.nn.Linear, or a mapping of arrays"
        )
    return Step(source, Path(folder), law, declared, overwrite=overwrite)
