"""Small tables of a results folder, for whatever shows them: report and dashboard ask here and compute nothing.

Every function takes a results folder (or a table that another function here answered) and answers a `View`: a table, or
in words what to run to get one.
"""
