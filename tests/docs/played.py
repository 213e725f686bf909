"""Pages as tests: files are saved under the names they give, commands run, code prints what is shown below it."""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path

import pytest

from experiments import cli

ROOT = Path(__file__).resolve().parents[2]
BLOCK = re.compile(r"```(\w+)\n(.*?)```", flags=re.DOTALL)
PACKAGES = ("agents.policies", "experiments.estimators", "experiments.monitors")


@contextmanager
def own_parts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A folder to work in whose agents, estimators and monitors are found as those of the packages are."""
    monkeypatch.chdir(folder)
    for package in PACKAGES:
        module = importlib.import_module(package)
        place = folder.joinpath(*package.split("."))
        place.mkdir(parents=True)
        monkeypatch.setattr(module, "__path__", [*module.__path__, str(place)])
    from experiments.estimators._discovery import _class_of, names

    before = set(sys.modules)
    for found in (names, _class_of):
        found.cache_clear()
    yield
    for found in (names, _class_of):
        found.cache_clear()
    for name in set(sys.modules) - before:
        if name.startswith(PACKAGES):
            package, _, part = name.rpartition(".")
            del sys.modules[name]
            if hasattr(sys.modules[package], part):
                delattr(sys.modules[package], part)


def words(text: str) -> list[list[str]]:
    """What is printed, line by line, however it is set."""
    return [line.split() for line in text.splitlines() if line.strip()]


@dataclass
class Player:
    """Plays pages one after the other.

    smaller: {text of a file or command: what stands in its place}, for a quicker play whose output is not compared.
    skipping: beginnings of commands, and words of code, that are left out. more: arguments after a command's own.
    """

    capsys: pytest.CaptureFixture[str]
    smaller: Mapping[str, str] = field(default_factory=dict)
    skipping: tuple[str, ...] = ()
    more: Mapping[str, str] = field(default_factory=dict)
    names: dict[str, object] = field(default_factory=lambda: {"__name__": "page"})

    def play(self, page: Path) -> None:
        """Do what the page says, in the order in which it says it."""
        for kind, block in BLOCK.findall(page.read_text(encoding="utf-8")):
            named = re.match(r"# (\S+\.(?:py|yaml))\n", block)
            if named:
                self._save(Path(named[1]), block)
            elif kind == "sh":
                for line in block.replace("\\\n", "").splitlines():
                    self._run(line)
                self.capsys.readouterr()
            elif kind == "python":
                if not any(word in block for word in self.skipping):
                    exec(compile(block, page.name, "exec", dont_inherit=True), self.names)
            else:
                assert kind == "text"
                shown = self.capsys.readouterr().out
                assert self.smaller or words(shown) == words(block), shown

    def _save(self, path: Path, text: str) -> None:
        path.write_text(self._small(text), encoding="utf-8")

    def _small(self, text: str) -> str:
        for stated, instead in self.smaller.items():
            text = text.replace(stated, instead)
        return text

    def _run(self, line: str) -> None:
        if line.startswith(self.skipping):
            return
        for rule in recipe(line):
            program, *given = shlex.split(f"{self._small(rule)} {self.more.get(rule, '')}")
            arguments = [path for word in given for path in (sorted(glob(word)) if "*" in word else [word])]
            assert program == "rage", line
            assert cli.main(arguments) == 0, (line, self.capsys.readouterr().err)


def recipe(line: str) -> list[str]:
    """The commands of `rage` that a line of a page stands for: those of a `make` target, none of an activation."""
    if line == ". .venv/bin/activate":
        return []
    if not line.startswith("make "):
        return [line]
    target = line.removeprefix("make ")
    found = re.search(rf"^{target}:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert found is not None, line
    return re.findall(r"^\t\$\(BIN\)/(rage .*)$", found[1], flags=re.MULTILINE)
