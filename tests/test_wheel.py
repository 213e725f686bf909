"""What is built from the repository holds everything it needs, and works where there is no checkout."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TINY = ("users=200", "weeks=2", "seeds=[1]", "oracle.users_fit=1000", "workers=1")
TWO = "agents=[{kind: no_offer}, {kind: blanket, arm: nudge}]"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheel and sdist, built from a copy of what git would ship, without asking a package index."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("dist")
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    command = [sys.executable, "-m", "build", "--no-isolation", "--sdist", "--wheel", "--outdir", str(out), str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:] + done.stdout[-2000:]
    return out


def test_the_wheel_holds_every_module_and_every_configuration(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    for package in ("rage_env", "agents", "experiments"):
        modules = {p.relative_to(ROOT).as_posix() for p in (ROOT / package).rglob("*.py")}
        assert modules - held == set()
    shipped = {
        f"rage_env/_configs/{p.relative_to(ROOT / 'configs').as_posix()}" for p in ROOT.glob("configs/**/*.yaml")
    }
    assert shipped
    assert shipped - held == set()
    assert {name.split("/")[0] for name in held if ".dist-info/" not in name} == {"rage_env", "agents", "experiments"}


def test_the_sdist_holds_what_the_wheel_is_built_from(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "setup.py", "LICENSE", "constraints.txt", "CHANGELOG.md"} <= held
    assert {p.relative_to(ROOT).as_posix() for p in ROOT.glob("configs/**/*.yaml")} <= held


def installed(folder: Path, wheel: Path, *how: str, borrowed: bool) -> Path:
    """The folder of programs of a new environment that holds the wheel; borrowed: it sees our packages beside it."""
    venv.create(folder, with_pip=not borrowed)
    programs = folder / "bin"
    if borrowed:
        site = next(folder.glob("lib/python*/site-packages"))
        others = [p for p in sys.path if p.endswith("site-packages")]
        (site / "borrowed.pth").write_text("\n".join(others) + "\n")
        pip = [sys.executable, "-m", "pip", "--python", str(programs / "python")]
    else:
        pip = [str(programs / "python"), "-m", "pip"]
    subprocess.run([*pip, "install", "--quiet", *how, str(wheel)], check=True, cwd=folder, capture_output=True)
    return programs


def played(programs: Path, folder: Path) -> str:
    """What the quickstart, made small, prints when it is run outside the checkout."""
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "RAGE"))}
    command = [str(programs / "rage"), "run", "quickstart", *TINY, TWO, "--no-track"]
    done = subprocess.run(command, cwd=folder, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    where = "import rage_env, agents, experiments as e; print(rage_env.__file__, agents.__file__, e.__file__)"
    found = subprocess.run(
        [str(programs / "python"), "-c", where], cwd=folder, env=clean, capture_output=True, text=True, check=True
    )
    assert all(str(programs.parent) in file for file in found.stdout.split()), found.stdout
    return done.stdout


def test_the_wheel_runs_the_quickstart_outside_the_checkout(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    programs = installed(tmp_path / "env", wheel, "--no-deps", "--force-reinstall", borrowed=True)
    said = played(programs, tmp_path)
    assert "no_offer" in said
    assert (tmp_path / "results").is_dir()


@pytest.mark.slow
@pytest.mark.timeout(3_600)  # an installation as slow as its network
def test_an_empty_environment_needs_nothing_but_the_wheel(built: Path, tmp_path: Path) -> None:
    (wheel,) = built.glob("*.whl")
    programs = installed(tmp_path / "env", wheel, "-c", str(ROOT / "constraints.txt"), borrowed=False)
    checked = subprocess.run([programs / "python", "-m", "pip", "check"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert "no_offer" in played(programs, tmp_path)


def test_ours_is_the_package_that_answers_to_agents() -> None:
    import agents

    assert Path(agents.__file__).resolve().is_relative_to(ROOT)
    assert agents.names()
