"""A log as a Minari data set: every sampled user is an episode, every week a step (extra `rl`).

Observations are the features before the week, actions the arms, rewards the metric. A user who leaves ends the episode
(terminated); one who is still there at the end is cut off (truncated). The last observation, which no log holds,
repeats the one before it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from experiments.estimators._log import outcome
from experiments.estimators._sums import clusters_of
from experiments.estimators._weeks import week_codes
from experiments.reward_model import features_of
from rage_env.errors import ConfigError, LogError
from rage_env.log import validate_log
from rage_env.randomness import Draw, Noise, person_keys, seed_key

if TYPE_CHECKING:
    from minari import MinariDataset
    from minari.data_collector import EpisodeBuffer

__all__ = ["to_minari"]


def to_minari(
    table: pa.Table, n_actions: int, name: str, metric: str = "reward", users: int = 1_000, seed: int = 0
) -> MinariDataset:
    """Write data set `name` (`group/data-v0`) below Minari's root (`MINARI_DATASETS_PATH`) and return it.

    users: how many episodes at most, drawn by a hash of their place. Propensities stand in `infos`.
    Raises LogError for an invalid log or a name that is taken, ConfigError where Minari is not installed.
    """
    try:
        import minari
        from gymnasium import spaces
    except ImportError as error:
        raise ConfigError(f"export to minari: {error}; install the extra: pip install 'rage-env[rl]'") from error
    validate_log(table, k=n_actions)
    features = features_of(table).astype(np.float32)
    if not features.shape[1]:
        raise LogError("export to minari: the log has no x_* columns, so there is nothing to observe")
    try:
        if name in minari.list_local_datasets():
            raise LogError(f"export to minari: a data set {name} is there already; delete it or choose another name")
        with warnings.catch_warnings():
            warnings.filterwarnings(
                "ignore", message=".*(is set to None|env_spec is None)", category=UserWarning
            )  # who wrote it is open
            return minari.create_dataset_from_buffers(
                name,
                list(_episodes(table, features, metric, users, seed)),
                action_space=spaces.Discrete(n_actions),
                observation_space=spaces.Box(-np.inf, np.inf, features.shape[1:], np.float32),
                algorithm_name="the logging policy",
                description=f"{metric} by week; infos: propensity of the arm taken",
            )
    except ValueError as error:
        raise LogError(f"export to minari: {error}; names read as group/data-v0") from error


def _episodes(
    table: pa.Table, features: NDArray[np.float32], metric: str, users: int, seed: int
) -> Iterator[EpisodeBuffer]:
    from minari.data_collector import EpisodeBuffer

    reward = np.asarray(outcome(table, metric), dtype=np.float64)
    arm = np.asarray(table["arm"].to_numpy()).astype(np.int64)
    chance = np.asarray(table["propensity"].to_numpy(zero_copy_only=False), dtype=np.float64)
    present = np.asarray(table["present"].to_numpy()) if "present" in table.column_names else np.ones(len(arm), bool)
    for rows in _sampled(table, users, seed):
        here = rows[present[rows]]
        if not len(here):
            continue
        end = np.zeros(len(here), np.bool_)
        end[-1] = True
        left = len(here) < len(rows)
        yield EpisodeBuffer(
            observations=np.concatenate([features[here], features[here[-1:]]]),
            actions=arm[here],
            rewards=reward[here],
            terminations=end & left,
            truncations=end & (not left),
            infos={"propensity": np.concatenate([chance[here], [np.nan]])},
        )


def _sampled(table: pa.Table, users: int, seed: int) -> Iterator[NDArray[np.int64]]:
    """Rows of each sampled user, in order of time."""
    who = clusters_of(table["user_id"], table.num_rows)
    key = seed_key(seed)
    luck = Noise(key, person_keys(key, np.arange(who.count)), 0).uniform(Draw.FOLD)
    chosen = np.sort(np.argsort(luck, kind="stable")[:users])
    order = np.lexsort((week_codes(table), who.codes))
    starts = np.searchsorted(who.codes[order], np.arange(who.count + 1))
    for user in chosen:
        yield order[starts[user] : starts[user + 1]]
