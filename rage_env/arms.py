"""The arms of a scenario: what an offer costs, what it changes in whom, and tables of these for the mechanisms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rage_env.interface import ArmSpec

__all__ = ["Arm", "ArmTable", "Effects"]

ByArchetype = tuple[float, float, float, float]
_NONE: ByArchetype = (0.0, 0.0, 0.0, 0.0)


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class Effects(_Strict):
    """What an arm changes, for persuadable, sure thing, lost cause and sleeping dog."""

    activity_logit: ByArchetype = _NONE
    log_spend: ByArchetype = _NONE
    log_hazard: ByArchetype = _NONE
    log_late: ByArchetype = _NONE


class Arm(_Strict):
    """One arm of a scenario.

    bonus_usd is paid to `redemption_rate` of active users; cashback_rate is a share of GMV, capped at what
    offer_cap_usd leaves beside the bonus; extra_margin is what the arm earns on GMV beside the take rate; credit
    arms lend. abuse_rate: incidents per active week of an abuser.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    channel: str
    contact_cost_usd: float = Field(ge=0)
    offer_cap_usd: float = Field(ge=0)
    max_loss_usd: float = Field(ge=0)
    mean_loss_bound_usd: float = Field(ge=0)
    bonus_usd: float = Field(default=0.0, ge=0)
    redemption_rate: float = Field(default=0.0, ge=0, le=1)
    cashback_rate: float = Field(default=0.0, ge=0, le=1)
    extra_margin: float = Field(default=0.0, ge=0, le=1)
    abuse_rate: float = Field(default=0.0, ge=0, le=1)
    credit: bool = False
    effects: Effects = Effects()

    @model_validator(mode="after")
    def _offer_cap_holds_the_bonus(self) -> Self:
        if self.bonus_usd > self.offer_cap_usd:
            raise ValueError(f"offer_cap_usd: {self.offer_cap_usd:g} lies below the bonus of {self.bonus_usd:g}")
        return self

    @property
    def spec(self) -> ArmSpec:
        """What agents may know of the arm."""
        return ArmSpec(**{f: getattr(self, f) for f in ArmSpec.__dataclass_fields__})


@dataclass(frozen=True, eq=False)
class ArmTable:
    """Arms as float32 tables; effects are flattened over (arm, archetype)."""

    arms: tuple[Arm, ...]
    contacts: NDArray[np.float32]  # (k,) 1 for every arm but 0
    contact_cost: NDArray[np.float32]  # (k,) dollars
    bonus: NDArray[np.float32]  # (k,) dollars
    redemption: NDArray[np.float32]  # (k,)
    cashback: NDArray[np.float32]  # (k,)
    offer_cap: NDArray[np.float32]  # (k,) dollars that an offer may cost beside its bonus
    extra_margin: NDArray[np.float32]  # (k,)
    abuse: NDArray[np.float32]  # (k,)
    credit: NDArray[np.bool_]  # (k,)
    activity_logit: NDArray[np.float32]  # (k * 4,)
    log_spend: NDArray[np.float32]  # (k * 4,)
    log_hazard: NDArray[np.float32]  # (k * 4,)
    log_late: NDArray[np.float32]  # (k * 4,)

    @classmethod
    def of(cls, arms: Sequence[Arm]) -> ArmTable:
        """Tables of these arms, in order."""

        def column(read: Callable[[Arm], object]) -> NDArray[np.float32]:
            return np.array([read(a) for a in arms], dtype=np.float32).ravel()

        return cls(
            arms=tuple(arms),
            contacts=(np.arange(len(arms)) > 0).astype(np.float32),
            contact_cost=column(lambda a: a.contact_cost_usd),
            bonus=column(lambda a: a.bonus_usd),
            redemption=column(lambda a: a.redemption_rate),
            cashback=column(lambda a: a.cashback_rate),
            offer_cap=column(lambda a: a.offer_cap_usd - a.bonus_usd),
            extra_margin=column(lambda a: a.extra_margin),
            abuse=column(lambda a: a.abuse_rate),
            credit=np.array([a.credit for a in arms]),
            activity_logit=column(lambda a: a.effects.activity_logit),
            log_spend=column(lambda a: a.effects.log_spend),
            log_hazard=column(lambda a: a.effects.log_hazard),
            log_late=column(lambda a: a.effects.log_late),
        )

    @property
    def k(self) -> int:
        """Number of arms."""
        return len(self.arms)
