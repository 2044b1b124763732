"""A server and its pool at a glance, and what could be turned on."""

from __future__ import annotations

from PySide6.QtCore import Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QPlainTextEdit, QScrollArea, QVBoxLayout, QWidget

from altus4_desktop.domain.monitoring import ServerFacts
from altus4_desktop.ui.dialogs import scrolling
from altus4_desktop.ui.panes.monitoring.curves import PoolChart
from altus4_desktop.ui.panes.monitoring.wording import (
    ServerRow,
    error_words,
    pool_words,
    slow_log_words,
    slow_words,
    threads_words,
    uptime_words,
    waiting_words,
)
from altus4_desktop.ui.texts import remark_text
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, Card, Label


class OverviewPage(QWidget):
    """The figures of the pool, of the server, and its slow query log."""

    copied = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, Space.S, 0)
        column.setSpacing(Space.M)
        column.addWidget(self._build_pool())
        self.server = self._build_server()
        column.addWidget(self.server)
        column.addStretch(1)
        self.area: QScrollArea = scrolling(inside)
        self.area.setObjectName("monitoring.overview")
        own = QVBoxLayout(self)
        own.setContentsMargins(0, 0, 0, 0)
        own.addWidget(self.area)

    def _build_pool(self) -> Card:
        card = Card(margin=Space.L, spacing=Space.XS)
        card.body.addWidget(Label(self.tr("Pool"), "section"))
        self.pool = Label(wrap=True)
        self.waiting = Label(role="caption", wrap=True)
        self.errors = Label(role="caption", wrap=True)
        self.chart = PoolChart()
        card.body.addWidget(self.pool)
        card.body.addWidget(self.waiting)
        card.body.addWidget(self.errors)
        card.body.addSpacing(Space.S)
        card.body.addWidget(self.chart)
        return card

    def _build_server(self) -> Card:
        card = Card(margin=Space.L, spacing=Space.XS)
        card.body.addWidget(Label(self.tr("Server"), "section"))
        self.version = Label(wrap=True, selectable=True)
        self.threads = Label(role="caption", wrap=True)
        self.slow = Label(wrap=True, selectable=True)
        card.body.addWidget(self.version)
        card.body.addWidget(self.threads)
        card.body.addSpacing(Space.S)
        card.body.addWidget(self.slow)
        self.advice = QWidget()
        advice = QVBoxLayout(self.advice)
        advice.setContentsMargins(0, Space.XS, 0, 0)
        advice.setSpacing(Space.S)
        self.statement = QPlainTextEdit()
        self.statement.setObjectName("monitoring.slow_log")
        self.statement.setAccessibleName(self.tr("Statements that turn the slow query log on"))
        self.statement.setProperty("kind", "code")
        self.statement.setReadOnly(True)
        self.statement.setTabChangesFocus(True)
        self.statement.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        advice.addWidget(self.statement)
        row = QHBoxLayout()
        note = self.tr("An administrator runs them; this program never does.")
        row.addWidget(Label(note, "caption", wrap=True), 1)
        self.copy_button = Button(
            self.tr("Copy"), icon_name="copy", name="monitoring.slow_log.copy"
        )
        self.copy_button.clicked.connect(self._copy)
        row.addWidget(self.copy_button)
        advice.addLayout(row)
        self.advice.hide()
        card.body.addWidget(self.advice)
        self.unseen = Label(role="caption", wrap=True)
        self.unseen.hide()
        card.body.addSpacing(Space.S)
        card.body.addWidget(self.unseen)
        return card

    def show_row(self, row: ServerRow) -> None:
        """The newest figures."""
        stats, most = row.pool.stats, row.pool.connection.pool.size
        self.pool.setText(pool_words(stats, most))
        self.waiting.setText(waiting_words(stats))
        self.waiting.setVisible(stats is not None)
        self.errors.setText(error_words(stats, row.error))
        self.errors.setVisible(stats is not None)
        self.chart.show_pool(row.pool)
        pulse = row.pulse
        # Why nothing is known of a server that does not answer stands above.
        self.server.setHidden(row.error is not None and pulse is None)
        if pulse is None:
            self.version.setText(self.tr("Not known yet"))
            self.threads.setText("")
            return
        self.version.setText(
            self.tr("{product} {version}, up for {time}").format(
                product=pulse.flavour.label,
                version=pulse.version,
                time=uptime_words(pulse.uptime_s),
            )
        )
        self.threads.setText(f"{threads_words(pulse)}  ·  {slow_words(pulse.slow_queries)}")

    def show_facts(self, facts: ServerFacts | None) -> None:
        """What changes rarely; None: it was not read yet."""
        statement = "" if facts is None else facts.slow_log.statement
        self.slow.setText("" if facts is None else slow_log_words(facts.slow_log))
        self.slow.setVisible(facts is not None)
        if statement != self.statement.toPlainText():
            self.statement.setPlainText(statement)
            lines = self.statement.document().lineCount() or 1
            self.statement.setFixedHeight(
                lines * self.statement.fontMetrics().lineSpacing() + 2 * Space.L
            )
        self.advice.setVisible(bool(statement))
        unseen = "" if facts is None else "\n".join(remark_text(it) for it in facts.unseen)
        self.unseen.setText(unseen)
        self.unseen.setVisible(bool(unseen))

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.statement.toPlainText() + "\n")
        self.copied.emit()
