"""Looks after custom metrics while the application runs, and tells of their thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from PySide6.QtCore import QTimer, Slot
from PySide6.QtWidgets import QVBoxLayout, QWidget

from altus4_desktop.domain.custom_metrics import (
    MetricNotice,
    MetricSource,
    evidence_of,
)
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.history import HistoryQuery
from altus4_desktop.domain.saved_searches import SavedSearch
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.analytics.metric_wording import short_name, threshold_words
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import InlineMessage

FIRST_MS, EVERY_MS = 6000, 60_000
_NAME_LENGTH = 60


class MetricNotices(QWidget):
    """Above the panes, one metric at a time; hidden while there is nothing to tell."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self.notices: tuple[MetricNotice, ...] = ()
        self.bar = _NoticeBar(self)
        column = QVBoxLayout(self)
        column.setContentsMargins(Space.XL, Space.M, Space.XL, 0)
        column.addWidget(self.bar)
        self._looking = LatestTask(session.runner, Lane.TENANTS, self)
        self._looking.succeeded.connect(self._take)
        self._opening = LatestTask(session.runner, Lane.METADATA, self)
        self._opening.succeeded.connect(self._open)
        self._opening.failed.connect(self._tell)
        self._clock = QTimer(self)
        self._clock.setInterval(FIRST_MS)
        self._clock.timeout.connect(self._tick)
        self._clock.start()
        self.hide()

    def shut(self) -> None:
        """The workspace will be deleted."""
        self._clock.stop()
        self._looking.drop()

    @Slot()
    def _tick(self) -> None:
        self._clock.setInterval(EVERY_MS)
        # What is locked is covered, and asks nobody.
        above = self.parentWidget()
        if above is not None and above.isVisible():
            self.look()

    @Slot()
    def look(self) -> None:
        """Have saved searches run that are due, and read what there is to tell."""
        metrics, actor = self.session.services.custom_metrics, self.session.actor
        if self._looking.running:
            return

        def work(context: TaskContext) -> Sequence[MetricNotice]:
            return metrics.watch_(actor, context.token)

        self._looking.start(work, title=self.tr("Looking after your metrics"))

    @Slot(object)
    def _take(self, notices: Sequence[MetricNotice]) -> None:
        self.notices = tuple(notices)
        self._show()

    def _current(self) -> list[MetricNotice]:
        """Those of the metric that has the latest day, the latest first."""
        first = self.notices[0].metric_id if self.notices else ""
        return [notice for notice in self.notices if notice.metric_id == first]

    def _show(self) -> None:
        told = self._current()
        self.setVisible(bool(told))
        if not told:
            self.bar.hide()
            return
        latest = told[0]
        words = {
            "name": short_name(latest.name, _NAME_LENGTH),
            "threshold": threshold_words(latest.threshold),
            "count": len(told),
            "day": latest.day.isoformat(),
            "found": f"{latest.found:,}",
        }
        text = self.tr("“{name}”: {found} on {day}, {threshold}.")
        if len(told) > 1:
            text = self.tr("“{name}”: {threshold} on {count} days, last on {day}: {found}.")
        others = len([*groupby(sorted(n.metric_id for n in self.notices))]) - 1
        hint = self.tr("Other metrics that have news: {count}.").format(count=others)
        self.bar.show_message(
            "warning",
            text.format(**words),
            hint if others else "",
            [(self.tr("Show"), self.show_evidence)],
        )

    @Slot()
    def dismiss(self) -> None:
        """Take note of what is shown."""
        told = self._current()
        if not told:
            return
        metrics, actor = self.session.services.custom_metrics, self.session.actor
        metric_id, last = told[0].metric_id, told[0].day

        def work(_: TaskContext) -> None:
            metrics.dismiss_(actor, metric_id, last)

        self.session.runner.submit(Lane.METADATA, work)
        # What is being read may still be there.
        self._looking.drop()
        self.notices = tuple(each for each in self.notices if each.metric_id != metric_id)
        self._show()

    @Slot()
    def show_evidence(self) -> None:
        """Open the searches of the latest day, or the saved search."""
        told = self._current()
        if not told:
            return
        services, actor = self.session.services, self.session.actor
        metric_id, day = told[0].metric_id, told[0].day

        def work(_: TaskContext) -> HistoryQuery | SavedSearch:
            draft = services.custom_metrics.get_(actor, metric_id).draft
            if draft.source is MetricSource.SAVED_SEARCH:
                return services.saved_searches.get_(actor, draft.saved_search_id)
            return evidence_of(draft, actor.timezone or "UTC", day)

        self._opening.start(work)

    @Slot(object)
    def _open(self, evidence: object) -> None:
        pane = "search" if isinstance(evidence, SavedSearch) else "history"
        self.session.pane_requested.emit(pane, evidence)

    @Slot(object)
    def _tell(self, error: object) -> None:
        if isinstance(error, AltusError):
            self.bar.show_error(error)


class _NoticeBar(InlineMessage):
    """Closing it takes note of what it says."""

    def __init__(self, notices: MetricNotices) -> None:
        super().__init__(name="notice.metric")
        self._notices = notices

    def clear(self) -> None:
        """Take note."""
        super().clear()
        self._notices.dismiss()
