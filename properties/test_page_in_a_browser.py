"""Pages in a real browser: `pytest -m chromium`, where there is one; screenshots go where GRADCHECK_SCREENSHOTS says."""

import os
from pathlib import Path

import pytest

from properties import browser
from properties.paged import all_pages

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(browser.FOUND is None, reason="no chromium on PATH, and none named by GRADCHECK_CHROMIUM"),
]
WIDTHS = (390, 800, 1400)
SCHEMES = ("light", "dark")
SHEETS = 3
NAMES = ("wrong", "right", "several", "compare", "fuzz", "audit", "kills")
# The texts of a page whose colour has less contrast than 4.5 with what is painted behind them, by WCAG 2; pictures aside.
FAINT = """(() => {
  const channels = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => {
    const [r, g, b] = channels(colour).map(c => c / 255).map(c => c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4);
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const behind = element => {
    for (let e = element; e; e = e.parentElement) {
      const colour = getComputedStyle(e).backgroundColor;
      if (channels(colour)[3] !== 0) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  return [...document.querySelectorAll("body *")]
    .filter(e => !e.closest("svg, script") && [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .filter(e => {
      const [a, b] = [light(getComputedStyle(e).color), light(behind(e))].sort((x, y) => x - y);
      return (b + .05) / (a + .05) < 4.5;
    }).map(e => e.outerHTML.slice(0, 120));
})()"""
# What reaches beyond the right edge of the screen, and cannot be scrolled to within its own frame.
CUT = """[...document.querySelectorAll("svg, .card, .banner, p, pre, dl")]
  .filter(e => !e.closest(".table, pre") && e.getBoundingClientRect().right > innerWidth + .5)
  .map(e => e.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def tab(tmp_path_factory):
    with browser.opened(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """Pages as files, by name."""
    folder = tmp_path_factory.mktemp("pages")
    for name, text in all_pages().items():
        (folder / f"{name}.html").write_text(text, encoding="utf-8")
    return {name: folder / f"{name}.html" for name in NAMES}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", NAMES)
def test_a_page_fits_its_screen_says_nothing_in_the_console_and_can_be_read(tab, shown, name, width, scheme):
    tab.said.clear()
    tab.show(shown[name], width, scheme)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width
    assert tab.evaluate(CUT) == []
    assert tab.evaluate(FAINT) == []
    asked = [e["params"]["request"]["url"] for e in tab.said if e["method"] == "Network.requestWillBeSent"]
    assert asked == [shown[name].as_uri()]
    assert [e for e in tab.said if e["method"] != "Network.requestWillBeSent"] == []
    picture = tab.screenshot()
    assert picture.startswith(b"\x89PNG")
    if folder := os.environ.get("GRADCHECK_SCREENSHOTS"):
        (Path(folder) / f"{name}-{width}-{scheme}.png").write_bytes(picture)


@pytest.mark.parametrize("name", ["wrong", "right"])
def test_a_run_is_printed_on_three_sheets_at_most(tab, shown, name):
    tab.show(shown[name], 1400, "dark")
    assert 1 <= tab.printed() <= SHEETS


def test_no_javascript_is_needed(tab, shown):
    tab.show(shown["wrong"], 800, "light")
    before = tab.evaluate("document.body.innerText")
    tab.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        tab.show(shown["wrong"], 800, "light")
        assert tab.evaluate("document.body.innerText") == before
    finally:
        tab.call("Emulation.setScriptExecutionDisabled", value=False)
