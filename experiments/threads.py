"""Names of the variables that keep linear algebra on one thread; imports nothing, so they can be set before NumPy."""

from __future__ import annotations

__all__ = ["THREAD_VARIABLES"]

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
