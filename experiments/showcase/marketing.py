"""A shop with $100,000 for 20,000 contacts: whom it should contact, from a campaign sent to a random half.

Revenue per dollar is measured as the difference of treated and control customers among those ranked first; scores are
learned out of fold (gradient boosting on each half, a T-learner). The truth ranks by conditional mean effects.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.showcase import Claim
from rage_env.cohort import CohortEnv
from rage_env.randomness import Draw

__all__ = ["CLAIMS", "measure"]

USERS, CONTACTS, BUDGET_USD = 150_000, 20_000, 100_000.0

CLAIMS = {
    "random": Claim("revenue per dollar, contacts at random", "1.3", 1.3 * 0.85, 1.3 * 1.15),
    "conversion": Claim("revenue per dollar, ranked by probability to buy", "2.6", 2.6 * 0.85, 2.6 * 1.15),
    "uplift": Claim("revenue per dollar, ranked by learned uplift", "6.8", 6.8 * 0.85, 6.8 * 1.15),
    "incremental": Claim("incremental revenue by learned uplift, $", "684,000", 684e3 * 0.85, 684e3 * 1.15),
    "truth_over_learned": Claim(
        "revenue of the true ranking over that of the learned one", "at least 1", 1.0, note="both by true effects"
    ),
    "top_20": Claim(
        "share of all incremental revenue in the best fifth", "most of it", 0.5, note="beyond 1 where the rest lose"
    ),
}

Scores = NDArray[np.float64]


def measure(seed: int, users: int = USERS) -> dict[str, float]:
    """{claim: figure} of one campaign. users: the budget shrinks with them."""
    env = CohortEnv(users, "marketing")
    features, _ = env.reset(seed=seed)
    means = env.truth.mean_outcomes()["gmv"]
    true_lift = means[:, 1] - means[:, 0]
    treated = env.luck(slice(None), env.week).uniform(Draw.ARM) < env.scenario.status_quo.share
    env.step(treated.astype(np.int64))
    spend = env.truth.ledger()["gmv"].astype(np.float64)
    fold = env.luck(slice(None), env.week).uniform(Draw.FOLD) < 0.5
    lift, buys = out_of_fold(features, treated, spend, fold)
    contacts = CONTACTS * users // USERS

    def per_dollar(score: Scores) -> float:
        return contrast(spend, treated, best(score, contacts)) * CONTACTS / BUDGET_USD

    learned = per_dollar(lift)
    return {
        "random": contrast(spend, treated, np.arange(users)) * CONTACTS / BUDGET_USD,
        "conversion": per_dollar(buys),
        "uplift": learned,
        "incremental": learned * BUDGET_USD,
        "truth_over_learned": true_lift[best(true_lift, contacts)].sum() / true_lift[best(lift, contacts)].sum(),
        "top_20": true_lift[best(true_lift, users // 5)].sum() / true_lift.sum(),
    }


def best(score: Scores, m: int) -> NDArray[np.intp]:
    """(m,) rows ranked first."""
    return np.argsort(-score, kind="stable")[:m]


def contrast(spend: Scores, treated: NDArray[np.bool_], rows: NDArray[np.intp]) -> float:
    """Treated mean less control mean among these rows, dollars a customer."""
    chosen = treated[rows]
    return float(spend[rows][chosen].mean() - spend[rows][~chosen].mean())


def out_of_fold(
    features: NDArray[np.float32], treated: NDArray[np.bool_], spend: Scores, fold: NDArray[np.bool_]
) -> tuple[Scores, Scores]:
    """(n,) learned uplift in dollars, and probability to buy without a contact, each scored on the other half."""
    from sklearn.ensemble import HistGradientBoostingRegressor

    def fitted(rows: NDArray[np.bool_], y: Scores) -> HistGradientBoostingRegressor:
        model = HistGradientBoostingRegressor(
            max_iter=120, max_leaf_nodes=15, min_samples_leaf=200, learning_rate=0.06, random_state=0
        )
        return model.fit(features[rows], y[rows])

    lift, buys = np.empty(len(spend)), np.empty(len(spend))
    for half in (fold, ~fold):
        with_contact, without = fitted(~half & treated, spend), fitted(~half & ~treated, spend)
        lift[half] = with_contact.predict(features[half]) - without.predict(features[half])
        buys[half] = fitted(~half & ~treated, (spend > 0).astype(np.float64)).predict(features[half])
    return lift, buys
