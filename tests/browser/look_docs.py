"""Looks at the site in headless Chromium, after `make docs`: `python -m tests.browser.look_docs [SITE] [PICTURES]`.

Every page must stay within its width at 1280 and 390 pixels and ask nothing of any other machine; of a few, pictures
are written. Needs Chromium (`apt-get install chromium`), and says so where there is none.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.browser.chromium import browser_path, chromium
from tests.browser.look import HEIGHT, SIZES, WIDE, stays

SEEN = ("index", "tutorial/3-own-agent", "concepts/guardrails-and-prices", "reference/agents.allocation", "ope_report")
MOST_SEEN = 2_400
"""Pixels of a long page that a picture shows."""


async def look(site: Path, pictures: Path) -> list[str]:
    """Pictures of the pages in SEEN; what was wrong with any page, in words."""
    wrong: list[str] = []
    pages = sorted(p for p in site.rglob("*.html") if p.parent.name != "_static")
    for size in SIZES:
        async with chromium() as tab:
            for page in pages:
                name = page.relative_to(site).with_suffix("").as_posix()
                await tab.size(size, HEIGHT, "light")
                await tab.go(page.as_uri())
                await tab.until(f"document.readyState === 'complete' && location.href === '{page.as_uri()}'")
                if (over := int(await tab.read(WIDE))) > 0:
                    wrong.append(f"{name} at {size}: {over} pixels wider than the window")
                if name in SEEN:
                    tall = int(await tab.read("document.documentElement.scrollHeight"))
                    await tab.size(size, min(tall, MOST_SEEN), "light")
                    await tab.picture(pictures / f"{name.replace('/', '-')}-{size}.png")
            wrong += sorted({f"asked another machine: {url}" for url in tab.asked if not stays(url)})
            wrong += [f"error in the browser: {text}" for text in tab.errors]
    return wrong


def main(arguments: Sequence[str]) -> int:
    """1 where a page is wrong, else 0."""
    try:
        browser_path()
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    site = Path(arguments[0] if arguments else "build/docs").resolve()
    pictures = Path(arguments[1] if len(arguments) > 1 else "build/docs-pictures")
    pictures.mkdir(parents=True, exist_ok=True)
    wrong = asyncio.run(look(site, pictures))
    print("\n".join(wrong) or f"every page is fine; pictures: {pictures}")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
