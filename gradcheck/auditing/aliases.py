"""Another name for a parameter while its layer computes, by which a use of it is told from others. Imports no framework."""

from typing import Any


def aliased(held: Any) -> Any:
    """The same numbers by another name, which knows whose."""
    made = held.view_as(held)
    made.gradcheck_of = whole(held)
    return made


def whole(held: Any) -> Any:
    """What a layer holds when nobody looks: of threads that call it at a time, one may find the other's alias there."""
    return getattr(held, "gradcheck_of", held)
