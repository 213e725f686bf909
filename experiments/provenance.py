"""Where a result comes from: the code, its commit, the packages and the processor that made it."""

from __future__ import annotations

import hashlib
import importlib
import json
import platform
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

__all__ = [
    "brief",
    "code_hash",
    "commit",
    "differences",
    "environment",
    "environment_of_bits",
    "line",
    "packages",
    "processor",
]

_OURS = ("rage_env", "agents", "experiments")
_PACKAGES = (
    *("rage-env", "numpy", "scipy", "pandas", "pyarrow", "gymnasium", "pydantic"),
    *("cvxpy", "clarabel", "highspy", "scikit-learn", "vowpalwabbit", "matplotlib", "mlflow", "torch"),
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


@cache
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


@cache
def processor() -> dict[str, object]:
    """Family of the processor, the vector instructions that NumPy uses on it, and the kernel of its linear algebra.

    Bits of sums and of transcendental functions depend on these, so two results are compared byte for byte only where
    they agree.
    """
    from threadpoolctl import threadpool_info

    umath = importlib.import_module("numpy._core._multiarray_umath")  # private to NumPy, and all that tells
    features: Mapping[str, bool] = getattr(umath, "__cpu_features__", {})
    blas = [p for p in threadpool_info() if p["user_api"] == "blas" and not _is_anothers(Path(p["filepath"]))]
    kernels = {str(pool.get("architecture") or pool["internal_api"]) for pool in blas}
    return {
        "family": platform.machine(),
        "vector_instructions": sorted(str(name) for name, used in features.items() if used),
        "linear_algebra": sorted(kernels),
    }


def _is_anothers(library: Path) -> bool:
    """Whether it came in another package's wheel: those are there or not by what else the process has imported."""
    folder = library.parent
    owner = folder.parent.name if folder.name == ".dylibs" else folder.name  # as macOS's wheels have it, or Linux's
    return (folder.name == ".dylibs" or folder.name.endswith(".libs")) and not owner.startswith("numpy")


def environment() -> dict[str, object]:
    """Everything outside the question asked that can change a number, plain JSON; the same in one place and time."""
    return {
        "packages": packages(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
        "code_hash": code_hash(),
        "commit": commit(),
    }


def brief() -> dict[str, object]:
    """What made a record of a stream, in so few words that each can carry it; hashes by their first 12 digits."""
    held, there = commit(), packages()
    return {
        "rage_env": there.get("rage-env"),
        "python": there["python"],
        "numpy": there["numpy"],
        "code_hash": code_hash()[:12],
        "commit": None if held is None else held[:12] + "+changes" * held.endswith("+changes"),
        "processor": platform.machine(),
    }


def environment_of_bits() -> dict[str, object]:
    """The environment but for the commit, which says where code came from and changes nothing."""
    return {name: held for name, held in environment().items() if name != "commit"}


def line(**asked: object) -> str:
    """The environment and what was asked for (seed, config_hash ...), as one line of JSON."""
    return json.dumps({**asked, **environment()}, sort_keys=True)


def differences(then: Mapping[str, object], now: Mapping[str, object], at: str = "") -> list[str]:
    """`name: then -> now` of everything that is not the same, but for the commit."""
    found = []
    for key in sorted({*then, *now} - {"commit"}):
        was, is_ = then.get(key), now.get(key)
        name = f"{at}{key}"
        if isinstance(was, Mapping) and isinstance(is_, Mapping):
            found += differences(was, is_, f"{name}.")
        elif isinstance(was, list) and isinstance(is_, list) and was != is_:
            gone, new = ([str(x) for x in a if x not in b] for a, b in ((was, is_), (is_, was)))
            found.append(f"{name}: " + ", ".join([*(f"without {g}" for g in gone), *(f"with {n}" for n in new)]))
        elif was != is_:
            found.append(f"{name}: {was} -> {is_}")
    return found
