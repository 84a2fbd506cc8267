"""What `python -m pytest -m quick` runs: of each test two parameters, without what starts processes or judges at length.

Properties of formulas are whole: they cost little, and see most of what a change of bounds, referees or checks breaks. Hypothesis
draws fewer problems, and no framework is imported to be judged.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import settings

WHOLE = ("allowances", "differences", "sharpness", "reasons", "entries", "freivalds", "referees")
EACH = 2  # parameters of each test elsewhere, evenly spread
FEW = 10  # problems: no profile but the quick one draws so few

# File -> words in the names of its tests that are left out.
SLOW = {
    "audit": "cluster|memory_stays|jax|torch|tensors",
    "audit_data": "torch",
    "campaign": "killed|signal|worker|returns|server|exits|cut_short|repository|artifact|first|disk"
    "|kept|cluster|not_new|reached|same_who|known|comes",
    "campaign_hostile": "gone|slow|killed|hangup|disk|answers|done|budget|cannot|again|fails|given_up|regular|link|prec",
    "ci_log": "campaign|no_line",
    "cli": "wrong_file|saved_cases|set_apart|compare|misbehaves|same_seed",
    "conventions": "told|coarser|beside",
    "corpus": "writers|replay|smaller|still_does",
    "error_model": "autocast|pieces|stored|agrees",
    "examples": "prints|audited",
    "grants": "careful|not_declared|optax|C_order|fused_kernel|declared",
    "hostile_files": "broken_file_is",
    "implementations": "options|any_loss|module|outside|expected_failure",
    "law": "framework|vary",
    "layout": "every_layout|mistake|coarser|excused|does_not_fit",
    "long": "megabyte",
    "mistakes": "coarser|kept|now_and_then|unknown|two_mistakes|costs_bits|right_model|quantities|panel|nobody",
    "model": "chain_rule",
    "power": "fails_its_run|right|column|precision",
    "process": "example|process|guard|thread|ctrl|remain|verdicts|hang|layout|answer|time|memory",
    "readings": "numpy_reads",
    "reduction": "one_entry",
    "same": "corpus|report",
    "sums": "in_float32",
    "target_process": "moved|neighbour|fast_math",
    "terminal": "plain|own_styles",
    "tiles": "told|fifteen|each_precision|edge_of_exp|16_bits",
    "vectors": "shipped|command|exits|again|certified|one_wrong|same_seed|somebody|overwritten|schema",
    "voice": "printable_line",
}
# File -> what the name of a test must have in it, with its parameters.
ONLY = {
    "implementations": r"\[(numpy|reference|scipy)\b|^[^[]*$",
    "plugin": "imports",
    "supervisor": "board|seconds|object",
}


def quickly() -> bool:
    """Whether this is the quick selection."""
    return settings().max_examples <= FEW


def chosen(items: Iterable[pytest.Item]) -> Iterator[pytest.Item]:
    """The tests of the selection."""
    tests = defaultdict[tuple[str, str], list[pytest.Item]](list)
    for item in items:
        name, test = item.path.stem.removeprefix("test_"), item.name.partition("[")[0]
        left_out = SLOW.get(name) and re.search(SLOW[name], test)
        if not left_out and re.search(ONLY.get(name, ""), item.name):
            tests[name, test].append(item)
    for (name, _), found in tests.items():
        yield from found if name in WHOLE else found[:: -(-len(found) // EACH)]
