"""How often an audit calls an entry of an honest gradient unusual, by the data and by the order of the sums.

python -m benchmarks.unusual [SEEDS] [L d n]       ∂ℒ/∂θ in float32, every entry of it; a model's rate, and where it is false
"""

import sys

import numpy as np

from benchmarks.posed import DATA, posed
from gradcheck.auditing import run
from gradcheck.auditing.again import computed_again
from gradcheck.auditing.dump import of


def in_a_row(D, X):
    """Float32, one sample after the other."""
    G = np.zeros((len(D), len(X)), np.float32)
    for i in range(X.shape[1]):
        G += D[:, i : i + 1] * X[:, i]
    return G


ORDERS = {"BLAS": lambda D, X: D @ X.T, "one after the other": in_a_row}


def far(theta, b, X, y, G, *, honest=True):
    """Of every entry, how many times what is usual it is off by."""
    given = {"theta": theta, "b": b, "X": X, "Y": y, "Z": theta @ X + b[:, None], "grad_theta": G}
    dump = of(given)
    with run.one_thread():
        plan = run._planned(dump, probes=8, seed=0, memory=run.MEMORY)
        sums = run._merged(run._threads(dump, plan), dump, lambda *_: None)
        again = computed_again(dump, plan, sums, list(range(dump.L)))
    assert not honest or (again.ratios <= 1).all()
    return abs(again.computed - again.truth) / again.usual


def main(seeds="16", L="64", d="1024", n="2048"):
    print("data, order of the sums: entries, unusual, the furthest, of what is usual; entries of median size × 1.001")
    for kind in DATA:
        for order, summed in ORDERS.items():
            count, unusual, most, planted = 0, 0, 0.0, []
            for seed in range(int(seeds) if order == "BLAS" else 1):
                theta, b, X, y = posed((int(L), int(d), int(n)), seed, data=kind)
                Z = theta @ X + b[:, None]
                E = np.exp(Z - Z.max(axis=0))
                D = E / E.sum(axis=0)
                D[y, np.arange(len(y))] -= 1
                D /= np.float32(len(y))
                G = summed(D, X)
                found = far(theta, b, X, y, G)
                count, unusual, most = (
                    count + found.size,
                    unusual + int((found > 1).sum()),
                    max(most, float(found.max())),
                )
                place = np.unravel_index(np.argsort(abs(G), axis=None)[G.size // 2], G.shape)
                G[place] *= np.float32(1.001)
                planted.append(far(theta, b, X, y, G, honest=False)[place])
            print(f"{kind:24} {order:20} {count:8} {unusual:6} {most:6.2f}   {np.median(planted):.3g}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
