"""Evaluates logs larger than memory: one row group after the other, in memory that rows do not add to.

What grows is a few numbers per user, and one byte per user and week to notice rows that stand there twice.
"""

from experiments.streaming.blocks import LogStream, open_stream
from experiments.streaming.evaluate import evaluate_stream

__all__ = ["LogStream", "evaluate_stream", "open_stream"]
