"""Findings that their corpus does not take, such as on a full disk: kept in a temporary folder; where that fails, shown."""

import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from gradcheck import cases
from gradcheck.campaign import records
from gradcheck.campaign.findings import Finding
from gradcheck.errors import Unusable


def unsaved(findings: Sequence[Finding]) -> list[Finding]:
    """Those whose smallest problem is in no file."""
    return [finding for finding in findings if finding.case and not finding.file and not finding.known]


def kept(findings: Sequence[Finding], corpus: Path) -> tuple[list[Finding], str]:
    """The same findings with those cases in a new temporary folder, and a note on where that is."""
    lost = unsaved(findings)
    if not lost:
        return list(findings), ""
    files: dict[str, str] = {}
    folder = None
    with contextlib.suppress(OSError, Unusable):
        folder = Path(tempfile.mkdtemp(prefix="gradcheck-findings-"))
        for finding in lost:
            case = records.case(finding.case, f"the finding {finding.check}")
            files[finding.case] = str(cases.save(case, folder))
    if folder is not None and not files:
        with contextlib.suppress(OSError):
            folder.rmdir()
    if not files:
        return list(findings), f"{len(lost)} findings are in no file; their smallest problems are shown"
    found = [replace(each, file=each.file or files.get(each.case, "")) for each in findings]
    left = len(unsaved(found))
    more = f"; {left} more are in no file, and shown" if left else ""
    return (
        found,
        f"{len(lost) - left} findings are kept in {folder}; `gradcheck corpus add {corpus} FILES` takes them in{more}",
    )
