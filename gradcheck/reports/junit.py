"""Runs as JUnit XML, as CI servers read it: a suite a run, a test case a check."""

import xml.etree.ElementTree as ET
from collections.abc import Sequence

from gradcheck import causes
from gradcheck.printable import markup, printable
from gradcheck.reports import commands, notes, stories, words
from gradcheck.tally import Tally
from gradcheck.verdict import Outcome
from gradcheck.verify import Run

# An inconclusive check is no failure and no agreement: JUnit's word for that is "skipped".
ELEMENTS = {
    Outcome.DISAGREE: "failure",
    Outcome.ERRORED: "error",
    Outcome.INCONCLUSIVE: "skipped",
    Outcome.SKIPPED: "skipped",
}
COUNTED = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def text(runs: Sequence[Run]) -> str:
    """All runs of one command."""
    root = ET.Element("testsuites")
    for run in runs:
        root.append(_suite(run))
    for element in root.iter():
        _cleanse(element)
    ET.indent(root)
    return markup(ET.tostring(root, encoding="utf-8", xml_declaration=True).decode()) + "\n"


def _cleanse(element: ET.Element) -> None:
    """Leave only what is a character of XML 1.0: what is printable is one, and so are line ends."""
    element.attrib.update({name: printable(value) for name, value in element.items()})
    if element.text:
        element.text = "\n".join(map(printable, element.text.split("\n")))


def _suite(run: Run) -> ET.Element:
    outcomes = [_element(tally) for tally in run.tallies.values()]
    counts = {name: str(outcomes.count(element)) for name, element in COUNTED.items()}
    about = {"name": f"{run.target} {run.dtype}", "tests": str(len(outcomes))}
    suite = ET.Element("testsuite", {**about, **counts})
    for tally in run.tallies.values():
        suite.append(_case(run, tally))
    return suite


def _case(run: Run, tally: Tally) -> ET.Element:
    case = ET.Element("testcase", classname=f"gradcheck.{run.target}.{run.dtype}", name=tally.check.name)
    properties = ET.SubElement(case, "properties")
    measured = words.measured(tally, words.unit_roundoff(run))
    if tally.lost is not None:
        measured["lost_bits"] = f"{tally.lost[1].lost:.1f}"
        measured["note"] = notes.line(tally)
    for name, value in measured.items():
        ET.SubElement(properties, "property", name=name, value=value)
    if _element(tally):
        case.append(_finding(run, tally))
    return case


def _element(tally: Tally) -> str:
    """The word for its outcome; an expected failure is skipped, and one that no longer fails is a failure."""
    if tally.expected and tally.judged:
        return "failure" if tally.stale else "skipped"
    return ELEMENTS.get(tally.outcome, "")


def _finding(run: Run, tally: Tally) -> ET.Element:
    cause = causes.led(run, tally.check.name)
    if cause is None:
        message = f"{words.verdict(tally)}: {tally.expected}" if tally.expected and tally.judged else tally.reason
        return ET.Element(_element(tally), message=message)
    found = ET.Element(_element(tally), message=stories.in_a_line(cause, run))
    first = next(name for name in run.tallies if any(f.check.name == name for f in cause.failures))
    if first == tally.check.name:
        found.text = "\n".join(stories.lines(cause, run))
    else:
        found.text = f"{stories.same(first, cause)}\nrepeat  {commands.repeat(cause.leader, run)}"
    return found
