"""Stages the site's sources: every Markdown page of the repository, links mended, lists added, the reference written.

Pages are found, not listed: a page added to docs, docs/howto, docs/concepts or docs/decisions stands in the site's
navigation by itself. What is staged again with the same text is left untouched, so that Sphinx reads it only once.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath

from docs.site import commands, keys, parts, reference
from docs.site.markdown import toctree

__all__ = ["ROOT", "pages", "stage"]

ROOT = Path(__file__).resolve().parents[2]

FROM_THE_TOP = {
    "README.md": "about.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "docs/README.md": "index.md",
}
"""{page of the repository: where it stands in the site}; pages under docs stay where they are in it."""

BESIDE = ("LICENSE", "CITATION.cff")
"""Files that pages link to and readers may want to open."""

_LINK = re.compile(r"(\]\()([^)\s#:]+)(#[^)\s]*)?(\))")
_CODE = re.compile(r"^(```.*?^```|~~~.*?^~~~)", flags=re.DOTALL | re.MULTILINE)


def pages() -> dict[str, str]:
    """{page of the repository: where it stands in the site}, both as paths with slashes."""
    found = {p.relative_to(ROOT).as_posix() for p in (ROOT / "docs").rglob("*.md")}
    own = {page: page.removeprefix("docs/") for page in sorted(found) if page not in FROM_THE_TOP}
    return {**FROM_THE_TOP, **own}


def stage(out: Path) -> Path:
    """The folder `out` with everything that Sphinx reads, and nothing left over from before."""
    texts = {staged: mended(page, (ROOT / page).read_text(encoding="utf-8")) for page, staged in pages().items()}
    texts |= {f"{folder}/index.md": text for folder, text in LISTS.items()}
    texts |= dict(_reference())
    texts["index.md"] += _navigation()
    for name, text in texts.items():
        _write(out / name, text)
    for file in _files():
        _copy(ROOT / file, out / file.removeprefix("docs/"))
    wanted = {*texts, *(f.removeprefix("docs/") for f in _files())}
    for old in [p for p in out.rglob("*") if p.is_file() and p.relative_to(out).as_posix() not in wanted]:
        old.unlink()
    return out


def mended(page: str, text: str) -> str:
    """The text of a page whose links lead to where the pages stand in the site."""
    pieces = _CODE.split(text)
    pieces[::2] = [_LINK.sub(lambda link: _mended_link(page, link), prose) for prose in pieces[::2]]
    return "".join(pieces)


def _mended_link(page: str, link: re.Match[str]) -> str:
    before, target, anchor, after = link[1], link[2], link[3] or "", link[4]
    place = normpath(PurePosixPath(page).parent.joinpath(target).as_posix())
    staged = pages()
    if (folder := place.removeprefix("docs/")) in LISTS:
        there = f"{folder}/index.md"
    elif place in staged:
        there = staged[place]
    else:
        there = place.removeprefix("docs/")
    return f"{before}{relpath(there, PurePosixPath(staged[page]).parent.as_posix())}{anchor}{after}"


def _reference() -> Iterator[tuple[str, str]]:
    """(page, text) of everything that is made from code."""
    for made in (reference.pages, commands.pages, keys.pages, parts.pages):
        for name, text in made():
            yield f"reference/{name}", text


def _files() -> tuple[str, ...]:
    pictures = [p.relative_to(ROOT).as_posix() for p in (ROOT / "docs").rglob("*") if p.suffix in (".png", ".svg")]
    return (*BESIDE, *sorted(pictures))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def _copy(source: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if not to.exists() or to.read_bytes() != source.read_bytes():
        shutil.copyfile(source, to)


def _list(title: str, about: str, pattern: str = "*") -> str:
    return f"# {title}\n\n{about}\n\n```{{toctree}}\n:glob:\n:maxdepth: 1\n\n{pattern}\n```\n"


_ABOUT = {
    "tutorial": ("Tutorial", "From nothing to a world, an agent and a verdict of your own, in about an hour."),
    "concepts": ("Concepts", "Ideas that everything else rests on, one short page each."),
    "howto": ("How to", "One task a page, about ten lines of your own each."),
    "decisions": ("Decisions", "Doors that were closed, one page each: what was decided, why, and what it costs."),
}
LISTS: Mapping[str, str] = {
    folder: _list(*about) for folder, about in _ABOUT.items() if (ROOT / "docs" / folder).is_dir()
}
"""{folder: page that lists what lies in it}; a page put there is listed by itself."""


def _navigation() -> str:
    """The lists beside every page. What lies directly in docs is taken by title, whatever it is called."""
    guides = sorted(staged for page, staged in pages().items() if page not in FROM_THE_TOP and "/" not in staged)
    captions = {
        "Begin": ["about", *(f"{folder}/index" for folder in LISTS if folder != "decisions")],
        "Pages": [page.removesuffix(".md") for page in guides],
        "Reference": ["reference/index", "reference/commands", "reference/keys", "reference/parts"],
        "Project": ["decisions/index", "contributing", "changelog"],
    }
    return "\n" + "\n".join(toctree(held, head) for head, held in captions.items())
