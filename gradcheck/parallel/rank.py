"""One rank: a process with the environment that torchrun gives it, which answers questions until its standard input ends.

Standard input and output belong to the protocol: what a script prints goes to standard error, of which the last line is told.
"""

import os
import sys
import warnings
from collections.abc import Mapping
from typing import IO, Any

from gradcheck.errors import Missing, Unusable, raised
from gradcheck.implementations import protocol
from gradcheck.implementations.record import NotPosed
from gradcheck.implementations.targets import looked_up
from gradcheck.law import CrossEntropy
from gradcheck.parallel import forms
from gradcheck.parallel.plain import Plain

MARK = "GRADCHECK_RANK"  # of the environment of a rank, and of all that it starts
SAYS = "says that "  # before why the script cannot be loaded


def main(rank: str, ranks: str, port: str) -> None:
    """Answer what is asked: to describe itself, to begin, and the steps of problems."""
    questions, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    os.environ.update(environment(int(rank), int(ranks), int(port)))
    for name, value in (("OMP_NUM_THREADS", "1"), ("GLOO_SOCKET_IFNAME", "lo" if sys.platform == "linux" else "")):
        if value:
            os.environ.setdefault(name, value)
    warnings.simplefilter("ignore")
    _serve(questions, out)


def environment(rank: int, ranks: int, port: int) -> dict[str, str]:
    """What torchrun sets, of one machine, and that it is a rank of ours."""
    own, all_ = str(rank), str(ranks)
    places = {"RANK": own, "LOCAL_RANK": own, "GROUP_RANK": "0", "WORLD_SIZE": all_, "LOCAL_WORLD_SIZE": all_}
    return {**places, MARK: own, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}


def _serve(questions: IO[bytes], out: IO[bytes]) -> None:
    step: Any = None
    for line in questions:
        asked = protocol.header(line)
        given = protocol.read_arrays(asked, questions.read, "float64")
        answer: dict[str, Any] = {}
        results: dict[str, Any] = {}
        try:
            if asked["call"] == "describe":
                answer = {"gradcheck_protocol": protocol.OF_A_LAW, "numpy": True}
            elif asked["call"] == "begin":
                step = begun(asked["said"]["word"])
            else:
                results = step(given, asked["said"], CrossEntropy.read(asked.get("law", {})))
        except NotPosed as reason:
            answer = {"not_posed": str(reason)}
        except Unusable as reason:
            answer = {"error": f"{SAYS if asked['call'] == 'begin' else ''}{reason}"}
        except BaseException as exception:  # SystemExit, too: it is how a script ends
            if isinstance(exception, SystemExit | KeyboardInterrupt):
                raise
            answer = {"error": f"raised {raised(exception)}"}
        out.write(_message(answer, results))
        out.flush()


def _message(answer: dict[str, Any], results: Mapping[str, Any]) -> bytes:
    wrong = [name for name, a in results.items() if a.dtype.name not in (*protocol.DTYPES, "bfloat16")]
    if wrong:
        return protocol.message(
            {"error": f"returned {wrong[0].rstrip('0123456789')} as {results[wrong[0]].dtype}; expected real numbers"},
            {},
        )
    return protocol.message(answer, results)


def begun(word: str) -> Any:
    """The function of a script that has been loaded; of tensors in a process group: that of the script, or one that is made."""
    form = forms.of(word, looked_up(word)[1])
    if form.plain:
        return Plain(form)
    try:
        import torch.distributed as dist
    except ModuleNotFoundError:
        raise Missing.package(f"{word}, whose arrays are not said to be np.ndarray,", "torch") from None
    from gradcheck.parallel.step import Step

    if not dist.is_initialized():
        dist.init_process_group("gloo")
    return Step(form)
