"""Where the data come from, and buttons that make more: a quickstart, or a world's tables."""

from __future__ import annotations

import streamlit as st

from experiments.dashboard.jobs import JOBS, Job
from experiments.dashboard.place import Place
from experiments.views import cards
from rage_env import configs

TITLE, ORDER, NEEDS_STUDY = "Data", 9, False

_LOGS = ".jobs"


def show(place: Place) -> None:
    """The page."""
    if place.study is not None:
        st.subheader("This study")
        for heading, text in cards.data_card(place.results):
            st.markdown(f"**{heading}**: {text}")
    left, right = st.columns(2)
    with left:
        _quickstart(place)
    with right:
        _simulate(place)
    _follow()


def _quickstart(place: Place) -> None:
    st.subheader("Start a study")
    with st.form("quickstart"):
        name = st.selectbox(
            "Experiment", configs.names("experiments"), index=configs.names("experiments").index("quickstart")
        )
        users = int(st.number_input("Users", 200, 1_000_000, 2_000, step=100))
        weeks = int(st.number_input("Weeks", 1, 104, 12))
        workers = int(st.number_input("Processes", 1, 64, 1))
        if st.form_submit_button("Start", icon=":material/play_arrow:"):
            words = ["run", str(name), f"users={users}", f"weeks={weeks}", "--workers", str(workers), "--no-track"]
            JOBS.start([*words, "--out", str(place.root)], place.root / _LOGS)
    st.caption("Goes on when you leave this page. Afterwards choose it in the side bar.")


def _simulate(place: Place) -> None:
    st.subheader("Simulate data")
    with st.form("simulate"):
        world = st.selectbox("World", configs.names("scenarios"), index=configs.names("scenarios").index("fintech"))
        users = int(st.number_input("Users", 1, 1_000_000, 1_000, step=100))
        weeks = int(st.number_input("Weeks", 1, 520, 12))
        seed = int(st.number_input("Seed", 0, 2**31, 42))
        truth = st.toggle("Truth in files apart")
        if st.form_submit_button("Simulate", icon=":material/play_arrow:"):
            folder = place.root / f"data-{world}-{users}x{weeks}-{seed}"
            words = ["simulate", str(world), "--users", str(users), "--weeks", str(weeks), "--seed", str(seed)]
            JOBS.start([*words, "--out", str(folder), "--force", *(["--truth"] if truth else [])], place.root / _LOGS)
    st.caption("Parquet tables of users and weeks, written beside the results.")


def _follow() -> None:
    if not JOBS.every:
        return
    st.subheader("Started here")
    st.fragment(run_every=2 if JOBS.running else None)(_states)()


def _states() -> None:
    for job in JOBS.every[:5]:
        _state(job)


def _state(job: Job) -> None:
    symbol = {"running": ":material/hourglass_top:", "done": ":material/check:"}.get(job.state, ":material/error:")
    st.markdown(f"{symbol} `rage {' '.join(job.words)}`: {job.state}")
    st.code(job.tail() or "...", language=None)
