"""Beliefs and guardrails in, probabilities out; the only door to cvxpy."""

from agents.allocation.certificate import Certificate, verify
from agents.allocation.draw import systematic_draw
from agents.allocation.result import Allocation, Infeasibility
from agents.allocation.rows import Linear, Robust
from agents.allocation.solve import allocate

__all__ = ["Allocation", "Certificate", "Infeasibility", "Linear", "Robust", "allocate", "systematic_draw", "verify"]
