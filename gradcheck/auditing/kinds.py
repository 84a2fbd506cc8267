"""The error model of a step, from the precisions of its arrays and from what is declared."""

from collections.abc import Mapping
from dataclasses import replace

from gradcheck import arithmetic, precision
from gradcheck.arithmetic import Arithmetic
from gradcheck.bounds import ErrorModel
from gradcheck.precision import Precision


def model_of(kinds: Mapping[str, Precision], arrays: Precision, declared: Arithmetic) -> ErrorModel:
    """Of arrays of these precisions, theta, X and b among them; `arrays` is the coarsest that is judged.

    Sums are by default those of the arrays or float32, whichever is finer.
    """
    if not (declared.accumulate or declared.inner) and arrays.u > precision.named("float32").u:
        declared = replace(declared, accumulate="float32")
    granted = arithmetic.granted(arrays.name, declared)
    for kind in kinds.values():  # whatever is there has been written down there
        granted = granted.within(kind)
    stored = max((arrays, *([precision.named(declared.stored)] if declared.stored else [])), key=lambda p: p.u)
    finer = {name: int(kinds[name].u < stored.u) for name in ("theta", "X", "b")}
    return ErrorModel(granted, stored, max(finer["theta"] + finer["X"], finer["b"]), finer["X"], finer["theta"])
