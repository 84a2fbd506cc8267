"""Liger's fused linear cross-entropy in Triton's interpreter: right as it stands, and ∂ℒ/∂X of a chunk that was overwritten."""

import subprocess
import sys

import pytest

from benchmarks import audit_liger


@pytest.mark.skipif(bool(audit_liger.missing()), reason=audit_liger.missing())
def test_a_fused_kernel_is_captured_and_its_data_gradient_judged():
    command = [sys.executable, "-m", "benchmarks.audit_liger", "97"]  # the interpreter is for a process of its own
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert all("disagree" not in line and "grad_X agree" in line for line in told[:2])
    assert "grad_X disagree" in told[2]
