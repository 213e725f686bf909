"""Guardrails that cannot be met, told in the guardrail's own terms: rates, arms, and the proof."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agents.allocation.result import Allocation
from rage_env.errors import GuardrailError
from rage_env.guardrails import Guardrail, weighted_sum
from rage_env.interface import NO_OFFER, Observation

__all__ = ["require_kept"]

Means = Mapping[str, NDArray[np.floating]]


def require_kept(
    allocation: Allocation,
    guardrails: Sequence[Guardrail],
    means: Means,
    observation: Observation,
    arm_names: Sequence[str] = (),
) -> Allocation:
    """The allocation itself, if its guardrails could be met. Raises GuardrailError with the proof in words.

    arm_names: (k,) where the caller knows them; else arms are told by number.
    """
    proof = allocation.infeasibility
    if proof is None:
        return allocation
    by_share = np.argsort(-proof.share, kind="stable")
    order = [int(g) for i, g in enumerate(by_share) if i == 0 or proof.share[g] >= 5e-3]
    shares = ", ".join(f"{allocation.row_names[g]} {proof.share[g]:.2g}" for g in order)
    top = allocation.row_names[order[0]]
    guardrail = next((g for g in guardrails if top.split("[")[0].split("#")[0] == g.name), None)
    if guardrail is None or proof.largest_floor is not None:
        raise GuardrailError(proof.words)
    raise GuardrailError(
        f"{top}: limit {guardrail.limit:g} cannot be met: {_lowest_use(guardrail, means, observation, arm_names)} "
        f"(proof of infeasibility: {shares}). Raise the limit or drop a guardrail."
    )


def _lowest_use(guardrail: Guardrail, means: Means, observation: Observation, arm_names: Sequence[str]) -> str:
    """What the most sparing single arm uses, as a rate where the guardrail is one."""
    shape = (observation.n, observation.k)
    full = {**means, "present": np.broadcast_to(observation.present[:, None].astype(np.float64), shape)}
    allowed = np.asarray(observation.action_mask) != 0
    arm_or_none = np.where(allowed, np.arange(observation.k), NO_OFFER)
    num = np.take_along_axis(weighted_sum(guardrail.numerator, full, shape), arm_or_none, axis=1).sum(axis=0)
    if guardrail.denominator is not None:
        den = np.take_along_axis(weighted_sum(guardrail.denominator, full, shape), arm_or_none, axis=1).sum(axis=0)
        num = num / np.where(den > 0, den, np.nan)
    sign = -1.0 if guardrail.sense == ">=" else 1.0
    if np.isnan(num).all():
        return "no arm has anything in its denominator"
    arm = int(np.nanargmin(sign * num))
    name = f"arm {arm_names[arm] if arm_names else arm}"
    verb = "uses" if sign > 0 else "reaches only"
    if sign * num[arm] <= sign * guardrail.limit and guardrail.relative_to is None:
        return f"{name} for everybody {verb} {num[arm]:.4g}, but then another guardrail breaks"
    return f"even {name}, given to everybody, {verb} {num[arm]:.4g}"
