"""The control tower: a results folder in the browser, on this machine alone. The one door to Streamlit.

A page is a file in `screens`, found by its name: `TITLE`, `ORDER`, `NEEDS_STUDY` and `show(place)`.
"""
