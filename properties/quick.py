"""What `python -m pytest -m quick` runs: of each test two parameters, without what starts processes or judges at length.

Properties of formulas are whole: they cost little, and see most of what a change of bounds, referees or checks breaks. Hypothesis
draws fewer problems, and no framework is imported to be judged.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

import pytest
from hypothesis import settings

WHOLE = (
    "allowances",
    "bars",
    "bending",
    "bends",
    "bounds",
    "checks_of_laws",
    "counts",
    "declared",
    "differences",
    "sharpness",
    "sharpness_of_columns",
    "sharpness_of_laws",
    "traced_rules",
    "reasons",
    "entries",
    "freivalds",
    "law_text",
    "law_words",
    "model",
    "notation_values",
    "referees",
)
EACH = 2  # parameters of each test elsewhere, evenly spread
BROWSER = "page_in_a_browser"  # the file of what is asked for by `-m chromium` alone
FEW = 10  # problems: no profile but the quick one draws so few

# File -> words in the names of its tests that are left out.
SLOW = {
    "api": "every_verb|where_no_framework|short_and_say",
    "audit": "command_shows|cluster|memory_stays|jax|torch|tensors|scheduler_that_is_lost|plain_installation",
    "audit_data": "torch",
    "audit_devices": "gradients_meet",
    "audit_law": "is_another|no_less",
    "budget": "loaded_is|nothing_is_cut|comes_to_a_story",
    "campaign": "scheduler_that_is_not|killed|signal|worker|returns|server|exits|cut_short|repository|artifact|first|disk"
    "|kept|cluster|not_new|reached|same_who|known|comes",
    "campaign_hostile": "gone|slow|killed|hangup|disk|answers|done|budget|cannot|again|fails|given_up|regular|link|prec",
    "capture": "scaler|under_jit|checkpointing|goes_on_being",
    "cases": "another_entry",
    "checks": "judged_on_some|one_function|mixture",
    "ci_log": "campaign|no_line",
    "cli": "does_to_the_process|covers|escape_what|wrong_file|saved_cases|set_apart|compare|misbehaves"
    "|same_seed|kill_matrix|pyproject_names|lists_name",
    "conventions": "told|coarser|beside|number_that_nobody|contradicts|option_that_nobody",
    "corpus": "writers|replay|smaller|still_does",
    "diagnosis": "on_a_condition|where_wrong|asked_again|number_that_is_added|what_passed",
    "error_model": "cannot_hold|autocast|pieces|stored|agrees",
    "examples": "prints|audited|not_explained",
    "filenames": "different_names",
    "grants": "minus_the_sum|careful|not_declared|optax|C_order|fused_kernel|declared|every_regime|loses_an_offset",
    "hostile_files": "broken_file_is|exits_with_2",
    "implementations": "papers_contract|options|any_loss|module|outside|expected_failure|same_seed",
    "interrupted": "says_what_is_wrong",
    "interrupts": "slow_target|python_loses",
    "lanes": "told|described",
    "law": "another_mean|options_agrees|shrink_to|half_of|framework|vary",
    "layout": "every_layout|mistake|coarser|excused|does_not_fit",
    "long": "megabyte",
    "mistaken": "rows_at_fault",
    "mistakes": "without_a_result|coarser|kept|now_and_then|unknown|two_mistakes|costs_bits|right_model"
    "|quantities|panel|nobody|itself",
    "model": "chain_rule",
    "nothing": "report_says",
    "order": "slow",
    "own_constants": "when_it_was_used|taken_for|underflowed|no_such_part",
    "own_examples": "page_shows|kernel",
    "own_labels": "however_labels",
    "own_loss": "still_blamed|shift_of_all|everything|command_line|explained|longer_than",
    "page": "right_run|each_cause|loads_nothing|data_of_a_page|hostile_name",
    "palette": "may_shrink|no_other_shape|500_problems|every_regime",
    "power": "fails_its_run|right|column|precision",
    "process": "example|process|guard|thread|ctrl|remain|verdicts|hang|layout|answer|time|memory|what_is_read",
    "progress": "heard_of_once",
    "ranks": "no_rank_declared|train_together|any_shape",
    "ranks_kept": "its_shares|gloo|elsewhere|started",
    "ranks_plain": "numpy_alone|jax",
    "ranks_together": "same_way|declines|of_one_line|the_command",
    "readings": "numpy_reads|closed_forms_lie",
    "reduction": "one_entry|still_fails",
    "repeating": "by_itself|without_a_name|by_chance|by_name|calls_before",
    "same": "corpus|report",
    "shrinking": "one_problem_serves|attempts|same_run|posed_once|what_is_shown",
    "state": "for_long|values_besides|before_another|in_its_turn|keeps_something|never_written",
    "strategies": "same_seed|smallest_problem",
    "sums": "in_float32|before_b_is",
    "takes": "is_declined|everything_is_posed|some_shapes|no_check_calls|given_features|large_multiple"
    "|index_labels|pyproject|command_line|every_kind",
    "target_process": "moved|neighbour|fast_math|without_a_name",
    "terminal": "plain|own_styles",
    "threads": "each_finds_alone",
    "tiles": "told|fifteen|each_precision|edge_of_exp|16_bits|sizes_and",
    "unposed": "declined_was|leaves_out|is_required|nobody_asked|one_line",
    "uses": "declares_it|isolated_target|found_is_said|right_use|cut_off|wrong_use",
    "vectors": "three_of_a_kind|right_answers|shipped|command|exits|again|certified|one_wrong"
    "|same_seed|somebody|overwritten|schema|any_json",
    "vectors_law": "file_says",
    "voice": "obeys_nothing|clipped|printable_line|same_tags",
}
# File -> what the name of a test must have in it, with its parameters.
ONLY = {
    "implementations": r"\[(numpy|reference|scipy)\b|^[^[]*$",
    "plugin": "imports",
    "stories": "right_code",
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
        left_out = name == BROWSER or (name in SLOW and re.search(SLOW[name], test))
        if not left_out and re.search(ONLY.get(name, ""), item.name):
            tests[name, test].append(item)
    for (name, _), found in tests.items():
        yield from found if name in WHOLE else found[:: -(-len(found) // EACH)]
