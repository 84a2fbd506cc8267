"""Labels as code takes them: one-hot columns or class indices. A sample that does not count is a column of zeros here."""

from collections.abc import Sequence

import numpy as np

from gradcheck.implementations.record import NotPosed, Placeless
from gradcheck.problem import Array


def indices(Y: Array, ignore: int | None, types: Sequence[str] = ("int64",)) -> Array:
    """The class of each sample; `ignore` for a column of zeros, where that is declared.

    Of several integer types it is one of those that hold them: another for other labels, and always the same for the same ones.
    """
    mass = _mass(Y)
    left_out = (mass == 0) if ignore is not None else np.zeros(len(mass), dtype=bool)
    if not (((Y == 0) | (Y == 1)).all() and ((mass == 1) | left_out).all()):
        raise Placeless("index labels cannot express these label masses")
    found = np.where(left_out, ignore or 0, Y.argmax(axis=0)).astype(np.int64)
    held = [name for name in types if np.iinfo(name).min <= found.min() and found.max() <= np.iinfo(name).max]
    if not held:
        raise Placeless(f"labels of {' or '.join(types)} have no room for these")
    return found.astype(held[int(found.sum() + len(found)) % len(held)])


def lacks_class(Y: Array, ignore: int | None) -> bool:
    """Whether samples that do not count have a class of their own in one-hot labels, and there are some."""
    return ignore is not None and 0 <= ignore < len(Y) and not _mass(Y).all()


def with_class(Y: Array, ignore: int | None) -> Array:
    """With that class in the place of columns of zeros."""
    found = np.array(Y, order="C")
    found[ignore, _mass(Y) == 0] = 1
    return found


def _mass(Y: Array) -> Array:
    return np.asarray(Y.astype(float).sum(axis=0))


def require_unit_mass(Y: Array) -> None:
    """For code whose gradient is A - Y, with samples in rows: `NotPosed` where the labels of a sample do not sum to 1."""
    if not (Y.astype(float).sum(axis=1) == 1).all():
        raise NotPosed("its gradient A - Y is for labels that sum to 1")
