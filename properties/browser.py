"""A headless Chromium, spoken to by the DevTools protocol over two pipes: nothing is installed for it beside the browser."""

import base64
import json
import os
import re
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

FOUND = shutil.which(os.environ.get("GRADCHECK_CHROMIUM") or "chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--remote-debugging-pipe",
)
PATIENCE = 120  # seconds for one answer
SAID = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Network.requestWillBeSent")


class Browser:
    """One tab. `said` holds what stood in its console, and what it asked the network for."""

    def __init__(self, ask: int, hear: int) -> None:
        self.ask, self.hear = ask, hear
        self.number, self.rest, self.session = 0, b"", ""
        self.heard: deque[dict[str, Any]] = deque()
        self.said: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Log", "Runtime", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **given: Any) -> dict[str, Any]:
        """The answer to one call."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": given}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.ask, json.dumps(message).encode() + b"\0")
        while (answer := self._next()).get("id") != self.number:
            self._note(answer)
        assert "error" not in answer, answer
        return answer["result"]

    def _note(self, event: dict[str, Any]) -> None:
        self.heard.append(event)
        if event.get("method") in SAID:
            self.said.append(event)

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        while b"\0" not in self.rest:
            assert time.monotonic() < end, "the browser does not answer"
            more = os.read(self.hear, 1 << 20)
            assert more, "the browser has ended"
            self.rest += more
        line, _, self.rest = self.rest.partition(b"\0")
        return json.loads(line)

    def show(self, path: Path, width: int, scheme: str) -> None:
        """Open a page at this width, by day (`light`) or by night (`dark`)."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500
        )
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.heard.clear()
        self.call("Page.navigate", url=path.absolute().as_uri())
        while not any(event.get("method") == "Page.loadEventFired" for event in self.heard):
            self._note(self._next())

    def evaluate(self, script: str) -> Any:
        """What a script comes to."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def screenshot(self) -> bytes:
        """The whole page as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def printed(self) -> int:
        """How many sheets of A4 it takes."""
        data = self.call(
            "Page.printToPDF", paperWidth=8.27, paperHeight=11.69, printBackground=True, preferCSSPageSize=True
        )
        return len(re.findall(rb"/Type\s*/Page\b", base64.b64decode(data["data"])))


@contextmanager
def opened(folder: Path) -> Iterator[Browser]:
    """A browser with a profile of its own in `folder`."""
    assert FOUND
    asked, ask = os.pipe()
    hear, heard = os.pipe()
    words = [FOUND, *FLAGS, f"--user-data-dir={folder}", "about:blank"]
    process = subprocess.Popen(
        ["bash", "-c", f'exec 3<&{asked} 4>&{heard}; exec "$@"', "bash", *words],
        pass_fds=(asked, heard),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(asked)
    os.close(heard)
    try:
        yield Browser(ask, hear)
    finally:
        os.close(ask)
        process.terminate()
        process.wait(30)
        os.close(hear)
