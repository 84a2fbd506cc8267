"""Options as tables: what several commands share is written once, and offered by each of them."""

from collections.abc import Callable
from math import inf, isfinite
from typing import TYPE_CHECKING, Any

import click

Command = Callable[..., Any]
Table = dict[str, dict[str, Any]]  # names of an option -> what click is told of it
if TYPE_CHECKING:
    Typed = click.ParamType[Any]
else:
    Typed = click.ParamType  # generic since click 8.3


class Amount(click.FloatRange):
    """A number in a range, which is told in `words` where there are any: NaN is in none, whatever it is compared with."""

    def __init__(self, *limits: Any, words: str = "", **given: Any) -> None:
        super().__init__(*limits, **given)
        self.words = words

    def _describe_range(self) -> str:
        """Limits that somebody may run into; none of thirty digits, which are those of our own arithmetic."""
        told = [value for value in (self.min, self.max) if value is not None and not 1e-9 < abs(value or 1) < 1e9]
        return "" if told else super()._describe_range()

    def _holds(self, number: float) -> bool:
        return not self.words or (self.min or 0.0) <= number <= (self.max or inf)

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        limited = super().convert
        found = (click.FLOAT.convert if self.words else limited)(value, param, context)
        if not isfinite(found):
            self.fail(f"{value} is no finite number", param, context)
        if not self._holds(found):
            self.fail(f"{found:g} is not known; expected {self.words}", param, context)
        return found


def offering(command: Command, table: Table) -> Command:
    """The command with these options."""
    for names, settings in reversed(table.items()):
        command = click.option(*names.split(), **settings)(command)
    return command
