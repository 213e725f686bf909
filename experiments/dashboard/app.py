"""What Streamlit runs for each visitor: which study, and the pages. Arguments: folder of results, name of the first."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from types import ModuleType

import streamlit as st

from experiments.dashboard.place import Place
from experiments.dashboard.screens import every
from rage_env.errors import RageError

__all__ = ["main", "show", "studies"]


def main() -> None:
    """The frame of every page: studies in the side bar, then the page that was asked for."""
    st.set_page_config(page_title="RAGE control tower", layout="wide")
    root, first = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    names = studies(root)
    if first in names:
        names = [first, *(n for n in names if n != first)]
    with st.sidebar:
        chosen = st.selectbox("Study", names, key="study") if names else None
    place = Place(root, chosen)
    pages = [  # without icons: the browser would be sent elsewhere for them
        st.Page(partial(show, page, place), title=page.TITLE, url_path=name, default=i == 0)
        for i, (name, page) in enumerate(every())
    ]
    st.navigation(pages).run()


def studies(root: Path) -> list[str]:
    """Names of the results folders under `root`, newest first."""
    files = sorted(root.glob("*-????????/study.json"), key=lambda f: f.stat().st_mtime, reverse=True)
    return [file.parent.name for file in files]


def show(page: ModuleType, place: Place) -> None:
    """The page; what is wrong with the folder is said in its place, without a traceback."""
    st.title(page.TITLE)
    try:
        if place.study is None and page.NEEDS_STUDY:
            st.info("There is no study yet. The page Data starts one, as does `rage run quickstart`.")
        else:
            page.show(place)
    except (RageError, OSError) as error:
        st.error(f"{error}")


if __name__ == "__main__":
    main()
