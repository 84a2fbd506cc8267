"""`gradcheck`, and `python -m gradcheck`. What is imported here is imported by the processes that only watch, too."""

import os
import sys

from gradcheck import supervisor

# commands that load a target: how it ends is its own doing
JUDGING = [["verify"], ["compare"], ["replay"], ["fuzz"], ["corpus", "replay"], ["corpus", "minimise"]]
APART = {"--isolate", "--exec"}
ADVICE = "; with --isolate, that is a verdict"
HELP = {"-h", "--help", "--version"}


def main() -> None:
    """Run the command that is given in a process of its own."""
    given = sys.argv[1:]
    if not HELP.isdisjoint(given[:1] or HELP):
        sys.exit(_command())
    judging = given[:1] in JUDGING or given[:2] in JUDGING
    advised = judging and given[0] != "compare" and APART.isdisjoint(word.split("=")[0] for word in given)
    status = supervisor.supervised(_command, 1 if judging else 2, ADVICE if advised else "")
    os._exit(status)  # all is written; there is nothing left to do, and no reason to take long over it


def _command() -> int:
    from gradcheck.cli import run

    return run(sys.argv[1:])


if __name__ == "__main__":
    main()
