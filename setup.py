"""Puts the files of configs/ into the wheel as rage_env/_configs; everything else stands in pyproject.toml."""

from __future__ import annotations

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithConfigs(build_py):
    """The usual build, then a copy of configs/ beside the code; an editable install reads configs/ itself."""

    def run(self) -> None:
        """Build and copy."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "rage_env", "_configs")
            shutil.copytree(Path(__file__).parent / "configs", target, dirs_exist_ok=True)


setup(cmdclass={"build_py": BuildWithConfigs})
