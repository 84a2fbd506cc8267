"""Files that others hand us: data, read with a limit in hand. Nothing in them runs, and nothing grows without one.

Everything here raises `Unusable`, with one line that names the file, what it is and what was expected.
"""

from gradcheck.foreign.files import JSON_MOST as JSON_MOST
from gradcheck.foreign.files import data as data
from gradcheck.foreign.files import opened as opened
from gradcheck.foreign.files import reading as reading
from gradcheck.foreign.files import text as text
from gradcheck.foreign.npy import Header as Header
from gradcheck.foreign.npy import array as array
from gradcheck.foreign.npy import header as header
from gradcheck.foreign.texts import parsed as parsed
from gradcheck.foreign.texts import record as record
from gradcheck.foreign.texts import require_shallow as require_shallow
