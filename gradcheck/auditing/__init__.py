"""Audit: a gradient dumped by a real, large training step, judged for less than it cost. See docs/audit.md."""

from gradcheck.auditing.outcome import Audit as Audit
from gradcheck.auditing.run import audit as audit
from gradcheck.auditing.run import audit_path as audit_path
