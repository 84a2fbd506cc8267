"""A target loaded here, as long as it leaves this process as it is; otherwise in a process of its own."""

from dataclasses import replace
from functools import partial

from gradcheck.implementations import targets
from gradcheck.implementations.built_in import BUILT_IN
from gradcheck.implementations.home import Home, moved_when_loaded
from gradcheck.implementations.peer import DEFAULT, Limits
from gradcheck.implementations.process import isolated
from gradcheck.implementations.record import FUNCTIONS, Implementation


def load(target: str, limits: Limits = DEFAULT) -> Implementation:
    """The implementation that `target` names. Raises `Unusable` with one line: what was given, expected, and to be done.

    `limits` are those of the process in which it is called if it changes how floating-point numbers behave in this one.
    """
    found, start = targets.load(target), partial(isolated, target, limits)
    if target in BUILT_IN:  # known not to
        return found
    functions = tuple(getattr(found, name) for name in FUNCTIONS)
    return moved_when_loaded(start) or replace(found, home=Home(start, functions, found.home.notes))
