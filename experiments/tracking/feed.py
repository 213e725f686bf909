"""Writes one study into one experiment of a store, run by run."""

from __future__ import annotations

import contextlib
import hashlib
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from experiments.results import Results
from experiments.series import Points, last_figures, weekly_series

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

__all__ = ["MOST_METRICS", "Feed"]

MOST_METRICS = 1_000  # MLflow's own limit for one batch


class Feed:
    """Writes one study into one experiment of a store; remembers what of it is already there."""

    def __init__(self, client: MlflowClient, experiment_id: str, results: Results) -> None:
        self.client, self.experiment_id, self.results = client, experiment_id, results
        found = client.search_runs(
            [experiment_id], f"tags.`rage.study_id` = '{results.study.hash}'", max_results=50_000
        )
        self.there = {run.data.tags.get("rage.run_id", ""): run for run in found}

    def run(self, agent: str, seed: int) -> bool:
        """Write the run of one agent and seed; False where it was there already."""
        key = f"{agent}/{seed}"
        if self._is_whole(key, digest=""):
            return False
        tags = {"rage.kind": "run", "rage.agent": agent, "rage.seed": str(seed)}
        with self._open(key, f"{agent} seed {seed}", tags) as run_id:
            weekly, summary = self.results.weekly(agent, seed), self.results.summary(agent, seed)
            self._metrics(run_id, [*weekly_series(weekly), *last_figures(summary)])
            for name in ("weekly.parquet", "summary.json"):
                self.client.log_artifact(run_id, str(self.results.run_folder(agent, seed) / name))
        return True

    def comparison(self) -> bool:
        """Write the comparison run, anew if its leaderboard or figures changed; False where it stands already."""
        files = [p for p in sorted(self.results.path.glob("*")) if p.is_file() and not p.name.startswith(".")]
        figures = sorted(self.results.figures.glob("*.png"))
        digest = hashlib.sha256(b"".join(hashlib.sha256(p.read_bytes()).digest() for p in files + figures)).hexdigest()
        if self._is_whole("comparison", digest):
            return False
        tags = {"rage.kind": "comparison", "rage.digest": digest}
        with self._open("comparison", f"{self.results.study.name} comparison", tags) as run_id:
            for file in files:
                self.client.log_artifact(run_id, str(file))
            for figure in figures:
                self.client.log_artifact(run_id, str(figure), "figures")
            for name in ("leaderboard", "over_seeds", "verdicts"):
                if self.results.has_table(name):
                    table = self.results.table(name)
                    self.client.log_table(run_id, table.astype(object).where(table.notna(), None), f"{name}.json")
        return True

    def _is_whole(self, key: str, digest: str) -> bool:
        """Whether that run is there and finished; a half-written or outdated one is deleted."""
        run = self.there.get(key)
        if run is None:
            return False
        if run.info.status == "FINISHED" and run.data.tags.get("rage.digest", "") == digest:
            return True
        self.client.delete_run(run.info.run_id)
        return False

    @contextlib.contextmanager
    def _open(self, key: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
        from mlflow.entities import Param

        study = self.results.study
        about = {
            "rage.study": study.name,
            "rage.study_id": study.hash,
            "rage.run_id": key,
            "rage.scenario": study.scenario,
        }
        run = self.client.create_run(self.experiment_id, tags={**about, **tags}, run_name=name)
        run_id: str = run.info.run_id
        with contextlib.ExitStack() as unfinished:
            unfinished.callback(self.client.set_terminated, run_id, "FAILED")
            params = [Param(name, str(value)) for name, value in _params(self.results, tags).items()]
            self.client.log_batch(run_id, params=params, synchronous=True)
            yield run_id
            unfinished.pop_all()
        self.client.set_terminated(run_id)

    def _metrics(self, run_id: str, series: list[Points]) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        rows = [Metric(s.name, value, now, week) for s in series for week, value in s.points]
        for start in range(0, len(rows), MOST_METRICS):
            self.client.log_batch(run_id, metrics=rows[start : start + MOST_METRICS], synchronous=True)


def _params(results: Results, tags: Mapping[str, str]) -> dict[str, object]:
    study = results.study
    common: dict[str, object] = {
        "users": study.users,
        "weeks": study.weeks,
        "scenario_hash": study.scenario_hash[:12],
        "config_hash": study.config_hash[:12],
        "commit": study.commit or "none",
    }
    if tags["rage.kind"] != "run":
        return {**common, "question": study.question[:500], "seeds": ", ".join(map(str, study.seeds))}
    entries = results.config.get("agents")
    mine = [a for a in entries if (a["name"] or a["kind"]) == tags["rage.agent"]] if isinstance(entries, list) else []
    of_agent = {f"agent.{k}": str(v)[:500] for k, v in (mine[0] if mine else {}).items() if v != ""}
    return {**common, "agent": tags["rage.agent"], "seed": tags["rage.seed"], **of_agent}
