"""Pages: what they hold, that they load nothing, and that their numbers are those of the run."""

import json
import math
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradcheck import causes
from gradcheck.campaign.words import grouped
from gradcheck.checks import CHECKS
from gradcheck.pictures import Picture
from gradcheck.problem import Problem
from gradcheck.referees import float64
from gradcheck.reports import arrays, commands, data, pages, stories, words
from gradcheck.reports.pages import about, axes, heat, histogram, palette, quotients, strip, told
from gradcheck.spread import HIGHEST, LOWEST, PER_DECADE, cell
from gradcheck.verdict import Witness
from properties.paged import all_pages, audited, campaign, killed, runs

EMPTY = {"meta", "br"}
OPEN = {"li", "tr", "td", "th", "dt", "dd"}  # which HTML lets be closed by what follows


class Read(HTMLParser):
    """Tags with their attributes, the texts between them, and what stands in the element of data; unbalanced tags are refused."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.data = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in EMPTY | OPEN:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert tag in OPEN or self.open.pop() == tag

    def handle_data(self, text):
        if self.open and self.open[-1] == "script":
            self.data += text
        elif text.strip():
            self.texts.append(text.strip())

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def page(*given) -> Read:
    return Read(pages.text(given or [runs()[0]]))


# ---- the whole ----


def test_a_page_tells_each_cause_with_its_story_and_its_figures():
    run, read = runs()[0], page()
    said = " ".join(read.texts)
    found = causes.of(run)
    assert len(found) == 2 and [section["id"] for section in read.of("section")] == ["run-1-cause-1", "run-1-cause-2"]
    for cause in found:
        assert stories.headline(cause, run) in said
        assert len(cause.failures) == 1 or ", ".join(failure.check.name for failure in cause.failures) in said
        for text in (text for label, text in stories.rows(cause, run, told.WIDTH) if label != "in"):
            assert re.sub(r"\s+", " ", text.strip()) in re.sub(r"\s+", " ", said)
    figures = [figure["aria-label"] for figure in read.of("svg")]
    for part in ("yours / exact", "error / allowance", "difference quotients", "effective bits", "test ratios"):
        assert sum(part in figure for figure in figures) == 1, figures
    assert commands.whole(run) in said and "NumPy" in said


def test_a_page_loads_nothing_and_every_link_leads_somewhere():
    text = pages.text(runs())
    read = Read(text)
    assert not re.search(
        r"https?:|url\(|@import|\bsrc=|\son\w+=|javascript:", text.split('<script type="application/json"')[0]
    )
    names = {attributes["id"] for _, attributes in read.tags if "id" in attributes}
    links = {attributes["href"] for _, attributes in read.tags if "href" in attributes}
    assert links and {link.removeprefix("#") for link in links} <= names
    assert {"run-1", "run-2"} <= {link.removeprefix("#") for link in links}  # the contents
    assert [script["type"] for script in read.of("script")] == ["application/json"]


def test_the_data_of_a_page_are_the_report_as_json():
    assert json.loads(page(*runs()).data) == json.loads(data.text(runs()))


def test_a_hostile_name_ends_no_element_and_is_shown_as_what_it_is():
    name = "</script><script>alert(1)</script>\u202e&lt;\x1b[31m"
    text = pages.text([replace(runs()[0], target=name, notes=(name,), command=(name,))])
    read = Read(text)
    assert json.loads(read.data)["runs"][0]["target"] == name
    assert len(read.of("script")) == 1 and "<script>alert" not in text
    assert "\u202e" not in text and "\x1b" not in text
    assert sum("\\u202e&lt;\\x1b[31m" in shown for shown in read.texts) >= 4


def test_a_right_run_says_so_and_shows_how_near_it_came():
    read = page(runs()[1])
    assert "✓ Nothing disagrees" in read.texts and read.of("section") == []
    assert len(read.of("svg")) == 2
    assert "– Nothing could be judged" in page(replace(runs()[1], tallies={})).texts


def test_chips_stand_for_every_check_and_lead_to_its_cause():
    run = runs()[0]
    made = told.of(run).chips
    assert {chip.name for chip in made} == set(run.tallies)
    found = causes.of(run)
    for chip in made:
        names = [failure.check.name for failure in found[chip.cause - 1].failures] if chip.cause else []
        assert (chip.name in names) == bool(chip.cause) == run.tallies[chip.name].failed


def test_the_command_of_a_page_poses_the_same_problems(monkeypatch):
    run = runs()[0]
    words = commands.whole(replace(run, regimes=("ties",))).split()
    assert words[:3] == ["gradcheck", "verify", "wrong"] and words[words.index("--regime") + 1] == "ties"
    assert {words[k + 1] for k, word in enumerate(words) if word == "--check"} == set(run.tallies)
    assert "--check" not in commands.whole(replace(run, tallies=dict.fromkeys(CHECKS, run.tallies["softmax"])))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    assert about.date() == "1970-01-01 00:00 UTC"


@pytest.mark.parametrize("colours", [palette.LIGHT, palette.DARK], ids=["light", "dark"])
def test_every_text_has_a_contrast_of_four_and_a_half(colours):
    faint = {pair: palette.contrast(*(colours[name] for name in pair)) for pair in palette.READ_ON}
    assert min(faint.values()) >= 4.5, faint
    assert palette.contrast("#000000", "#ffffff") == pytest.approx(21)


# ---- other pages ----


@pytest.mark.parametrize("name", ["compare", "fuzz", "audit", "kills"])
def test_a_page_of_any_make_is_balanced_loads_nothing_and_holds_its_data(name):
    text = all_pages()[name]
    read = Read(text)
    assert not re.search(r"https?:|url\(|@import|\bsrc=|javascript:", text.split('<script type="application/json"')[0])
    assert isinstance(json.loads(read.data), dict) and read.of("style") and len(read.of("script")) == 1
    assert "gradcheck" in read.texts[0]


def test_a_comparison_shows_every_check_that_was_judged_anywhere_and_leads_to_each_run():
    read = Read(all_pages()["compare"])
    squares = [cell for cell in read.of("td") if cell.get("class", "").startswith("square")]
    judged = sum(tally.judged > 0 for run in runs() for tally in run.tallies.values())
    assert len(squares) == judged > 0
    assert {"#run-1", "#run-2"} <= {link["href"] for link in read.of("a")}
    for run in runs():
        for tally in run.tallies.values():
            if bits := tally.judged and tally.bits(words.unit_roundoff(run)):
                assert any(words.bits(bits) in shown for shown in read.texts)


def test_a_page_of_a_campaign_tells_findings_by_cause_and_where_they_are():
    read, outcome = Read(all_pages()["fuzz"]), campaign()
    assert len(read.of("section")) == len(grouped(outcome.findings)) == 2
    assert "not divided by n" in " ".join(read.texts) and "softmax raised KeyError: 'x' (m.py:3)" in " ".join(
        read.texts
    )
    assert sum(cell.get("class") == "square most" for cell in read.of("td")) == 4
    assert len(read.of("circle")) == len(outcome.ratios()) == 3
    assert [each["check"] for each in json.loads(read.data)["findings"]] == [f.check for f in outcome.findings]
    assert "gradcheck replay c.json model.py" in read.texts


def test_a_page_of_an_audit_shows_each_row_the_worst_ones_and_what_is_certified():
    read, found = Read(all_pages()["audit"]), audited()
    (theta,) = [finding for finding in found.findings if finding.quantity == "grad_theta"]
    assert theta.ratios is not None and set(np.flatnonzero(theta.ratios > 1)) == set(theta.rows)
    assert float(theta.ratios.max()) == np.float32(theta.verdict.ratio)
    bars = read.of("rect")
    assert len(bars) == 60 and sum(bar["class"] == "bad" for bar in bars) == len(theta.rows) == 11
    said = " ".join(read.texts)
    assert f"within {theta.entry:.1e} of what it must be" in said and words.finding(theta.verdict) in said
    assert read.of("section")[0]["id"] == "grad_theta"  # what disagrees comes first


def test_a_page_of_kills_has_a_cell_for_each_kill():
    read = Read(all_pages()["kills"])
    colours = Counter(cell["class"] for cell in read.of("rect"))
    assert colours == {"right": len(CHECKS) - 1, "more": 1, "most": 1}
    assert any("not killed at every seed: labels_added" in shown for shown in read.texts)
    assert len(json.loads(read.data)["mistakes"]) == len(killed())


def test_a_strip_of_many_rows_shows_the_largest_of_each_bar():
    ratios = np.zeros(100_000)
    ratios[777], ratios[5000] = 50.0, np.inf
    drawn = strip.drawn("rows", ratios)
    assert len(drawn.bars) <= strip.BARS and sum(bar.colour == "bad" for bar in drawn.bars) == 2
    assert all(strip.TOP <= bar.y <= strip.BOTTOM for bar in drawn.bars)
    assert strip.drawn("one", np.array([0.0])).bars[0].height == 0


# ---- figures ----


@given(st.floats(min_value=0))
def test_a_cell_holds_what_agrees_or_what_does_not(ratio):
    k = cell(ratio)
    assert LOWEST <= k <= HIGHEST and (k < 0) == (ratio <= 1)
    if LOWEST < k < HIGHEST and ratio > 0:
        assert k / PER_DECADE - 1e-9 <= math.log10(ratio) <= (k + 1) / PER_DECADE + 1e-9


def test_cells_at_one():
    assert cell(1.0) == -1 and cell(np.nextafter(1, 2)) == 0 and cell(np.nextafter(1, 0)) == -1
    assert cell(0.0) == LOWEST and cell(math.inf) == cell(math.nan) == HIGHEST


def test_a_histogram_counts_every_problem_once():
    tally = runs()[0].tallies["theta_gradient"]
    drawn = histogram.drawn("theta_gradient", tally.spread.ratios)
    compared = sum(tally.spread.ratios.values())
    assert sum(bar.count for bar in drawn.bars) == compared > 0
    assert sum(bar.count for bar in drawn.bars if bar.colour == "bad") == tally.counts["disagree"]
    for bar in drawn.bars:  # no bar lies on both sides of 1
        assert (bar.x > drawn.one) == (bar.colour == "bad")
    assert histogram.drawn("loss", {}) is None


def test_regions_of_a_check_add_up():
    tally = runs()[0].tallies["theta_gradient"]
    worst = max(region.slack for region in tally.spread.regimes.values())
    assert worst == tally.slack
    assert all(region.failed <= region.compared <= tally.judged for region in tally.spread.regimes.values())
    alone = tally.spread.regimes["single-sample"]
    assert 0 < alone.compared < tally.judged


def test_a_map_holds_every_entry_with_its_quotient():
    picture = next(failure for failure in runs()[0].failures if failure.check.name == "theta_gradient").larger.pictures[
        0
    ]
    quotient, used = heat.maps(picture)
    assert len(quotient.cells) == len(used.cells) == picture.exact.size
    for shown, computed, exact, off in zip(
        quotient.cells, picture.computed.flat, picture.exact.flat, picture.off.flat, strict=True
    ):
        assert (shown.colour != "right") == off
        assert shown.text == (arrays.times(computed, exact) if off else f"{computed / exact:.4g}" if exact else "0/0")


def test_numbers_of_a_map_are_short():
    values = {
        0.0: "0",
        1e-108: "<0.01",
        0.0123: "0.012",
        1.0: "1",
        99.4: "99",
        100.0: "1e2",
        7.3e14: "7e14",
        math.inf: "∞",
    }
    assert {value: heat.compact(value) for value in values} == values


def test_a_map_of_many_entries_is_cut_and_says_so_and_nan_has_a_colour():
    many = Picture("∂ℒ/∂θ", np.full((40, 100), np.nan), np.ones((40, 100)), np.full((40, 100), 1e-9))
    quotient, _ = heat.maps(many)
    assert len(quotient.cells) == heat.MOST**2 and "40 rows and 100 columns" in quotient.cut
    assert {shown.colour for shown in quotient.cells} == {"none"} and not any(shown.text for shown in quotient.cells)
    scalar = Picture("ℒ", np.float64(2), np.float64(1), np.float64(0.1))
    assert [shown.text for shown in next(heat.maps(scalar)).cells] == ["2.000"]


def posed() -> Problem:
    """Three classes, two features, four samples."""
    made, labels = np.random.default_rng(0), np.eye(3)[:, [0, 2, 1, 0]]
    return Problem(*(made.standard_normal(shape) for shape in ((3, 2), (3, 1), (2, 4))), labels)


@pytest.mark.parametrize(("name", "quantity"), [("theta", "∂ℒ/∂θ"), ("b", "∂ℒ/∂b"), ("X", "∂ℒ/∂X"), ("D", "∂ℒ/∂Z")])
def test_a_difference_quotient_is_taken_at_the_entry_that_is_named(name, quantity):
    """Near that entry's derivative at the best step and at the default ones, and near no other's."""
    exact = float64.truth(posed()).enclosure(name).midpoint
    assert len(set(exact.flat)) == exact.size
    for place in np.ndindex(exact.shape):
        found = quotients.of(posed(), Witness(quantity, place, math.nan, float(exact[place]), 0.0))
        others = [abs(other - exact[place]) for where, other in np.ndenumerate(exact) if where != place]
        assert max(found.best[1], *found.defaults.values()) < min(others) / 1000
        assert found.yours == math.inf


def test_there_is_no_difference_quotient_of_what_is_no_derivative():
    problem = runs()[0].failures[0].problem
    assert quotients.of(problem, Witness("A", (0, 0), 1.0, 0.5, 0.0)) is None
    assert quotients.of(problem, Witness("ℒ", (), 1.0, 0.5, 0.0)) is None


def test_an_axis_is_logarithmic_and_keeps_to_its_ends():
    axis = axes.Axis(-4, 0, 100, 500)
    assert [axis.at(value) for value in (0, 1e-9, 1e-4, 1e-2, 1, 1e9, math.inf)] == [100, 100, 100, 300, 500, 500, 500]
    assert axis.ticks[0] == (100, "10⁻⁴") and axis.ticks[-1] == (500, "1")


def test_a_page_of_arrays_of_one_number_is_made():
    problem = Problem(*(np.array(array, dtype=np.float64) for array in ([[0], [0]], [[0], [0]], [[1]], [[1], [0]])))
    assert quotients.of(problem, Witness("∂ℒ/∂b", (1, 0), 1.0, 0.5, 1e-16)).yours == 0.5
