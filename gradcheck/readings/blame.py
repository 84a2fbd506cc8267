"""What a specification raises while it is read, as one line with its own place in its own file."""

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from gradcheck.errors import Unusable, kind, text
from gradcheck.law.own import Loss
from gradcheck.readings.doubt import Doubt
from gradcheck.readings.series.kinks import NoSeries


@contextmanager
def blamed(law: Loss, *, backward: bool = False) -> Iterator[None]:
    """Whatever is raised becomes `Unusable`, except an interrupt, being late, and what is only not known."""
    from gradcheck.clock import Late

    try:
        yield
    except (KeyboardInterrupt, Late, NoSeries, Doubt):
        raise
    except BaseException as exception:
        said = text(exception, str) if isinstance(exception, Unusable) else f"{kind(exception)}: {text(exception, str)}"
        where = place(law, exception)
        how = "cannot be differentiated" if backward else "cannot be read"
        raise Unusable(law.line(f"{how}{f' at {where}' if where else ''}: {_word(law)}{said}")) from None


def _word(law: Loss) -> str:
    """The first option that is a word where its default is a number, which explains more than what NumPy says of it."""
    usual = {} if law.takes is None else law.takes.defaults
    for name, value in law.options.items():
        number = usual.get(name)
        if isinstance(value, str) and isinstance(number, int | float) and not isinstance(number, bool):
            return f"its option {name} is {value!r:.60}; expected a number, as its default {number!r:.60} is: "
    return ""


def place(law: Loss, exception: BaseException) -> str:
    """The last line of the file of the specification, of those that led to an exception."""
    file = law.function.__code__.co_filename if hasattr(law.function, "__code__") else ""
    lines = [line for frame, line in traceback.walk_tb(exception.__traceback__) if frame.f_code.co_filename == file]
    return f"{os.path.basename(file)}:{lines[-1]}" if lines else ""
