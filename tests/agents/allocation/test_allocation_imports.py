"""Importing agents must stay quick: cvxpy is loaded by the first allocation, not by the import."""

from __future__ import annotations

import subprocess
import sys


def loaded_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(' '.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_importing_the_allocator_does_not_load_cvxpy() -> None:
    heavy = {"cvxpy", "highspy", "clarabel", "scipy.sparse"}
    assert not heavy & loaded_after("import agents.allocation, agents.allocation.program")
    solve = "import numpy as np\nfrom agents.allocation import Linear, allocate\n"
    solve += "allocate(np.eye(3), [Linear('row', np.eye(3), 1.0)])"
    assert "cvxpy" in loaded_after(solve)
