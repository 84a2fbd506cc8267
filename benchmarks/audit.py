"""What an audit costs beside the forward and backward pass that it judges, and which planted faults it catches.

    python -m benchmarks.audit cost   [small|middle|large|deep …] [REPEATS]      seconds of both on one thread each and on two,
                                                                 their ratio, how far from one read of each array, and
                                                                 peak memory measured by the operating system
    python -m benchmarks.audit more   [small|middle|large|deep …]    what ∂ℒ/∂X and options of the loss cost on top
    python -m benchmarks.audit peers  [small|middle|large|deep …]    torch.autograd.gradcheck, fast, and what slow would cost
    python -m benchmarks.audit faults [small|middle|large|deep]      faults planted in one honest gradient
    python -m benchmarks.audit honest [small|middle|large|deep] [SEEDS] [DTYPE …]      gradients of torch that must agree
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
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

import gradcheck
from gradcheck.auditing import audit_path
from gradcheck.auditing.rows import in_turn, threaded, walk
from gradcheck.law import CrossEntropy
from gradcheck.law.options import PLAIN

SIZES = {
    "small": (1000, 512, 4096),
    "middle": (16384, 1024, 2048),
    "large": (128000, 1024, 1024),
    "deep": (16384, 4096, 4096),  # the features and samples of a language model
}
AT_ONCE = (1, 2)  # threads
REPEATS = {"small": 15, "middle": 7, "large": 5, "deep": 3}


OPTIONS = CrossEntropy(ignore=-100, mean_of="labelled", smoothing=0.1)  # a third of the labels is ignored


def step(size, seed=0, dtype="float32", law=PLAIN):
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

    if law.ignore is not None:
        labels[::3] = law.ignore

    def run():
        layer.zero_grad(set_to_none=True)
        loss = cross_entropy(layer(X), labels, label_smoothing=law.smoothing)
        loss.backward()
        return loss

    return layer, X, labels, run


def dumped(size, folder, seed=0, dtype="float32", *, data=False, law=PLAIN):
    """The dump of one step, and the function that takes the step; with `data`, their gradient, too."""
    layer, X, labels, run = step(size, seed, dtype, law)
    X.requires_grad_(data)
    captured = gradcheck.capture(layer, folder, law=law)
    loss = run()
    captured.write(labels, loss)
    (folder / "grad_Z.npy").unlink(missing_ok=True)  # which the cost would be counted for, and which nobody dumps
    return run


def timed(functions, repeats):
    """The median time of each function, in seconds, and that of the processors, taken in turn."""
    clocks, taken = (time.perf_counter, time.process_time), [[] for _ in functions]
    for _ in range(repeats):
        for k, function in enumerate(functions):
            time.sleep(0.5)  # threads of OpenMP spin for a while after their work, on the core that the next one needs
            start = [clock() for clock in clocks]
            function()
            taken[k].append([clock() - begun for clock, begun in zip(clocks, start, strict=True)])
    return [[median(times) for times in zip(*of, strict=True)] for of in taken]


def medians(functions, repeats):
    """The first of them."""
    return [found for found, _ in timed(functions, repeats)]


def without(folder):
    """The same dump without its logits, by links."""
    other = folder.with_name(folder.name + "-without")
    other.mkdir()
    for file in folder.iterdir():
        if file.name != "Z.npy":
            (other / file.name).symlink_to(file)
    return other


def read_once(folder):
    """Every entry of every array, on the threads of an audit: what no audit can do without."""

    def largest(part):
        array, rows = part
        return array[rows].max()

    arrays = [np.load(file, mmap_mode="r") for file in folder.glob("*.npy")]
    list(threaded(largest, [(a, rows) for a in arrays if a.ndim == 2 for rows in walk(a)]))
    return sum(array.nbytes for array in arrays)


def threads(count, function):
    """The function on so many threads, torch's or ours. Where two share a core, either is slower than it is alone: so on one, to
    compare processors.
    """

    def run():
        import torch

        torch.set_num_threads(count)
        with in_turn() if count == 1 else nullcontext():
            function()

    return run


def cost(*sizes):
    """On one thread each, seconds of a processor; on two each, by the clock; and beside one read of each array."""
    repeats = [int(one) for one in sizes if one.isdecimal()]
    what = f"{'torch':>8} {'audit':>13} {'no logits':>13} {'one read':>15}"
    print(f"{'':8} on one thread each, of a processor{'':20} on two threads each, by the clock{'':21} MiB")
    print(f"{'size':8} {what}   {what} {'read':>7}   peaks")
    for size in [one for one in sizes if not one.isdecimal()] or SIZES:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "dump"
            run = dumped(size, folder)
            bare = without(folder)
            each = (run, partial(audit_path, folder), partial(audit_path, bare), partial(read_once, folder))
            taken = timed([threads(k, of) for k in AT_ONCE for of in each], repeats[0] if repeats else REPEATS[size])
            cells = [line(taken[:4], 1), line(taken[4:], 0)]
            cells.append(f"{read_once(folder) / 2**20:7.0f}   {peaked(folder):.0f}, {peaked(bare):.0f}")
            print(f"{size:8}", *cells, sep="  ", flush=True)


def line(taken, clock):
    """Of a step, two audits and one read of all: times by one of the clocks, ratios to the step, and of the audit to the read."""
    step, audit, bare, read = (of[clock] for of in taken)
    return f"{step:7.3f} {audit:7.3f} {audit / step:5.2f} {bare:7.3f} {bare / step:5.2f} {read:7.3f} 1/{audit / read:<4.1f}"


def more(*sizes):
    """Each beside an audit of the same size without, by what processors were busy."""
    print(f"{'size':8} {'audit':>8} {'with ∂ℒ/∂X':>16} {'with options':>16}")
    for size in sizes or SIZES:
        with tempfile.TemporaryDirectory() as place:
            kinds = ({}, {"data": True}, {"law": OPTIONS})
            folders = [Path(place) / str(k) for k in range(len(kinds))]
            for folder, kind in zip(folders, kinds, strict=True):
                dumped(size, folder, **kind)
                assert audit_path(folder).status == 0
            base, *taken = (
                busy for _, busy in timed([partial(audit_path, folder) for folder in folders], REPEATS[size])
            )
            cells = " ".join(f"{t:8.3f} s {t / base:5.2f}" for t in taken)
            print(f"{size:8} {base:6.3f} s {cells}", flush=True)


def peers(*sizes):
    """It differentiates in float64 only: the function is judged, and not the step that was taken in float32."""
    import torch
    from torch.nn.functional import cross_entropy, linear

    for size in sizes or SIZES:
        layer, X, labels, run = step(size)
        X = X.double()
        given = [p.detach().double().requires_grad_() for p in (layer.weight, layer.bias)]

        def loss(theta, b, X=X, labels=labels):
            return cross_entropy(linear(X, theta, b), labels)

        def fast(given=given, loss=loss):
            torch.autograd.gradcheck(loss, given, fast_mode=True)

        def forward(given=given, loss=loss):
            with torch.no_grad():
                loss(*given)

        base, checked, once = medians([run, fast, forward], 3)
        slow = 2 * sum(p.numel() for p in given) * once
        print(
            f"{size:8} {base:6.3f} s   fast {checked:7.2f} s {checked / base:6.1f}   slow, computed: {slow / 86400:.3g} days",
            flush=True,
        )


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


def rounded(G, n):
    G[...] = G.astype(np.float16)


def accumulated(G, n, X, D):
    """Sums over samples kept in float16, 64 at a time, as a fused kernel might."""
    total = np.zeros(G.shape, np.float16)
    for at in range(0, n, 64):
        total += (D[at : at + 64].T @ X[at : at + 64]).astype(np.float16)
    G[...] = total


FAULTS = (
    *(one_entry, one_small_entry, scaled_row, shifted_label, wrong_n, summed, last_block, one_nan, swapped, rounded),
    accumulated,
)


def differences(folder):
    """(A - Y)/n, samples as rows, in float32."""
    Z, Y = np.load(folder / "Z.npy"), np.load(folder / "Y.npy")
    D = np.exp(Z - Z.max(axis=1, keepdims=True))
    D /= D.sum(axis=1, keepdims=True)
    D[np.arange(len(Y)), Y] -= 1
    return D / np.float32(len(Y))


def faults(size="middle"):
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "dump"
        dumped(size, folder)
        honest, X = np.load(folder / "grad_theta.npy"), np.load(folder / "X.npy")
        more = {shifted_label: {"X": X}, accumulated: {"X": X, "D": differences(folder)}}
        for fault in FAULTS:
            G = honest.copy()
            fault(G, SIZES[size][2], **more.get(fault, {}))
            np.save(folder / "grad_theta.npy", G)
            finding = next(f for f in audit_path(folder).findings if f.quantity == "grad_theta")
            told = "; ".join((*finding.faults[:2], *finding.odd))[:160]
            seen = f"ratio {finding.verdict.ratio:9.3g}, {len(finding.rows)} rows: {told}"
            print(f"{fault.__name__:16} {finding.verdict.outcome:12} {seen}", flush=True)


def honest(size="small", seeds="20", *dtypes):
    for dtype in dtypes or ("float32", "float16", "bfloat16"):
        counts, worst = {}, {}
        for seed in range(int(seeds)):
            with tempfile.TemporaryDirectory() as place:
                folder = Path(place) / "dump"
                dumped(size, folder, seed, dtype, data=True)
                for f in audit_path(folder).findings:
                    counts[f"{f.quantity} {f.verdict.outcome}"] = counts.get(f"{f.quantity} {f.verdict.outcome}", 0) + 1
                    worst[f.quantity] = max(worst.get(f.quantity, 0), f.verdict.ratio)
        print(size, dtype, json.dumps(counts), json.dumps({k: round(v, 4) for k, v in worst.items()}), flush=True)


if __name__ == "__main__":
    known = {f.__name__: f for f in (cost, more, peers, faults, honest, peak)}
    known[sys.argv[1]](*sys.argv[2:])
