"""`--budget SECONDS`, of commands that judge targets: for all that they judge, together."""

from gradcheck.budget import LONGEST
from gradcheck.cli.tables import Amount, Command, Table, offering

BUDGET: Table = {
    "--budget": {
        "type": Amount(0, LONGEST, min_open=True),
        "metavar": "SECONDS",
        "help": "End after so long with what has been judged by then, and say what has not.",
    },
}


def budget_option(command: Command) -> Command:
    """How long it may take."""
    return offering(command, BUDGET)
