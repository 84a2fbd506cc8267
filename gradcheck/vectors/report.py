"""What was judged as JSON, for programs. `gradcheck_judged` is the version of this schema; docs/vectors.md says what it means."""

import json
from importlib.metadata import version
from typing import Any

from gradcheck import precision
from gradcheck.printable import escaped, number
from gradcheck.tally import Tally
from gradcheck.vectors.judge import Finding, Judged, Row
from gradcheck.verdict import Outcome

SCHEMA = 1


def text(judged: Judged) -> str:
    """All that was found."""
    whole = {
        "gradcheck_judged": SCHEMA,
        "gradcheck": version("gradcheck"),
        "status": judged.status,
        "implementation": judged.implementation,
        "law": judged.laws[0].said if len(judged.laws) == 1 else None,
        "arithmetic": judged.arithmetic.said,
        "vectors": len(judged.index.entries),
        "answered": judged.answered,
        "quantities": [_row(row, tally) for row, tally in judged.tallies.items()],
        "failures": [_failure(finding) for finding in judged.findings],
    }
    return escaped(json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False)) + "\n"


def _row(row: Row, tally: Tally) -> dict[str, Any]:
    dtype, quantity = row
    return {
        "dtype": dtype,
        "quantity": quantity,
        "verdict": tally.outcome,
        "worst_ratio": number(tally.ratio),
        "effective_bits": number(tally.bits(precision.named(dtype).u)),
        "judged": tally.judged,
        "counts": {outcome: tally.counts[outcome] for outcome in Outcome},
        "not_judged": dict(tally.reasons.most_common()),
    }


def _failure(finding: Finding) -> dict[str, Any]:
    verdict, witness = finding.verdict, finding.verdict.witness
    return {
        "vector": finding.vector,
        "regime": finding.regime,
        "dtype": finding.dtype,
        "quantity": finding.quantity,
        "outcome": verdict.outcome,
        "reason": verdict.reason,
        "ratio": number(verdict.ratio),
        "place": witness and witness.place,
        "computed": witness and number(witness.computed),
        "truth": witness and number(witness.midpoint),
        "allowed": witness and number(witness.radius),
    }
