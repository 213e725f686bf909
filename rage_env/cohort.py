"""CohortEnv: the world as a Gymnasium vector environment; one sub-environment is one user, one step one week."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Literal, Self

import numpy as np
from gymnasium.spaces import Discrete, MultiDiscrete
from gymnasium.vector import AutoresetMode, VectorEnv
from numpy.typing import NDArray

from rage_env import hooks, sight
from rage_env import options as choices
from rage_env import scenario as scenarios
from rage_env.errors import DecisionError
from rage_env.interface import NO_OFFER
from rage_env.outcomes import DELAYED, IMMEDIATE, value
from rage_env.people import People, stretches
from rage_env.randomness import seed_key
from rage_env.recycle import Recycled
from rage_env.scenario import Scenario
from rage_env.truth import Truth

__all__ = ["CohortEnv"]

Info = dict[str, Any]  # Gymnasium's own type
Floats = NDArray[np.float32]
_FILL = 4096  # rows written at once where all are alike
_LATE_LOSSES = ("loss_fraud", "loss_credit")  # booked to the week in which they are reported


class CohortEnv(People, VectorEnv[Floats, NDArray[np.int64], NDArray[Any]]):  # Any: rewards are float32, ends are bool
    """A cohort of users living week by week. Remembers everyone's state, pending reports and the calendar.

    base: scenario name or path, or the Scenario itself; scenario: nested overrides; other keywords are scenario fields
    (`weeks=52`).
    population: `closed` (departed users stay as inactive rows; autoreset disabled) or `open` (a departed user's slot
    is refilled within the step). reward: `cash` (net revenue, losses when reported) or `value` (less retention).
    observation: `features` (n, d), or `masked`: a Dict of those as `observation` and of `action_mask` (n, k).
    newborn: everyone joins at week 0. first_slot, n_max: a shard's place in the whole cohort; cohort_sums: last
    week's sums of the whole by name, instead of one's own (set `given_sums` between steps to move them on).
    threads: chunks lived at once; two processes with a shard each are faster (docs/decisions/0024).
    compiled: hashes, look-ups and comparisons of a week by compiled kernels (extra `fast`), to the same bits.
    copy: True: what was returned never changes. False: `reset` and `step` write into the arrays they handed out before,
    as Gymnasium's vector environments do under that name; nothing is held twice, and what is to stay must be copied.
    keep_burn_in: keep the burn-in weeks as WeekLogs in `burn_in_logs`.
    Raises ConfigError for what the scenario's schema refuses.
    """

    _cost: Floats  # (n, g)
    _allowed: NDArray[np.int8] | None  # (n, k) as observed last; None where no mechanism forbids anything

    metadata: dict[str, Any] = {"render_modes": [], "autoreset_mode": AutoresetMode.DISABLED}  # noqa: RUF012  # Gymnasium's own declaration

    def __init__(
        self,
        num_envs: int = 1,
        base: str | Scenario = "fintech",
        *,
        scenario: Mapping[str, Any] | None = None,
        seed: int | None = None,
        population: Literal["closed", "open"] = "closed",
        reward: Literal["cash", "value"] = "cash",
        observation: Literal["features", "masked"] = "features",
        newborn: bool = False,
        first_slot: int = 0,
        n_max: int | None = None,
        cohort_sums: Mapping[str, float] | None = None,
        threads: int = 1,
        compiled: bool = False,
        copy: bool = True,
        keep_burn_in: bool = False,
        **fields: Any,
    ) -> None:
        n_max = first_slot + num_envs if n_max is None else n_max
        choices.check(num_envs, first_slot, n_max, population=population, reward=reward, observation=observation)
        choices.check_seed(seed)
        self._made_with: dict[str, Any] = {
            "base": base, "scenario": {**(scenario or {}), **fields}, "population": population, "reward": reward,
            "observation": observation, "newborn": newborn, "cohort_sums": cohort_sums, "compiled": compiled,
        }  # fmt: skip
        world = scenarios.load(base, [self._made_with["scenario"]])
        choices.check_grain(num_envs, first_slot, n_max, hooks.grain(world.used))
        People.__init__(self, world, num_envs, first_slot, n_max, copy=copy)
        self.population, self.reward_kind, self.sight = population, reward, observation
        self.given_sums = None if cohort_sums is None else dict(cohort_sums)
        self.newborn, self.threads, self.copy, self.keep_burn_in = newborn, threads, copy, keep_burn_in
        self.noise = choices.noise(compiled=compiled)
        if compiled:
            self.chunk *= 2  # fewer arrays in passing leave room for more people beside them
        self.truth = Truth(self)
        mode = AutoresetMode.DISABLED if population == "closed" else AutoresetMode.SAME_STEP
        self.autoreset_mode = mode
        self.metadata = {**type(self).metadata, "autoreset_mode": mode}
        bounds = self.features.low, self.features.high, self.world.arms.k
        self.single_observation_space = sight.space_of_one(observation, *bounds)
        self.single_action_space = Discrete(self.world.arms.k)
        self.observation_space = sight.space_of_all(observation, *bounds, num_envs)
        self.action_space = MultiDiscrete(np.full(num_envs, self.world.arms.k))
        self._constructor_seed = seed
        self._seed: int | None = None
        self.episode = 0
        self._tables: dict[np.dtype[Any], Recycled[Any]] = {}
        self._costs: Recycled[np.float32] = Recycled(np.float32, in_place=not copy)
        self._rewards: Recycled[np.float32] = Recycled(np.float32, in_place=not copy)

    # --- Gymnasium ---------------------------------------------------------------------------------------------

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Floats, Info]:
        """Start an episode, or let newcomers into some slots (`options={"reset_mask": (n,) bool}`).

        `seed` beats the constructor's; without one the next episode of the same seed begins. Answers features (n, d)
        and the info. Raises DecisionError for a mask before the first reset.
        """
        choices.check_seed(seed)
        super().reset(seed=seed)
        mask = choices.reset_mask(options, self.num_envs)
        if mask is not None and not mask.all():
            if self._seed is None:
                raise DecisionError("reset_mask before the first reset: there is nobody to replace yet; reset() first")
            self._newcomers(mask)
            return self._observe()
        if seed is not None:
            self._seed, self.episode = seed, 0
        elif self._seed is None:
            entropy = np.random.SeedSequence().generate_state(1, np.uint64)[0]
            self._seed = self._constructor_seed if self._constructor_seed is not None else int(entropy >> np.uint64(1))
        else:
            self.episode += 1
        self._begin()
        return self._observe()

    def step(self, actions: NDArray[np.int64]) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_], Info]:
        """Live one week under these arms, (n,). Departed users' entries are ignored: they are at arm 0.

        Answers features (n, d), rewards in usd (n,), terminated (n,), truncated (n,) and the info. Raises DecisionError
        for an arm that is masked or none, or where no episode goes on.
        """
        if self._seed is None or self.week >= self.scenario.weeks:
            raise DecisionError("step: the episode has not begun or is over; call reset() first")
        arm = self._checked(actions)
        was_alive = self.lives.alive.copy()
        self._left_over, self.columns_all = None, {}  # so that its pages may be written again
        self.columns_all = self._live(arm, self.week, may_leave=True)
        self._arm, self.last_present = arm.astype(np.min_scalar_type(self.world.arms.k)), was_alive
        self._report(self.week)
        self._count()
        self.week += 1
        reward = self._reward()
        terminated = was_alive & ~self.lives.alive
        truncated = self.lives.alive & (self.week >= self.scenario.weeks)
        if self.population == "open":
            joining = self._opening()
            if (terminated | truncated).any():
                return self._autoreset(reward, terminated, truncated, joining)
            if joining.any():
                self._newcomers(joining)
        obs, info = self._observe()
        return obs, reward, terminated, truncated, info

    @property
    def assigned(self) -> int:
        """Rows that this cohort shows: one a slot."""
        return self.num_envs

    @property
    def shown(self) -> NDArray[np.intp]:
        """(assigned,) slots that these rows stand for."""
        return np.arange(self.num_envs)

    # --- for runners -------------------------------------------------------------------------------------------

    def twin(self, num_envs: int | None = None, **changes: Any) -> Self:
        """A new cohort of the same world, not yet reset; changes: keywords of the constructor."""
        nested = {**self._made_with["scenario"], **changes.pop("scenario", {})}
        keywords = {**self._made_with, "scenario": nested, **changes}
        return type(self)(self.num_envs if num_envs is None else num_envs, **keywords)

    # --- inside ------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        assert self._seed is not None
        self._settle_in(seed_key(self._seed, self.episode))
        if self.population == "open":
            self._leave_slots_empty()
        self._cost = np.zeros((self.num_envs, len(self.scenario.guardrails)), np.float32)

    def _newcomers(self, mask: NDArray[np.bool_]) -> None:
        self._refill(mask)
        self._cost = np.where(mask[:, None], np.float32(0), self._cost)

    def _autoreset(
        self,
        reward: Floats,
        terminated: NDArray[np.bool_],
        truncated: NDArray[np.bool_],
        joining: NDArray[np.bool_],
    ) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_], Info]:
        last_obs, last_info = self._observe()
        if not self.copy:
            last_obs, last_info = deepcopy((last_obs, last_info))
        ended = terminated | truncated
        if truncated.any():
            self._next_episode()
            ended = np.ones_like(ended)
        else:
            self._newcomers(ended | joining)
        obs, info = self._observe()
        final = np.full(self.num_envs, None, dtype=object)
        for row in np.flatnonzero(ended):
            final[row] = sight.of_one(last_obs, row)
        final_info = {k: v for k, v in last_info.items() if not k.startswith("_")}
        final_info.update({f"_{k}": ended for k in final_info})
        info.update(final_obs=final, _final_obs=ended, final_info=final_info, _final_info=ended)
        return obs, reward, terminated | (ended & ~truncated), truncated, info

    def _next_episode(self) -> None:
        """Begin again; what the last step brought stays readable until the next one."""
        columns, reported, left_over = self.columns_all, self._reported, self._pending.rest()
        self.episode += 1
        self._begin()
        self.columns_all, self._reported, self._left_over = columns, reported, left_over

    def _checked(self, actions: NDArray[np.int64]) -> NDArray[np.intp]:
        arm = np.asarray(actions)
        k, n = self.world.arms.k, self.num_envs
        if arm.shape != (n,) or arm.dtype.kind not in "iu":
            wrong_one = choices.first_without_action(arm, self.traits.user_id)
            raise DecisionError(
                f"week {self.week}: actions must be ({n},) whole numbers, got {arm.dtype} {arm.shape}; {wrong_one}"
            )
        if arm.min() < 0 or arm.max() >= k:
            wrong = (arm < 0) | (arm >= k)
            row = int(np.argmax(wrong))
            raise DecisionError(
                f"week {self.week}, user {self.traits.user_id[row]}: arm {arm[row]} does not exist; arms are 0..{k - 1}"
            )
        lived: NDArray[np.intp] = np.multiply(arm, self.lives.alive, dtype=np.intp, casting="unsafe")  # NO_OFFER is 0
        if self._allowed is not None:
            masked = np.take_along_axis(self._allowed, lived[:, None], axis=1)[:, 0] == 0
            if masked.any():
                row = int(np.argmax(masked))
                raise DecisionError(
                    f"week {self.week}, user {self.traits.user_id[row]}: arm {self.arm_names[lived[row]]} is masked "
                    f"({int(masked.sum())} such users); choose among arms whose action_mask is 1"
                )
        return lived

    def _count(self) -> None:
        """Add the week just lived to what the guardrails count."""

        def sums(rows: slice) -> dict[str, list[float]]:
            lived = {c: self.columns_all[c][rows] for c in IMMEDIATE}
            return self.standing.sums(lived, self.last_present[rows], rows)

        self.standing.add_sums(self._at_once(sums))

    def _reward(self) -> Floats:
        """Net revenue of the week with losses as reported in it; `value` also counts who left.

        A departed user's late losses are never booked to the newcomer in the slot; they stand in `reports()`.
        """
        retention = self.scenario.retention_value_usd if self.reward_kind == "value" else 0.0
        cost = self._costs.get((len(self.scenario.guardrails), self.num_envs))
        reward = self._rewards.get((self.num_envs,))

        def pay(rows: slice) -> None:
            books = {c: self.columns_all[c][rows] for c in IMMEDIATE}
            reported, slot = self._reported_here.within(rows)
            for name in _LATE_LOSSES:
                books[name] = np.zeros(rows.stop - rows.start, np.float32)
                mine = reported.column == DELAYED.index(name)
                np.add.at(books[name], slot[mine], reported.amount[mine])
            self.standing.cost(books, reported, slot, self.last_present[rows], cost[:, rows], rows)
            reward[rows] = value(books, retention)

        self._at_once(pay)
        self._cost = cost.T
        return reward

    def _observe(self) -> tuple[Floats, Info]:
        n, alive = self.num_envs, self.lives.alive.copy()
        g = len(self.scenario.guardrails)
        info: Info = {
            "action_mask": self._action_mask(),
            "cost": self._cost,
            "user_id": self.traits.user_id,
            "unit": hooks.unit(self.scenario.used, self.traits),
            "is_new": self.is_new,
            "present": alive,
            "week": np.broadcast_to(np.int64(self.week), (n,)),
            "status_quo": self._usual(),
            "numerator_to_date": np.broadcast_to(self.standing.numerator.copy(), (n, g)),
            "denominator_to_date": np.broadcast_to(self.standing.denominator.copy(), (n, g)),
            "denominator_last_week": np.broadcast_to(self.standing.last_denominator.copy(), (n, g)),
            "segment_region": self.traits.region,
            "segment_channel": self.traits.channel,
        }
        own = hooks.segments(self.scenario.used, self.traits, self.lives)
        info.update({f"segment_{name}": codes for name, codes in own.items()})
        everyone = np.broadcast_to(np.True_, (n,))
        info.update({f"_{k}": everyone for k in tuple(info)})
        self.is_new = np.zeros(n, np.bool_)
        return sight.shown(self.sight, self._features(), info["action_mask"]), info

    def _action_mask(self) -> NDArray[np.int8]:
        """(n, k) the arms that may be chosen; kept to hold the coming actions against."""
        self._allowed = hooks.mask(self.scenario.used, self.traits, self.lives, self.world.arms)
        if self._allowed is None:
            return self._masked(np.ones(self.world.arms.k, np.int8))
        self._allowed[~self.lives.alive, 1:] = 0
        return self._allowed

    def _usual(self) -> Floats:
        """(n, k) probabilities of the status quo; what a masked arm would have got goes to arm 0."""
        usual = self._masked(self._status_quo())
        if self._allowed is not None:
            usual *= self._allowed
            usual[:, NO_OFFER] += np.float32(1) - usual.sum(axis=1)
        return usual

    def _status_quo(self) -> Floats:
        row = np.zeros(self.world.arms.k, np.float32)
        row[self.scenario.arm_names.index(self.scenario.status_quo.arm)] = self.scenario.status_quo.share
        row[NO_OFFER] += np.float32(1) - row.sum()
        return row

    def _masked(self, row: NDArray[Any]) -> NDArray[Any]:
        """(n, k): `row` for those present, arm 0 alone for those who left."""
        pool = self._tables.setdefault(row.dtype, Recycled(row.dtype.type, in_place=not self.copy))
        out: NDArray[Any] = pool.get((self.num_envs, len(row)))
        alike = np.repeat(row[None], _FILL, axis=0)
        alone = np.zeros_like(row)
        alone[NO_OFFER] = 1

        def fill(rows: slice) -> None:
            for part in stretches(rows.stop - rows.start, _FILL):
                out[rows][part] = alike[: part.stop - part.start]
            left = np.flatnonzero(~self.lives.alive[rows])
            _as_one(out[rows])[left] = _as_one(alone[None])

        self._at_once(fill)
        return out


def _as_one(table: NDArray[Any]) -> NDArray[np.void]:
    """(n,) view of a table (n, k), each row one item: written row by row in a fifth of the time."""
    return table.view(np.dtype((np.void, table.itemsize * table.shape[1])))[:, 0]
