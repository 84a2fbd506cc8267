"""Records and findings as JSON: written by us, and read as the text of anybody that they may be.

An entry is of its type and within its range, a check is one of ours, and a case is one: else the whole is none.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, asdict, fields
from pathlib import Path
from typing import Any

from gradcheck import cases, foreign
from gradcheck.campaign.findings import ANY, STRAINED, Finding, Record
from gradcheck.checks import CHECKS
from gradcheck.errors import Unusable
from gradcheck.printable import escaped
from gradcheck.verdict import FAILURES

SCHEMA = 1
MOST = 2**53  # no count of ours comes near it
INFINITE = "inf"  # a ratio that JSON has no number for
Kind = tuple[str, Callable[[Any], bool]]  # what is expected, in words, and whether it is that


def _within(names: frozenset[str]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, str) and value in names


def _whole(value: Any, least: int = 0) -> bool:
    return type(value) is int and least <= value < MOST


def _real(value: Any) -> bool:
    return type(value) in (int, float) and 0 <= value < math.inf


def _by_check(of: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and set(value) <= set(CHECKS) and all(map(of, value.values()))


TEXT: Kind = "text", lambda value: isinstance(value, str)
COUNT: Kind = "a count", _whole
FLAG: Kind = "true or false", lambda value: isinstance(value, bool)
FINDING: Mapping[str, Kind] = {
    "check": ("a check", _within(frozenset(CHECKS))),
    "diagnosis": TEXT,
    "regime": ("a regime", _within(frozenset((ANY, *STRAINED)))),
    "outcome": (" or ".join(sorted(FAILURES)), _within(frozenset(outcome.value for outcome in FAILURES))),
    "said": TEXT,
    "fix": TEXT,
    "case": TEXT,
    "failed": COUNT,
    "judged": COUNT,
    "shard": ("the number of a shard", lambda value: _whole(value, -1)),
    "first": ("seconds", _real),
    "file": TEXT,
    "known": FLAG,
}
RECORD: Mapping[str, Kind] = {
    "number": ("the number of a shard", lambda value: _whole(value, -1)),
    "problems": COUNT,
    "judged": ("counts by check", _by_check(_whole)),
    "ratios": ("ratios by check", _by_check(lambda value: value == INFINITE or _real(value))),
    "findings": ("a list", lambda value: isinstance(value, list)),
    "printed": COUNT,
    "notes": ("texts", lambda value: isinstance(value, list) and all(isinstance(note, str) for note in value)),
    "late": FLAG,
}


def _taken(data: Any, kinds: Mapping[str, Kind], given: tuple[Field[Any], ...], where: str) -> dict[str, Any]:
    """The entries of an object that are named here; what has a default may be missing, and what is not named is not read."""
    if not isinstance(data, dict):
        raise Unusable(f"{where} is no object")
    required = {f.name for f in given if f.default is MISSING and f.default_factory is MISSING}
    for name, (expected, holds) in kinds.items():
        if name in required and name not in data:
            raise Unusable(f"{where}: entry {name!r} is missing; expected {expected}")
        if name in data and not holds(data[name]):
            raise Unusable(f"{where}: entry {name!r} is {repr(data[name])[:60]}; expected {expected}")
    return {name: data[name] for name in kinds if name in data}


def finding(data: Any, where: str) -> Finding:
    """A finding; `Unusable` where it is none."""
    return Finding(**_taken(data, FINDING, fields(Finding), where))


def dumps(record: Record) -> str:
    """One line."""
    entry = asdict(record)
    entry["ratios"] = {name: ratio if ratio < math.inf else INFINITE for name, ratio in record.ratios.items()}
    return escaped(json.dumps({"gradcheck_shard": SCHEMA, **entry}, ensure_ascii=False))


def loads(line: str | bytes, where: str = "this line") -> Record | None:
    """The record of a line; None where it is none, such as the last line of a file whose writer was killed."""
    try:
        data = foreign.parsed(line, where)
        if not isinstance(data, dict) or data.get("gradcheck_shard") != SCHEMA:
            return None
        entry = _taken(data, RECORD, fields(Record), where)
        found = [_of_shard(each, where) for each in entry.pop("findings", [])]
    except Unusable:
        return None
    ratios = {name: float(ratio) for name, ratio in entry.pop("ratios", {}).items()}
    return Record(**{**entry, "ratios": ratios, "findings": tuple(found), "notes": tuple(entry.get("notes", ()))})


def _of_shard(data: Any, where: str) -> Finding:
    """A finding as a shard leaves it: its case is a case for its check, and it is in no file yet."""
    found = finding(data, where)
    if found.file or found.known or (found.case and case(found.case, where).check != found.check):
        raise Unusable(f"{where}: what it says of {found.check} is nothing that a shard says")
    return found


def case(text: str, where: str) -> cases.Case:
    """The case that a text is, read by the same rules as any file."""
    data = foreign.parsed(text, where, "a case")
    if not isinstance(data, dict) or data.get("gradcheck_case") not in cases.SCHEMAS:
        raise Unusable(f"{where} holds a case that is none")
    return cases.of(Path(where), data)
