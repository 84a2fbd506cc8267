"""Places along one axis: the first, odd ones, those beyond the last multiple of 8; in words, with what is one of them."""

from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.problem import Array

Mask = Callable[[Array, int], Array]  # of places, and how many there are


def patterns(ones: list[Array]) -> Iterator[tuple[str, Mask]]:
    """Those whose number comes from what is off, (k,) each, and all others."""
    yield from ends(ones)
    yield from ALONG.items()


def ends(ones: list[Array]) -> Iterator[tuple[str, Mask]]:
    """Patterns whose number comes from the entries that are off: one place, from one on, up to one."""
    places = [np.flatnonzero(one) for one in ones]
    low, high = min(int(each[0]) for each in places), max(int(each[-1]) for each in places)
    if low == high:
        yield f"{{one}} {low}", lambda i, size: i == low
    if low > 1 and _ends([one[low:] for one in ones if one[low:].any()]):
        yield f"{{all}} from {low} on", lambda i, size: i >= low
    if 0 < high < max(len(one) for one in ones) - 1 and _ends([one[high::-1] for one in ones if one[high:].any()]):
        yield f"{{all}} up to {high}", lambda i, size: i <= high


def _ends(ones: list[Array]) -> bool:
    """Whether these have an end in common, or one has no gap: what is off by chance has an end, too."""
    return sum(bool(one[0]) for one in ones) > 1 or any(one.all() for one in ones)


ALONG: dict[str, Mask] = {
    "the first {one}": lambda i, size: i == 0,
    "the last {one}": lambda i, size: i == size - 1,
    "odd {all}": lambda i, size: i % 2 == 1,
    "even {all}": lambda i, size: i % 2 == 0,
    "the last two {all}": lambda i, size: i >= size - 2,
    **{
        f"{{all}} beyond the last multiple of {m}": (lambda i, size, m=m: i >= size // m * m)  # type: ignore[misc]
        for m in (2, 4, 8, 16, 32)
    },
}
