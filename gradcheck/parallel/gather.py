"""The results of all ranks, put together in the paper's arrays. What our own sums round is told, and is no fault of theirs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.enclosure import U64, Reals, outward
from gradcheck.parallel.shares import Results, Shared, shape_of
from gradcheck.precision import NAMES


class Odd(Exception):
    """A rank returned something that is no part of the whole; the message begins with its name."""


@dataclass(frozen=True, eq=False)
class Gathered:
    """A quantity: `values` (k, ...), one for each rank that has the whole of it, or of k = 1; `own` is what we rounded."""

    values: Reals
    own: Reals


def gathered(shared: Shared, answers: Sequence[Results], name: str) -> Gathered | None:
    """`loss` (k,), `theta` (k, L, d), `b` (k, L, 1), `X` (k, d, n) or `Z` (k, L, n); None where no rank returns any."""
    missing = [r for r, each in enumerate(answers) if not _has(each, name)]
    if len(missing) == len(answers):
        return None
    if missing and name != "X":  # code may have no gradient of data: what a rank has none of is 0
        raise Odd(f"rank {missing[0]} returns no {name}, and rank {_other(missing, len(answers))} does")
    parts = [_part(shared, each, r, name) for r, each in enumerate(answers)]
    how, weight = shared.shares.how(name), _weight(shared, name)
    stacked, count = np.array(parts), shared.shares.pieces * shared.shares.ranks
    with np.errstate(invalid="ignore", over="ignore"):
        if how == "shared":
            return Gathered(stacked * weight, _rounded(stacked, count if shared.shares.pieces > 1 else 0))
        terms = abs(stacked).sum(axis=0, keepdims=True)
        return Gathered(stacked.sum(axis=0, keepdims=True) * weight, _rounded(terms * weight, count + 3))


def _rounded(size: Reals, times: int) -> Reals:
    """What sums of this size are off by; what is not finite was so before, and is not excused."""
    return np.where(np.isfinite(size), outward(times * U64 * abs(size)), 0.0)


def _weight(shared: Shared, name: str) -> float:
    """What a part of a mean of means counts: all pieces alike, and all ranks that share a result, or have other samples."""
    shares = shared.shares
    if (shares.loss if name == "loss" else shares.gradients) != "mean":
        return 1.0
    alike = name in ("loss", "X") or not shares.by_classes
    return 1 / shares.pieces / (shares.ranks if alike else 1)


def _has(answer: Results, name: str) -> bool:
    return any(key == name or (key.startswith(name) and key.removeprefix(name).isdecimal()) for key in answer)


def _other(missing: list[int], count: int) -> int:
    return next(r for r in range(count) if r not in missing)


def _part(shared: Shared, answer: Results, r: int, name: str) -> Reals:
    """What one rank has of it, in the shape of the whole; zeros where others have their entries."""
    p, rows = shared.problem, shared.classes[r]
    if name == "loss":
        return np.asarray(sum(_loss(shared, answer, r, k) for k in range(shared.shares.pieces)))
    if name in ("theta", "b"):
        whole = np.zeros((p.L, p.d if name == "theta" else 1))
        whole[rows] = _read(shared, answer, r, name).reshape(len(rows), -1)
        return whole
    whole = np.zeros((p.d if name == "X" else p.L, p.n))
    for k, at in enumerate(shared.samples[r]):
        if name == "X" and f"X{k}" not in answer:
            continue
        found = np.moveaxis(_read(shared, answer, r, f"{name}{k}"), -1, 0)
        if name == "X":
            whole[:, at] = found
        else:
            whole[rows[0] : rows[-1] + 1, at] = found
    return whole


def _read(shared: Shared, answer: Results, r: int, name: str) -> Reals:
    expected = shape_of(shared, r, name)
    symbol = f"gradient of {name.rstrip('0123456789')}"
    if name not in answer:
        raise Odd(f"rank {r} returned no {symbol} of its piece {name[1:]}")
    found = answer[name]
    if found.shape != expected:
        raise Odd(f"rank {r} returned a {symbol} of shape {found.shape}; expected {expected}, as it was given")
    return _real(found, r, symbol)


def _real(found: np.ndarray, r: int, symbol: str) -> Reals:
    if found.dtype.name not in NAMES:
        raise Odd(f"rank {r} returned a {symbol} of dtype {found.dtype}; expected one of {', '.join(NAMES)}")
    return found.astype(np.float64)


def _loss(shared: Shared, answer: Results, r: int, k: int) -> float:
    """Of a piece: a number, or one for each sample where nothing is reduced."""
    if f"loss{k}" not in answer:
        raise Odd(f"rank {r} returned no loss of its piece {k}")
    found = answer[f"loss{k}"]
    shape = shared.samples[r][k].shape if shared.problem.law.reduction == "none" else ()
    if found.shape != shape and not (shape == () and found.size == 1):
        raise Odd(f"rank {r} returned a loss of shape {found.shape}; expected {shape}")
    return float(_real(found, r, "loss").sum())
