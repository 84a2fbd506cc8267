"""Liger's fused linear cross-entropy, captured as it is called and audited: python -m benchmarks.audit_liger [CLASSES].

It calls no layer and keeps no logits: `gradcheck.capture.fused` takes what it is given and hands on, so that ∂ℒ/∂X is judged,
too. Triton's interpreter runs its kernels on NumPy, as docs/kernels.md has it: pip install gradcheck[kernels].

Right as it stands; then with ∂ℒ/∂X of a chunk of samples overwritten, as by a kernel that gives its memory out again.
"""

import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from gradcheck.implementations.kernels import triton

NEEDED = ("torch", "triton", "liger_kernel")
FEATURES, SAMPLES, IGNORED, FACTOR = 64, 24, 4, 4.0


def missing() -> str:
    """What is not installed, and would be needed; nothing where all is there."""
    names = [name for name in NEEDED if find_spec(name) is None]
    return f"{', '.join(names)}: not installed; pip install gradcheck[kernels]" if names else ""


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
    triton.prepare()
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50_257)
