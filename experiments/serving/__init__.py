"""A policy outside its run: frozen where the run ended, asked for decisions about a batch of users, in plain tables.

Knows nothing of MLflow; `experiments.tracking` wraps it into a model.
"""
