"""Optimism about value, pessimism about usage, prices for guardrails (after Agrawal and Devanur 2016).

The program of the week finds its own prices. Guardrails over longer windows get a second price by dual ascent on
what has been reported to date, so that a debt of past weeks is paid back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.interface import Decision, Problem
from agents.learner import Learner, LearnerParams, reasons
from agents.parameters import AgentParams
from agents.safety import Guard
from rage_env.interface import Observation


class LagrangianLinUCBParams(LearnerParams):
    """alpha: posterior sds of optimism on value. dual_rate: step of the ascent across weeks."""

    caution: float = Field(default=2.0, ge=0, le=10)  # optimism seeks out what is little known, so more than others
    alpha: float = Field(default=1.0, ge=0, le=10)
    dual_rate: float = Field(default=0.5, ge=0, le=10)


class LagrangianLinUCB(Learner):
    """Plans for mean + alpha sd under cautious guardrails. Remembers a price for every guardrail of a long window."""

    name = "lagrangian_linucb"
    Params: ClassVar[type[AgentParams]] = LagrangianLinUCBParams
    duals: NDArray[np.float64]  # (g,) dollars for each unit of usage
    stepped: int

    def start(self, problem: Problem) -> None:
        """Forget everything; all prices start at 0."""
        super().start(problem)
        self.duals = np.zeros(len(problem.guardrails))
        self.stepped = -1  # week of the last step: deciding a week twice changes nothing

    def choose(self, observation: Observation, guard: Guard, start: NDArray[np.float64]) -> Decision:
        """Optimism in value, the prices of long windows taken off."""
        params = self.params
        assert isinstance(params, LagrangianLinUCBParams)
        value = (
            guard.outlook.value + params.alpha * guard.outlook.sd() - self._debt(observation, guard, params.dual_rate)
        )
        plan = guard.plan(value, start)
        return Decision(plan.probs, plan.allocation, reasons(plan.probs, observation))

    def _debt(self, observation: Observation, guard: Guard, rate: float) -> NDArray[np.float64]:
        """(n, k) price of usage of guardrails over longer windows, after one step of ascent on the slack to date."""
        total = np.zeros((observation.n, observation.k))
        rate = rate if observation.week > self.stepped else 0.0
        self.stepped = max(self.stepped, observation.week)
        gain = np.abs(guard.outlook.value).max(axis=1).sum()
        for g, guardrail in enumerate(guard.problem.guardrails):
            if guardrail.horizon == "week":
                continue
            done, base = observation.numerator_to_date[g], observation.denominator_to_date[g]
            owed = done - guardrail.limit * (base if guardrail.denominator is not None else 1.0)
            sign = 1.0 if guardrail.sense == "<=" else -1.0
            for row in guard.rows(guard.base, [guardrail]):
                spread = float(np.abs(row.coef - row.coef[:, :1]).max(axis=1).sum()) or 1.0
                self.duals[g] = max(0.0, self.duals[g] + rate * sign * owed / spread * gain / spread)
                total += sign * self.duals[g] * (row.coef - row.coef[:, :1])
        return total

    def own_arrays(self) -> dict[str, NDArray[np.generic]]:
        """The prices."""
        return {"duals": self.duals, "stepped": np.array(self.stepped)}

    def own_restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of own_arrays."""
        self.duals = np.array(arrays["duals"], dtype=np.float64)
        self.stepped = int(arrays["stepped"])
