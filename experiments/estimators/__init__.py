"""One off-policy estimator per file: what would the log have shown had another policy acted?

`evaluate` gives every estimator an interval clustered by user and says which of them can be trusted.
"""

from experiments.estimators._discovery import names
from experiments.estimators._evaluate import evaluate
from experiments.estimators._overlap import overlap

__all__ = ["evaluate", "names", "overlap"]
