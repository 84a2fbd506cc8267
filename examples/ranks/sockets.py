"""A vocabulary shared out over ranks that know NumPy alone, and speak over sockets of their own: no framework takes part.

gradcheck ranks examples/ranks/sockets.py:vocabulary --ranks 2,3
gradcheck ranks examples/ranks/sockets.py:own_sums --ranks 2
"""

import functools
import os
import time
from multiprocessing.connection import Client, Connection, Listener

import numpy as np

RANK, RANKS = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))  # as torchrun gives them


@functools.cache
def links() -> list[Connection]:
    """Of rank 0 to every other, in their order; of the others to rank 0."""
    address = os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"])
    if RANK == 0:
        with Listener(address, backlog=RANKS) as listener:
            found = [listener.accept() for _ in range(RANKS - 1)]
        return [link for _, link in sorted((link.recv(), link) for link in found)]
    while True:
        try:
            link = Client(address)
        except ConnectionRefusedError:  # rank 0 has not come so far
            time.sleep(0.01)
        else:
            link.send(RANK)
            return [link]


def reduced(x: np.ndarray, operation: np.ufunc = np.add) -> np.ndarray:
    """The sum, or the maximum, over all ranks, on each of them."""
    if RANK > 0:
        links()[0].send(x)
        return links()[0].recv()
    whole = functools.reduce(operation, [link.recv() for link in links()], x) if RANKS > 1 else x
    for link in links() if RANKS > 1 else ():
        link.send(whole)
    return whole


def vocabulary(theta: np.ndarray, b: np.ndarray, X: np.ndarray, y: np.ndarray, *, first: int, add=reduced):
    """Right: `Z` of this rank's classes, the largest logit and the sums over all of them."""
    Z, rows = X @ theta.T + b, np.arange(len(y))
    Z = Z - reduced(Z.max(axis=1), np.maximum)[:, None]
    powers = np.exp(Z)
    inside = (y >= first) & (y < first + len(theta))
    at = np.where(inside, y - first, 0)
    sums, label = add(powers.sum(axis=1)), reduced(np.where(inside, Z[rows, at], 0))
    D = powers / sums[:, None]
    D[rows, at] -= inside
    D /= len(y)
    return {"loss": (np.log(sums) - label).mean(), "theta": D.T @ X, "b": D.sum(axis=0), "X": D @ theta, "Z": D}


def own_sums(theta: np.ndarray, b: np.ndarray, X: np.ndarray, y: np.ndarray, *, first: int):
    """Wrong: each rank divides by the sum over its own classes."""
    return vocabulary(theta, b, X, y, first=first, add=lambda sums: sums)
