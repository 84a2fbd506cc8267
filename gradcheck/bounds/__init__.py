"""Rounding bounds: how far correct code of unit roundoff u may be from the exact value.

Decides nothing about which referee knows the exact value; takes enclosures of Z and A from any of them.
The derivations, step by step, are in docs/bounds.md. The error model:

1. fl(x op y) = (x op y)(1 + e), |e| <= u, for + - * /, plus an absolute eta where a product or quotient underflows
   gradually (Higham 2002, section 2.2 and problem 2.19). A fused multiply-add only does better.
2. exp and log are within `ELEMENTARY_ULPS` units in the last place.
3. Sums are taken in any order (Higham 2002, section 4.2), softmax subtracts the column's maximum, or a running one, divides
   by the sum or multiplies by its reciprocal, and the log-probabilities are formed as (z - m) - log s, z - (m + log s), z
   minus a log-sum-exp that is merged from parts, or log of the softmax where that does not underflow (Blanchard, Higham &
   Higham 2021). exp may be exp2 of prescaled logits; an entry of a column or row that sums to 0, minus the sum of the others.
4. Where an implementation declares to compute in a coarser precision, or to flush subnormals to zero (`Precision.reads`), each
   operand is off by u of itself and by eta when it is read, and a sum underflows as a product does. What else may be declared of
   its arithmetic becomes roundings in `roundings`.
5. Where a partial sum may overflow the bound is infinite: inf and NaN are then correct results, too.

A factor (1 + e)^(+-k) lies in exp(+-k lam(u)), lam(u) = -log(1 - u): errors of factors add up as logarithms, without
dropping a second order term, and stay valid where they are larger than 1.
"""

from gradcheck.bounds.columns import Columns as Columns
from gradcheck.bounds.columns import columns as columns
from gradcheck.bounds.error_model import ErrorModel as ErrorModel
from gradcheck.bounds.folding import Folded as Folded
from gradcheck.bounds.folding import divided as divided
from gradcheck.bounds.folding import operations as operations
from gradcheck.bounds.folding import sums as sums
from gradcheck.bounds.folding import unsmoothed_error as unsmoothed_error
from gradcheck.bounds.gradients import Allowed as Allowed
from gradcheck.bounds.gradients import allowed as allowed
from gradcheck.bounds.gradients import allowed_of as allowed_of
from gradcheck.bounds.gradients import exact_logits as exact_logits
from gradcheck.bounds.gradients import operands as operands
from gradcheck.bounds.jacobian import jacobian_error as jacobian_error
from gradcheck.bounds.losses import loss_error as loss_error
from gradcheck.bounds.losses import sample_loss_errors as sample_loss_errors
from gradcheck.bounds.mapping import mapped as mapped
from gradcheck.bounds.multiplied import Factors as Factors
from gradcheck.bounds.multiplied import more_of as more_of
from gradcheck.bounds.multiplied import multiplied as multiplied
from gradcheck.bounds.multiplied import raised as raised
from gradcheck.bounds.penalties import penalised as penalised
from gradcheck.bounds.penalties import penalised_loss as penalised_loss
from gradcheck.bounds.roundings import ELEMENTARY_ULPS as ELEMENTARY_ULPS
from gradcheck.bounds.roundings import elementary as elementary
from gradcheck.bounds.roundings import gamma as gamma
from gradcheck.bounds.roundings import lam as lam
from gradcheck.bounds.roundings import nearest as nearest
from gradcheck.bounds.roundings import relative as relative
from gradcheck.bounds.roundings import returned as returned
from gradcheck.bounds.roundings import roundings as roundings
from gradcheck.bounds.roundings import spread as spread
from gradcheck.bounds.roundings import together as together
from gradcheck.bounds.roundings import ulps as ulps
from gradcheck.bounds.roundings import written as written
from gradcheck.bounds.shifted import merged as merged
from gradcheck.bounds.shifted import prescaled as prescaled
from gradcheck.bounds.shifted import rescaling as rescaling
from gradcheck.bounds.softmax import BELOW as BELOW
from gradcheck.bounds.softmax import SoftmaxError as SoftmaxError
from gradcheck.bounds.softmax import Together as Together
from gradcheck.bounds.softmax import enclosed as enclosed
from gradcheck.bounds.softmax import logits_error as logits_error
from gradcheck.bounds.softmax import softmax_error as softmax_error
from gradcheck.bounds.softmax import softmax_together as softmax_together
from gradcheck.bounds.summed import Differences as Differences
from gradcheck.bounds.summed import Loss as Loss
from gradcheck.bounds.summed import Masses as Masses
from gradcheck.bounds.summed import Slope as Slope
from gradcheck.bounds.summed import Weights as Weights
from gradcheck.bounds.summed import differences as differences
from gradcheck.bounds.summed import rest as rest
from gradcheck.bounds.summed import weights as weights
from gradcheck.bounds.upstream import Upstream as Upstream
from gradcheck.bounds.usual import FAR as FAR
from gradcheck.bounds.usual import usual as usual
