"""Insights in the analytics pane: sentences, and buttons to the searches that show them."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, Qt, Signal, Slot
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.figures import Period
from altus4_desktop.domain.insights import (
    MOST_COUNTED,
    Insight,
    InsightKind,
    InsightReport,
    shown,
)
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message, remark_text
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, Icon, Label, Spinner

_FEW = 3
_KIND_WIDTH = 92
_ICONS = {
    InsightKind.FAILING: ("plug", "danger"),
    InsightKind.SLOWER: ("clock", "warning"),
    InsightKind.FRUITLESS: ("arrow-down", "warning"),
    InsightKind.MISSPELT: ("edit", "accent"),
    InsightKind.NOTHING: ("search", "muted"),
    InsightKind.REWORDED: ("arrow-right", "muted"),
    InsightKind.POPULAR: ("trend", "accent"),
}


class InsightRow(QFrame):
    """One insight; a click anywhere shows its evidence."""

    evidence_wanted = Signal(object)
    retry_wanted = Signal(object)

    def __init__(self, insight: Insight, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.insight = insight
        text = remark_text(insight.remark)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setAccessibleName(f"{kind_words(insight.kind)}: {text}")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, Space.XS, 0, Space.XS)
        row.setSpacing(Space.S)
        picture, colour = _ICONS[insight.kind]
        row.addWidget(Icon(picture, 16, colour), 0, Qt.AlignmentFlag.AlignVCenter)
        kind = Label(kind_words(insight.kind), "caption")
        kind.setFixedWidth(_KIND_WIDTH)
        row.addWidget(kind)
        self.sentence = Label(text, wrap=True)
        self.sentence.setMinimumHeight(1)
        row.addWidget(self.sentence, 1)
        if insight.retry is not None:
            self.retry_button = self._add_button(
                row,
                self.tr("Search it"),
                self.tr("Search “{text}”").format(text=shown(insight.retry.query)),
                "analytics.insights.retry",
            )
            self.retry_button.clicked.connect(self._retry)
        self.evidence_button = self._add_button(
            row,
            self._evidence_words(),
            f"{self._evidence_words()}: {text}",
            "analytics.insights.show",
        )
        self.evidence_button.clicked.connect(self._show)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click that began and ends here."""
        super().mouseReleaseEvent(event)
        is_here = self.rect().contains(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and is_here:
            self._show()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Else the release goes to whatever is below."""
        event.accept()

    def _add_button(self, row: QHBoxLayout, text: str, told: str, name: str) -> Button:
        button = Button(text, "link", name=name)
        button.setAccessibleName(told)
        row.addWidget(button, 0, Qt.AlignmentFlag.AlignVCenter)
        return button

    def _evidence_words(self) -> str:
        if self.insight.link is None:
            return self.tr("Show the chart")
        if self.insight.linked > MOST_COUNTED:
            return self.tr("Show the searches")
        return self.tr("Show {count} searches").format(count=f"{self.insight.linked:,}")

    @Slot()
    def _show(self) -> None:
        self.evidence_wanted.emit(self.insight)

    @Slot()
    def _retry(self) -> None:
        self.retry_wanted.emit(self.insight.retry)


class InsightStrip(Card):
    """What is unusual about a period; ``chart_wanted`` names a chart that shows it."""

    chart_wanted = Signal(str)

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(margin=Space.L, spacing=Space.S, parent=parent)
        self.setObjectName("analytics.insights")
        self.setAccessibleName(self.tr("Insights"))
        self._session = session
        self._period: Period | None = None
        self._report: InsightReport | None = None
        self._looking = LatestTask(session.runner, Lane.TENANTS, self)
        self._looking.succeeded.connect(self._take_report)
        self._looking.failed.connect(self._take_failure)
        head = QHBoxLayout()
        head.setSpacing(Space.S)
        head.addWidget(Icon("sparkle", 16, "accent"))
        head.addWidget(Label(self.tr("Insights"), "strong"))
        self._spinner = Spinner(14)
        head.addWidget(self._spinner)
        self._sign = Icon("error", 14, "danger")
        head.addWidget(self._sign)
        self.state = Label(role="caption", wrap=True)
        self.state.setMinimumSize(1, 1)
        head.addWidget(self.state, 1)
        self.again = Button(self.tr("Try again"), "link", name="analytics.insights.again")
        self.again.clicked.connect(self._look_again)
        head.addWidget(self.again)
        self.more = Button("", "link", name="analytics.insights.more")
        self.more.setCheckable(True)
        self.more.toggled.connect(self._draw)
        head.addWidget(self.more)
        self.body.addLayout(head)
        self.rows: list[InsightRow] = []
        self._few = _FEW
        self._list = QVBoxLayout()
        self._list.setSpacing(0)
        self.body.addLayout(self._list)
        for part in (self._spinner, self._sign, self.again):
            part.hide()
        self._draw()

    @property
    def looking(self) -> bool:
        """Whether it is being looked for, or will be."""
        return not self._spinner.isHidden()

    def expect(self, period: Period) -> None:
        """Say that ``period`` will be looked at; what is told of the same days stays meanwhile."""
        if period != self._period:
            self._period = period
            self._looking.drop()
            self._fill(None)
        self._spinner.show()
        self._sign.hide()
        self.again.hide()
        self._say(self.tr("Looking for what is unusual…"))

    @Slot()
    def look(self) -> None:
        """Find what is unusual about the days that are expected, unless somebody stopped that."""
        period = self._period
        if period is None or not self.looking:
            return
        insights, actor = self._session.services.insights, self._session.actor

        def find(context: TaskContext) -> InsightReport:
            return insights.find_(actor, period, context.token)

        self._looking.start(find)

    def set_folded(self, *, folded: bool) -> None:
        """Show none of them before somebody asks."""
        few = 0 if folded else _FEW
        if few != self._few:
            self._few = few
            margin = Space.S if folded else Space.L
            self.body.setContentsMargins(Space.L, margin, Space.L, margin)
            self._draw()

    def stop(self) -> None:
        """Look no further."""
        if self.looking:
            self._looking.drop()
            self._end(self.tr("Stopped"))
            self.again.show()

    def shut(self) -> None:
        """The pane will be deleted."""
        self._looking.drop()

    @Slot()
    def _look_again(self) -> None:
        if self._period is not None:
            self.expect(self._period)
            self.look()

    @Slot(object)
    def _take_report(self, report: InsightReport) -> None:
        if self._report is None or report.insights != self._report.insights:
            self._fill(report)
        self._report = report
        words = "" if report.insights else self.tr("Nothing unusual in this period")
        if report.unasked:
            asked = self.tr("Not asked for similar words: {names}")
            said = asked.format(names=", ".join(map(shown, report.unasked)))
            words = f"{words}. {said}" if words else said
        self._end(words)

    @Slot(object)
    def _take_failure(self, error: object) -> None:
        if isinstance(error, AltusError):
            self._fill(None)
            words = " ".join(filter(None, (error_message(error), error_hint(error))))
            self._end(words)
            self._sign.show()
            self.again.show()

    def _end(self, words: str) -> None:
        self._spinner.hide()
        self._say(words)

    def _say(self, words: str) -> None:
        self.state.setText(words)
        self.setAccessibleDescription(words)

    def _fill(self, report: InsightReport | None) -> None:
        self._report = report
        for row in self.rows:
            self._list.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = [InsightRow(insight) for insight in report.insights] if report else []
        for row in self.rows:
            row.evidence_wanted.connect(self._open_evidence)
            row.retry_wanted.connect(self._search)
            self._list.addWidget(row)
        self._draw()

    @Slot()
    def _draw(self) -> None:
        left = len(self.rows) - self._few
        is_open = self.more.isChecked()
        words = self.tr("{count} more") if self._few else self.tr("Show {count}")
        self.more.setText(self.tr("Fewer") if is_open else words.format(count=left))
        self.more.setAccessibleName(
            self.tr("Show fewer insights") if is_open else self.tr("Show all insights")
        )
        self.more.setVisible(left > 0)
        for place, row in enumerate(self.rows):
            row.setVisible(is_open or place < self._few)

    @Slot(object)
    def _open_evidence(self, insight: Insight) -> None:
        if insight.link is not None:
            self._session.pane_requested.emit("history", insight.link)
        else:
            self.chart_wanted.emit(insight.chart)

    @Slot(object)
    def _search(self, request: object) -> None:
        self._session.pane_requested.emit("search", request)


def kind_words(kind: InsightKind) -> str:
    """What an insight is about, in a word or two."""
    names = {
        InsightKind.FAILING: _tr("Failing"),
        InsightKind.SLOWER: _tr("Slower"),
        InsightKind.FRUITLESS: _tr("Less found"),
        InsightKind.MISSPELT: _tr("Misspelt"),
        InsightKind.NOTHING: _tr("Not found"),
        InsightKind.REWORDED: _tr("Other words"),
        InsightKind.POPULAR: _tr("Popular"),
    }
    return names[kind]


def _tr(text: str) -> str:
    return QCoreApplication.translate("analytics", text)
