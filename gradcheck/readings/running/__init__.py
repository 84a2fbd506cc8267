"""Running error analysis: a NumPy array that carries a bound on what rounding may have done to it.

Code written for arrays, run on a `Running`, gives what *any* code that computes the same formula in the same precision may
return: `value` +- `error` (absolute). Each operation adds its own rounding to what it inherits (Wilkinson's running error
analysis; Higham 2002, section 3.3), by the error model of `bounds`: u per operation, `ELEMENTARY_ULPS` for exp, log and tanh, sums
in any order. The float64 rounding of `value` itself is counted, too. An infinite error says that nothing is known.

What is infinite, NaN or 0 beyond doubt since it overflows or vanishes has no error, and is no longer the truth; in a precision that
is granted (`parts.granted`), the truth lies within the error, too. An operation is one function of `Parts`, value and
error, and the column `rounding` of an entry in the table of primitives.
"""

from gradcheck.readings.running.array import Running as Running
from gradcheck.readings.running.conditions import Condition as Condition
