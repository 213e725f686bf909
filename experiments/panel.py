"""The behavioural table of a simulated bank: features of the weeks before the first, the label from the weeks after."""

from __future__ import annotations

import pyarrow as pa

from experiments.behaviour import history_of
from experiments.behaviour_table import LABEL_WEEKS, behavioural_table
from experiments.history import History
from rage_env.errors import ConfigError
from rage_env.log import WeekLog

__all__ = ["Panel"]


class Panel:
    """Remembers the weeks from which the table is made.

    Raises ConfigError where too few weeks are to be lived for the label, LogError for a world without a bank's signals
    or with too little past.
    """

    def __init__(self, history: History) -> None:
        if history.plan.weeks < LABEL_WEEKS:
            raise ConfigError(
                f"--behaviour: the label looks {LABEL_WEEKS} weeks ahead, and --weeks is {history.plan.weeks}; live "
                f"{LABEL_WEEKS} weeks or more"
            )
        self._past, self._seen, self._names = history.past, history.seen, history.env.features.names
        self._ahead: list[WeekLog] = []
        history_of(self._past, self._seen, self._names)

    def add(self, log: WeekLog) -> None:
        """A week just lived; those beyond the label's are not kept."""
        if len(self._ahead) < LABEL_WEEKS:
            self._ahead.append(log)

    def table(self) -> pa.Table:
        """A row a customer who was present in week 0."""
        frame = behavioural_table(self._past, self._seen, self._names, outcome=self._ahead)
        return pa.Table.from_pandas(frame, preserve_index=False)
