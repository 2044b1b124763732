"""Custom metrics in words."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from altus4_desktop.domain.custom_metrics import (
    DayLack,
    MetricSeries,
    MetricSource,
    Side,
    Threshold,
)

_NAME_LENGTH = 30


def short_name(name: str, length: int = _NAME_LENGTH) -> str:
    """A name in one line of at most so many characters."""
    line = " ".join(name.split())
    return line if len(line) <= length else line[: length - 1] + "…"


def threshold_words(threshold: Threshold) -> str:
    """Which days are told of."""
    words = _tr("above {limit}") if threshold.side is Side.ABOVE else _tr("below {limit}")
    return words.format(limit=f"{threshold.limit:,}")


def metric_words(series: MetricSeries) -> str:
    """What a metric counts, and when it tells."""
    draft = series.metric.draft
    if draft.source is MetricSource.HISTORY:
        words = _tr("searches a day")
    elif series.search_name is None:
        words = _tr("the saved search is gone")
    else:
        words = _tr("rows of “{name}”").format(name=short_name(series.search_name))
    if draft.threshold is None:
        return words
    told = _tr("tells when {threshold}").format(threshold=threshold_words(draft.threshold))
    return f"{words}, {told}"


def lack_words(lack: str) -> str:
    """Why nothing is known of a day."""
    words = {
        DayLack.OUTSIDE: _tr("Not recorded"),
        DayLack.NOT_RECORDED: _tr("Recording was off"),
        DayLack.NOT_LOOKED: _tr("The application did not look"),
        DayLack.COUNTING: _tr("Is being counted"),
        DayLack.PARTIAL: _tr("Not every connection answered"),
        DayLack.TOO_MANY: _tr("Too many rows to count"),
        DayLack.SEARCH_GONE: _tr("The saved search is gone"),
        DayLack.SEMANTIC: _tr("A semantic search counts no rows"),
    }
    known = {each.value: text for each, text in words.items()}
    return known.get(lack, _tr("The search failed ({code})").format(code=lack))


def _tr(text: str) -> str:
    return QCoreApplication.translate("metrics", text)
