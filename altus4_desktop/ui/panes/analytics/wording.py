"""Charts in words: their titles, columns and cells."""

from __future__ import annotations

from datetime import date, datetime

from PySide6.QtCore import QCoreApplication, QLocale

from altus4_desktop.domain.charts import AT_LEAST, Cell, Chart
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.local_days import find_zone, instant_of
from altus4_desktop.domain.search_points import PointOutcome, SearchPoint
from altus4_desktop.services.cause_words import cause_words
from altus4_desktop.services.charts.shares import key_mark
from altus4_desktop.ui.panes.analytics.metric_wording import lack_words
from altus4_desktop.ui.texts import remark_text
from altus4_desktop.ui.times import duration

_WEEK = 7


def chart_title(name: str) -> str:
    """What a chart is called."""
    titles = {
        "searches": _tr("Searches"),
        "latency": _tr("How long searches take"),
        "durations": _tr("Searches by duration"),
        "modes": _tr("Modes"),
        "sources": _tr("Connections"),
        "popular": _tr("Popular queries"),
        "zero": _tr("Queries without result"),
        "slowest": _tr("Slowest searches"),
        "heat": _tr("Weekday and hour"),
        "users": _tr("People"),
        "keys": _tr("API keys"),
        "points": _tr("Each search"),
    }
    return titles[name]


def column_title(column: str) -> str:
    """What a column of a chart is called."""
    titles = {
        "day": _tr("Day"),
        "week": _tr("Week from"),
        "days": _tr("Days of it"),
        "hour": _tr("Hour"),
        "weekday": _tr("Weekday"),
        "searches": _tr("Searches"),
        "before": _tr("Before"),
        "zero": _tr("Nothing found"),
        "failed": _tr("Failed"),
        "p50_ms": _tr("p50"),
        "p95_ms": _tr("p95"),
        "p99_ms": _tr("p99"),
        "before_p95_ms": _tr("p95 before"),
        "max_ms": _tr("Longest"),
        "mean_ms": _tr("Mean"),
        "from_ms": _tr("From"),
        "to_ms": _tr("To less than"),
        "mode": _tr("Mode"),
        "share_percent": _tr("Share"),
        "connection": _tr("Connection"),
        "connections": _tr("Connections"),
        "query": _tr("Query"),
        "trend": _tr("Trend"),
        "cause": _tr("Cause"),
        "ms": _tr("Took"),
        "at": _tr("When"),
        "user": _tr("Name"),
        "email": _tr("E-mail"),
        "key": _tr("Key"),
        "outcome": _tr("Result"),
        "count": _tr("Counted"),
        "threshold": _tr("Threshold"),
        "lack": _tr("Why there is no data"),
    }
    return titles[column]


def shown_columns(chart: Chart) -> tuple[str, ...]:
    """The columns of the table; what others add is told with them, and how it went on stands beside
    the label, where it is in sight."""
    names = [name for name in chart.columns if name not in ("evidence", "key_id", AT_LEAST)]
    if "trend" in names:
        names.remove("trend")
        names.insert(2, "trend")
    return tuple(names)


def cell_words(chart: Chart, row: int, column: str) -> str:
    """One cell as people read it."""
    value = chart.cell(row, column)
    if column == "key":
        return _key_words(value, key_mark(chart, row))
    if value is None and column == "connection":
        return _tr("Others, not told apart")
    if value is None:
        # Without an end it is the last bucket of all; everywhere else nothing is known.
        return "" if column in ("to_ms", "lack") else "–"
    if column == "lack":
        return lack_words(str(value))
    if column == "cause":
        return remark_text(cause_words(str(value), str(chart.cell(row, "evidence"))))
    words = _value_words(column, value)
    return f"≥ {words}" if chart.is_least(row, column) else words


def _value_words(column: str, value: Cell) -> str:
    words = " ".join(str(value).split())
    match value:
        case datetime():
            words = value.strftime("%Y-%m-%d %H:%M:%S" if column == "at" else "%Y-%m-%d %H:%M")
            if _comes_twice(value):
                # Two of the same name are told apart.
                words += f" {value.isoformat(timespec='minutes')[16:]}"
        case date():
            words = value.isoformat()
        case int() | float():
            words = _number_words(column, value)
        case str() if column == "trend":
            # Of some days it may not be known.
            counts = ((part, part.isdecimal()) for part in value.split())
            words = ", ".join(f"{int(part):,}" if is_known else "–" for part, is_known in counts)
        case str() if column == "outcome":
            words = ended_words(value)
        case str() if column == "mode":
            words = ", ".join(map(mode_words, value.split(", ")))
    return words


def _comes_twice(at: datetime) -> bool:
    """Whether clocks showed the same twice, as on the night they are put back."""
    return at.replace(fold=0).utcoffset() != at.replace(fold=1).utcoffset()


def _number_words(column: str, value: float) -> str:
    if column == "ms" or column.endswith("_ms"):
        return duration(value)
    if column == "weekday":
        return weekday_words(int(value))
    if column == "hour":
        return f"{value:02}:00"
    if column == "share_percent":
        return f"{QLocale().toString(float(value), 'f', 1)} %"
    return f"{value:,}"


def row_words(chart: Chart, row: int) -> str:
    """What a row is about."""
    if chart.name == "heat":
        return f"{cell_words(chart, row, 'weekday')} {cell_words(chart, row, 'hour')}"
    if chart.name == "durations":
        least, most = cell_words(chart, row, "from_ms"), cell_words(chart, row, "to_ms")
        return f"{least} – {most}" if most else _tr("{least} and more").format(least=least)
    if chart.label[0] == "key":
        return cell_words(chart, row, "key")
    words = cell_words(chart, row, chart.label[0])
    if chart.label[0] == "week":
        words = _tr("Week from {day}").format(day=words)
        if is_part(chart, row):
            days = cell_words(chart, row, "days")
            words = _tr("{week}, {days} of 7 days").format(week=words, days=days)
    return words


def is_part(chart: Chart, row: int) -> bool:
    """Whether some days of a week are not in the period, or not known."""
    return chart.label[0] == "week" and chart.number(row, "days") != _WEEK


def axis_words(chart: Chart, row: int) -> str:
    """The same as short as an axis needs it."""
    value = chart.rows[row][0]
    if isinstance(value, datetime):
        return value.strftime("%H:%M")
    if isinstance(value, date):
        return value.strftime("%m-%d")
    if chart.name == "durations":
        return cell_words(chart, row, "from_ms")
    return row_words(chart, row)


def chapter_words(chart: Chart) -> dict[int, str]:
    """The rows at which a month begins, and the months."""
    days = enumerate(row[0] for row in chart.rows)
    # A week that a month begins with is not always the one that its first day is in.
    latest = 7 if chart.label[0] == "week" else 1
    return {
        place: f"{day:%Y-%m}"
        for place, day in days
        if isinstance(day, date) and not isinstance(day, datetime) and day.day <= latest
    }


def hover_words(chart: Chart, row: int) -> str:
    """Everything that is known of a row, a line each."""
    lines = [row_words(chart, row)]
    for column in shown_columns(chart):
        if column in chart.label or (column == "lack" and chart.cell(row, column) is None):
            continue
        lines.append(f"{column_title(column)}: {cell_words(chart, row, column)}")
    return "\n".join(lines)


def ended_words(outcome: str) -> str:
    """How a search ended that was not cancelled."""
    words = {"ok": _tr("Answered"), "partial": _tr("Failed in part"), "failed": _tr("Failed")}
    return words.get(outcome, outcome)


def has_failed(chart: Chart, row: int) -> bool:
    """Whether a row is a search of which a source failed."""
    return "outcome" in chart.columns and chart.cell(row, "outcome") in ("partial", "failed")


def outcome_words(outcome: PointOutcome) -> str:
    """How a search ended."""
    words = {
        PointOutcome.HITS: _tr("With hits"),
        PointOutcome.CANCELLED: _tr("Cancelled"),
        PointOutcome.NONE: _tr("Nothing found"),
        PointOutcome.FAILED: _tr("Failed"),
    }
    return words[outcome]


def instant_words(at_s: int, zone: str) -> str:
    """A second as the clocks of ``zone`` show it."""
    return _value_words("at", instant_of(at_s).astimezone(find_zone(zone)))


def point_words(point: SearchPoint, zone: str) -> str:
    """Everything that is known of one search, a line each."""
    lines = (instant_words(point.at_s, zone), duration(point.ms), outcome_words(point.outcome))
    return "\n".join(lines)


def mode_words(mode: str) -> str:
    """What a mode is called."""
    names = {
        "natural": _tr("Natural"),
        "boolean": _tr("Boolean"),
        "semantic": _tr("Semantic"),
    }
    return names.get(mode, mode)


def weekday_words(weekday: int) -> str:
    """Monday is 1."""
    return QLocale().standaloneDayName(weekday, QLocale.FormatType.ShortFormat)


def no_data_words() -> str:
    """What is said of a gap."""
    return _tr("No data")


def zone_words(zone: str) -> str:
    """Whose time it is."""
    return zone or _tr("each person's own time zone")


def period_words(period: Period) -> str:
    """The days of a period."""
    if period.first == period.last:
        return period.first.isoformat()
    return f"{period.first.isoformat()} – {period.last.isoformat()}"


def _change_percent(now: float | None, before: float | None) -> int | None:
    return None if now is None or not before else round(100 * (now - before) / before)


def change_words(now: float | None, before: float | None) -> str:
    """How much more or less it is than before."""
    change = _change_percent(now, before)
    if change is None:
        return _tr("nothing to compare with")
    if change == 0:
        return _tr("as before")
    if change > 0:
        return _tr("{change} % more than before").format(change=f"{change:,}")
    return _tr("{change} % less than before").format(change=f"{-change:,}")


def short_change_words(now: float | None, before: float | None) -> str:
    """`change_words` where more follows."""
    change = _change_percent(now, before)
    if change is None:
        return _tr("nothing before")
    if change == 0:
        return _tr("as before")
    if change > 0:
        return _tr("{change} % more").format(change=f"{change:,}")
    return _tr("{change} % less").format(change=f"{-change:,}")


def change_arrow(now: float | None, before: float | None) -> str:
    """`change_words` in little room; "" where there is nothing to compare with."""
    change = _change_percent(now, before)
    if change is None:
        return ""
    return f"{'▲' if change > 0 else '▼'} {abs(change):,} %" if change else "="


def points_arrow(now: float | None, before: float | None) -> str:
    """By how many percentage points a share has changed."""
    if now is None or before is None:
        return ""
    change = round(now - before, 1)
    return f"{'▲' if change > 0 else '▼'} {abs(change):.1f}" if change else "="


def others_words(chart: Chart) -> str:
    """What a list of texts does not hold."""
    text = _tr("the {count} most frequent; {others} searches had other texts")
    if AT_LEAST in chart.columns:
        text = _tr("the {count} most frequent; up to {others} searches had other texts")
    if chart.others == 1:
        text = _tr("the {count} most frequent; one search had another text")
    return text.format(count=len(chart.rows), others=f"{chart.others:,}")


def _key_words(name: Cell, mark: str | None) -> str:
    if mark is None:
        return _tr("People, without a key")
    if name is None:
        return _tr("A deleted key ({mark})").format(mark=mark)
    return f"{name} ({mark})" if mark else str(name)


def _tr(text: str) -> str:
    return QCoreApplication.translate("analytics", text)
