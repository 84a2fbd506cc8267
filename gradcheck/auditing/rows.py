"""Walking through an array, some rows at a time: one pass, on threads of ours, whose digits follow from nothing but the array."""

import math
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from gradcheck.enclosure import Reals
from gradcheck.errors import Missing

AT_ONCE = 2  # threads of one process, each of which holds a block
WALKED = 2**20  # entries of a walk at a time
HELD = 2**18  # entries of float64 copies, of which several are held
CLASSES = 16384  # of a product: its result stays in the cache until it is added
INNER = 128  # the longest sum that is taken in our own precision

S = TypeVar("S")
T = TypeVar("T")
_kept = threading.local()


def one_thread() -> Any:
    """A context in which BLAS computes on one thread: its digits may follow from their number, and ours must not. The only door to
    threadpoolctl.
    """
    try:
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise Missing.package("an audit", "threadpoolctl") from None
    return threadpool_limits(1, user_api="blas")


def real(array: Any) -> Reals:
    """As float64, which every precision is a subset of."""
    return np.asarray(array).astype(np.float64, copy=False)


def cuts(count: int, each: int) -> Iterable[slice]:
    """Slices of at most `each`, that make up `count`."""
    return (slice(at, min(at + each, count)) for at in range(0, count, each))


def threaded(work: Callable[[S], T], parts: Iterable[S]) -> Iterator[T]:
    """The results in order; NumPy lets go of the interpreter while it computes.

    Few are begun ahead, so that few are left to wait for on an interrupt.
    """
    waiting: deque[Future[T]] = deque()

    def quietly(part: S) -> T:
        with np.errstate(all="ignore"):  # of each thread its own
            return work(part)

    if getattr(_kept, "in_turn", False):
        yield from map(quietly, parts)
        return
    with ThreadPoolExecutor(min(AT_ONCE, os.cpu_count() or 1)) as pool:
        for part in parts:
            waiting.append(pool.submit(quietly, part))
            if len(waiting) > AT_ONCE + 1:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


@contextmanager
def in_turn() -> Iterator[None]:
    """No threads of ours: what frameworks are told holds for a thread, and a device computes on all of itself anyhow."""
    before = getattr(_kept, "in_turn", False)
    _kept.in_turn = True
    try:
        yield
    finally:
        _kept.in_turn = before


def walk(array: Any) -> Iterable[slice]:
    """The rows of an array, some at a time."""
    return cuts(array.shape[0], max(64, getattr(array, "walked", WALKED) // array.shape[1]))


def few(array: Any) -> Iterable[slice]:
    """The rows of a block, so few that float64 copies of them take little memory."""
    return cuts(array.shape[0], max(1, HELD // array.shape[1]))


def rowwise(array: Any, work: Callable[[slice, Any], None]) -> None:
    """Do `work` on the rows of an array, some at a time, on threads; each writes to rows of its own, so no order is needed."""
    for _ in threaded(lambda part: work(part, array[part]), walk(array)):
        pass


def norms(rows: Any) -> Reals:
    """An upper bound of the 2-norm of each row."""
    if rows.dtype not in (np.float32, np.float64):
        rows = real(rows)
    squares = dots(rows)
    if rows.dtype != np.float64 and not np.isfinite(squares).all():
        rows = real(rows)
        squares = dots(rows)
    return bounded(squares, rows.dtype, rows.shape[1])


def dots(rows: Any) -> Reals:
    """Of each row its product with itself, in its precision: by BLAS where numbers lie together."""
    if rows.strides[1] != rows.itemsize:
        return np.asarray(np.einsum("ij,ij->i", rows, rows)).astype(np.float64)
    return np.asarray(np.matmul(rows[:, np.newaxis], rows[:, :, np.newaxis])).reshape(-1).astype(np.float64)


def bounded(squares: Reals, dtype: Any, d: int) -> Reals:
    """An upper bound of a 2-norm, from the sum of `d` squares, in whatever order."""
    found = np.finfo(dtype)
    # (1 + u)^(d + 2) for the sum, and the smallest normal number for each square that was flushed
    return np.asarray(np.sqrt(squares * (1 + 2 * (d + 2) * float(found.eps)) + d * float(found.tiny)))


def scratch(name: str, shape: tuple[int, ...], dtype: Any, order: Any) -> Any:
    """Memory of this thread, given out again at the next call: fresh pages cost as much as what is computed on them."""
    size, found = math.prod(shape), _kept.__dict__.get(name)
    if found is None or found.size < size or found.dtype != dtype:
        found = _kept.__dict__[name] = np.empty(size, dtype)
    return found[:size].reshape(shape, order=order)
