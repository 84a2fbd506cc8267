"""The literal reading of each misprinted equation is refuted by a problem that Hypothesis finds."""

from random import Random

import pytest
from hypothesis import find, settings

from gradcheck.errata import ERRATA
from gradcheck.strategies import problems


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: f"equation {erratum.equation}")
def test_the_printed_equation_is_refuted_and_the_corrected_one_is_not(erratum):
    """Equations (4), (7), (8), (11), (12) and (21) of the paper."""
    problem = find(
        problems(), erratum.refuted_by, settings=settings(max_examples=2000, database=None), random=Random(0)
    )
    assert erratum.refuted_by(problem)
    assert erratum.meant(problem).test_ratio(erratum.meant(problem).midpoint).max() <= 1
