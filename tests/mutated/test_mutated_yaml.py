"""Whatever happens to a YAML file, every command that reads it answers, or names file, line, rule and way out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rage_env import configs
from tests.mutated.strategies import TEXT, throw, told, wrong_text

FEW, MANY = 3, 300
EXPERIMENT = """\
name: mine
question: Does anything break?
scenario: fintech
users: 40
weeks: 2
seeds: [1]
agents:
  - kind: no_offer
  - { kind: blanket, arm: nudge }
floor: { propensity: 0.01, share: 0.2 }
estimators: [naive, ips]
ope: { target: { kind: status_quo } }
monitors:
  - { kind: group_sequential, metric: value, spending: obf }
oracle: { every_weeks: 1, users_fit: 1000 }
workers: 1
"""
AB = EXPERIMENT.replace("scenario: fintech\n", "scenario: fintech\nmode: ab\nab: { salt: mine }\n").replace(
    "users: 40\n", "users: 400\n"
)
WORLD = """\
extends: fintech
name: mine
description: Shorter, and dearer.
weeks: 5
retention_value_usd: 30.0
population:
  fraud_mix: [0.97, 0.01, 0.01, 0.01]
arms:
  nudge: { contact_cost_usd: 0.05 }
mechanisms:
  offers: { take_rate: 0.02 }
guardrails:
  - { name: loss_rate, numerator: { loss_fraud: 1.0 }, denominator: { gmv: 1.0 }, limit: 0.01 }
sources:
  weeks: assumed
  retention_value_usd: assumed
  population: assumed
  arms: assumed
  mechanisms: assumed
  guardrails: assumed
"""
WHOLE_WORLD = configs.find("scenarios", "fintech").read_text(encoding="utf-8")
MAPPING = """\
name: mine
source: by hand
file: log.csv
unit: user
week: week
arm_column: arm
arms:
  - { name: none, value: a, propensity: 1/2 }
  - { name: some, value: b, propensity: 1/2 }
outcomes:
  - { name: visit, unit: 0/1 }
covariates:
  numeric: [age]
  categorical: [place]
"""
MONITORED = """\
unit: user
time: week
group: arm
control: a
metric: visit
monitors: [group_sequential]
weeks: 9
alpha: 0.05
"""
SWEEP = """\
name: mine
question: Does anything break?
base: quickstart
overrides:
  users: 60
  weeks: 2
  seeds: [1]
  agents: [{ kind: no_offer }, { kind: random }]
  monitors: []
  oracle: { every_weeks: 2, users_fit: 1000 }
  workers: 1
axes:
  - { key: scenario_overrides.guardrails.loss_rate.limit, values: [0.3, 0.4] }
compare: { metric: gain, level: 0.05 }
"""
ROLES = "user_id: user\nweek: week\nactive: visit\n"
MOMENTS = """\
name: mine
source: by hand
scenario: fintech
users: 200
weeks: 12
departures: none
moments:
  activity_mean: 0.54
  user_mean_sd: 0.29
  log_spend_mean: 3.6
left_out:
  churn: nobody left
"""
LOG = "user,week,arm,visit,age,place\n" + "".join(
    f"u{u},{w},{'ab'[u % 2]},{(u * w) % 3 % 2},{u},{'xy'[u % 2]}\n" for w in range(9) for u in range(240)
)

CASES: dict[str, tuple[str, list[str]]] = {
    "run": (EXPERIMENT, ["run", "F", "--no-track"]),
    "run, ab": (AB, ["run", "F", "--no-track"]),
    "config of an experiment": (EXPERIMENT, ["config", "F"]),
    "config of a world": (WORLD, ["config", "F"]),
    "config of a whole world": (WHOLE_WORLD, ["config", "F"]),
    "describe": (WORLD, ["describe", "F", "--users", "40", "--sources"]),
    "check": (WORLD, ["check", "F", "--users", "200", "--weeks", "4"]),
    "simulate": (WORLD, ["simulate", "F", "--users", "20", "--weeks", "2", "--out", "out", "--force"]),
    "stream": (WORLD, ["stream", "F", "--users", "5", "--duration", ".1", "--no-wait"]),
    "monitor design": (WORLD, ["monitor", "design", "F", "--users", "200", "--weeks", "4"]),
    "calibrate a world": (WORLD, ["calibrate", "--moments", "sound.yaml", "--scenario", "F", "--draws", "100"]),
    "calibrate from moments": (MOMENTS, ["calibrate", "--moments", "F", "--draws", "100"]),
    "calibrate through a mapping": (ROLES, ["calibrate", "log.csv", "--mapping", "F", "--draws", "100"]),
    "evaluate": (MAPPING, ["evaluate", "log.csv", "--mapping", "F"]),
    "evaluate a mapping": (MAPPING, ["evaluate", "F"]),
    "learn": (MAPPING, ["learn", "log.csv", "--mapping", "F", "--metric", "visit", "--out", "policy", "--force"]),
    "export": (MAPPING, ["export", "log.csv", "--mapping", "F", "--to", "vw", "--out", "log.vw", "--force"]),
    "sweep": (SWEEP, ["sweep", "F", "--dry-run"]),
    "sweep, how it stands": (SWEEP, ["sweep", "F", "--status"]),
    "monitor": (MONITORED, ["monitor", "log.csv", "--mapping", "F"]),
}
FITS = ("calibrate a world", "calibrate from moments", "calibrate through a mapping")
"""Commands that take many seconds where the file is still sound."""
PLACE = r"\.yaml:\d+|no such file|column|\b(rows?|weeks?|users)\b|--\w+|cannot be read"


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log.csv").write_text(LOG)
    (tmp_path / "sound.yaml").write_text(MOMENTS)


def asked(case: str, data: bytes) -> tuple[int, str]:
    """What the command makes of this file."""
    Path("own.yaml").write_bytes(data)
    return told(["own.yaml" if a == "F" else a for a in CASES[case][1]])


def judge(case: str, changes: list[tuple[str, int, str]]) -> None:
    code, said = asked(case, wrong_text(CASES[case][0], changes))
    assert code in ((0, 1, 2) if case == "check" else (0, 2)), said
    if code == 2:
        problems = said.splitlines()
        problems = problems[1:] if re.match(r"\d+ problems:", problems[0]) else problems
        assert all(re.search(r"\b(own\.yaml|log\.csv)\b", line) for line in problems if line[0] != " "), said
        assert re.search(PLACE, said), said


def thrown(case: str, examples: int) -> None:
    """Asks for that many mutations of the case's file; the same ones in every run."""
    throw(TEXT, lambda changes: judge(case, changes), examples)


@pytest.mark.parametrize("case", [c for c in CASES if c not in (*FITS, "check")])
def test_the_sound_file_is_answered(case: str) -> None:
    code, said = asked(case, CASES[case][0].encode())
    assert code == 0, said


@pytest.mark.parametrize("case", [c for c in CASES if c not in FITS])
def test_no_slip_in_a_file_brings_a_traceback(case: str) -> None:
    thrown(case, FEW)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_no_slip_in_hundreds_brings_a_traceback(case: str) -> None:
    thrown(case, FEW if case in FITS else MANY)
