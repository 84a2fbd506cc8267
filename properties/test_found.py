"""Problems that once found a fault in a bound, a referee or an implementation: each is judged again."""

from pathlib import Path

import numpy as np

from gradcheck import Implementation, cases, judge, model
from gradcheck.checks import CHECKS
from gradcheck.verdict import Outcome

FOUND = Path(__file__).parent / "found"


def test_a_loss_of_two_sums_is_granted_the_rounding_of_both():
    """(sum lse - sum Y Z)/n, added up in float32 where every logit is 2**20: right code, whose error the bound once left out."""

    def loss(theta, b, X, Y):
        Z = model.logits(theta, b, X)
        lse = Z.max(axis=0) + np.log(np.exp(Z - Z.max(axis=0)).sum(axis=0))
        return (lse.sum() - (Y * Z).sum()) / np.float32(Y.shape[1])

    problem = cases.load(FOUND / "loss-of-sums-apart.json").problem
    verdict = judge(Implementation("apart", loss=loss), problem, [CHECKS["loss"]])["loss"]
    assert verdict.outcome in (Outcome.AGREE, Outcome.INCONCLUSIVE)
    assert verdict.ratio is not None
    assert verdict.ratio > 0.01
