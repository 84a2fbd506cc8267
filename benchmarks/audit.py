"""What an audit costs beside the forward and backward pass that it judges, and which planted faults it catches.

    python -m benchmarks.audit cost   [small|middle|large …]    time, ratio, and peak memory measured by the operating system
    python -m benchmarks.audit faults [small|middle|large] [WIDTH …]      faults planted in one honest gradient
    python -m benchmarks.audit honest [small|middle|large] [SEEDS] [DTYPE …]      gradients of torch that must agree
    python -m benchmarks.audit peak DUMP [WITHOUT]              one audit, in a process of its own

Each pair of times is measured in turn in one run, so that a busy machine slows both. Peak memory is RssAnon of
/proc/self/status, sampled every 5 ms: what a process holds beside the pages of the files that it maps.
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np

import gradcheck
from gradcheck.auditing import audit_path

SIZES = {"small": (1000, 512, 4096), "middle": (16384, 1024, 2048), "large": (128000, 1024, 1024)}
REPEATS = {"small": 5, "middle": 2, "large": 1}
WIDTHS = (0, 16)


def step(size, seed=0, dtype="float32"):
    """One step of a layer that has learned a little: labels drawn near the largest logits. Returns a function of no arguments."""
    import torch
    from torch.nn.functional import cross_entropy

    L, d, n = SIZES[size]
    torch.manual_seed(seed)
    layer = torch.nn.Linear(d, L).to(getattr(torch, dtype))
    X = torch.randn(n, d).to(layer.weight.dtype)
    with torch.no_grad():
        layer.weight *= 4
        labels = torch.stack(
            [part.float().topk(8, dim=1).indices[:, seed % 8] for part in layer(X).split(256)]
        ).flatten()

    def run():
        layer.zero_grad(set_to_none=True)
        loss = cross_entropy(layer(X), labels)
        loss.backward()
        return loss

    return layer, X, labels, run


def dumped(size, folder, seed=0, dtype="float32"):
    """The dump of one step, and the function that takes the step."""
    layer, _, labels, run = step(size, seed, dtype)
    captured = gradcheck.capture(layer, folder)
    loss = run()
    captured._seen[0][1].retain_grad()
    captured.write(labels, loss)
    (folder / "grad_Z.npy").unlink(missing_ok=True)  # which the cost would be counted for, and which nobody dumps
    return run


def fastest(functions, repeats):
    """The least time of each function, in seconds, taken in turn."""
    best = [np.inf] * len(functions)
    for _ in range(repeats):
        for k, function in enumerate(functions):
            start = time.perf_counter()
            function()
            best[k] = min(best[k], time.perf_counter() - start)
    return best


def without(folder):
    """The same dump without its logits, by links."""
    other = folder.with_name(folder.name + "-without")
    other.mkdir()
    for file in folder.iterdir():
        if file.name != "Z.npy":
            (other / file.name).symlink_to(file)
    return other


def cost(*sizes):
    print(
        f"{'size':8} {'torch':>8} "
        + " ".join(f"{'width ' + str(w):>16}" for w in WIDTHS)
        + f" {'no logits':>16}   peak MiB"
    )
    for size in sizes or SIZES:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "dump"
            run = dumped(size, folder)
            bare = without(folder)
            audits = [partial(audit_path, folder, width=w) for w in WIDTHS] + [partial(audit_path, bare)]
            base, *taken = fastest([run, *audits], REPEATS[size])
            peaks = [peaked(folder), peaked(bare)]
            cells = " ".join(f"{t:8.2f} s {t / base:.3f}" for t in taken)
            print(f"{size:8} {base:6.2f} s {cells}   {peaks[0]:.0f}, {peaks[1]:.0f}", flush=True)


def peaked(folder):
    """Peak RssAnon of an audit in a process of its own, MiB."""
    command = [sys.executable, "-m", "benchmarks.audit", "peak", str(folder)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def anonymous():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon")) / 1024


def peak(folder):
    most, done = [0.0], threading.Event()

    def watch():
        while not done.wait(0.005):
            most[0] = max(most[0], anonymous())

    thread = threading.Thread(target=watch)
    thread.start()
    audit_path(Path(folder))
    done.set()
    thread.join()
    print(most[0])


# ---- faults ----


def one_entry(G, n):
    l, j = np.unravel_index(abs(G).argmax(), G.shape)
    G[l, j] *= 1.001


def one_small_entry(G, n):
    l, j = np.unravel_index(np.argsort(abs(G), axis=None)[G.size // 2], G.shape)
    G[l, j] *= 1.001


def scaled_row(G, n):
    G[np.argmax(abs(G).sum(axis=1))] *= 1.001


def shifted_label(G, n, X):
    G[3] += X[0] / n
    G[4] -= X[0] / n


def wrong_n(G, n):
    G *= n / (n - 1)


def summed(G, n):
    G *= n


def last_block(G, n):
    G[-64:] = 0


def one_nan(G, n):
    G[11, 5] = np.nan


def swapped(G, n):
    G[[20, 40]] = G[[40, 20]]


def float16(G, n):
    G[...] = G.astype(np.float16)


FAULTS = (one_entry, one_small_entry, scaled_row, shifted_label, wrong_n, summed, last_block, one_nan, swapped, float16)


def faults(size="middle", *widths):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "dump"
        dumped(size, folder)
        honest, X = np.load(folder / "grad_theta.npy"), np.load(folder / "X.npy")
        for fault in FAULTS:
            G = honest.copy()
            extra = {"X": X} if fault is shifted_label else {}
            fault(G, SIZES[size][2], **extra)
            np.save(folder / "grad_theta.npy", G)
            for width in map(int, widths or WIDTHS):
                finding = next(f for f in audit_path(folder, width=width).findings if f.quantity == "grad_theta")
                seen = f"ratio {finding.verdict.ratio:9.3g}, {len(finding.rows)} rows: {'; '.join(finding.faults[:3])[:150]}"
                print(f"{fault.__name__:16} width {width:2} {finding.verdict.outcome:12} {seen}", flush=True)


def honest(size="small", seeds="20", *dtypes):
    for dtype in dtypes or ("float32", "float16", "bfloat16"):
        counts, worst = {}, {}
        for seed in range(int(seeds)):
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place) / "dump"
                dumped(size, folder, seed, dtype)
                for f in audit_path(folder).findings:
                    counts[f"{f.quantity} {f.verdict.outcome}"] = counts.get(f"{f.quantity} {f.verdict.outcome}", 0) + 1
                    worst[f.quantity] = max(worst.get(f.quantity, 0), f.verdict.ratio)
        print(size, dtype, json.dumps(counts), json.dumps({k: round(v, 4) for k, v in worst.items()}), flush=True)


if __name__ == "__main__":
    {"cost": cost, "faults": faults, "honest": honest, "peak": peak}[sys.argv[1]](*sys.argv[2:])
