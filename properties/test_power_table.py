"""docs/power.md and docs/power.json are about this table of mistakes and these checkers, and say that none is missed."""

import json
from pathlib import Path

import pytest

from benchmarks import power_page
from benchmarks.checkers import CHECKERS
from benchmarks.power import POSED

DOCS = Path(__file__).parents[1] / "docs"
DATA = json.loads((DOCS / "power.json").read_text(encoding="utf-8"))
AGAIN = "run `python -m benchmarks.power` again"


def test_every_mistake_of_the_table_of_power_is_one_of_ours():
    """None that is gone, in the order of the table, each in its group. The page is of the mistakes of its date, and counts them."""
    groups = {name: mistake.group for name, mistake in POSED.items() if name in DATA["mistakes"]}
    assert {name: mistake["group"] for name, mistake in DATA["mistakes"].items()} == groups, AGAIN
    assert list(DATA["mistakes"]) == list(groups), AGAIN


def test_every_checker_stands_in_the_table_of_power():
    """For each mistake and each kind of problem, and among the false alarms."""
    assert list(DATA["checkers"]) == list(CHECKERS) == list(power_page.CALLS), AGAIN
    assert all(list(mistake["cells"]) == list(CHECKERS) for mistake in DATA["mistakes"].values()), AGAIN
    assert {row["checker"] for row in DATA["alarms"]} == set(CHECKERS), AGAIN


def test_gradcheck_is_said_to_catch_every_mistake_and_to_refuse_nothing_right():
    """Within 100 test cases of our problems."""
    missed = [name for name in DATA["mistakes"] if not power_page.cell(DATA, name, "gradcheck")["caught"]]
    assert not missed
    refused, problems = power_page.refused(DATA, "gradcheck")
    assert refused == 0 < problems


def test_the_page_is_made_of_the_data():
    """Nothing in docs/power.md was written by hand."""
    assert (DOCS / "power.md").read_text(encoding="utf-8") == power_page.page(DATA), AGAIN


@pytest.mark.parametrize("name", ["penalty_on_bias", "mean_over_classes"])
def test_a_mistake_that_gradcheck_misses_would_be_said_at_the_top(name):
    """Of a peer that is better, the page speaks first."""
    changed = json.loads(json.dumps(DATA))
    changed["mistakes"][name]["cells"]["gradcheck"]["posed"]["caught"] = None
    assert f"not by gradcheck, on our problems: `{name}`." in power_page.page(changed).split("## Summary")[0]
