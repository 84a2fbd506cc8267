"""What a run has not judged, in one sentence: names, and behind them the option that would."""

from gradcheck.printable import clipped, printable
from gradcheck.verify import Run

NAMED = 4  # of one kind; more are counted
SHOWN = 80  # characters of a reason


def line(run: Run) -> str:
    """`not posed: float32, float16 (--dtype); masked-class (--regime)`; empty where there is nothing to say.

    Functions that are not there stand with the checks that need them.
    """
    found: dict[str, list[str]] = {}
    for gap in run.unposed:
        if gap.kind != "function":
            found.setdefault(clipped(gap.how, SHOWN), []).append(gap.name)
    said = "; ".join(f"{_named(names)}{how and f' ({how})'}" for how, names in found.items())
    return printable(f"not posed: {said}") if said else ""


def _named(names: list[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" +{rest}" if rest > 0 else "")


def lacking(run: Run) -> str:
    """Which functions and checks are required and were not judged, and why; empty where there are none."""
    absent = {gap.name: gap.how for gap in run.unposed if gap.kind == "function"}
    said = [f"{name} ({why})" if (why := absent.get(name) or _reason(run, name)) else name for name in run.lacking]
    return printable(f"required, and not judged: {', '.join(said)}") if said else ""


def _reason(run: Run, name: str) -> str:
    asked = [tally for tally in run.tallies.values() if name == tally.check.name or name in tally.check.needs]
    return next((tally.reason for tally in asked if tally.reason), "" if asked else "no check of it was asked for")
