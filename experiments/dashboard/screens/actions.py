"""The action queue: whom to reach first, what it should bring, and what was decided of it."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from experiments.dashboard.parts import table, tile, view
from experiments.dashboard.place import Place
from experiments.views import queue
from experiments.views.view import sampled

TITLE, ORDER, NEEDS_STUDY = "Action queue", 5, True


def show(place: Place) -> None:
    """The page."""
    agent = place.agent(believing=True)
    view(place.ask(sampled, "lives", agent), lambda lives: _queue(place, agent, lives))
    st.subheader("Audit log")
    audit = queue.audit(place.results.path)
    if audit.here:
        table(audit.table, "audit")
    st.caption(audit.note or audit.missing)


def _queue(place: Place, agent: str, lives: pd.DataFrame) -> None:
    left, right = st.columns(2)
    week = int(
        left.select_slider("Week", sorted(int(w) for w in lives["week"].unique()), value=int(lives["week"].max()))
    )
    cool = int(right.number_input("Cool-down, weeks", 0, 26, queue.COOL_DOWN_WEEKS))
    found = queue.queue(lives, week, cool)
    view(found, lambda rows: _rows(place, agent, week, rows))


def _rows(place: Place, agent: str, week: int, rows: pd.DataFrame) -> None:
    ready = rows[rows["status"] == "ready"]
    columns = st.columns(4)
    for column, (label, count) in zip(columns, _counts(rows, ready), strict=True):
        with column:
            tile(label, count)
    shown = st.multiselect("Priority", ["P1", "P2", "P3"], ["P1", "P2"])
    table(rows[rows["priority"].isin(shown)], f"queue-week-{week}", {"impact": "$%.4f"})
    if not len(ready):
        st.caption("Everybody with something to gain is cooling down.")
        return
    st.markdown("**Decide**")
    user = st.selectbox("User", list(ready["user_id"]))
    (row,) = ready[ready["user_id"] == user].to_dict("records")
    what = f"`{row['offer']}` to user {row['user_id']}: expected impact **{row['impact']:.4f} usd** this week"
    waits = f"{row['priority']}, waiting {row['age']} of {row['sla']} weeks"
    st.markdown(f"{what}, {waits}; the agent drew `{row['drawn']}` ({row['reason']}).")
    left, right = st.columns(2)
    who = left.text_input("Your name", key="who")
    note = right.text_input("Note", key="note")
    for column, action in zip(st.columns(3), queue.ACTIONS, strict=True):
        if column.button(action.capitalize(), key=f"do-{action}", disabled=not who.strip()):
            facts = {
                "study": place.study,
                "agent": agent,
                "week": week,
                **{k: row[k] for k in ("user_id", "offer", "impact", "priority")},
            }
            queue.record(place.results.path, action, facts, who.strip(), note)
            st.toast(f"{action}: user {user}")
    st.caption("Recorded in the audit log of this results folder; nothing is sent to anybody. Needs your name.")


def _counts(rows: pd.DataFrame, ready: pd.DataFrame) -> list[tuple[str, str]]:
    return [
        ("Ready", f"{len(ready):,}"),
        ("Cooling down", f"{len(rows) - len(ready):,}"),
        ("Overdue", f"{int(ready['overdue'].sum()):,}"),
        ("Impact, ready", f"${ready['impact'].sum():.2f}"),
    ]
