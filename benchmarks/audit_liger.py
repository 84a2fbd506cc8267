"""Liger's fused linear cross-entropy, captured as it is called and audited: python -m benchmarks.audit_liger [CLASSES].

It calls no layer and keeps no logits: `gradcheck.capture.fused` takes what it is given and hands on, so that ∂ℒ/∂X is judged,
too. Where there is no GPU, Triton's interpreter runs its kernels on NumPy:

    pip install torch triton==3.6.0 'numpy<2.4' && pip install --no-deps liger-kernel==0.8.5

Right as it stands; then with ∂ℒ/∂X of a chunk of samples overwritten, as by a kernel that gives its memory out again.
"""

import os
import sys
import tempfile
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

NEEDED = ("torch", "triton", "liger_kernel")
FEATURES, SAMPLES, IGNORED, FACTOR = 64, 24, 4, 4.0


def missing() -> str:
    """What is not installed, and would be needed; nothing where all is there."""
    names = [name for name in NEEDED if find_spec(name) is None]
    if names:
        return f"{', '.join(names)}: not installed; benchmarks/audit_liger.py says how"
    numpy = version("numpy")
    new = tuple(map(int, numpy.split(".")[:2])) >= (2, 4)
    return f"numpy {numpy} is installed; Triton's interpreter needs an earlier one than 2.4" if new else ""


def interpreted() -> None:
    """Triton's interpreter in the place of a GPU: Python floats are handed to a kernel as float32, and libdevice is NumPy's."""
    os.environ["TRITON_INTERPRET"] = "1"
    import numpy as np
    import triton.language as tl
    from triton.language.extra import libdevice
    from triton.runtime import interpreter

    convert = interpreter._implicit_cvt

    def with_floats(argument: Any) -> Any:
        if isinstance(argument, float):
            return tl.tensor(interpreter.TensorHandle(np.array([argument], np.float32), tl.float32), tl.float32)
        return convert(argument)

    def of_numpy(function: Any) -> Any:
        def called(a: Any, *rest: Any, **_: Any) -> Any:
            data = a.handle.data
            return tl.tensor(interpreter.TensorHandle(function(data).astype(data.dtype), a.handle.dtype), a.type)

        return called

    interpreter._implicit_cvt = with_floats
    for name in ("tanh", "log1p"):
        setattr(libdevice, name, of_numpy(getattr(np, name)))


def captured(folder: Path, classes: int, *, softcap: float | None = None, overwritten: bool = False) -> Path:
    """One step with labels that do not count, and a loss scale."""
    import torch
    from liger_kernel.transformers import LigerFusedLinearCrossEntropyLoss

    import gradcheck

    draw = torch.Generator().manual_seed(2)
    X = torch.randn(SAMPLES, FEATURES, generator=draw).requires_grad_()
    W = (torch.randn(classes, FEATURES, generator=draw) / 8).requires_grad_()
    labels = torch.randint(classes, (SAMPLES,), generator=draw)
    labels[:IGNORED] = -100
    loss = LigerFusedLinearCrossEntropyLoss(softcap=softcap)(W, X, labels)
    step = gradcheck.capture.fused(X, W, None, labels, loss, folder, **({"softcap": softcap} if softcap else {}))
    (loss * FACTOR).backward()
    written = Path(step.write(factor=FACTOR))
    if overwritten:
        import numpy as np

        kept = np.load(written / "grad_X.npy")
        kept[8:12] = kept[12:16]
        np.save(written / "grad_X.npy", kept)
    return written


def main(classes: int) -> None:
    """A line for each case."""
    from gradcheck.auditing import audit_path

    for case in ({}, {"softcap": 30.0}, {"overwritten": True}):
        with tempfile.TemporaryDirectory() as place:
            found = audit_path(captured(Path(place) / "dump", classes, **case))  # type: ignore[arg-type]
        told = ", ".join(f"{f.quantity} {f.verdict.outcome} {f.verdict.ratio or 0:.2g}" for f in found.findings)
        print(case or "right", told, *(f.faults[0] for f in found.findings if f.faults), sep="; ", flush=True)


if __name__ == "__main__":
    if missing():
        print(missing(), file=sys.stderr)
        sys.exit(2)
    interpreted()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_257)
