"""A GPT-2 of transformers, of one layer and random weights, captured in two lines: python -m benchmarks.audit_gpt2.

How long a step takes with and without capture, how long it takes to write it down, and to audit it; and what the audit says.
"""

import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from transformers import GPT2Config, GPT2LMHeadModel

import gradcheck
from gradcheck.auditing import audit_path

Labels = torch.Tensor


def model(tied: bool = False, dtype: Any = torch.float32) -> Any:
    """Vocabulary 50,257, 64 features."""
    torch.manual_seed(0)
    config = GPT2Config(n_layer=1, n_embd=64, n_head=2, n_positions=64, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)
    made = GPT2LMHeadModel(config).to(dtype)
    if not tied:
        made.lm_head.weight = torch.nn.Parameter(made.lm_head.weight.detach().clone())
    return made


def batch(prompt: int = 0, seed: int = 1) -> tuple[Labels, Labels]:
    """Four sequences of 33 tokens, and their labels."""
    ids = torch.randint(50257, (4, 33), generator=torch.Generator().manual_seed(seed))
    labels = ids.clone()
    labels[:, :prompt] = -100
    return ids, labels


def step(made: Any, some: list[tuple[Labels, Labels]], factor: float, autocast: bool) -> list[Any]:
    """Forward and backward of each."""
    losses = []
    for ids, labels in some:
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            losses.append(made(ids, labels=labels).loss)
        (losses[-1] * factor).backward()
    return losses


CASES: dict[str, tuple[Callable[[], Any], list[tuple[Labels, Labels]], float, bool]] = {
    "labels as the model takes them": (model, [batch()], 1.0, False),
    "prompt −100": (model, [batch(10)], 1.0, False),
    "bfloat16": (lambda: model(dtype=torch.bfloat16), [batch(10)], 1.0, False),
    "autocast": (model, [batch(10)], 1.0, True),
    "loss × 1024": (model, [batch()], 1024.0, False),
    "tied embeddings": (lambda: model(True), [batch()], 1.0, False),
    "two micro-batches": (model, [batch(), batch(10, 2)], 0.5, False),
}


def main() -> None:
    """A row for each."""
    torch.set_num_threads(1)
    for name, (make, some, factor, autocast) in CASES.items():
        made, folder = make(), Path(tempfile.mkdtemp()) / "dump"
        step(made, some, factor, autocast)
        made.zero_grad()
        at = [time.perf_counter()]
        step(made, some, factor, autocast)
        made.zero_grad()
        at.append(time.perf_counter())
        captured = gradcheck.capture(made.lm_head, folder)
        losses = step(made, some, factor, autocast)
        at.append(time.perf_counter())
        labels = [y for _, y in some]
        captured.write(*((labels, losses) if len(some) > 1 else (labels[0], losses[0])), shift=True, factor=factor)
        at.append(time.perf_counter())
        found = audit_path(folder)
        at.append(time.perf_counter())
        told = ", ".join(f"{f.quantity} {f.verdict.outcome} ({f.verdict.ratio:.2g})" for f in found.findings)
        print(f"{name:32}", *(f"{b - a:.2f}" for a, b in itertools.pairwise(at)), told, flush=True)


if __name__ == "__main__":
    main()
