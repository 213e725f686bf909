"""One registered model of MLflow: its versions, each the policy of one run, and the aliases that point to them."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.serving.frozen import Frozen
from experiments.tracking.model import save_model
from rage_env.interface import Observation

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel, Run
    from mlflow.tracking import MlflowClient

__all__ = ["Registry"]

_KEYS = ("rage.study_id", "rage.run_id")
"""Tags that tell which run a version is the policy of."""


class Registry:
    """The model `name` of a store."""

    def __init__(self, client: MlflowClient, name: str) -> None:
        self.client, self.name = client, name

    def versions(self) -> dict[str, str]:
        """{version: agent/seed of the run whose policy it is}."""
        found = self.client.search_model_versions(f"name = '{self.name}'")
        return {str(v.version): str(v.tags.get("rage.run_id", "not ours")) for v in found}

    def version_of(self, run: Run) -> str | None:
        """The version that holds the policy of this run, if there is one already."""
        wanted = [run.data.tags[key] for key in _KEYS]
        found = self.client.search_model_versions(f"name = '{self.name}'")
        held = [v for v in found if [v.tags.get(key) for key in _KEYS] == wanted]
        return str(max(held, key=lambda v: int(v.version)).version) if held else None

    def add(self, run: Run, policy: Frozen, last: Observation) -> str:
        """The new version that holds this policy. last: users it would have met next."""
        if not self._there():
            self.client.create_registered_model(
                self.name,
                description=f"Policies of RAGE for the world {policy.about['scenario']}; see docs/serving.md.",
            )
        logged = self.client.create_logged_model(
            run.info.experiment_id, name="policy", source_run_id=run.info.run_id, model_type="policy"
        )
        try:
            return self._fill(logged, run, policy, last)
        except BaseException:
            self.client.delete_logged_model(logged.model_id)
            raise

    def _fill(self, logged: LoggedModel, run: Run, policy: Frozen, last: Observation) -> str:
        from mlflow.entities import LoggedModelOutput
        from mlflow.models import Model

        about = Model(
            artifact_path=logged.artifact_location,
            model_uuid=logged.model_id,
            model_id=logged.model_id,
            run_id=run.info.run_id,
            metadata={"rage.guardrails": [g.model_dump(mode="json") for g in policy.problem.guardrails]},
        )
        with tempfile.TemporaryDirectory() as scratch:
            folder = save_model(policy, last, Path(scratch) / "model", about)
            self.client.log_model_artifacts(logged.model_id, str(folder))
        self.client.finalize_logged_model(logged.model_id, "READY")
        self.client.log_outputs(run.info.run_id, [LoggedModelOutput(logged.model_id, step=0)])
        tags = {key: value for key, value in run.data.tags.items() if key.startswith("rage.")}
        made = self.client.create_model_version(
            self.name,
            source=logged.artifact_location,  # `models:/ID` is looked up in whatever store a process speaks to
            run_id=run.info.run_id,
            model_id=logged.model_id,
            tags=tags,
            description=_described(policy),
        )
        return str(made.version)

    def aliases(self) -> dict[str, str]:
        """{alias: version}."""
        if not self._there():
            return {}
        return {str(a): str(v) for a, v in self.client.get_registered_model(self.name).aliases.items()}

    def point(self, alias: str, version: str | None) -> None:
        """Let the alias point to that version, or to none."""
        if version is None:
            self.client.delete_registered_model_alias(self.name, alias)
        else:
            self.client.set_registered_model_alias(self.name, alias, version)

    def _there(self) -> bool:
        return bool(self.client.search_registered_models(f"name = '{self.name}'"))


def _described(policy: Frozen) -> str:
    about = policy.about
    kept = ", ".join(f"{g.name} {g.sense} {g.limit:g}" for g in policy.problem.guardrails)
    limits = f" Its world's limits, of which a plan keeps those over the rows of one request: {kept}." if kept else ""
    return (
        f"{about['agent']} as it stood after {about['weeks']} weeks with {about['users']:,} users of "
        f"{about['scenario']}, seed {policy.seed}, in the study {about['study']}.{limits}"
    )
