"""Serves the control tower on 127.0.0.1 until it is stopped."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np

from experiments.newest import latest
from experiments.own_port import HERE, refuse_taken
from experiments.results import Results
from rage_env.errors import ConfigError

__all__ = ["HERE", "serve", "warm"]

APP = Path(__file__).with_name("app.py")

_OPTIONS: dict[str, object] = {
    "server.address": HERE,
    "server.headless": True,  # opens no browser and asks for no e-mail address
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "logger.hideWelcomeMessage": True,
}


def serve(out: Path, study: str | None, port: int, tell: Callable[[str], None]) -> None:
    """Show the results folders under `out`, `study` first, its newest if it is named; else the newest of all.

    tell: called with the address before the server starts. Raises InputError where nothing can be shown or served.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise ConfigError("the dashboard needs Streamlit; install it with: pip install 'rage-env[dashboard]'")
    first = _first(out, study)
    refuse_taken(port)
    from streamlit.web import bootstrap

    from experiments.dashboard.screens import every

    every()  # read now, before anybody waits for a page
    warm()
    tell(f"{first.path if first else out}\nat http://{HERE}:{port} (Ctrl-C stops it)")
    options = {**_OPTIONS, "server.port": port}
    bootstrap.load_config_options(options)
    root = first.path.parent if first else out
    bootstrap.run(str(APP), False, [str(root), first.path.name if first else ""], options)


def warm() -> None:
    """Solve a program of two users, so that no visitor waits for the solver to be read: over a second."""
    from agents.allocation import Linear, allocate

    cost = np.array([[0.0, 1.0], [0.0, 1.0]])
    allocate(np.array([[0.0, 2.0], [0.0, 3.0]]), [Linear("budget", cost, 1.5)], np.ones((2, 2), np.bool_))


def _first(out: Path, study: str | None) -> Results | None:
    if study is not None and Path(study).is_dir():
        return Results.open(study)
    if study is None and out.is_dir() and not any(out.glob("*-????????/study.json")):
        return None  # the page `Data` makes some
    return latest(out, study)
