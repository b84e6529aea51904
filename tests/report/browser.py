"""Chromium over its debugging pipe: open a page, run script in it, photograph it.

Messages are JSON ended by a zero byte, on file descriptors 3 (to the browser) and 4 (from it), so
nothing but the standard library and the browser is needed.
"""

import base64
import json
import os
import shutil
import subprocess
import threading
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run")
PATIENCE_S = 60.0  # a browser that says nothing for so long is ended


def find_chromium() -> str | None:
    """Return the path of an installed Chromium, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


class Page:
    """One tab, with what it asked of the network and what it complained about."""

    def __init__(self, program: str, profile: Path) -> None:
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # The child finds the pipe at 3 and 4: the shell moves it there and becomes the browser.
        move = f'exec "$@" 3<&{to_browser} 4>&{from_browser}'
        command = ["bash", "-c", move, "bash", program, *FLAGS, "--remote-debugging-pipe"]
        self._process = subprocess.Popen(
            [*command, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        self._left = b""
        self._number = 0
        self._session: str | None = None
        self.requests: list[str] = []
        self.complaints: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its result, noting the events that come before it."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result
            self._note(answer)

    def open(self, path: Path, fragment: str = "") -> None:
        """Load a file anew."""
        self.call("Page.navigate", url="about:blank")
        self.requests.clear()
        self.complaints.clear()
        self.call("Page.navigate", url=f"{path.as_uri()}{fragment}")
        loaded = "document.readyState === 'complete' && location.protocol === 'file:'"
        self.wait_for(loaded)

    def run(self, script: str) -> Any:
        """Return the value of an expression, awaited."""
        done = self.call(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        if "exceptionDetails" in done:
            raise RuntimeError(f"{script}: {done['exceptionDetails']}")
        return done["result"].get("value")

    def wait_for(self, condition: str) -> None:
        """Wait until an expression holds; the page itself keeps the time."""
        for _ in range(400):
            if self.run(f"new Promise(r => setTimeout(() => r({condition}), 25))"):
                return
        raise TimeoutError(condition)

    def resize(self, width: int, height: int) -> None:
        """Set the size of the view, pixels."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.call("Emulation.setDeviceMetricsOverride", **size)

    def emulate(self, *, media: str = "", scheme: str = "light") -> None:
        """Show the page as on paper (`print`), or in another colour scheme."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", media=media, features=features)

    def photograph(self, *, whole: bool = False) -> bytes:
        """Return PNG of the view, or of the whole page."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(shot["data"])

    def print(self) -> bytes:
        """Return the page as PDF, A4."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
        return base64.b64decode(self.call("Page.printToPDF", **paper)["data"])

    def close(self) -> None:
        """End the browser."""
        self._process.terminate()
        self._process.wait(timeout=PATIENCE_S)
        os.close(self._out)
        os.close(self._in)

    def _receive(self) -> dict[str, Any]:
        watch = threading.Timer(PATIENCE_S, self._process.kill)
        watch.start()
        try:
            while b"\0" not in self._left:
                more = os.read(self._in, 1 << 20)
                if not more:
                    raise RuntimeError("the browser ended")
                self._left += more
        finally:
            watch.cancel()
        message, _, self._left = self._left.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found

    def _note(self, event: dict[str, Any]) -> None:
        """Keep what a page should not do: ask the network, complain, raise."""
        values = event.get("params", {})
        if event["method"] == "Network.requestWillBeSent":
            self.requests.append(values["request"]["url"])
        elif event["method"] == "Runtime.exceptionThrown":
            self.complaints.append(str(values["exceptionDetails"]))
        elif event["method"] == "Log.entryAdded":
            self.complaints.append(str(values["entry"]))
        elif event["method"] == "Runtime.consoleAPICalled":
            self.complaints.append(str(values["args"]))
