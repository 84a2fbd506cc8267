"""Ctrl-C is heeded wherever it arrives, and what is known is told in a moment, however slow the target is."""

import gc
import os
import signal
import subprocess
import sys
import time

import pytest

from gradcheck import lost

SLOW = """
import time
from pathlib import Path
calls = 0

def gradients(theta, b, X, Y):
    global calls
    calls += 1
    if calls == 40:
        Path("called").touch()
    time.sleep(0.08)
    return theta + 1, b
"""


def here():
    return lost.here(sys._getframe())


class Final:
    found = ()

    def __del__(self):
        Final.found = (here(),)


def test_it_is_known_where_python_loses_what_is_raised():
    found = []

    def callback(phase, info):
        found.append(here())

    gc.callbacks.append(callback)
    gc.collect()
    gc.callbacks.remove(callback)
    Final()
    gc.collect()
    assert found == [True, True]  # when it begins, and when it ends
    assert Final.found == (True,)
    assert not here()


@pytest.mark.skipif(not hasattr(os, "kill"), reason="no signals")
def test_what_is_lost_is_sent_again():
    heard = []
    before = signal.signal(signal.SIGUSR1, lambda number, frame: heard.append(number))
    try:
        lost.again(signal.SIGUSR1)
        end = time.monotonic() + 10
        while not heard and time.monotonic() < end:
            time.sleep(0.01)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert heard == [signal.SIGUSR1]


@pytest.mark.usefixtures("hearing")
def test_a_failing_run_of_a_slow_target_ends_soon_after_an_interrupt(tmp_path):
    """What has failed is explained as far as that goes in a moment: a whole diagnosis calls it a thousand times."""
    (tmp_path / "slow.py").write_text(SLOW)
    command = (sys.executable, "-m", "gradcheck", "verify", "slow.py", "--cases", "cases")
    run = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    while run.poll() is None and not (tmp_path / "called").exists():
        time.sleep(0.02)
    run.send_signal(signal.SIGINT)
    printed, _ = run.communicate(timeout=60)
    assert run.returncode == 130
    assert "interrupted" in printed
    assert "✗" in printed
