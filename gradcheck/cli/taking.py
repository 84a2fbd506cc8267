"""Options of what a target takes: each field of `Takes` has one, with the text that stands beside the field."""

from typing import Any

import click

from gradcheck.cli.tables import Command, Table, Typed, offering
from gradcheck.errors import Unusable
from gradcheck.implementations.takes import SAID, Takes

PREFIX = "takes_"  # of what click calls them: a layout has labels, too


class Taken(Typed):
    """A field of `Takes`, read by it."""

    def __init__(self, field: str) -> None:
        self.name = self.field = field

    def convert(self, value: Any, param: click.Parameter | None, context: click.Context | None) -> Any:
        """What is written, if it is known."""
        number = self.field == "max_logits" and str(value).isdecimal() and len(str(value)) < 16
        found = int(value) if number else value
        try:
            Takes.read({self.field: found})
        except Unusable as problem:
            self.fail(str(problem), param, context)
        return found


def _settings(field: str) -> dict[str, Any]:
    said = SAID[field]
    if not said.metavar:
        return {"is_flag": True, "default": None, "help": said.what}
    return {"type": Taken(field), "metavar": said.metavar, "multiple": said.several, "help": said.what}


TAKES: Table = {f"{said.option} {PREFIX}{field}": _settings(field) for field, said in SAID.items()}


def takes_options(command: Command) -> Command:
    """Which problems the target takes: others are not posed."""
    return offering(command, TAKES)


def taken(given: dict[str, Any]) -> dict[str, Any]:
    """The fields that are given, taken out of `given`."""
    found = {field: given.pop(PREFIX + field, None) for field in SAID}
    return {field: value for field, value in found.items() if value}
