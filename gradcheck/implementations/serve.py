"""The other side of the protocol, for Python targets: `python -m gradcheck.implementations.serve TARGET LAYOUT`.

Standard output belongs to the protocol; what the target prints goes to standard error. What it does to its inputs and to its
earlier results is told, too, since the other process has only copies.
"""

import json
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import IO, Any

import numpy as np

from gradcheck.errors import raised
from gradcheck.implementations import adapt, load, protocol
from gradcheck.implementations.layout import NotPosed, named
from gradcheck.implementations.process import PARAMETERS
from gradcheck.implementations.record import Implementation, Layout
from gradcheck.problem import MEMORY, Array

Arrays = dict[str, Array]


def main(target: str, layout: str) -> None:
    """Answer until standard input ends."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    implementation = adapt(replace(load(target), layout=Layout(**json.loads(layout))))
    serve(implementation, sys.stdin.buffer, out)


def serve(implementation: Implementation, questions: IO[bytes], out: IO[bytes]) -> None:
    """One answer for each question."""
    kept: dict[str, tuple[Arrays, Arrays]] = {}
    for line in questions:
        asked = protocol.header(line)
        if asked.get("call") == "describe":
            told = {"gradcheck_protocol": protocol.VERSION, "functions": list(implementation.offers)}
            answer = protocol.message({**told, "name": implementation.name}, {})
        else:
            arrays = protocol.read_arrays(asked, questions.read, "float64")
            answer = _answer(implementation, str(asked["call"]), asked.get("memory", "C"), arrays, kept)
        out.write(answer)
        out.flush()


def _answer(
    implementation: Implementation, name: str, memory: str, given: Arrays, kept: dict[str, tuple[Arrays, Arrays]]
) -> bytes:
    """Call the function; its results, then the inputs and the earlier results that it has changed."""
    laid = {key: MEMORY[memory](array) if array.ndim == 2 else array.copy() for key, array in given.items()}
    try:
        raw = getattr(implementation, name)(*(laid[key] for key in PARAMETERS[name]))
    except NotPosed as reason:
        return protocol.message({"not_posed": str(reason)}, {})
    except Exception as exception:
        return protocol.message({"error": f"raised {raised(exception)}"}, {})
    raw = named(raw) if name == "gradients" else {name: raw}
    try:
        results = _wire(raw)
    except (TypeError, ValueError) as problem:
        return protocol.message({"error": f"returned {problem}"}, {})
    changed = {f"input:{key}": a for key, a in laid.items() if a.tobytes() != given[key].tobytes()}
    before, copies = kept.get(name, ({}, {}))
    changed |= {f"previous:{key}": a for key, a in before.items() if a.tobytes() != copies[key].tobytes()}
    kept[name] = results, {key: a.copy() for key, a in results.items()}
    return protocol.message({}, {**results, **changed})


def _wire(raw: Any) -> Arrays:
    """Results as arrays of dtypes that the protocol has."""
    if not isinstance(raw, Mapping):
        raise TypeError(f"{type(raw).__name__}, which is no mapping of arrays")
    found = {str(key): np.asarray(value) for key, value in raw.items()}
    for key, array in found.items():
        if array.dtype.name not in (*protocol.DTYPES, "bfloat16"):
            raise TypeError(f"{key} as {array.dtype}; expected real numbers")
    return found


if __name__ == "__main__":
    main(*sys.argv[1:3])
