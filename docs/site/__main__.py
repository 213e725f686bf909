"""`python -m docs.site [FOLDER]`: stages the pages, writes the reference from code, and lets Sphinx build the site.

Any warning is an error: a broken link, a name that is not there, a page that no list leads to. Nothing is fetched.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from sphinx.cmd.build import build_main

from docs.site import stage

HERE = Path(__file__).resolve().parent


def main(arguments: Sequence[str]) -> int:
    """Exit code of the build. FOLDER: where the site goes, build/docs if left out; sources are staged beside it."""
    out = Path(arguments[0]) if arguments else stage.ROOT / "build" / "docs"
    source = stage.stage(out.with_name(f"{out.name}-source"))
    code = build_main(["-W", "--keep-going", "-q", "-b", "html", "-c", str(HERE), str(source), str(out)])
    if code == 0:
        print(f"the site: {out / 'index.html'}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
