"""What MLflow runs where a policy is served: this file is copied into the model, the policy's files lie beside it."""

from __future__ import annotations

from typing import Any

import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import set_model
from mlflow.protos.databricks_pb2 import BAD_REQUEST
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from experiments.serving.answer import answer
from experiments.serving.frozen import Frozen
from rage_env.errors import RageError


class ServedPolicy(PythonModel):
    """Decides for a batch of users; a request that breaks a rule is answered by its reason and HTTP 400."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the policy, from arrays and JSON alone."""
        self.policy = Frozen.load(context.artifacts["policy"])

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """One row for each user. params: week, seed and sums to date, see docs/serving.md."""
        try:
            return answer(self.policy, model_input, params or {})
        except RageError as error:
            raise MlflowException(str(error), error_code=BAD_REQUEST) from error


set_model(ServedPolicy())
