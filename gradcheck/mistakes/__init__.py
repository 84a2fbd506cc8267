"""Mistakes: named wrong models, each of which is caught, and recognised where somebody else makes it."""

# Importing a file enters its mistakes, so that this order is the table's.
# isort: off
from gradcheck.mistakes import scale as scale
from gradcheck.mistakes import axes as axes
from gradcheck.mistakes import terms as terms
from gradcheck.mistakes import labels as labels
from gradcheck.mistakes import softmax as softmax
from gradcheck.mistakes import likelihood as likelihood
from gradcheck.mistakes import jacobian as jacobian
from gradcheck.mistakes import rounded as rounded
from gradcheck.mistakes import written as written
from gradcheck.mistakes import conduct as conduct
from gradcheck.mistakes import state as state
from gradcheck.mistakes import smoothed as smoothed
from gradcheck.mistakes import ignored as ignored
from gradcheck.mistakes import weighted as weighted
from gradcheck.mistakes import bent as bent
from gradcheck.mistakes import added as added
from gradcheck.mistakes import data as data
from gradcheck.mistakes import tiles as tiles
from gradcheck.mistakes import scattered as scattered
from gradcheck.mistakes import pieces as pieces
from gradcheck.mistakes import shifts as shifts
from gradcheck.mistakes import extras as extras
from gradcheck.mistakes import norms as norms
from gradcheck.mistakes import stages_short as stages_short
from gradcheck.mistakes.table import GROUPS as GROUPS
from gradcheck.mistakes.table import MISTAKES as MISTAKES
from gradcheck.mistakes.table import Mistake as Mistake
from gradcheck.mistakes.stages import Model as Model
