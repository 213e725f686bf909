"""Importing agents must stay quick: cvxpy is loaded by the first allocation, not by the import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

from agents.allocation import certificate


def loaded_after(statement: str) -> set[str]:
    code = f"import sys\n{statement}\nprint(' '.join(sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


def test_the_check_shares_nothing_with_the_solver_but_what_is_asked_and_what_is_answered() -> None:
    tree = ast.parse(Path(certificate.__file__).read_text(encoding="utf-8"))
    own = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module and "agents" in n.module}
    assert own == {"agents.allocation.result", "agents.allocation.rows"}
    plain = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert plain == {"numpy"}


def test_importing_the_allocator_does_not_load_cvxpy() -> None:
    heavy = {"cvxpy", "highspy", "clarabel", "scipy.sparse"}
    assert not heavy & loaded_after("import agents.allocation, agents.allocation.program")
    solve = "import numpy as np\nfrom agents.allocation import Linear, allocate\n"
    solve += "allocate(np.eye(3), [Linear('row', np.eye(3), 1.0)])"
    assert "cvxpy" in loaded_after(solve)
