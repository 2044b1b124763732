"""Custom metrics as charts; asks nobody."""

from __future__ import annotations

from altus4_desktop.domain.charts import Cell, Chart, ChartKind
from altus4_desktop.domain.custom_metrics import MetricSeries, MetricSource, evidence_of
from altus4_desktop.domain.history import HistoryQuery


def build_metric_chart(series: MetricSeries) -> Chart:
    """What was counted each day, the threshold in each row, and why a day has no count."""
    draft = series.metric.draft
    limit = draft.threshold.limit if draft.threshold is not None else None
    extra = ("threshold",) if limit is not None else ()
    rows: list[tuple[Cell, ...]] = []
    links: list[HistoryQuery | None] = []
    for day in series.days:
        rows.append((day.day, day.found, *((limit,) if extra else ()), day.lack or None))
        has_link = draft.source is MetricSource.HISTORY and day.found is not None
        links.append(evidence_of(draft, series.zone, day.day) if has_link else None)
    return Chart(
        "metric",
        ChartKind.BARS,
        ("day", "count", *extra, "lack"),
        tuple(rows),
        ("day",),
        ("count", *extra),
        tuple(links),
        series.zone,
    )
