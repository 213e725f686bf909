"""A network learns the features, a Bayesian last layer the effects (Riquelme, Tucker and Snoek 2018).

The linear beliefs come first; the last layer learns, week by week, what they miss of value, against arm 0, and is
drawn from like them. The network is trained anew on a schedule from rows kept of its own log, and the last layer with
it. Guardrails stay on the pooled, cautious beliefs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from agents.beliefs.linear import Ridge, Structure
from agents.beliefs.neural import NeuralFeatures, Training, require_torch, train
from agents.interface import Decision, Problem
from agents.kept import Kept, Sample
from agents.parameters import AgentParams
from agents.safety import Guard
from agents.thompson import Thompson, ThompsonParams
from rage_env.interface import Feedback, Observation

Floats = NDArray[np.float64]
_KEPT = ("active", "gmv", "revenue_gross", "bonus_cost", "contact_cost", "loss_bonus_abuse", "churned")


class NeuralLinearParams(ThompsonParams):
    """refit_weeks: when the network is trained. effect_sd: prior sd of effects beyond the linear belief, in dollars.

    device: where it is trained. rows_per_week, rows_per_fit: most rows kept and trained on.
    """

    refit_weeks: tuple[int, ...] = Field(default=(4, 8, 16), strict=False)  # a YAML list will do
    hidden: int = Field(default=32, ge=1, le=4096)
    features: int = Field(default=16, ge=1, le=512)
    epochs: int = Field(default=12, ge=1, le=1000)
    effect_sd: float = Field(default=0.1, gt=0, allow_inf_nan=False)
    device: Literal["cpu", "cuda"] = "cpu"
    rows_per_week: int = Field(default=8_000, ge=100)
    rows_per_fit: int = Field(default=60_000, ge=100)


class NeuralLinear(Thompson):
    """Remembers rows of its own log, the network, and the sums of the last layer."""

    name = "neural_linear"
    Params: ClassVar[type[AgentParams]] = NeuralLinearParams
    kept: Kept
    trained: int  # the week before which the network was trained; -1 for never
    network: NeuralFeatures | None
    last_layer: Ridge
    noise: float  # variance of value around what is believed, dollars^2

    def start(self, problem: Problem) -> None:
        """Forget log and network. Raises ConfigError without torch, or without the device."""
        require_torch(self.name, self._own.device)
        super().start(problem)
        self.kept = Kept(_KEPT, self._own.rows_per_week, self.params.seed)
        self.trained, self.network, self.noise = -1, None, 1.0
        self.last_layer = self._blank(problem.k)

    def learn(self, feedback: Feedback) -> None:
        """Beliefs as for every learner, a sample of the week's rows, and the last layer once there is a network."""
        super().learn(feedback)
        if feedback.new.week >= 0:
            self.kept.add(feedback.new)
            if self.network is not None:
                self.last_layer.forget(self._own.keep)
                self._take(self.network, self.kept.weeks[-1][1])

    def begin_run(self) -> None:
        """Rows of the history stay, dated before the run."""
        super().begin_run()
        assert self.problem is not None
        self.kept.begin_run(self.problem.burn_in_weeks)

    def choose(self, observation: Observation, guard: Guard, start: Floats) -> Decision:
        """Train where the schedule asks for it, then decide by Thompson sampling."""
        schedule = (0, *self._own.refit_weeks) if observation.week == 0 else self._own.refit_weeks
        due = [w for w in schedule if self.trained < w <= observation.week]
        sample = self.kept.before(observation.week, self._own.rows_per_fit) if due else None
        if sample is not None:
            self._train(sample, observation.week)
        return super().choose(observation, guard, start)

    def drawn(self, observation: Observation, guard: Guard, rng: np.random.Generator) -> list[Floats]:
        """Draws of the linear belief, each with a draw of what it misses."""
        values = super().drawn(observation, guard, rng)
        if self.network is None:
            return values
        rows = self.network.rows(observation.features) * observation.present[:, None]
        for value, theta in zip(values, self.last_layer.posterior().draw(rng, len(values)), strict=True):
            value[:, 1:] += rows @ theta.T.astype(np.float32)
        return values

    def _train(self, sample: Sample, week: int) -> None:
        assert self.problem is not None
        own = self._own
        shape = Training(own.hidden, own.features, own.epochs, device=own.device, seed=self.params.seed)
        told = ("active", "churned", "revenue_gross")
        targets = np.stack([sample.columns[c] for c in told] + [np.log1p(sample.columns["gmv"])], axis=1)
        self.network = train(sample.features, sample.arm, targets, self.problem.k, shape)
        self.trained, self.last_layer = week, self._blank(self.problem.k)
        self.noise = max(float(self._missed(sample).var()), 1e-6)
        self._take(self.network, sample)

    def _take(self, network: NeuralFeatures, sample: Sample) -> None:
        weight = np.full(len(sample.arm), 1.0 / self.noise, np.float32)
        self.last_layer.update(network.rows(sample.features), sample.arm, self._missed(sample), weight)

    def _missed(self, sample: Sample) -> Floats:
        """(rows,) value beyond what the linear belief expected under the arm taken, late losses as believed."""
        assert self.problem is not None
        columns = sample.columns
        margin = columns["revenue_gross"] - columns["bonus_cost"] - columns["contact_cost"]
        value = margin - columns["loss_bonus_abuse"] - self.problem.retention_value_usd * columns["churned"]
        late = self.belief.late_loss(sample.features, sample.arm, columns["gmv"])
        expected = self.belief.value(sample.features)
        return value.astype(np.float64) - late - expected[np.arange(len(sample.arm)), sample.arm]

    def _blank(self, k: int) -> Ridge:
        """A last layer that knows nothing: a wide correction of the baseline, effects of sd `effect_sd` together."""
        width = 1 + self._own.features
        effect = np.full(width, width / self._own.effect_sd**2)
        return Ridge(Structure.against_control(k, np.full(width, 1e-2), effect, effect))

    def own_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Rows kept, the network and the last layer."""
        out: dict[str, NDArray[np.generic]] = {"trained": np.array(self.trained), "noise": np.array(self.noise)}
        out |= {f"kept/{name}": held for name, held in self.kept.arrays().items()}
        if self.network is not None:
            out |= {f"network/{name}": held for name, held in self.network.arrays().items()}
            out |= {f"last_layer/{name}": held for name, held in self.last_layer.arrays().items()}
        return out

    def own_restore(self, arrays: Mapping[str, NDArray[np.generic]]) -> None:
        """Inverse of own_arrays."""
        assert self.problem is not None
        self.trained, self.noise = int(arrays["trained"]), float(arrays["noise"])
        self.kept.restore(arrays, "kept/")
        self.network, self.last_layer = None, self._blank(self.problem.k)
        if "network/w1" in arrays:
            self.network = NeuralFeatures.of(arrays, "network/")
            mine = {k.removeprefix("last_layer/"): v for k, v in arrays.items() if k.startswith("last_layer/")}
            self.last_layer.restore(mine)

    @property
    def _own(self) -> NeuralLinearParams:
        assert isinstance(self.params, NeuralLinearParams)
        return self.params
