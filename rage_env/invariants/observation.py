"""What is seen lies in its space and shows nothing that only the simulator knows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from rage_env import hooks
from rage_env.errors import WorldError
from rage_env.outcomes import IMMEDIATE
from rage_env.state import Archetype, FraudType
from rage_env.trial import Lived, Trial, refuse

__all__ = ["nothing_latent_is_seen", "observations_lie_in_their_space"]

Vector = NDArray[np.float64]
_LATENT = ("activity", "log_spend", "churn_rate", "intensity", "credit_risk")
_FEW = 16
_PATTERN = 3  # people who must differ; of 700, as few as two would be the same two in one world of 250,000
_ALIKE = 0.98  # correlation beyond which an array shows another; the clearest noisy signal stays below .97


def observations_lie_in_their_space(trial: Trial) -> None:
    """Observations are float32 of the right shape, finite, and inside the declared bounds."""
    table = trial.env.features
    for week in trial.weeks:
        if week.obs.dtype != np.float32 or week.obs.shape != trial.env.observation_space.shape:
            raise WorldError(f"week {week.week}: an observation is {week.obs.dtype} {week.obs.shape}")
        for j, name in enumerate(table.names):
            held = week.obs[:, j]
            bad = ~(np.isfinite(held) & (held >= table.low[j]) & (held <= table.high[j]))
            refuse(bad, week.user_id, week.week, f"feature {name} leaves its bounds", held)


def nothing_latent_is_seen(trial: Trial) -> None:
    """No column that agents or logs receive rises and falls with a latent trait or with what is still to come."""
    for week in (trial.weeks[0], trial.weeks[-1]):
        shown = [(name, _standard(values[week.present])) for name, values in _seen(trial, week)]
        for latent, values in _hidden(week, hooks.latent(trial.env.scenario.used)):
            hidden = [_standard(values[week.present]), _standard(_ranks(values[week.present]))]
            for name, visible in shown:
                if max(abs(float(visible @ h)) for h in hidden) > _ALIKE:
                    raise WorldError(
                        f"user {week.user_id[0]} and all others, week {week.week}: {name} shows {latent}, "
                        "which only the simulator may know; remove it or add noise"
                    )
    foreign = sorted(set(trial.env.columns()) - set(IMMEDIATE))
    if foreign:
        raise WorldError(
            f"user {trial.weeks[-1].user_id[0]}, week {trial.weeks[-1].week}: the log would hold {foreign}"
        )


def _seen(trial: Trial, week: Lived) -> Iterator[tuple[str, Vector]]:
    """(name, (n,)) of every column of the observation and of info, its ranks, and a flag for each value of a code."""
    columns = [(f"feature {f}", week.obs[:, j]) for j, f in enumerate(trial.env.features.names)]
    for name, array in week.info.items():
        flat = np.asarray(array)
        if not name.startswith("_") and flat.dtype.kind in "biuf":
            flat = flat.reshape(len(flat), -1)
            columns += [(f"info {name}", flat[:, j]) for j in range(flat.shape[1])]
    for name, column in columns:
        values = column.astype(np.float64)
        yield name, values
        yield name, _ranks(values)
        kinds = np.unique(values)
        if 2 < len(kinds) <= _FEW:
            yield from ((f"{name} == {kind:g}", (values == kind).astype(np.float64)) for kind in kinds)


def _hidden(week: Lived, own: Iterable[str]) -> Iterator[tuple[str, Vector]]:
    for name in _LATENT:
        yield name, getattr(week.traits, name).astype(np.float64)
    yield "shock", week.lives.shock.astype(np.float64)
    for name in own:
        yield name, {**week.traits.more, **week.lives.more}[name].astype(np.float64)
    for codes, kinds in ((week.traits.archetype, Archetype), (week.traits.fraud_type, FraudType)):
        yield kinds.__name__, codes.astype(np.float64)
        for kind in kinds:
            yield f"{kinds.__name__} {kind.name.lower()}", (codes == kind).astype(np.float64)
    for column in ("active", "gmv", "churned", "late"):
        yield f"the coming {column}", week.ledger[column].astype(np.float64)


def _ranks(values: Vector) -> Vector:
    """(n,) ranks, equal for equal values."""
    _, ranks = np.unique(values, return_inverse=True)
    return ranks.astype(np.float64)


def _standard(values: Vector) -> Vector:
    """(n,) of mean 0 and length 1; zeros where fewer than three people differ from the rest: those meet by chance."""
    if np.count_nonzero(values != np.median(values)) < _PATTERN:
        return np.zeros_like(values)
    centred = values - values.mean()
    length = float(np.sqrt(centred @ centred))
    return centred / length if length > 1e-9 * max(1.0, float(np.abs(values).max())) else np.zeros_like(centred)
