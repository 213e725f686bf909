"""Beliefs and guardrails in, probabilities out; the only door to cvxpy."""
