"""Composes worlds, agents and statistics into runs, studies and reports."""
