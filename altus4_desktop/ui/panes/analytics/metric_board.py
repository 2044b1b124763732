"""The custom metrics below the other charts: a card each, made, changed and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer, Signal, Slot
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from altus4_desktop.domain.charts import Chart
from altus4_desktop.domain.custom_metrics import (
    CustomMetric,
    CustomMetricDraft,
    DayLack,
    DeletedMetric,
    MetricSeries,
    MetricSource,
)
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.saved_searches import SavedSearch
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.analytics.grid import CardGrid
from altus4_desktop.ui.panes.analytics.metric_form import MetricForms
from altus4_desktop.ui.panes.analytics.metric_wording import lack_words, short_name
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, InlineMessage, Label
from altus4_desktop.ui.working import WorkingWidget

if TYPE_CHECKING:
    from altus4_desktop.ui.panes.analytics.metric_card import MetricCard

# Counting begins soon after a metric was made, and is then done in a moment or takes a while.
_AGAIN_MS = 1500
_AGAIN_AT_MOST_MS = 60_000
_NAME_LENGTH = 60


class MetricBoard(WorkingWidget):
    """``changed``: the metrics are to be read again; ``export_wanted`` carries a card and the
    ending of a file."""

    changed = Signal()
    export_wanted = Signal(object, str)

    def __init__(self, session: Session) -> None:
        super().__init__(session.runner, session.report_crash, name="analytics.metrics")
        self.session = session
        self.cards: dict[str, MetricCard] = {}
        self._deleted: DeletedMetric | None = None
        self.forms = MetricForms(session, self)
        self.forms.saved.connect(self._take_saved)
        self.forms.failed.connect(self.present)
        self.new_button = Button(
            self.tr("New metric…"), icon_name="plus", name="analytics.metrics.create"
        )
        self.new_button.clicked.connect(self.ask_new)
        head = QHBoxLayout()
        head.setSpacing(Space.S)
        head.addWidget(Label(self.tr("Your metrics"), "title"))
        head.addStretch(1)
        head.addWidget(self.new_button)
        self.note = InlineMessage(name="analytics.metrics.note")
        self.nothing = Label(
            self.tr(
                "Count what matters to you by the day: past searches that a filter finds, or the "
                "rows of a saved search. A threshold tells you when a day is unusual."
            ),
            "muted",
            wrap=True,
        )
        self.grid = CardGrid()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, Space.M, 0, 0)
        column.setSpacing(Space.M)
        column.addLayout(head)
        for part in (self.message, self.note, self.nothing, self.grid):
            column.addWidget(part)
        self._left: list[MetricSeries] = []
        # A card takes some milliseconds to build: others get their turn in between.
        self._filling = QTimer(self)
        self._filling.setInterval(0)
        self._filling.timeout.connect(self._fill_next)
        self._again = QTimer(self)
        self._again.setSingleShot(True)
        self._again.setInterval(_AGAIN_MS)
        self._again.timeout.connect(self._look_again)

    def show_metrics(self, found: Sequence[MetricSeries]) -> None:
        """Show these, each in its card."""
        ids = {series.metric.id for series in found}
        for metric_id in [each for each in self.cards if each not in ids]:
            self._drop_card(metric_id)
        for series in found:
            card = self.cards.get(series.metric.id)
            if card is not None and card.title != short_name(series.metric.draft.name):
                self._drop_card(series.metric.id)
        self.nothing.setHidden(bool(found))
        self._left = list(found)
        self._filling.start()
        is_counting = any(day.lack == DayLack.COUNTING for series in found for day in series.days)
        if is_counting:
            # What is not counted soon may not be for long: each look reads the whole dashboard.
            self._again.start(min(2 * self._again.interval(), _AGAIN_AT_MOST_MS))
        else:
            self._again.setInterval(_AGAIN_MS)

    @Slot()
    def _look_again(self) -> None:
        # Whoever comes back to it has it read in any case.
        if self.isVisible():
            self.changed.emit()

    def redraw(self) -> None:
        """Wear the colours of now."""
        for card in self.cards.values():
            card.redraw()

    def shut(self) -> None:
        """The pane will be deleted."""
        self._filling.stop()
        self._again.stop()
        self.cancel_work()

    @Slot()
    def ask_new(self) -> None:
        """Ask for a new metric."""
        self.forms.open(CustomMetricDraft(""))

    @Slot(object)
    def ask_changes(self, metric: CustomMetric) -> None:
        """Ask for changes of one."""
        self.forms.open(metric.draft, metric)

    @Slot(object)
    def remove(self, metric: CustomMetric) -> None:
        """Delete one; that can be undone."""
        metrics, actor = self.session.services.custom_metrics, self.session.actor

        def work(_: TaskContext) -> DeletedMetric:
            return metrics.delete_(actor, metric.id)

        self.submit(Lane.METADATA, work, self._take_deleted)

    @Slot(object)
    def _take_deleted(self, deleted: DeletedMetric) -> None:
        self._deleted = deleted
        name = short_name(deleted.metric.draft.name, _NAME_LENGTH)
        self.note.show_message(
            "info",
            self.tr("Deleted “{name}”.").format(name=name),
            actions=[(self.tr("Undo"), self.undo)],
        )
        self.changed.emit()

    @Slot()
    def undo(self) -> None:
        """Have the metric back that was deleted last."""
        deleted, self._deleted = self._deleted, None
        self.note.clear()
        if deleted is None:
            return
        metrics, actor = self.session.services.custom_metrics, self.session.actor

        def work(_: TaskContext) -> CustomMetric:
            return metrics.restore_(actor, deleted)

        self.submit(Lane.METADATA, work, self._take_saved)

    @Slot(object)
    def _take_saved(self, _: CustomMetric) -> None:
        self.changed.emit()
        self._again.start(_AGAIN_MS)

    # Cards

    @Slot()
    def _fill_next(self) -> None:
        if not self._left:
            self._filling.stop()
            return
        series = self._left[0]
        card = self.cards.get(series.metric.id)
        if card is None:
            self._build_card(series)
        else:
            card.show_series(self._left.pop(0))

    def _build_card(self, series: MetricSeries) -> None:
        from altus4_desktop.ui.panes.analytics.metric_card import MetricCard

        taken = {card.objectName() for card in self.cards.values()}
        name = next(
            name
            for number in range(1, len(taken) + 2)
            if (name := f"analytics.metric{number}") not in taken
        )
        card = MetricCard(series, name)
        card.row_chosen.connect(self._open_evidence)
        card.export_wanted.connect(self.export_wanted)
        card.edit_wanted.connect(self.ask_changes)
        card.delete_wanted.connect(self.remove)
        self.cards[series.metric.id] = card
        self.grid.add_card(card)

    def _drop_card(self, metric_id: str) -> None:
        card = self.cards.pop(metric_id)
        self.grid.remove_card(card)
        card.deleteLater()

    @Slot(object, int)
    def _open_evidence(self, chart: Chart, row: int) -> None:
        """Show what a day stands for: its searches, or the saved search as it is now."""
        card = next((card for card in self.cards.values() if card.chart is chart), None)
        if card is None:
            return
        draft, link = card.series.metric.draft, chart.links[row]
        if link is not None:
            self.session.pane_requested.emit("history", link)
        elif draft.source is MetricSource.SAVED_SEARCH:
            self._open_saved(draft.saved_search_id)
        else:
            self.session.announced.emit(lack_words(card.series.days[row].lack))

    def _open_saved(self, search_id: str) -> None:
        saved, actor = self.session.services.saved_searches, self.session.actor

        def work(_: TaskContext) -> SavedSearch:
            return saved.get_(actor, search_id)

        self.submit(Lane.METADATA, work, self._show_saved, failed=self._tell)

    @Slot(object)
    def _show_saved(self, saved: SavedSearch) -> None:
        self.session.pane_requested.emit("search", saved)

    @Slot(object)
    def _tell(self, error: object) -> None:
        if isinstance(error, AltusError):
            self.note.show_error(error)
