"""Learners of treatment effects."""
