"""A policy as a folder that MLflow serves: code, arrays and JSON, signature, example; nothing pickled."""

from __future__ import annotations

import json
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.serving.answer import columns_of
from experiments.serving.example import rows_of
from experiments.serving.frozen import Frozen
from experiments.serving.request import PRESENT, UNIT, required
from rage_env.interface import Observation

if TYPE_CHECKING:
    from mlflow.models import Model, ModelSignature

__all__ = ["EXAMPLE_ROWS", "save_model", "signature_of"]

EXAMPLE_ROWS = 3
_CODE = Path(__file__).with_name("code_model.py")


def save_model(policy: Frozen, last: Observation, path: Path, model: Model | None = None) -> Path:
    """Write the model's folder. last: users it would have met next, of whom the first that are there are the example.

    model: identity that MLflow gave it, if it did. Returns the folder.
    """
    import mlflow.pyfunc

    example = rows_of(policy, last, np.flatnonzero(last.present)[:EXAMPLE_ROWS])
    with tempfile.TemporaryDirectory() as scratch:
        mlflow.pyfunc.save_model(
            path,
            python_model=str(_CODE),
            artifacts={"policy": str(policy.save(Path(scratch) / "policy"))},
            signature=signature_of(policy),
            input_example=(example, {"week": policy.standing.week, "seed": policy.seed}),
            pip_requirements=[f"rage-env=={metadata.version('rage-env')}"],
            mlflow_model=model,
        )
    return path


def signature_of(policy: Frozen) -> ModelSignature:
    """Columns of a request and of an answer, and the parameters of a request with what they are if left out.

    Columns are declared `any` and optional, and checked by us: else MLflow would cut an id of 1.5 to 1, take text for
    numbers, refuse whole numbers in a table, name no row, and answer a missing column by a dump of the schema.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    columns = [{"type": "any", "name": name, "required": False} for name in (*required(policy), UNIT, PRESENT)]
    kinds = {"user_id": "long", "arm": "string", "reason": "string"}
    told = Schema([ColSpec(kinds.get(name, "double"), name) for name in columns_of(policy)])
    stood = policy.standing
    params = [ParamSpec("week", "long", stood.week), ParamSpec("seed", "long", policy.seed)]
    for name in ("numerator_to_date", "denominator_to_date", "denominator_last_week"):
        params.append(ParamSpec(name, "double", list(getattr(stood, name)), shape=(-1,)))
    return ModelSignature(Schema.from_json(json.dumps(columns)), told, ParamSchema(params))
