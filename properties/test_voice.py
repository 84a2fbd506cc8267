"""What others say reaches no reader who would obey it: terminals, CI logs, JUnit, HTML, JSON, Markdown, shells."""

import io
import json
import os
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.database import InMemoryExampleDatabase

from gradcheck import conformance, reports
from gradcheck.campaign import Finding, Outcome, display, github
from gradcheck.campaign import page as campaign_page
from gradcheck.campaign.database import Steady
from gradcheck.checks import CHECKS
from gradcheck.errors import Unusable
from gradcheck.implementations import Implementation
from gradcheck.printable import clipped, escaped, markup, pasted, printable, refusal, unheeded
from gradcheck.reports import data, junit, pages
from gradcheck.reports.voice import Voice
from gradcheck.tally import Tally
from gradcheck.verdict import Outcome as Said
from gradcheck.verdict import Verdict
from gradcheck.verify import Run
from properties.hostile import SNIPPETS, obeyed, texts

# ---- the words themselves ----


@given(texts)
def test_printable_is_one_printable_line_and_is_so_once(text):
    found = printable(text)
    assert found.isprintable() and printable(found) == found
    assert found == text or not text.isprintable()


@given(texts, st.integers(0, 600))
def test_clipped_says_how_much_is_missing_and_is_clipped_once(text, count):
    whole = text + "x" * count
    found = clipped(whole, 40)
    assert clipped(found, 40) == found and len(found) <= 72
    assert found == whole or found == f"{whole[:40]}... ({len(whole) - 40} more)"


def test_a_refusal_keeps_what_was_expected():
    said = refusal(f"it is {'A' * 10**6!r}; expected a number")
    assert len(said) < 1000 and said.startswith("it is 'AAA") and said.endswith("AAA'; expected a number")
    assert str(Unusable(f"{'A' * 10**6}\n\x1b[31m")).isprintable()


@given(texts)
@example("\n \t::error::x")
@example("::")
@example("###[error]x")
def test_no_line_is_a_command(text):
    assert not [line for line in obeyed(unheeded(text)) if line.isprintable()]
    assert not [line for line in obeyed(markup(text)) if line.isprintable()]


@given(texts)
def test_json_of_any_text_is_printable_and_reads_the_same(text):
    found = escaped(json.dumps({text: [text]}, indent=1, ensure_ascii=False))
    assert not obeyed(found)
    # two halves of a pair are one character to JSON
    assert json.loads(found) == json.loads(json.dumps({text: [text]}))


@pytest.mark.skipif(os.name != "posix", reason="bash")
@given(st.lists(texts.map(lambda text: os.fsdecode(os.fsencode(text.encode("utf-8", "replace")))), min_size=1))
@example(["x\n::error::y.json", "a'b\\c\x1b[31m", "\udcff\udc80", "\u202e", "-x", "", "$(id)`id`"])
def test_words_are_pasted_as_they_are(words):
    words = [word.replace("\0", "") for word in words]
    line = pasted(words)
    assert line.isprintable()
    found = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True).stdout
    assert found == b"".join(os.fsencode(word) + b"\0" for word in words)


# ---- reports ----


@cache
def _run() -> Run:
    """A run in which something fails, and something is not judged."""
    wrong = Implementation("wrong", gradients=lambda theta, b, X, Y: {"theta": theta + 1, "b": b})
    return conformance.conform(wrong, max_examples=3, checks=("*_gradient", "loss", "softmax"))


@pytest.fixture(scope="module", autouse=True)
def _judged_before():
    """Hypothesis lets no run of its own begin within a test of its own."""
    _run()


def said_by(text: str) -> Run:
    """The same with this text wherever a target, a file or a user may put one."""
    run = _run()
    failures = tuple(
        replace(failure, case=text, verdict=Verdict(Said.ERRORED, text) if number else failure.verdict)
        for number, failure in enumerate(run.failures)
    )
    assert len(failures) > 1
    tallies = {name: replace(tally, reasons=tally.reasons.copy(), expected=text) for name, tally in run.tallies.items()}
    for tally in tallies.values():
        tally.reasons[text] = 3
    assert run.diagnosis
    parts = tuple(replace(part, exact=True, what=text, fix=text) for part in run.diagnosis.parts)
    likely = replace(run.diagnosis, parts=parts)
    return replace(
        run, target=text, failures=failures, tallies=tallies, notes=(text,), command=(text,), diagnosis=likely
    )


@given(texts)
@example("::error::x\n::error::y")
def test_a_terminal_obeys_nothing_of_a_run(text):
    for colours in (None, "standard"):
        stream = io.StringIO()
        out = Voice(
            stream, width=60, force_terminal=colours is not None, **({"color_system": colours} if colours else {})
        )
        run = said_by(text)
        reports.terminal.show(run, out)
        reports.terminal.show_comparison([run], out)
        reports.terminal.show_replay(run, out)
        out.print(text)  # what was overlooked
        assert not obeyed(stream.getvalue(), styles=colours is not None)


@given(texts)
def test_junit_is_xml_for_any_name(text):
    found = junit.text([said_by(text)])
    assert not obeyed(found)
    (suite,) = ET.fromstring(found.encode("utf-8"))
    assert suite.get("name") == printable(f"{text} float64")
    for element in suite.iter():
        assert all(value.isprintable() for value in element.attrib.values())


class Tags(HTMLParser):
    """The tags of a page, with their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=False)
        self.found: list[object] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, attributes))

    def handle_endtag(self, tag):
        self.found.append(tag)

    def handle_comment(self, data):
        self.found.append(data)

    handle_decl = handle_pi = unknown_decl = handle_comment


@cache
def _harmless() -> list[object]:
    return Tags(pages.text([said_by("harmless")])).found


@settings(max_examples=25)
@given(texts.filter(bool))  # what is empty is left out
def test_a_page_has_the_same_tags_for_any_name(text):
    found = pages.text([said_by(text)])
    assert not obeyed(found)
    assert Tags(found).found == _harmless()


MADE = {
    "comparison": lambda text: pages.comparison([said_by(text)]),
    "campaign": lambda text: campaign_page.text(outcome_of(text), text),
}


@pytest.mark.parametrize("make", MADE.values(), ids=MADE)
def test_a_page_of_any_make_has_the_same_tags_for_any_name(make):
    harmless = Tags(make("x")).found

    @settings(max_examples=15)
    @given(texts.filter(bool))
    def same(text):
        found = make(text)
        assert not obeyed(found)
        assert Tags(found).found == harmless

    same()


@given(texts)
def test_json_is_read_for_any_name(text):
    found = data.text([said_by(text)])
    assert not obeyed(found)
    assert json.loads(found)["runs"][0]["target"] == json.loads(json.dumps(text))


# ---- campaigns ----


def outcome_of(text: str) -> Outcome:
    one = Finding(text, text, text, "disagree", text, text, file=text)
    found = [
        one,
        replace(one, known=True),
        *(replace(one, regime=f"{text}{k}", diagnosis=f"{text}{k // 2}") for k in range(4)),
    ]
    return Outcome(findings=found, notes={text: None}, unshrunk=[Path(text.replace("\0", "x"))])


@given(texts)
def test_a_terminal_obeys_nothing_of_a_campaign(text):
    stream = io.StringIO()
    display.show(outcome_of(text), pasted([text]), Voice(stream, width=60))
    assert not obeyed(stream.getvalue())


@given(texts)
def test_annotations_are_a_line_each(text):
    lines = list(github.annotations(outcome_of(text), pasted([text])))
    assert len(lines) == 4  # one of each diagnosis, and the note
    assert all(line.isprintable() and line.startswith(("::error title=", "::warning title=")) for line in lines)


def summarised(text):
    markdown = pytest.importorskip("markdown_it").MarkdownIt("commonmark").enable("table")
    found = github.summary(outcome_of(text), pasted([text]))
    assert not obeyed(found) and "://" not in found
    tags = Tags(markdown.render(found)).found
    plain = Tags(markdown.render(github.summary(outcome_of("x"), "x"))).found
    assert [tag for tag in tags if tag != " "] == plain  # <!-- --> stands between what would be an address


@given(texts)
def test_the_summary_of_a_step_is_plain_text_in_a_table(text):
    summarised(text)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_a_summary_of_one_snippet_has_nothing_of_it(snippet):
    """Alone, as the whole of a cell, and in the middle of a word."""
    for text in (snippet, f"a{snippet}b", snippet * 2):
        summarised(text)


@given(texts)
def test_what_a_server_says_of_itself_is_a_line(text):
    class Lost(InMemoryExampleDatabase):
        def fetch(self, key):
            raise OSError(text * 1000)

    steady = Steady(f"redis://{text}", Lost())
    list(steady.fetch(b""))
    (note,) = steady.notes
    assert note.isprintable() and len(note) < 10_000 and "goes on without it" in note


# ---- how much of it ----


def test_reasons_beyond_a_hundred_are_counted():
    tally, problem = Tally(CHECKS["loss"]), _run().failures[0].problem
    for number in range(1000):
        tally.add(problem, Verdict(Said.SKIPPED, f"reason {number}"))
    assert len(tally.reasons) == 101 and tally.reasons.total() == 1000
    lines = reports.words.unjudged([tally])
    assert len(lines) == 51 and lines[-1].startswith("51× for 51 other reasons")


def test_a_verdict_keeps_the_beginning_of_a_long_reason():
    assert len(Verdict(Said.ERRORED, "x" * 10**7).reason) < 1100
