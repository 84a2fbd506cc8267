"""Where the functions of an implementation are called: here, or, once that is not safe, in a process of their own.

Not safe is a target that changes how floating-point numbers behave: our own arithmetic, and every other target's, would be
changed with it, and verdicts would be wrong. It is moved at once, and every target of a user's after it: what has changed it may
be a library that is loaded once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gradcheck.errors import Unusable
from gradcheck.implementations import floats
from gradcheck.implementations.pace import Pace
from gradcheck.implementations.surroundings import Surroundings

if TYPE_CHECKING:
    from gradcheck.implementations.record import Implementation


class Unsteady(Unusable):
    """Floating-point numbers no longer behave in this process, and cannot be made to: nothing can be judged in it."""


class Moved(Exception):
    """A call has changed how floating-point numbers behave. Its result is not used: the next call is made elsewhere."""


@dataclass(eq=False)
class Home:
    """`start` loads the same target in a process of its own; None where there is no name to load it by.

    `functions` are those that were loaded: others in their place are someone's own. `notes` are for the user. `pace` is how long
    calls take. `lost` says why it is not called any more.
    """

    start: Callable[[], "Implementation"] | None = None
    functions: tuple[Any, ...] = ()
    notes: list[str] = field(default_factory=list)
    pace: Pace = field(default_factory=Pace)
    lost: str = ""
    _apart: "Implementation | None" = None

    @property
    def apart(self) -> "Implementation | None":
        """The same target in a process of its own, where it had to be moved there."""
        if floats.changed and self.start is not None:
            self._move(f"{APART}, since another target has changed how floating-point numbers behave in this one")
        return self._apart

    def call(self, surroundings: Surroundings, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call it, and look at what it leaves behind."""
        began = self.pace.now()
        try:
            return surroundings.call(function, *arguments)
        finally:
            self.pace.add(began)
            if not floats.steady():
                self._mend("a call changed the floating-point environment")

    def look(self) -> None:
        """Before anything is judged: whoever has changed it, here it is changed no longer."""
        if not (floats.steady() and floats.steady_in_short()):
            self._told(f"{_mended('the floating-point environment was changed before the target was called')}; {HERE}")

    def _mend(self, what: str) -> None:
        """Undo what a call has done, and move, or say that there is nowhere to move to."""
        said = _mended(what)
        if self.start is None:
            self._told(f"{said}; {HERE}")
            return
        floats.changed = True
        self._move(f"{said}; {APART}")
        raise Moved(said)

    def _move(self, why: str) -> None:
        assert self.start is not None
        start, self.start = self.start, None
        self._told(why)
        self._apart = start()

    def _told(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


APART = "it is called in a process of its own (--isolate)"
HERE = "it was set back, and what has no name to be loaded by cannot be called in a process of its own"


def _mended(what: str) -> str:
    """Set the environment back; what was done, and how it showed."""
    said = f"{what}: {floats.how()}"
    if not floats.mend():
        raise Unsteady(f"{said}, which cannot be set back here; judge it in a process of its own (--isolate)")
    return said


def moved_when_loaded(start: Callable[[], "Implementation"]) -> "Implementation | None":
    """The target in a process of its own, where loading it here has changed what it must not; None where it has not."""
    if floats.steady() and floats.steady_in_short():
        return None
    said = _mended("loading it changed the floating-point environment")
    floats.changed = True
    found = start()
    found.home.notes.append(f"{said}; {APART}")
    return found
