"""The card of a custom metric."""

from __future__ import annotations

from PySide6.QtCore import QPoint, Signal, Slot
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu

from altus4_desktop.domain.custom_metrics import MetricSeries
from altus4_desktop.domain.figures import Period
from altus4_desktop.services.metric_charts import build_metric_chart
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.analytics.card import ChartCard
from altus4_desktop.ui.panes.analytics.metric_wording import metric_words, short_name
from altus4_desktop.ui.panes.analytics.wording import zone_words
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.widgets import IconButton


class MetricCard(ChartCard):
    """One metric over the period; ``edit_wanted`` and ``delete_wanted`` carry the CustomMetric."""

    edit_wanted = Signal(object)
    delete_wanted = Signal(object)

    def __init__(self, series: MetricSeries, object_name: str) -> None:
        self.series = series
        super().__init__(
            "metric", object_name=object_name, title=short_name(series.metric.draft.name)
        )
        self.more_button = IconButton("more", self.tr("More"), name=f"{object_name}.more")
        self.more_button.setAccessibleName(self.tr("More on {chart}").format(chart=self.title))
        self.more_button.clicked.connect(self._open_more)
        self.head.addWidget(self.more_button)

    def show_series(self, series: MetricSeries) -> None:
        """Draw what was counted."""
        self.series = series
        chart = build_metric_chart(series)
        self.show_chart(chart)
        if series.days:
            self.set_period(Period(series.days[0].day, series.days[-1].day))
        words = metric_words(series)
        self.set_note(words)
        self.setToolTip(
            plain_tool_tip("\n".join((series.metric.draft.name, words, zone_words(series.zone))))
        )

    def build_menu(self) -> QMenu:
        """What can be done with the metric."""
        menu = QMenu(self)
        menu.setAccessibleName(self.more_button.accessibleName())
        for picture, text, act in (
            ("edit", self.tr("Edit…"), self._want_edit),
            ("trash", self.tr("Delete"), self._want_delete),
        ):
            action = QAction(icon(picture), text, menu)
            action.triggered.connect(act)
            menu.addAction(action)
        return menu

    @Slot()
    def _open_more(self) -> None:
        menu = self.build_menu()
        menu.aboutToHide.connect(menu.deleteLater)
        corner = self.more_button.rect().bottomRight()
        menu.popup(self.more_button.mapToGlobal(corner) - QPoint(menu.sizeHint().width(), 0))

    @Slot()
    def _want_edit(self) -> None:
        self.edit_wanted.emit(self.series.metric)

    @Slot()
    def _want_delete(self) -> None:
        self.delete_wanted.emit(self.series.metric)
