"""One off-policy estimator per file."""
