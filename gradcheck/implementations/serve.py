"""The other side of the protocol, for Python targets.

Standard input and output belong to the protocol: the target finds the one empty, and what it prints goes to standard error. What
it does to its inputs and to its earlier results is told, too, since the other process has only copies.
"""

import os
import sys
import warnings
from collections.abc import Mapping
from itertools import islice
from typing import IO, Any

import numpy as np

from gradcheck.errors import Unusable, kind, raised
from gradcheck.implementations import protocol, wired
from gradcheck.implementations.record import Implementation, NotPosed
from gradcheck.implementations.returned import KEYS, named
from gradcheck.implementations.surroundings import Surroundings
from gradcheck.implementations.takes import Takes
from gradcheck.implementations.targets import load
from gradcheck.implementations.told import ADDRESSED, calling, handing
from gradcheck.law import CrossEntropy
from gradcheck.problem import MEMORY, Array

Arrays = dict[str, Array]


def main(target: str) -> None:
    """Load the target, and answer until standard input ends."""
    questions, out = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(2, 1)
    try:
        implementation = load(target)
    except Unusable as problem:
        out.write(protocol.message({"error": str(problem)}, {}))
        out.flush()
        sys.exit(2)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        serve(implementation, questions, out)


def serve(implementation: Implementation, questions: IO[bytes], out: IO[bytes]) -> None:
    """One answer for each question."""
    kept: dict[str, tuple[Arrays, Arrays]] = {}
    for line in questions:
        asked = protocol.header(line)
        if asked.get("call") == "describe":
            answer = protocol.message(description(implementation), {})
        else:
            arrays = protocol.read_arrays(asked, questions.read, "float64")
            answer = _answer(implementation, asked, arrays, kept)
        out.write(answer)
        out.flush()


def description(implementation: Implementation) -> dict[str, Any]:
    """What the other side must know of it."""
    return {
        "gradcheck_protocol": protocol.OF_A_LAW,
        "name": implementation.name,
        "functions": list(implementation.offers),
        "dtypes": list(implementation.dtypes),
        "layout": vars(implementation.layout),
        "arithmetic": vars(implementation.arithmetic),
        "law": implementation.law.said,
        "takes": _taken(implementation.takes),
        "uses": list(implementation.uses),
        "expected_failures": dict(implementation.expected_failures),
        "near": dict(implementation.near),
        "notes": list(implementation.home.notes),
        "numpy": True,
    }


def _taken(takes: Takes) -> Any:
    """The options of the loss alone, where nothing else is said."""
    return {"options": list(takes.options), **takes.said} if takes.said else list(takes.options)


def _answer(
    implementation: Implementation, asked: dict[str, Any], given: Arrays, kept: dict[str, tuple[Arrays, Arrays]]
) -> bytes:
    """Call the function; its results, then the inputs and the earlier results that it has changed."""
    name, law = str(asked["call"]), CrossEntropy.read(asked.get("law", {}))
    laid = {key: _laid(key, array, how) for (key, array), how in zip(given.items(), asked["memory"], strict=True)}
    use = implementation.uses.get(name)
    function = calling(implementation, name) if name in ADDRESSED else use and handing(implementation, use)
    try:
        if function is not None:
            raw = Surroundings().call(function, law, *laid.values(), *wired.more(name, asked))
        else:
            raw = Surroundings().call(getattr(implementation, name), *laid.values())
    except NotPosed as reason:
        return protocol.message({"not_posed": str(reason)}, {})
    except BaseException as exception:  # SystemExit too; no Ctrl-C arrives here
        return protocol.message({"error": f"raised {raised(exception)}"}, {})
    try:
        head, results = wired.packed(name, raw) if use else ({}, _wire(name, raw))
    except BaseException as exception:  # a type of the target's own may do anything
        return protocol.message({"error": f"returned {kind(raw)}, which raised {raised(exception)}"}, {})
    if isinstance(results, str):
        return protocol.message({"error": f"returned {results}"}, {})
    if wrong := next((key for key, a in results.items() if a.dtype.name not in (*protocol.DTYPES, "bfloat16")), ""):
        return protocol.message({"error": f"returned {wrong} as {results[wrong].dtype}; expected real numbers"}, {})
    changed = {f"input:{key}": a for key, a in laid.items() if a.tobytes() != given[key].tobytes()}
    before, copies = kept.get(name, ({}, {}))
    changed |= {f"previous:{key}": a for key, a in before.items() if a.tobytes() != copies[key].tobytes()}
    kept[name] = results, {key: a.copy() for key, a in results.items()}
    return protocol.message(head, {**results, **changed})


def _laid(name: str, array: Array, memory: str) -> Array:
    """The array laid out in memory as it was before it was sent; of vectors, only whether they can be written to is kept."""
    if name == "upstream":
        return wired.laid(array, memory)
    return MEMORY[memory if array.ndim == 2 or memory == "read-only" else "C"](array)


def _wire(name: str, raw: Any) -> Arrays | str:
    """Results as arrays of dtypes that the protocol has, or what is wrong with them."""
    if name == "gradients":
        raw = named(raw)
        if not isinstance(raw, Mapping):
            return f"{type(raw).__name__}; expected theta, b, Z, X by name, in this order, or theta alone"
        raw = {key: raw[key] for key in KEYS if key in raw} or dict(islice(raw.items(), 20))
    found = {str(key): np.asarray(value) for key, value in (raw if name == "gradients" else {name: raw}).items()}
    return found
