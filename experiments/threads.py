"""Names of the variables that keep linear algebra on one thread; imports no NumPy, which reads them once."""

from __future__ import annotations

import os

__all__ = ["THREAD_VARIABLES", "one_thread"]

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


def one_thread() -> None:
    """Keep linear algebra on one thread unless the environment says otherwise; call before NumPy is imported."""
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, "1")
