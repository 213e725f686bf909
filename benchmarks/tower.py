"""Every page of the control tower on a study of a million users: seconds to build each, as JSON on stdout.

    export OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1
    python benchmarks/tower.py [--users 1000000] [--folder RESULTS]

Without --folder the quickstart is lived with so many users first, four weeks, one seed, three agents (minutes, of which
nothing is counted). Pages are built as the server builds them, without a browser, each opened afresh; the first also
pays for imports. `wall_s` and `cpu_s` are of the page, `peak_mb` of the process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # before its own folder, which holds an agents.py
from streamlit.testing.v1 import AppTest

import experiments
from experiments.dashboard import screens

AGENTS = [{"kind": "no_offer"}, {"kind": "status_quo"}, {"kind": "lagrangian_linucb"}]
LEFT_OUT = {"oracle": {"every_weeks": 4, "users_fit": 20_000}, "seeds": [101], "weeks": 4}


def page(folder: str, name: str) -> None:
    """The script that the server would run for one page of the newest study in the folder."""
    from pathlib import Path

    from experiments.dashboard import app, screens
    from experiments.dashboard.place import Place

    app.show(dict(screens.every())[name], Place(Path(folder), app.studies(Path(folder))[0]))


def timed(folder: str, name: str) -> dict[str, object]:
    """Seconds of one page, and what it had to say of errors."""
    wall, cpu = time.perf_counter(), time.process_time()
    built = AppTest.from_function(page, args=(folder, name), default_timeout=600).run()
    told = {"wall_s": round(time.perf_counter() - wall, 3), "cpu_s": round(time.process_time() - cpu, 3)}
    return {"page": name, **told, "errors": len(built.exception) + len(built.error)}


def main() -> None:
    """Print one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--folder")
    asked = parser.parse_args()
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as made:
        if asked.folder is None:
            fields = {**LEFT_OUT, "users": asked.users, "agents": AGENTS}
            experiments.run("quickstart", out=made, track=False, progress=False, workers=1, **fields)
        pages = [timed(asked.folder or made, name) for name, _ in screens.every()]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps({"users": asked.users, "load_before": load, "pages": pages, "peak_mb": peak}, indent=2))


if __name__ == "__main__":
    main()
