"""A chart as a file for spreadsheets."""

from __future__ import annotations

from datetime import date, datetime

from altus4_desktop.domain.charts import Cell, Chart
from altus4_desktop.domain.spreadsheet import csv_text
from altus4_desktop.services.cause_words import cause_words

# Rows that say nothing of whose clocks tell them.
_BY_CLOCKS = ("day", "week", "weekday", "hour")
OWN_ZONES = "each person's own"


def chart_csv(chart: Chart) -> str:
    """The rows of ``chart`` under their names, those of days and hours with their ``time_zone``;
    what is not known is empty, a cause is in words, and a text that a spreadsheet would run has an
    apostrophe before it."""
    columns, rows = chart.columns, chart.rows
    if "cause" in chart.columns:
        place, shows = chart.columns.index("cause"), chart.columns.index("evidence")
        rows = tuple(
            (*row[:place], cause_words(str(row[place]), str(row[shows])).text, *row[place + 1 :])
            for row in rows
        )
    if chart.label[0] in _BY_CLOCKS:
        columns = (*columns, "time_zone")
        rows = tuple((*row, chart.zone or OWN_ZONES) for row in rows)
    lines = [columns, *(tuple(map(_csv_cell, row)) for row in rows)]
    return "".join(f"{','.join(line)}\r\n" for line in lines)


def _csv_cell(cell: Cell) -> str:
    match cell:
        case None:
            return ""
        case str():
            return csv_text(cell)
        case datetime() | date():
            return cell.isoformat()
        case _:
            return str(cell)
