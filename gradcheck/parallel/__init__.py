"""A loss that several processes compute together, each with a share of it: held against one process, and against the truth.

`shares` says who has what and how results are put together, `crew` starts the processes and asks all of them at once, `rank` is
what each of them runs, `step` what it computes. `claims` are what must hold, `faults` what is recognised where it does not.
"""

from gradcheck.parallel.run import Ranked as Ranked
from gradcheck.parallel.run import ranks as ranks
from gradcheck.parallel.shares import RESULTS as RESULTS
from gradcheck.parallel.shares import SPLITS as SPLITS
from gradcheck.parallel.shares import Shares as Shares
