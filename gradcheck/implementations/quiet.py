"""While targets are called: what they print is counted, and what they change is put back."""

import contextlib
import io
import sys
import warnings
from collections.abc import Iterator

import numpy as np

from gradcheck.implementations.descriptors import kept_descriptors
from gradcheck.implementations.surroundings import kept
from gradcheck.silence import LOCK


class Printed(io.StringIO):
    """What a target prints. It may close it, or write bytes to its `buffer`, as it may with a real standard output."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = _Bytes()

    @property
    def buffer(self) -> io.BytesIO:
        """Where a target that knows of bytes writes them."""
        return self._bytes

    def close(self) -> None:
        pass

    @property
    def size(self) -> int:
        """How many characters, and bytes, were written."""
        return len(self.getvalue()) + len(self._bytes.getvalue())


class _Bytes(io.BytesIO):
    def close(self) -> None:
        pass


@contextlib.contextmanager
def _no_input() -> Iterator[None]:
    before, sys.stdin = sys.stdin, io.StringIO()
    try:
        yield
    finally:
        sys.stdin = before


@contextlib.contextmanager
def quiet() -> Iterator[Printed]:
    """What the target prints and warns reaches neither the results on standard output nor the progress beside them.

    Whatever a target changes in this process, when it is loaded or called, is put back. Standard input is at its end: who reads
    it would wait for an answer to a question that nobody sees. All of it is the process's, so that threads take turns.
    """
    printed = Printed()
    with (
        LOCK,
        kept_descriptors(),
        kept(),
        _no_input(),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        yield printed
