"""What pages are made of: tables that can be downloaded, notes, figures of one number."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import pandas as pd
import streamlit as st

from experiments.views.view import View

__all__ = ["number", "table", "tile", "view"]


def table(rows: pd.DataFrame, name: str, forms: Mapping[str, str] | None = None) -> None:
    """A table, and below it a button that saves all of it as `<name>.csv`. forms: {column: printf or preset format}."""
    config = {c: st.column_config.NumberColumn(format=form) for c, form in (forms or {}).items() if c in rows}
    st.dataframe(rows, hide_index=True, column_config=config)
    csv = rows.to_csv(index=False, lineterminator="\n")
    st.download_button("CSV", csv, f"{name}.csv", "text/csv", key=f"csv-{name}", icon=":material/download:")


def view(found: View, show: Callable[[pd.DataFrame], None]) -> None:
    """Show a view with its note, or say what to run to get one."""
    if not found.here:
        st.info(found.missing)
        return
    show(found.table)
    if found.note:
        st.caption(found.note)


def tile(label: str, value: str, change: str | None = None, help: str | None = None) -> None:
    """One number with a border. change: shown below, green or red by its sign."""
    st.metric(label, value, change, help=help, border=True)


def number(held: object, form: str) -> str:
    """The number in that format, or a dash where there is none."""
    if held is None or held is pd.NA or (isinstance(held, float) and math.isnan(held)):
        return "-"
    return format(held, form)
