"""Drives a headless Chromium over its DevTools protocol: pages at a size and in a scheme, as pictures.

The package `websockets`, which comes with Streamlit, speaks to it; nothing else is needed but the browser itself.
Every address that a page asks for is remembered, so that whoever looks can tell whether anything left this machine.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

__all__ = ["Tab", "browser_path", "chromium"]

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--remote-debugging-port=0",
)  # fmt: skip
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_MOST_BYTES = 256 * 1024 * 1024


def browser_path() -> str:
    """Where Chromium is. Raises FileNotFoundError saying how to get it."""
    found = next((path for name in _NAMES if (path := shutil.which(name))), None)
    if found is None:
        raise FileNotFoundError(f"none of {', '.join(_NAMES)} is installed; `apt-get install chromium` brings one")
    return found


class Tab:
    """One page of the browser. Remembers the addresses it asked for and the errors of its console."""

    def __init__(self, line: ClientConnection) -> None:
        self.line = line
        self.asked: list[str] = []
        self.errors: list[str] = []
        self._number = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}  # Any: JSON of the protocol
        self._listening = asyncio.ensure_future(self._listen())

    async def call(self, method: str, **params: object) -> dict[str, Any]:  # Any: as above
        """What the browser answers."""
        number = next(self._number)
        self._waiting[number] = asyncio.get_running_loop().create_future()
        await self.line.send(json.dumps({"id": number, "method": method, "params": params}))
        return await asyncio.wait_for(self._waiting[number], 60)

    async def size(self, width: int, height: int, scheme: str) -> None:
        """Be so many pixels wide, and dark or light."""
        await self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        await self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    async def go(self, address: str) -> None:
        """Open an address."""
        await self.call("Page.navigate", url=address)

    async def read(self, script: str) -> Any:  # Any: whatever the script answers
        """The value of a JavaScript expression."""
        found = await self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        return found["result"].get("value")

    async def until(self, script: str, seconds: float = 60.0) -> float:
        """Wait until the expression is true; how long that took. Raises TimeoutError."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not await self.read(script):
            if loop.time() - began > seconds:
                raise TimeoutError(f"not true after {seconds:g} s: {script}")
            await asyncio.sleep(0.05)
        return loop.time() - began

    async def key(self, key: str, code: int) -> None:
        """Press and let go a key."""
        for kind in ("keyDown", "keyUp"):
            await self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    async def picture(self, out: Path) -> Path:
        """Write what is seen as PNG."""
        shot = await self.call("Page.captureScreenshot", format="png")
        out.write_bytes(base64.b64decode(shot["data"]))
        return out

    async def close(self) -> None:
        """Stop listening."""
        self._listening.cancel()
        await self.line.close()

    async def _listen(self) -> None:
        async for text in self.line:
            told = json.loads(text)
            if "id" in told:
                waiting = self._waiting.pop(told["id"], None)
                if waiting is None or waiting.done():
                    continue
                if "error" in told:
                    waiting.set_exception(RuntimeError(told["error"]["message"]))
                else:
                    waiting.set_result(told["result"])
            elif told["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
                params = told["params"]
                self.asked.append(params["request"]["url"] if "request" in params else params["url"])
            elif told["method"] == "Runtime.exceptionThrown":
                self.errors.append(json.dumps(told["params"]["exceptionDetails"])[:500])


@asynccontextmanager
async def chromium() -> AsyncIterator[Tab]:
    """A fresh browser with one empty page, gone afterwards."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [browser_path(), *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            tab = Tab(await connect(_address(process), max_size=_MOST_BYTES))
            for domain in ("Page", "Network", "Runtime"):
                await tab.call(f"{domain}.enable")
            yield tab
            await tab.close()
        finally:
            process.terminate()
            process.wait(timeout=20)


def _address(process: subprocess.Popen[str]) -> str:
    """The debugging address of the first page."""
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(r"DevTools listening on ws://([\d.:]+)/", line):
            with urllib.request.urlopen(f"http://{found[1]}/json/list", timeout=20) as answer:
                pages = [one for one in json.loads(answer.read()) if one["type"] == "page"]
            return str(pages[0]["webSocketDebuggerUrl"])
    raise RuntimeError("Chromium ended before it could be spoken to")
