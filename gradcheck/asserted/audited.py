"""A linear layer, or a product of matrices, that is too large to be compared entry by entry: by the probes of an audit."""

from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.asserted.declared import Declared
from gradcheck.asserted.said import Explained, first
from gradcheck.auditing.faults import rows_in_words
from gradcheck.auditing.findings import Finding
from gradcheck.auditing.run import audit
from gradcheck.errors import Unusable
from gradcheck.ops.description import Probed
from gradcheck.ops.views import View
from gradcheck.problem import Array
from gradcheck.verdict import Outcome

LOGITS = "Z"  # of which there is no exp, and no gradient
NOT_FINITE = "its inputs hold numbers that are not finite, and it is so large that it is probed as a whole"


def audited(found: Explained, array: Array, view: View, probed: Probed, declared: Declared) -> Explained:
    """What an audit says of one array, with what it certifies."""
    for name in ("elementary", "filtered"):
        if getattr(declared, name) and probed.name != LOGITS:
            raise Unusable(f"{name}= is not known of arrays so large that they are probed; give fewer samples")
    if not all(np.isfinite(given).all() for name, given in probed.arrays.items() if name in ("X", "theta", "b")):
        return replace(found, outcome=Outcome.INCONCLUSIVE, reason=NOT_FINITE, entries=array.size, unknown=array.size)
    given: dict[str, Any] = {**probed.arrays, probed.name: view.rows(array) if probed.turned else array}
    said = audit(samples="rows", arithmetic=declared.said, **given)
    (finding,) = said.findings
    verdict = finding.verdict
    w = verdict.witness
    words = finding.faults[:2]
    if probed.name == LOGITS and finding.rows:  # what an audit calls a class
        words = (rows_in_words(finding.rows, len(probed.arrays["theta"]), "column"),)
    found = replace(
        found,
        outcome=verdict.outcome,
        reason=verdict.reason,
        entries=array.size,
        wrong=max(len(finding.rows), int(verdict.failed)),
        counted="" if finding.entry is None else "columns" if probed.name == LOGITS else "rows",
        known=array.size,
        ratio=verdict.ratio,
        hides=finding.seen,
        cause="; ".join(words),
        granted=f"{found.granted}; {_certified(finding, said.probes)}",
    )
    if w is None:
        return found
    place = view.place(w.place[1], w.place[0]) if probed.turned else w.place[: array.ndim]
    reason = first(w.computed, place, w.midpoint)
    return replace(found, place=place, value=w.computed, exact=w.midpoint, allowance=w.radius, reason=reason)


def _certified(finding: Finding, probes: int) -> str:
    """What is known of the entries that were not compared, but of those at fault."""
    if finding.entry is None:
        return "all were compared"
    if not (np.isfinite(finding.entry) and finding.entry):  # none is left
        return f"{probes} probes"
    others = "all others" if finding.verdict.failed else "all"
    return f"{probes} probes: {others} within {finding.entry:.2g}, but for a chance below 2**-40"
