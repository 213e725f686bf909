"""What the repository promises beside the code: pins, licence, the parts of the wheel."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PINS = (ROOT / "constraints.txt").read_text().splitlines()


def pinned() -> dict[str, str]:
    lines = [line for line in PINS if line and not line.startswith("#")]
    return {name.lower().replace("_", "-"): version for name, _, version in (line.partition("==") for line in lines)}


def test_constraints_pin_plain_versions_that_every_index_can_serve() -> None:
    assert not [line for line in PINS if "+" in line or "@" in line or line.startswith("-e")]
    assert all(re.fullmatch(r"[\w.]+", version) for version in pinned().values())
    assert "rage-env" not in pinned()


def test_every_direct_dependency_of_run_and_test_is_pinned() -> None:
    extras = PROJECT["optional-dependencies"].values()
    direct = PROJECT["dependencies"] + [d for extra in extras for d in extra if not d.startswith("rage-env")]
    names = {re.split(r"[\[<>=]", d)[0].lower() for d in direct}
    assert names - set(pinned()) == set()


def test_torch_is_not_needed_to_run() -> None:
    assert not [d for d in PROJECT["dependencies"] if d.startswith(("torch", "streamlit", "ray"))]


def test_the_make_file_offers_what_the_readme_names() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    assert {"run", "test", "test-all", "lint", "bench"} <= targets
    named = set(re.findall(r"`make ([a-z-]+)`", (ROOT / "README.md").read_text()))
    assert named
    assert named <= targets
    assert "make test" in (ROOT / ".ci" / "run").read_text()
