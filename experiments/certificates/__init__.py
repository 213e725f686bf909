"""Does a log alone prove that a target policy keeps a guardrail? Finite-sample, from bounds declared beforehand."""

from experiments.certificates.certify import Certificate, certify
from experiments.certificates.claim import Claim
from experiments.certificates.needed import users_needed

__all__ = ["Certificate", "Claim", "certify", "users_needed"]
