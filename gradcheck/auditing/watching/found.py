"""What a watch has found: counts, entries that are wrong or unusual, and the same as lines of JSON."""

import json
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradcheck.auditing import report
from gradcheck.auditing.findings import NAMES
from gradcheck.auditing.watching.products import Entry, Judged
from gradcheck.errors import Unusable
from gradcheck.printable import number
from gradcheck.verdict import Outcome

SCHEMA = 1
HEAD = b'{"gradcheck_watch"'
KEPT = 1000  # entries that are kept; all are counted
PLACES = {"Z": "sample, class", "grad_theta": "class, feature", "grad_X": "sample, feature"}


@dataclass(frozen=True, eq=False)
class Seen:
    """An entry of one call that cannot be what it must be, or, where it is `unusual` alone, could be and hardly is."""

    call: int
    quantity: str
    entry: Entry

    @property
    def wrong(self) -> bool:
        """Whether rounding cannot explain it, whatever it was."""
        return self.entry.ratio > 1

    def __str__(self) -> str:
        w, at = self.entry.witness, ", ".join(map(str, self.entry.witness.place))
        place = f"{NAMES[self.quantity]}[{at}] ({PLACES[self.quantity]}) of call {self.call}"
        said = f"{place} is {w.computed:.9g}, must be {w.midpoint:.9g}"
        if self.wrong:
            return f"{said} ± {w.radius:.2g}: {self.entry.ratio:.3g} times what rounding explains"
        return (
            f"{said}: unusual, {self.entry.unusual:.3g} times eight standard deviations of independent roundings; correct code may"
            " do that where samples or features repeat"
        )


@dataclass(eq=False)
class Found:
    """`calls` were seen with a gradient in prospect; `judged` of them, `inconclusive` and `skipped` with the reason of each.

    A call is judged where all of its products are that should come; `wrong` and `unusual` are entries, the first of each: with
    `call`, `quantity`, and `entry.witness`, which has `place`, `computed`, `midpoint` and `radius`.

        >>> import gradcheck, torch
        >>> head = torch.nn.Linear(16, 50)
        >>> _ = head.weight.register_hook(lambda gradient: gradient)
        >>> with gradcheck.watch(head, every=1) as watch:
        ...     for _ in range(3):
        ...         torch.nn.functional.cross_entropy(head(torch.randn(20, 16)), torch.arange(20)).backward()
        >>> watch.found.judged, watch.found.skipped.total(), watch.found.wrong
        (3, 0, [])
    """

    calls: int = 0
    judged: int = 0
    inconclusive: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    wrong: list[Seen] = field(default_factory=list)
    unusual: list[Seen] = field(default_factory=list)
    more: int = 0

    def add(self, seen: Seen) -> None:
        """An entry that stands out."""
        into = self.wrong if seen.wrong else self.unusual
        if len(into) < KEPT:
            into.append(seen)
        else:
            self.more += 1

    def lines(self) -> Iterator[str]:
        """In words."""
        yield f"{_counted(self.calls, 'call')}, {self.judged} judged, {sum(self.inconclusive.values())} inconclusive"
        yield from (f"  inconclusive, {_counted(n, 'time')}: {reason}" for reason, n in self.inconclusive.items())
        yield from (f"  not judged, {_counted(n, 'time')}: {reason}" for reason, n in self.skipped.items())
        if not (self.calls or self.skipped):
            yield "  the layer was not called where it can be seen: a compiled model passes it by"
        if not self.judged:
            yield "  nothing was judged, which is no agreement"
        elif not self.wrong:
            yield "  nothing disagrees"
        yield from (f"  ✗ {seen}" for seen in self.wrong)
        yield from (f"  ? {seen}" for seen in self.unusual)
        if self.more:
            yield f"  and {self.more} more"

    def __str__(self) -> str:
        return "\n".join(self.lines())


class Lines:
    """A file to which a line of JSON is added for each call that was due; one that others wrote is refused, and left as it is."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        if path is None:
            return
        try:
            with path.open("a+b") as file:
                file.seek(0)
                first = file.read(len(HEAD))
        except OSError as problem:
            raise Unusable(_cannot(path, problem)) from None
        if first and first != HEAD:
            raise Unusable(f"cannot write {path}: it exists, and no watch has written it; choose another file")
        self.write({"gradcheck_watch": SCHEMA})

    def write(self, line: dict[str, Any]) -> None:
        """One more. Where that fails, it is said once, and training goes on without."""
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line, ensure_ascii=False) + "\n")
        except OSError as problem:
            path, self._path = self._path, None
            warnings.warn(f"{_cannot(path, problem)}; the watch goes on without it", RuntimeWarning, stacklevel=2)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'s' * (count != 1)}"


def _cannot(path: Path, problem: OSError) -> str:
    return f"cannot write {path}: {problem.strerror or problem}"


def outcome(judged: Judged) -> Outcome:
    """Of one product: what is unusual agrees all the same."""
    if judged.unknown:
        return Outcome.INCONCLUSIVE
    return Outcome.DISAGREE if any(entry.ratio > 1 for entry in judged.entries) else Outcome.AGREE


def line(call: int, judged: list[Judged]) -> dict[str, Any]:
    """What a call has shown."""
    return {"call": call, "products": {one.quantity: _product(one) for one in judged}}


def _product(one: Judged) -> dict[str, Any]:
    return {
        "outcome": outcome(one).value,
        "reason": one.unknown,
        "probe": number(one.probe),
        "entries": [
            {**report.entry(entry.witness), "ratio": number(entry.ratio), "unusual": number(entry.unusual)}
            for entry in one.entries
        ],
    }
