"""gradcheck: gradient verification for softmax classifiers, from bounds instead of tolerances."""

from gradcheck.enclosure import Enclosure as Enclosure
from gradcheck.errors import Unusable as Unusable
from gradcheck.problem import Problem as Problem
from gradcheck.verdict import Outcome as Outcome
from gradcheck.verdict import Verdict as Verdict
