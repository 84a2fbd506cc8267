"""The command line. Reads what is asked for, calls the library, and leaves the wording to `reports`.

Heavy imports stand inside the commands, so that `--help` answers at once and imports no framework.
"""

from gradcheck.cli import audit as audit
from gradcheck.cli import compare as compare
from gradcheck.cli import corpus as corpus
from gradcheck.cli import fuzz as fuzz
from gradcheck.cli import lists as lists
from gradcheck.cli import ranks as ranks
from gradcheck.cli import replay as replay
from gradcheck.cli import vectors as vectors
from gradcheck.cli import verify as verify
from gradcheck.cli.group import main as main
from gradcheck.cli.group import run as run
