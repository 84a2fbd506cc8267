"""A linear layer that is too large to be compared entry by entry: by the probes of an audit."""

from dataclasses import replace
from typing import Any

from gradcheck.asserted.declared import Declared
from gradcheck.asserted.said import Explained
from gradcheck.auditing.run import audit
from gradcheck.errors import Unusable
from gradcheck.ops.description import Op
from gradcheck.problem import Array

JUDGED = {"": "loss", "X": "grad_X", "theta": "grad_theta", "b": "grad_b", "Z": "grad_Z"}


def audited(found: Explained, array: Array, op: Op, wrt: str, declared: Declared) -> Explained:
    """What an audit says of one array, with what it certifies."""
    dump, view = op.dump or {}, op.views[wrt]
    for name in ("elementary", "filtered"):
        if getattr(declared, name):
            raise Unusable(f"{name}= is not known of arrays so large that they are probed; give fewer samples")
    by_sample = wrt in ("X", "Z")
    given: dict[str, Any] = {**dump, JUDGED[wrt]: view.rows(array) if by_sample else array}
    said = audit(samples="rows", arithmetic=declared.said, **given)
    (finding,) = said.findings
    verdict = finding.verdict
    w = verdict.witness
    certified = "all were compared"
    if finding.entry is not None:
        certified = f"{said.probes} probes: all within {finding.entry:.2g}, but for a chance below 2**-40"
    found = replace(
        found,
        outcome=verdict.outcome,
        reason=verdict.reason,
        entries=array.size,
        wrong=max(len(finding.rows), int(verdict.failed)),
        rows=finding.entry is not None,
        known=array.size,
        ratio=verdict.ratio,
        hides=finding.seen,
        cause="; ".join(finding.faults[:2]),
        granted=f"{found.granted}; {certified}",
    )
    if w is None:
        return found
    place = view.place(w.place[1], w.place[0]) if by_sample else w.place[: array.ndim]
    return replace(found, place=place, value=w.computed, exact=w.midpoint, allowance=w.radius, reason="")
