"""One user's life week by week: decisions, propensities, and what each arm would have been worth."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from experiments.dashboard import charts
from experiments.dashboard.parts import table, tile, view
from experiments.dashboard.place import Place
from experiments.views import lives, logged
from experiments.views.view import sampled

TITLE, ORDER, NEEDS_STUDY = "User", 6, True

_MONEY = dict.fromkeys(("realised_usd", "net_revenue_usd", "loss_usd", "gmv", "bonus_cost", "contact_cost"), "$%.2f")


def show(place: Place) -> None:
    """The page."""
    agent = place.agent(everybody=True)
    view(place.ask(sampled, "lives", agent), lambda t: _choose(place, agent, t))


def _choose(place: Place, agent: str, kept: pd.DataFrame) -> None:
    users = lives.users_kept(kept)
    names = {
        int(r["user_id"]): f"{r['user_id']}: {r['archetype']}, {r['offers']} offers, ${r['value']:.0f}"
        for r in users.to_dict("records")
    }
    user = int(st.selectbox("User", [*names], format_func=names.__getitem__))
    view(place.ask(lives.weeks_of, agent, user), _life)
    st.subheader("Users to choose from")
    table(users, "users", {"value": "$%.2f"})
    st.subheader("Any other user, from the kept log")
    wanted = st.number_input("User id", 0, None, None, placeholder="an id", help="needs keep_logs=true")
    if wanted is not None:
        view(place.ask(logged.life, agent, int(wanted)), _logged)


def _logged(life: pd.DataFrame) -> None:
    if any(c.startswith("prob.") for c in life.columns):
        shares = charts.lines("week", "probability", charts.colour("arm"), x_title="week", form=".0%")
        charts.draw(lives.propensities(life[life["present"]]), shares)
    table(life, "logged-life", dict.fromkeys(("gmv", "revenue_gross", "bonus_cost", "contact_cost"), "$%.2f"))


def _life(life: pd.DataFrame) -> None:
    there, columns = life[life["present"]], st.columns(4)
    facts = [
        ("Archetype (true)", str(life["archetype"].iloc[0]).replace("_", " ")),
        ("Weeks there", f"{len(there)} of {len(life)}"),
        ("Offers", f"{int((life['arm'] != 'no_offer').sum())}"),
        ("Value", f"${life['realised_usd'].sum():.2f}"),
    ]
    for column, (label, value) in zip(columns, facts, strict=True):
        with column:
            tile(label, value)
    left, right = st.columns(2)
    with left:
        bars = charts.marks(
            "week", "realised_usd", charts.colour("arm"), x_title="week", y_title="usd", tips=["arm", "reason"]
        )
        charts.draw(life, charts.rule(0), bars, title="What each week brought, by the arm drawn")
    with right:
        shares = charts.lines("week", "probability", charts.colour("arm"), x_title="week", form=".0%")
        charts.draw(lives.propensities(there), shares, title="With which probability each arm was drawn")
    found = lives.counterfactual(there)
    taken = charts.marks("week", "uplift", charts.colour("arm"), tips=["arm"])
    taken["transform"] = [{"filter": "datum.taken"}]
    line = charts.lines("week", "uplift", charts.colour("arm"), x_title="week", y_title="usd beyond no offer")
    charts.draw(
        found, charts.rule(0), line, taken, title="What each arm would have been worth (true expectation; dots: drawn)"
    )
    st.caption(
        "Given the life lived up to the week. Expectations, not single draws: these no law would fix for one user."
    )
    table(lives.shown(life), "life", _MONEY)
    table(found, "counterfactual", dict.fromkeys(("expected", "uplift", "believed"), "$%.4f"))
