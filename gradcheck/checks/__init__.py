"""The checks. They stand in the table in the order of the argument: values, relations, difference quotients, conduct."""

# Importing a file enters its checks, so that this order is the table's.
# isort: off
from gradcheck.checks import values as values
from gradcheck.checks import relations as relations
from gradcheck.checks import rewordings as rewordings
from gradcheck.checks import central as central
from gradcheck.checks import differences as differences
from gradcheck.checks import check_grad as check_grad
from gradcheck.checks import conduct as conduct
from gradcheck.checks import repeatable as repeatable
from gradcheck.checks import uses as uses
from gradcheck.checks import around as around
from gradcheck.checks import nothing as nothing
from gradcheck.checks import state as state
from gradcheck.checks import threads as threads
from gradcheck.checks.table import CHECKS as CHECKS
from gradcheck.checks.table import Check as Check
from gradcheck.checks.table import select as select
from gradcheck.checks.trial import Trial as Trial
