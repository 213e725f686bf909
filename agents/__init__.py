"""Decisions under guardrails. Sees observations, feedback and guardrails; never the simulator or the truth."""
