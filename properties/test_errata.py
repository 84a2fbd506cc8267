"""The literal reading of each misprinted equation is refuted by a problem that Hypothesis finds."""

from random import Random

import pytest
from hypothesis import Phase, find, settings

from gradcheck.errata import ERRATA
from gradcheck.strategies import problems


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: f"equation {erratum.equation}")
def test_the_printed_equation_is_refuted_and_the_corrected_one_is_not(erratum):
    """Equations (4), (7), (8), (11), (12) and (21) of the paper."""
    any_will_do = settings(max_examples=2000, database=None, phases=[Phase.generate])  # docs/errata.md has the smallest
    problem = find(problems(), erratum.refuted_by, settings=any_will_do, random=Random(0))
    assert erratum.refuted_by(problem)
    assert erratum.meant(problem).test_ratio(erratum.meant(problem).midpoint).max() <= 1
