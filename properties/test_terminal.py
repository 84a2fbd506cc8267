"""What commands write to a real terminal: our own styles, and nothing else that it would obey; under NO_COLOR no styles."""

import errno
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from properties.hostile import obeyed

pty = pytest.importorskip("pty")

ESCAPES = "\x1b[38;5;199mRED\x1b]0;title\x07\x1b[2J \n::error::PWN\u202e\x9b31m"
NAME = "x\n::error::\x1b[38;5;199mPWN\x07"
PATIENCE = 300  # seconds; a run takes two or three
CASE = {
    "gradcheck_case": 1,
    "check": "",
    "target": ESCAPES,
    "dtype": "float64",
    "memory": "C",
    "theta": [["0x1.0000000000000p+0"], ["0x0.0p+0"]],
    "b": [["0x0.0p+0"], ["0x0.0p+0"]],
    "X": [["0x1.0000000000000p+0"]],
    "Y": [["0x1.0000000000000p+0"], ["0x0.0p+0"]],
}
PEER = f"""
import json, sys
for line in sys.stdin.buffer:
    print(json.dumps({{"gradcheck_protocol": 1, "functions": ["gradients"], "encoding": "json", "name": {ESCAPES!r},
                      sys.argv[1]: {ESCAPES!r}}}), flush=True)
"""
FILES = {
    "import_escape.py": f"raise ImportError({ESCAPES!r})\n",
    "call_escape.py": f"def gradients(theta, b, X, Y):\n    raise ValueError({ESCAPES!r})\n",
    "writes.py": f"import sys\nsys.stdout.write({ESCAPES!r})\ndef gradients(theta, b, X, Y):\n    return {{'theta': theta}}\n",
    "peer.py": PEER,
    "corpus/cases/one.json": json.dumps(CASE),
    f"corpus/cases/{NAME}.json": json.dumps({**CASE, "dtype": "float32"}),
    "named/pyproject.toml": f'[tool.gradcheck.targets.{json.dumps(NAME)}]\ntarget = "../call_escape.py"\n',
    "wrong/pyproject.toml": f"[tool.gradcheck.targets.{json.dumps(NAME)}]\nsamples = 1\n",
}
FEW = ("--max-examples", "2", "--check", "finite")
# words -> what must be said; the first word may name a folder to be in
COMMANDS: dict[str, tuple[str, ...]] = {
    "import": ("verify", "import_escape.py"),
    "call": ("verify", "call_escape.py", *FEW[:2]),  # by every check
    "prints": ("verify", "writes.py", *FEW),
    "no such file": ("verify", f"{NAME}.py"),
    "no such option": ("verify", "--\x1b[38;5;199mx"),
    "no such command": (NAME,),
    "no such choice": ("verify", "numpy", "--samples", NAME),
    "no such check": ("verify", "numpy", "--check", NAME),
    "a table's name": ("named/", "verify", *FEW),
    "a wrong table": ("wrong/", "verify"),
    "several": ("compare", "call_escape.py", "writes.py", *FEW),
    "a process": ("verify", "--exec", f"{sys.executable} peer.py not_posed", *FEW),
    "a process refuses": ("verify", "--exec", f"{sys.executable} peer.py error", *FEW),
    "cases": ("corpus", "list", "corpus"),
    "a case": ("replay", f"corpus/cases/{NAME}.json", "call_escape.py", "--check", "finite"),
    "cases again": ("corpus", "add", "corpus", f"corpus/cases/{NAME}.json"),
    "cases judged": ("corpus", "replay", "corpus", "call_escape.py", "--check", "finite"),
    "no dump": ("audit", NAME),
    "no corpus": ("corpus", "list", NAME),
    "no server": ("fuzz", "call_escape.py", "--database", f"redis://127.0.0.1:1/{NAME}", "--workers", "1", *FEW),
    "a campaign": ("fuzz", "call_escape.py", "--workers", "1", *FEW),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    found = tmp_path_factory.mktemp("hostile")
    for name, text in FILES.items():
        path = found / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return found


def shown(folder: Path, words: tuple[str, ...], **environment: str) -> str:
    """What a command writes to a terminal of its own, on all three streams."""
    place, words = (folder / words[0], words[1:]) if words[0].endswith("/") else (folder, words)
    ours, its = pty.openpty()
    known = {
        key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "CI")
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "gradcheck", *words],
        cwd=place, stdin=its, stdout=its, stderr=its, start_new_session=True,
        env={**known, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "COLUMNS": "100", **environment},
    )  # fmt: skip
    os.close(its)
    said, end = bytearray(), time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            data = os.read(ours, 1 << 16)
        except OSError as problem:  # what Linux says at the end
            assert problem.errno == errno.EIO
            break
        if not data:
            break
        said += data
    os.close(ours)
    assert process.wait(PATIENCE) in (0, 1, 2, 3)
    return said.decode("utf-8").replace("\r\n", "\n")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_terminal_is_handed_our_own_styles_and_nothing_else(folder, name):
    found = shown(folder, COMMANDS[name], TERM="xterm-256color")
    assert found and not obeyed(found, styles=True), found
    assert "Traceback" not in found


PLAIN = {"dumb": {"TERM": "dumb"}, "no colours": {"NO_COLOR": "1", "TERM": "xterm-256color"}}
# A report, a display that moves, and a line of ours: nothing else writes to a terminal.
WRITERS = [*((name, how) for name in ("call", "a campaign") for how in PLAIN), ("import", "dumb")]


@pytest.mark.parametrize(("name", "how"), WRITERS)
def test_a_plain_terminal_is_handed_no_escape_at_all(folder, name, how):
    found = shown(folder, COMMANDS[name], **PLAIN[how])
    assert found and not obeyed(found), found


def test_a_styled_terminal_is(folder):
    """So that the tests above say something."""
    assert "\x1b[" in shown(folder, COMMANDS["cases"], TERM="xterm-256color")
