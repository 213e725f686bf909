"""Sweeps: a grid of studies around a base experiment, each cell an ordinary results folder, judged together.

Reading the file: `schema`, `cells`. Running: `run`. Looking: `standing`, `compared`. Before running: `estimate`.
"""
