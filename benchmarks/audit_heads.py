"""Honest heads, captured as they are trained: python -m benchmarks.audit_heads [SEEDS]. None may disagree.

Each seed is a head of three sizes, in four precisions and under autocast, tied and not, with a prompt that does not count, a loss
scale, and two micro-batches of different numbers of labels.
"""

import shutil
import sys
import tempfile
from collections import Counter
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy, linear, pad

import gradcheck
from gradcheck.auditing import audit_path

SIZES = ((97, 8, 12), (1000, 32, 40), (6000, 64, 120))  # classes, features, length of a sequence
DTYPES = ("float64", "float32", "float16", "bfloat16", "autocast")
BATCH = 4


def captured(folder: Path, size: tuple[int, int, int], dtype: str, seed: int) -> Path:
    """One step of two micro-batches."""
    (V, d, length), auto = size, dtype == "autocast"
    torch.manual_seed(seed)
    embedded = torch.nn.Embedding(V, d, dtype=torch.float32 if auto else getattr(torch, dtype))
    head = torch.nn.Linear(d, V, bias=bool(seed % 2), dtype=embedded.weight.dtype)
    torch.nn.init.normal_(embedded.weight, std=0.1 * (1 + seed % 10))
    if seed % 3 == 0:
        head.weight = embedded.weight
    step, losses, labels = gradcheck.capture(head, folder), [], []
    factor = float(2 ** (seed % 11)) / 2
    for k in range(2):
        ids = torch.randint(V, (BATCH, length))
        labels.append(ids.clone())
        labels[-1][:, : k * (seed % 5)] = -100
        with torch.autocast("cpu", torch.bfloat16, enabled=auto):
            Z = head(torch.tanh(linear(embedded(ids), torch.eye(d, dtype=embedded.weight.dtype))))
            y = pad(labels[-1], (0, 1), value=-100)[:, 1:]
            losses.append(cross_entropy(Z.reshape(-1, V).float() if seed % 2 else Z.reshape(-1, V), y.reshape(-1)))
        (losses[-1] * factor).backward()
    return step.write(labels, losses, shift=True, factor=factor)


def main(seeds: int) -> None:
    """A table of outcomes."""
    for size in SIZES:
        for dtype in DTYPES:
            told: dict[str, Counter[str]] = {}
            for seed in range(seeds):
                folder = Path(tempfile.mkdtemp()) / "dump"
                found = audit_path(captured(folder, size, dtype, seed))
                shutil.rmtree(folder.parent)
                for f in found.findings:
                    told.setdefault(f.quantity, Counter())[f.verdict.outcome.value] += 1
                    if f.verdict.outcome.value == "disagree":
                        print("DISAGREE", size, dtype, seed, f.quantity, f.verdict, f.faults[:3])
            words = "; ".join(
                f"{name} " + ", ".join(f"{n} {what}" for what, n in some.items()) for name, some in told.items()
            )
            print(size, dtype, words, flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
