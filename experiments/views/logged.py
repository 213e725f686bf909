"""Any user of a log that a study kept: what was decided week by week, and what was known of it at once.

A log holds no truth, so nothing is said of other arms; losses that are reported late stand in its `reports`.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from experiments.results import Results
from experiments.views.view import View
from rage_env.errors import LogError
from rage_env.log import PROB_PREFIX, LogMeta

__all__ = ["life"]

_READ = (
    "week", "present", "arm", "propensity", "active", "transactions", "gmv", "revenue_gross", "bonus_cost",
    "contact_cost", "redeemed", "churned",
)  # fmt: skip


def life(results: Results, agent: str, user_id: int) -> View:
    """A row a week of that user in the first seed, immediate columns and `prob.<arm>`; only those columns are read."""
    seed = results.study.seeds[0]
    file = results.run_folder(agent, seed) / "log" / "log.parquet"
    if not file.is_file():
        return View(missing=f"This study kept no logs. `rage run {results.study.name} keep_logs=true` keeps them.")
    try:
        schema = pq.read_schema(file)
        arms = LogMeta.from_bytes(schema.metadata, str(file)).arm_names
        probs = [PROB_PREFIX + arm for arm in arms if PROB_PREFIX + arm in schema.names]
        found = pq.read_table(file, columns=[*_READ, *probs], filters=[("user_id", "==", user_id)]).to_pandas()
    except (OSError, pa.ArrowException) as error:
        raise LogError(f"{file}: is no whole log ({error}); run the experiment again with keep_logs=true") from error
    if not len(found):
        return View(missing=f"No user {user_id} in the log of {agent}, seed {seed}: ids run from 0.")
    named = found.assign(arm=[arms[code] for code in found["arm"]])
    named.columns = [c.replace(PROB_PREFIX, "prob.", 1) if c in probs else c for c in named.columns]
    note = (
        f"From the kept log of seed {seed}, as known in the week itself: late losses are not in it, nor is the truth."
    )
    return View(named.sort_values("week", ignore_index=True), note)
