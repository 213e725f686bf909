"""From log to policy: learned on some users, scored on others, and never on those it learned from."""

from experiments.learning.learn import METHODS, Learned, Limit, learn
from experiments.learning.policy import LearnedPolicy

__all__ = ["METHODS", "Learned", "LearnedPolicy", "Limit", "learn"]
