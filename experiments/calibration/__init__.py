"""Fits a world to what a log shows: moments, a start by the method of moments, simulated draws, a scenario file.

Regression-adjusted approximate Bayesian computation (Beaumont, Zhang and Balding 2002) in two rounds: a wide box
around the start, then a narrow one around what the first round found.
"""
