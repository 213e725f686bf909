"""What each key of an experiment is for, in a sentence: for editors, and for `rage config --explain`."""

from __future__ import annotations

__all__ = ["WORDS"]

WORDS = {
    "name": "How the study and its results folder are called.",
    "question": "What the study is to answer; stands on every report.",
    "scenario": "The world: name of a shipped scenario (`rage list scenarios`), or a YAML file.",
    "scenario_overrides": "What differs from that world, laid over it: mappings merge, lists replace, entries by name.",
    "mode": "paired: every agent serves all users under the same luck. ab: users are shared out among the agents.",
    "ab": "How users are shared out in mode ab.",
    "past": "A campaign lived before the study, whose log agents that learn have read before their first week.",
    "users": "Size of the population; each seed draws one of its own.",
    "weeks": "How many weeks every run lasts.",
    "seeds": "One population and its luck each: a list, or first..last as in 1..200.",
    "agents": "Who decides; one of them is no_offer, which all are compared with.",
    "floor": "Least chance of every allowed arm for agents that learn, on a hashed share of the users.",
    "estimators": "Off-policy estimators that each log is asked through (`rage list estimators`).",
    "ope": "The policy that the estimators are asked about.",
    "monitors": "Sequential tests that look at every week (`rage list monitors`).",
    "oracle": "How often the best that could be done is computed, and what its observable part is fitted on.",
    "keep_logs": "Keep every decision with its propensity on disk.",
    "workers": "Processes; results are the same for any number.",
    "tracking": "Where MLflow keeps the study.",
}
