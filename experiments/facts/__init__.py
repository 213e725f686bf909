"""Stylised facts of a world: functions from arrays of lived weeks to one number, and the ranges that are believed.

Nothing here simulates or knows a scenario; `panel.live` alone reads a cohort. Arrays are (t, n), weeks first.
"""
