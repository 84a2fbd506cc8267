"""What watching a head costs beside its three products, and which flipped bits of these it finds in the step they are in.

    python -m benchmarks.watch cost [L d n] [REPEATS]      CPU time of a watched call, and of its products, in turn
    python -m benchmarks.watch bits [L d n] [TRIALS]       a bit of one entry is flipped: how often that disagrees, or is unusual
    python -m benchmarks.watch honest [STEPS]              steps with nothing wrong: how large probes are, of what is usual

Flips are of float32; an entry is drawn anew each time. `disagrees` is by the theorem,
`unusual` beyond eight standard deviations alone.
"""

import sys
import time
from statistics import median

import numpy as np
import torch

from benchmarks.posed import posed
from gradcheck import Arithmetic
from gradcheck.auditing.watching.products import Call
from gradcheck.auditing.watching.turn import Turn, model_for

KIND = {31: "sign", **{bit: "exponent" for bit in range(23, 31)}}


def tensors(size, seed=0, data="normal"):
    """theta, b, X with samples in rows, and labels of any class; float32."""
    theta, b, X, y = posed(size, seed, data=data, sharp=0.0)
    return tuple(torch.from_numpy(array) for array in (theta, b, np.ascontiguousarray(X.T), y))


def differences(Z, y):
    """∂ℒ/∂Z of a mean, in place where it can be."""
    D = torch.softmax(Z, dim=1)
    D[torch.arange(len(y)), y] -= 1
    return D.div_(len(y))


def clocked(times, function, *arrays):
    start = time.process_time()
    found = function(*arrays)
    times.append(time.process_time() - start)
    return found


def cost(L="16384", d="4096", n="4096", repeats="3"):
    torch.set_num_threads(1)
    theta, b, X, y = tensors((int(L), int(d), int(n)))
    theta.requires_grad_()
    X.requires_grad_()
    rows = []
    for number in range(int(repeats)):
        with torch.no_grad():
            times = []
            Z = clocked(times, torch.addmm, b, X, theta.T)
            D = differences(Z.clone(), y)
            G, H = clocked(times, torch.mm, D.T, X), clocked(times, torch.mm, D, theta)
            start = time.process_time()
            turn = Turn.of(number, (theta, b, X), Z, Arithmetic(), 2)
            turn.logits((D,))
            turn.gradient("grad_theta", G)
            turn.gradient("grad_X", H)
            watched = time.process_time() - start
        assert not turn.failed and len(turn.judged) == 3 and not any(one.entries for one in turn.judged)
        rows.append((sum(times), watched, watched / sum(times)))
        print(f"products {rows[-1][0]:.2f} s, watched {watched:.3f} s: {100 * rows[-1][2]:.2f} %", flush=True)
    print(f"median {100 * median(row[2] for row in rows):.2f} %")


def flipped(array, place, bit):
    """In place; again, and it is as it was."""
    words = array.view(torch.int32)
    words[place] = words[place] ^ (-(2**31) if bit == 31 else 2**bit)


def bits(L="4096", d="1024", n="2048", trials="64"):
    theta, b, X, y = tensors((int(L), int(d), int(n)))
    with torch.no_grad():
        Z = torch.addmm(b, X, theta.T)
        D = differences(Z, y)
        products = {"Z": Z, "∂ℒ/∂θ": D.T @ X, "∂ℒ/∂X": D @ theta}
        model = model_for({"theta": theta, "b": b, "X": X, "Z": Z}, Arithmetic())
        blocked = model_for({"theta": theta, "b": b, "X": X, "Z": Z}, Arithmetic(sums="blocked:256"))
        rng = np.random.default_rng(0)
        counts = {}
        for number in range(int(trials)):
            call = Call.of(theta, b, X, model, probes=2, seed=(1, number))
            call.D = D
            judges = {"Z": call.logits, "∂ℒ/∂θ": call.of_theta, "∂ℒ/∂X": call.of_X}
            for name, array in products.items():
                for bit in range(32):
                    place = tuple(int(rng.integers(size)) for size in array.shape)
                    flipped(array, place, bit)
                    for which, used in (("", model), ("blocked", blocked)):
                        call.model = used
                        entries = judges[name](array).entries
                        there = [entry for entry in entries if entry.witness.place == place]
                        found = "disagrees" if any(e.ratio > 1 for e in there) else "unusual" if there else "nothing"
                        assert not [entry for entry in entries if entry.witness.place[0] != place[0]]
                        counts[name, bit, which, found] = counts.get((name, bit, which, found), 0) + 1
                    flipped(array, place, bit)
    print(
        f"of {trials} flips of each bit at {(int(L), int(d), int(n))}, in %: disagrees, with --sums blocked:256, or is unusual"
    )
    for bit in reversed(range(32)):
        cells = []
        for name in products:
            got = [100 * counts.get((name, bit, which, "disagrees"), 0) / int(trials) for which in ("", "blocked")]
            odd = got[0] + 100 * counts.get((name, bit, "", "unusual"), 0) / int(trials)
            cells.append(f"{got[0]:4.0f} {got[1]:4.0f} {odd:4.0f}")
        print(f"{bit:2} {KIND.get(bit, f'2^-{23 - bit}'):9} {' | '.join(cells)}", flush=True)


def honest(steps="20"):
    for size in ((500, 64, 300), (4096, 1024, 2048)):
        for data in ("normal", "ReLU", "8 runs of equal samples"):
            worst, told = 0.0, 0
            for seed in range(int(steps)):
                theta, b, X, y = tensors(size, seed, data)
                Z = torch.addmm(b, X, theta.T)
                D = differences(Z, y)
                call = Call.of(
                    theta,
                    b,
                    X,
                    model_for({"theta": theta, "b": b, "X": X, "Z": Z}, Arithmetic()),
                    probes=2,
                    seed=(seed,),
                )
                call.D = D
                for judged in (call.logits(Z), call.of_theta(D.T @ X), call.of_X(D @ theta)):
                    worst = max(worst, judged.probe)
                    told += len(judged.entries)
                    assert not any(entry.ratio > 1 for entry in judged.entries)
            print(f"{size!s:18} {data:22} probe {worst:.3g} of what is usual; {told} entries unusual", flush=True)


if __name__ == "__main__":
    {"cost": cost, "bits": bits, "honest": honest}[sys.argv[1]](*sys.argv[2:])
