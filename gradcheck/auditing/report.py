"""An audit as JSON. Numbers that JSON cannot hold are texts: inf, -inf, nan."""

import json
import math
from importlib.metadata import version
from typing import Any

from gradcheck.auditing.findings import Finding
from gradcheck.auditing.outcome import Audit
from gradcheck.printable import escaped, number
from gradcheck.referees import freivalds
from gradcheck.verdict import Witness

SCHEMA = 2
ROWS = 1000  # rows at fault that are listed; they are counted, too


def text(found: Audit) -> str:
    """The report of one audit."""
    L, d, n = found.sizes
    head = {
        "gradcheck_audit": SCHEMA,
        "gradcheck": version("gradcheck"),
        "source": found.source,
        "L": L,
        "d": d,
        "n": n,
    }
    model = {
        "stored": found.stored,
        "sums": found.sums,
        "law": found.law.said,
        "factor": found.factor,
        "arithmetic": vars(found.arithmetic),
        "probes": found.probes,
        "seed": found.seed,
    }
    told = {
        "status": found.status,
        "missing": list(found.missing),
        "shared": list(found.shared),
        "times_sharper_with_logits": found.with_logits,
        "findings": [_finding(f, f.certifies(found.sizes)) for f in found.findings],
    }
    whole = {**head, **model, "chance_of_a_miss": freivalds.MISS, **told}
    return escaped(json.dumps(whole, indent=1, ensure_ascii=False)) + "\n"


def _finding(f: Finding, certifies: bool) -> dict[str, Any]:
    return {
        "quantity": f.quantity,
        "outcome": f.verdict.outcome.value,
        "reason": f.verdict.reason,
        "ratio": number(f.verdict.ratio),
        "every_entry_within": _certified(f.entry if certifies else None),
        "every_row_within": _certified(f.row if certifies else None),
        "median_row": number(f.median),
        "certified_share": _share(f, certifies),
        "certified_bits": _bits(_share(f, certifies)),
        "smallest_relative_error_seen": _certified(f.seen),
        "rows_at_fault": len(f.rows),
        "rows": list(f.rows[:ROWS]),
        "rows_left_out": max(len(f.rows) - ROWS, 0),
        "faults": list(f.faults),
        "odd": list(f.odd),
        "unusual": [{**entry(remark.witness), "times": number(remark.times)} for remark in f.unusual],
        "entries": [entry(witness) for witness in f.entries],
    }


def entry(w: Witness) -> dict[str, Any]:
    """One entry of an array, what it must be, and within which limit."""
    numbers = {"computed": number(w.computed), "must_be": number(w.midpoint), "within": number(w.radius)}
    return {"place": list(w.place), **numbers}


def _share(f: Finding, certifies: bool) -> float | None:
    """Of a typical row, or of the quantity as a whole where every entry was compared."""
    share = f.share(certifies)
    return None if share is None else _certified(share)


def _bits(share: float | None) -> float | None:
    return -math.log2(share) if share else None


def _certified(value: float | None) -> float | None:
    """Nothing, where no number bounds what may be wrong."""
    return value if value is not None and math.isfinite(value) else None
