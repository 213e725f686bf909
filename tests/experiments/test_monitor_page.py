"""The page on monitors is made by its command: tables of what there is, examples that were run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from experiments import monitor_page
from experiments.cli import main
from experiments.monitor_data.declaration import declared
from experiments.monitor_page_text import EXAMPLES, GRID_HEAD, INTRODUCTION, TAIL

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "monitors.md").read_text(encoding="utf-8")


def test_the_examples_print_what_the_page_says() -> None:
    played = "\n".join(monitor_page.played(EXAMPLES))
    assert played in PAGE
    assert played.count("```sh") == 3
    assert "SAMPLE RATIO BROKEN" not in played


def test_what_the_page_says_of_a_monitor_is_what_the_monitor_says() -> None:
    """A monitor that was added since comes into the page when it is next made."""
    shown = re.search(r"## What there is\n\n(.*?)\n\n", PAGE, flags=re.DOTALL)
    assert shown is not None
    lines = shown[1].splitlines()
    assert len(lines) > 15
    assert set(lines) <= set(monitor_page.catalogue())


def test_the_page_is_what_its_command_last_wrote() -> None:
    assert INTRODUCTION in PAGE
    assert TAIL in PAGE
    made = re.search(r"monitor_page docs/monitors.md --reps (\d+) --weeks (\d+)", PAGE)
    assert made is not None
    reps, weeks = int(made[1]), int(made[2])
    assert reps >= 2_000
    assert GRID_HEAD.format(reps=f"{reps:,}", weeks=weeks, alpha="5") in PAGE


def test_no_false_alarm_of_the_page_exceeds_what_chance_allows() -> None:
    """Nominal 5 % plus 4 standard errors, which chance passes once in 30,000 cells."""
    rates = [float(x) for x in re.findall(r"\| (0\.\d{4}) ± ", PAGE)]
    assert len(rates) > 80
    assert max(rates) <= 0.05 + 4 * 0.0049


def test_a_page_is_made_from_a_grid_that_was_measured(tmp_path: Path) -> None:
    cell = {"monitor": "ssrm", "setting": "iid normal", "stream": "s", "null": "n", "false_alarms": 0.01, "stderr": 0.1}
    gap = {"monitor": "ssrm", "setting": "CUPED", "why": "because"}
    grid = {"reps": 20, "weeks": 3, "alpha": 0.05, "without": [gap]}
    grid["cells"] = [cell | {"effect": None, "power": None, "stop_week": None}]
    (tmp_path / "grid.json").write_text(json.dumps(grid))
    assert monitor_page.main([str(tmp_path / "page.md"), "--grid", str(tmp_path / "grid.json")]) == 0
    page = (tmp_path / "page.md").read_text(encoding="utf-8")
    assert "| `ssrm` | iid normal | s | 0.0100 ± 0.1000 | - | - |" in page
    assert "- `ssrm`, CUPED: because" in page


def test_the_mapping_and_the_stream_of_the_page_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (yaml,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
    Path("voucher.yaml").write_text(yaml)
    assert declared("voucher.yaml", {}).looks == (2, 4, 6, 8)
    (python,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(python, "monitors.md", "exec", dont_inherit=True), {})
    assert main(["monitor", "voucher.csv", "--mapping", "voucher.yaml", "--json"]) == 0
    verdicts = {v["monitor"]: v["verdict"] for v in json.loads(capsys.readouterr().out)["verdicts"]}
    assert verdicts == {"ssrm": "continue", "group_sequential": "lift", "asymptotic_cs": "lift"}
    lines = re.findall(r'^\{"\w+": .*\}$', PAGE, flags=re.MULTILINE)
    Path("lines.jsonl").write_text("\n".join(lines))
    assert len(lines) == 3
    assert main(["monitor", "lines.jsonl", "--stream", "--mapping", "voucher.yaml"]) == 0
    assert [json.loads(line)["week"] for line in capsys.readouterr().out.splitlines()] == [0, 0, 0, 1, 1, 1]
