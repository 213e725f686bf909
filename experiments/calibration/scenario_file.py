"""Writes a calibrated scenario: the whole of the base world, with fitted numbers and where each comes from."""

from __future__ import annotations

import datetime
import re
from pathlib import Path

import yaml

from experiments import provenance, storage
from experiments.calibration.bounds import scaled_bounds
from experiments.calibration.report import Calibration, ParameterRow
from experiments.calibration.simulate import changed_world
from rage_env import scenario
from rage_env.errors import ConfigError
from rage_env.scenario import Scenario
from rage_env.yamlfile import config_hash

__all__ = ["PROVENANCE", "check_out", "write_scenario"]

PROVENANCE = "provenance: "
"""Begins the line of comment that says what a scenario file was made with; JSON follows."""

_DIGITS = 4


def check_out(path: Path) -> None:
    """Raises ConfigError where no scenario file can be written, before anything is simulated."""
    if path.suffix not in (".yaml", ".yml"):
        raise ConfigError(f"--out {path}: a scenario file ends in .yaml")
    if not path.parent.is_dir():
        raise ConfigError(f"--out {path}: there is no folder {path.parent}; make it, or write elsewhere")
    if path.is_dir():
        raise ConfigError(f"--out {path}: is a folder; give a file that ends in .yaml")


def write_scenario(found: Calibration, base: Scenario, path: Path, today: datetime.date) -> Scenario:
    """The scenario as it was written and read back. today: stands in its sources."""
    values = {row.parameter: _rounded(row.mean) for row in found.parameters}
    changed = changed_world(base, values)
    bounds = {bound: _rounded(usd) for bound, usd in scaled_bounds(base, changed).items()}
    changed = changed_world(changed, bounds)
    fields = changed.model_dump(mode="json", exclude_none=True)
    fields["name"] = _name(path.stem, base.name)
    fields["description"] = f"{base.name} with {len(values)} numbers calibrated to {found.target.name}."
    told = {row.parameter: _source(found, row, today) for row in found.parameters}
    moved = f"{base.name}'s, moved with the mean loss of the calibrated world"
    fields["sources"] = {**told, **dict.fromkeys(bounds, moved), **base.sources}
    head = f"# {base.name}, calibrated to {found.target.name} on {today.isoformat()} ({found.draws} draws)."
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=110)
    made = provenance.line(seed=found.seed, draws=found.draws, base_hash=config_hash(base))
    storage.write_text(path, f"{head}\n# {PROVENANCE}{made}\n{text}")
    return scenario.load(path)


def _source(found: Calibration, row: ParameterRow, today: datetime.date) -> str:
    text = f"calibrated from {found.target.name}, {today.isoformat()}, posterior sd {row.sd:.2g}"
    return text if row.told else f"{text}; hardly told by it ({row.width:.0%} of the prior's width)"


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


def _name(stem: str, base: str) -> str:
    name = re.sub(r"[^a-z0-9_]+", "_", stem.lower())
    return name if re.match(r"^[a-z]", name) else f"{base}_calibrated"
