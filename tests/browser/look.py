"""Looks at every page of the control tower, and at the report, in headless Chromium: `make look`.

Each page is opened at 1280 and 390 pixels, dark and light; a picture of it is written, and it must show no error, stay
within its width, and ask nothing of any other machine. The budget's slider is moved and must move the figures. Needs
Chromium (`apt-get install chromium`), and says so where there is none.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from urllib.parse import urlparse

from experiments.dashboard import screens
from experiments.dashboard.serve import HERE
from experiments.newest import latest
from experiments.report.page import write_page
from rage_env.errors import RageError
from tests.browser.chromium import Tab, browser_path, chromium

SIZES = (1280, 390)
SCHEMES = ("light", "dark")
HEIGHT = 900
READY = """(() => {
  const app = document.querySelector('[data-testid="stApp"]'), h = document.querySelector('h1');
  return !!app && !!h && h.textContent.trim() === %r && app.getAttribute('data-test-script-state') === 'notRunning'
    && !document.querySelector('[data-testid="stSkeleton"]')
    && [...document.querySelectorAll('[data-testid="stVegaLiteChart"]')].every(e => e.querySelector('canvas, svg'));
})()"""
TALL = "Math.max(900, document.querySelector('[data-testid=\"stMainBlockContainer\"]').scrollHeight + 80)"
ERRORS = '[data-testid="stException"], [data-testid="stAlertContentError"]'
WRONG = f"[...document.querySelectorAll('{ERRORS}')].map(e => e.textContent)"
WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
METRICS = "[...document.querySelectorAll('[data-testid=\"stMetricValue\"]')].map(e => e.textContent).join('|')"
THUMB = "document.querySelector('[data-testid=\"stSlider\"] input[type=range], [role=slider]')"


@contextmanager
def server(out: Path, study: str | None) -> Iterator[str]:
    """The control tower on a free port, ended afterwards; its address."""
    with socket.socket() as free:
        free.bind((HERE, 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "experiments.cli", "dashboard", *([study] if study else [])]
    process = subprocess.Popen([*command, "--out", str(out), "--port", str(port)], env={**os.environ})
    try:
        _wait(f"http://{HERE}:{port}/_stcore/health")
        yield f"http://{HERE}:{port}"
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)


async def look(address: str, report: Path, pictures: Path) -> list[str]:
    """Pictures of everything; what was wrong, in words."""
    wrong: list[str] = []
    for size in SIZES:
        for scheme in SCHEMES:
            async with chromium() as tab:
                await tab.size(size, HEIGHT, scheme)
                for i, (name, page) in enumerate(screens.every()):
                    url = f"{address}/{name if i else ''}"
                    wrong += await _page(tab, url, page.TITLE, pictures / f"{name}-{size}-{scheme}.png")
                    if name == "budget":
                        wrong += await _slide(tab, size, scheme, pictures)
                    await tab.size(size, HEIGHT, scheme)
                wrong += await _report(tab, report, pictures / f"report-{size}-{scheme}.png", size, scheme)
                wrong += [f"asked another machine: {url}" for url in tab.asked if not stays(url)]
                wrong += [f"error in the browser: {text}" for text in tab.errors]
    print(f"{'first page, browser open':28} {await _opened_again(address):5.1f} s", flush=True)
    return wrong


async def _opened_again(address: str) -> float:
    """Seconds until the first page stands in a browser that has shown it before, as in a tab opened in the morning."""
    _, page = screens.every()[0]
    async with chromium() as tab:
        await tab.size(SIZES[0], HEIGHT, SCHEMES[0])
        for _ in range(2):
            began = monotonic()
            await tab.go(address)
            await tab.until(READY % page.TITLE)
    return monotonic() - began


async def _page(tab: Tab, url: str, title: str, out: Path) -> list[str]:
    began = monotonic()
    await tab.go(url)
    await tab.until(READY % title)
    print(f"{out.stem:28} {monotonic() - began:5.1f} s", flush=True)
    size, scheme = out.stem.split("-")[-2:]
    await tab.size(int(size), int(await tab.read(TALL)), scheme)
    await asyncio.sleep(0.6)  # figures are drawn anew for the height
    await tab.picture(out)
    found = [f"{out.stem}: {text}" for text in await tab.read(WRONG)]
    if (over := int(await tab.read(WIDE))) > 0:
        found.append(f"{out.stem}: {over} pixels wider than the window")
    return found


async def _slide(tab: Tab, size: int, scheme: str, pictures: Path) -> list[str]:
    """Move the slider with the keyboard; figures must follow."""
    before = await tab.read(METRICS)
    await tab.read(f"{THUMB}.focus()")
    for _ in range(12):
        await tab.key("ArrowRight", 39)
    try:
        await tab.until(f"{METRICS} !== {before!r}", 30)
        await tab.until(READY % "Budget")
    except TimeoutError:
        return [f"budget-{size}-{scheme}: the slider was moved and nothing changed"]
    await tab.picture(pictures / f"budget-moved-{size}-{scheme}.png")
    return []


async def _report(tab: Tab, report: Path, out: Path, size: int, scheme: str) -> list[str]:
    await tab.go(report.as_uri())
    await tab.until("document.readyState === 'complete' && !!document.querySelector('svg')")
    over = int(await tab.read(WIDE))
    await tab.size(size, int(await tab.read("document.documentElement.scrollHeight")), scheme)
    await tab.picture(out)
    return [f"{out.stem}: {over} pixels wider than the window"] if over > 0 else []


def stays(url: str) -> bool:
    """Whether an address is on this machine."""
    parts = urlparse(url)
    return parts.scheme in ("file", "data", "blob", "about") or parts.hostname in (HERE, "localhost")


def _wait(url: str, seconds: float = 60.0) -> None:
    began = monotonic()
    while monotonic() - began < seconds:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            sleep(0.2)
    raise TimeoutError(f"{url} does not answer")


def main(out: str = "results", study: str | None = None, pictures: str = "") -> int:
    """Look at the newest study under `out`, or at the one that is named."""
    try:
        browser_path()
        results = latest(out, study)
    except (FileNotFoundError, RageError) as error:
        print(f"nothing was looked at: {error}", file=sys.stderr)
        return 2
    folder = Path(pictures or results.path / "pictures")
    folder.mkdir(parents=True, exist_ok=True)
    with server(Path(out), study) as address:
        wrong = asyncio.run(look(address, write_page(results), folder))
    print(f"pictures: {folder}")
    print("\n".join(wrong) or "nothing wrong was seen")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
