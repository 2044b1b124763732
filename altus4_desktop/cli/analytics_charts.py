"""The charts of the analytics pane as tables of text."""

from __future__ import annotations

from calendar import day_abbr
from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from altus4_desktop.domain.charts import AT_LEAST, Cell, Chart, ChartKind
from altus4_desktop.domain.custom_metrics import DayLack
from altus4_desktop.services.cause_words import cause_words
from altus4_desktop.services.charts.shares import key_mark

if TYPE_CHECKING:
    from altus4_desktop.cli.output import Output

_LISTED = 10
_TITLES = {
    "searches": "Searches",
    "latency": "How long searches take",
    "durations": "Searches by duration",
    "modes": "Modes",
    "sources": "Connections",
    "popular": "Popular queries",
    "zero": "Queries without result",
    "slowest": "Slowest searches",
    "heat": "Weekday and hour",
    "users": "People",
    "keys": "API keys",
}
_HEADERS = {"lack": "NO DATA", "zero": "NO RESULT", "share_percent": "SHARE %", "at": "WHEN"}
_LEFT_OUT = ("evidence", "key_id", AT_LEAST)


def print_charts(out: Output, charts: Sequence[Chart]) -> None:
    """Every chart of which something is known, a title and a table each; of those that are ranked
    the first rows, and how many more there are."""
    for chart in charts:
        headers, rows = _table(chart)
        if not rows:
            continue
        out.line()
        out.line(_TITLES[chart.name])
        listed = rows[:_LISTED] if chart.kind is ChartKind.RANKED else rows
        out.table(headers, listed)
        if chart.others is not None:
            place = chart.columns.index("searches")
            others = chart.others + sum(int(str(row[place])) for row in chart.rows[_LISTED:])
            most = "at most " if AT_LEAST in chart.columns else ""
            if others:
                out.line(f"Searches with other texts: {most}{others}")
        elif more := len(rows) - len(listed) + chart.left_out:
            out.line(f"and {more} more")


def _table(chart: Chart) -> tuple[list[str], list[tuple[object, ...]]]:
    if chart.kind is ChartKind.HEAT:
        return _grid(chart)
    columns = [name for name in chart.columns if name not in _LEFT_OUT]
    headers = [_HEADERS.get(name, name.replace("_", " ").upper()) for name in columns]
    rows: list[tuple[object, ...]] = [
        tuple(_cell(chart, row, name) for name in columns)
        for row in range(len(chart.rows))
        if chart.kind is ChartKind.RANKED or _is_known(chart, row)
    ]
    return headers, rows


def _grid(chart: Chart) -> tuple[list[str], list[tuple[object, ...]]]:
    """A line for each weekday, a column for each hour."""
    days: dict[Cell, list[Cell]] = {}
    hours: dict[Cell, None] = {}
    for weekday, hour, count in chart.rows:
        days.setdefault(weekday, []).append(count)
        hours[hour] = None
    headers = ["WEEKDAY", *(f"{hour:02}" for hour in hours)]
    rows: list[tuple[object, ...]] = [
        (day_abbr[int(str(weekday)) - 1], *counts)
        for weekday, counts in days.items()
        if any(count is not None for count in counts)
    ]
    return headers, rows


def _is_known(chart: Chart, row: int) -> bool:
    """Whether anything is plotted but what was before, or it is known why not."""
    if "lack" in chart.columns and chart.cell(row, "lack") is not None:
        return True
    return any(
        chart.cell(row, name) is not None for name in chart.plotted if not name.startswith("before")
    )


def _cell(chart: Chart, row: int, column: str) -> object:
    value = chart.cell(row, column)
    match value:
        case None if column == "connection":
            # Days with very many sets of connections do not tell all of them apart.
            return "others"
        case None if column == "key":
            # Without an id it was nobody's key.
            mark = key_mark(chart, row)
            return f"deleted ({mark})" if mark else "people, without a key"
        case str() if column == "key" and (mark := key_mark(chart, row)):
            return f"{value} ({mark})"
        case DayLack.NOT_RECORDED if column == "lack":
            return "recording was off"
        case str() if column == "cause":
            return cause_words(value, str(chart.cell(row, "evidence"))).text
        case datetime():
            return value.isoformat(" ", "seconds" if column == "at" else "minutes")
        case date():
            return value.isoformat()
    return f"≥ {value}" if chart.is_least(row, column) else value
