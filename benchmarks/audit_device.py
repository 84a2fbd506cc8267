"""What an audit of arrays where they are costs beside the step on the device that took it, and which planted faults it finds.

    python -m benchmarks.audit_device [--to FILE]           on a device, in under five minutes: one command, from the root of the
                                                            repository, with torch, NumPy and array-api-compat installed
    python -m benchmarks.audit_device --small [--to FILE]   the same at small sizes, on torch's CPU

The step is the head of a language model in bfloat16 with its loss in float32, forward and backward, at (L, d, n) =
(128,256, 4,096, 8,192). It and its audit are timed in turn, each until the device has ended; what comes to the host is counted.
Without a GPU, and without --small, it says so and ends with status 2.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np

import gradcheck
from gradcheck.auditing.matrices import door, placed, sums

SIZE, SMALL = (128_256, 4_096, 8_192), (4_000, 96, 512)
MEMORY = 40 << 30  # of a device with 80 GiB
REPEATS = 5


class Head:
    """One step: theta, X, labels, and what the backward pass leaves; all of it stays on the device."""

    def __init__(self, size, device):
        import torch

        L, d, n = size
        torch.manual_seed(0)
        torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False  # or nothing is known of its sums
        half = {"dtype": torch.bfloat16, "device": device}
        self.theta = (torch.randn(L, d, **half) / d**0.5 * 2).requires_grad_()
        self.b = torch.zeros(L, **half).requires_grad_()
        self.X = torch.randn(n, d, **half).requires_grad_()
        with torch.no_grad():
            parts = (self.X[at : at + 512] @ self.theta.T for at in range(0, n, 512))
            self.Y = torch.cat([part.float().topk(8, dim=1).indices[:, 3] for part in parts])

    def step(self):
        from torch.nn.functional import cross_entropy, linear

        for parameter in (self.theta, self.b, self.X):
            parameter.grad = None
        self.Z = linear(self.X, self.theta, self.b)
        self.loss = cross_entropy(self.Z.float(), self.Y)
        self.loss.backward()

    def arrays(self):
        """As `gradcheck.audit(samples="rows")` takes them."""
        found = {"theta": self.theta, "b": self.b, "X": self.X, "Y": self.Y, "Z": self.Z, "loss": self.loss}
        found |= {"grad_theta": self.theta.grad, "grad_b": self.b.grad, "grad_X": self.X.grad}
        return {name: array.detach() for name, array in found.items()}


def audited(arrays):
    # the loss is in float32: what lies between two steps is written down, and not what each operation comes to
    arithmetic = gradcheck.Arithmetic(accumulate="float32", stored="bfloat16")
    return gradcheck.audit(samples="rows", memory=MEMORY, arithmetic=arithmetic, **arrays)


# ---- faults ----


def unwritten(a):
    a["grad_theta"][-64:] = 0


def chunk_lost(a):
    """The samples of the last eighth, of every row."""
    part = slice(-(len(a["Y"]) // 8), None)
    a["grad_theta"] -= _differences(a, part).T @ a["X"][part]


def shifted(a):
    a["grad_theta"] -= _differences(a, slice(None)).T @ a["X"]
    a["grad_theta"] += _differences(a | {"Y": a["Y"].roll(-1)}, slice(None)).T @ a["X"]


def exponent_bit(a):
    a["grad_theta"][11, 5] *= 2.0**16


def nan(a):
    a["grad_theta"][11, 5] = float("nan")


def summed(a):
    a["grad_theta"] *= len(a["Y"])


def logit(a):
    a["Z"][7, 3] += 4 * a["Z"][7].abs().max()


def data_chunk(a):
    a["grad_X"][:16] = 0


FAULTS = (unwritten, chunk_lost, shifted, exponent_bit, nan, summed, logit, data_chunk)
CHANGED = ("grad_theta", "grad_X", "Z")


def _differences(a, part):
    import torch

    D = torch.softmax(a["Z"][part].float(), dim=1)
    D[torch.arange(len(D), device=D.device), a["Y"][part]] -= 1
    return (D / len(a["Y"])).to(a["X"].dtype)


# ---- the table ----


def timed(device, functions):
    """The median time of each, in turn, until the device has ended; once before, so that kernels are compiled."""
    import torch

    def ended():
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    taken = [[] for _ in functions]
    for turn in range(REPEATS + 1):
        for k, function in enumerate(functions):
            start = ended()
            function()
            if turn:
                taken[k].append(ended() - start)
    return [median(times) for times in taken]


def table(size, device):
    import torch

    head, came = Head(size, device), []
    head.step()

    def counted(array):
        found = door_host(array)
        came.append(found.nbytes)
        return found

    door_host = door.host
    placed.host = sums.host = counted
    honest = audited(head.arrays())
    placed.host = sums.host = door_host
    base, taken = timed(device, [head.step, lambda: audited(head.arrays())])
    named = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    yield f"{named}, torch {torch.__version__}, (L, d, n) = {size}, bfloat16"
    yield f"a step {base * 1e3:9.1f} ms, its audit {taken * 1e3:9.1f} ms, ratio {taken / base:.2f}"
    whole = sum(a.numel() * a.element_size() for a in head.arrays().values())
    yield f"the arrays are {whole / 2**20:.0f} MiB; {sum(came) / 2**20:.0f} MiB of sums came to the host"
    if device.type == "cuda":
        yield f"at most {torch.cuda.max_memory_allocated(device) / 2**30:.1f} GiB of the device were in use"
    yield f"{'honest':14} " + ", ".join(
        f"{f.quantity} {f.verdict.outcome} {f.verdict.ratio:.2g}" for f in honest.findings
    )
    for fault in FAULTS:
        head.step()
        arrays = head.arrays()
        fault(arrays)
        wrong = [f for f in audited(arrays).findings if f.verdict.outcome == "disagree"]
        told = "; ".join(f"{f.quantity}: {'; '.join(f.faults[:2])}" for f in wrong)
        yield f"{fault.__name__:14} {'found' if wrong else 'NOT FOUND'}  {told[:200]}"


def main():
    import torch

    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--to", type=Path, default=Path(os.environ.get("OUT", ".")) / "audit_device.txt")
    given = parser.parse_args()
    if not given.small and not torch.cuda.is_available():
        print("no GPU is there; expected one, or --small", file=sys.stderr)
        sys.exit(2)
    device = torch.device("cpu" if given.small else "cuda")
    with given.to.open("w", encoding="utf-8") as file:
        for line in table(SMALL if given.small else SIZE, device):
            print(line, flush=True)
            file.write(line + "\n")


if __name__ == "__main__":
    np.seterr(all="ignore")
    main()
