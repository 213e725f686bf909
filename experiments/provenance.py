"""Where a result comes from: the code, the packages and the commit that made it."""

from __future__ import annotations

import hashlib
import platform
import shutil
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path

__all__ = ["code_hash", "commit", "packages"]

_OURS = ("rage_env", "agents", "experiments")
_PACKAGES = (
    *("rage-env", "numpy", "scipy", "pandas", "pyarrow", "gymnasium"),
    *("cvxpy", "clarabel", "highspy", "scikit-learn", "mlflow", "torch"),
)
_ROOT = Path(__file__).resolve().parent.parent


@cache
def code_hash() -> str:
    """64 hexadecimal digits of every module of rage_env, agents and experiments, as they stand on disk."""
    digest = hashlib.sha256()
    for package in _OURS:
        for file in sorted((_ROOT / package).rglob("*.py")):
            digest.update(file.relative_to(_ROOT).as_posix().encode())
            digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def packages() -> dict[str, str]:
    """{package: version} of what is installed and can change a number, Python included."""
    found = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit() -> str | None:
    """The checked-out commit, with `+changes` where tracked files differ from it; None outside a checkout."""
    git = shutil.which("git")
    if git is None or not (_ROOT / ".git").exists():
        return None

    def ask(*arguments: str) -> str | None:
        done = subprocess.run([git, "-C", str(_ROOT), *arguments], capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else None

    head = ask("rev-parse", "HEAD")
    return f"{head}+changes" if head and ask("status", "--porcelain", "--untracked-files=no") else head
