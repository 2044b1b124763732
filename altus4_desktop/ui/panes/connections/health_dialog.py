"""How the FULLTEXT indexes of a connection are, and the statements that would better them."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from altus4_desktop.domain.connections import Connection
from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.index_health import AdviceReport, AdviceStep, ServerAdvice
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import Dialog
from altus4_desktop.ui.panes.connections.health_views import (
    RowsAndText,
    TableRow,
    build_settings,
    build_steps,
    build_tables,
    describe_server,
    describe_setting,
    describe_step,
    describe_table,
    table_rows,
)
from altus4_desktop.ui.panes.elided import ElidedLabel
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import (
    Busy,
    Button,
    EmptyState,
    IconButton,
    InlineMessage,
    Label,
    Segments,
)

_TABLES, _STEPS, _SERVER = "tables", "steps", "server"


class HealthDialog(Dialog):
    """Shows findings and advice for a connection; reads them when it opens."""

    def __init__(self, session: Session, connection: Connection, parent: QWidget) -> None:
        super().__init__("", name="connections.health.dialog", parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        title = self.tr("Search health of “{name}”").format(name=connection.name)
        self.setWindowTitle(title)
        self.setAccessibleName(title)
        self._session = session
        self._connection = connection
        self._advice: AdviceReport | None = None
        self._task = LatestTask(session.runner, Lane.TENANTS, self)
        self._task.succeeded.connect(self._take)
        self._task.failed.connect(self._take_failure)
        self._task.cancelled.connect(self._take_stop)
        self._saving = LatestTask(session.runner, Lane.METADATA, self)
        self._saving.succeeded.connect(self._tell_saved)
        self._saving.failed.connect(self._tell_failure)
        self._build_head(title)
        self._build_pages()
        self._build_foot()
        self.resize(self.sizeHint())
        self.read()

    def sizeHint(self) -> QSize:
        """As large as the window behind allows."""
        return self.fitting(QSize(960, 640))

    def _build_head(self, title: str) -> None:
        head = QHBoxLayout()
        head.setSpacing(Space.M)
        head.addWidget(ElidedLabel(title, "title"), 1)
        self.views = Segments(
            [
                (_TABLES, self.tr("Findings")),
                (_STEPS, self.tr("Index statements")),
                (_SERVER, self.tr("Server settings")),
            ],
            name="connections.health.view",
            label=self.tr("Show"),
        )
        self.views.chosen.connect(self._draw)
        head.addWidget(self.views)
        self.refresh = IconButton(
            "refresh", self.tr("Read again (F5)"), name="connections.health.refresh"
        )
        self.refresh.setShortcut("F5")
        self.refresh.clicked.connect(self.read)
        head.addWidget(self.refresh)
        self.body.addLayout(head)
        self.place = ElidedLabel(role="muted")
        self.place.setObjectName("connections.health.place")
        self.body.addWidget(self.place)
        self.message = InlineMessage(name="connections.health.message")
        self.body.addWidget(self.message)

    def _build_pages(self) -> None:
        self.pages = QStackedWidget()
        self.busy = QWidget()
        column = QVBoxLayout(self.busy)
        column.addStretch(1)
        column.addWidget(Busy(self.tr("Reading indexes, a few rows and past searches…")))
        self.stop_button = Button(self.tr("Stop"), icon_name="stop", name="connections.health.stop")
        self.stop_button.clicked.connect(self._task.cancel)
        column.addWidget(self.stop_button, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        again = Button(
            self.tr("Try again"), "primary", icon_name="refresh", name="connections.health.again"
        )
        again.clicked.connect(self.read)
        self.failed = EmptyState("error", "", action=again)
        self.failed.setObjectName("connections.health.failed")
        self.tables: RowsAndText[TableRow] = RowsAndText(
            build_tables(self),
            {1: 120, 2: 90, 3: 150, 4: 90},
            0,
            describe_table,
            EmptyState("table", self.tr("No tables")),
            name="connections.health.tables",
            label=self.tr("Tables and what was found"),
            text_label=self.tr("What was found"),
        )
        self.steps: RowsAndText[AdviceStep] = RowsAndText(
            build_steps(self),
            {0: 165, 2: 150, 3: 150, 4: 90},
            1,
            describe_step,
            EmptyState(
                "check-circle",
                self.tr("No statement to advise"),
                self.tr("Every table with text that people search has the indexes it needs."),
            ),
            name="connections.health.steps",
            label=self.tr("Statements in the order in which they are to be run"),
            text_label=self.tr("The statement, its cost and the way back"),
        )
        self.server: RowsAndText[ServerAdvice] = RowsAndText(
            build_settings(self),
            {1: 90, 2: 90, 3: 130, 4: 90},
            0,
            describe_setting,
            EmptyState(
                "check-circle",
                self.tr("No setting to advise"),
                self.tr("No setting of the server keeps words of your searches out."),
            ),
            name="connections.health.server",
            label=self.tr("Settings of the server"),
            text_label=self.tr("The setting and its consequences"),
        )
        for page in (self.busy, self.failed, self.tables, self.steps, self.server):
            self.pages.addWidget(page)
        self.body.addWidget(self.pages, 1)

    def _build_foot(self) -> None:
        note = self.tr("An administrator runs statements; this program never does.")
        self.buttons.addWidget(Label(note, "caption", wrap=True), 1)
        self.copy_button = Button(self.tr("Copy"), icon_name="copy", name="connections.health.copy")
        self.copy_button.clicked.connect(self._copy)
        self.save_button = Button(
            self.tr("Save as migration…"), icon_name="download", name="connections.health.save"
        )
        self.save_button.clicked.connect(self._ask_where)
        close = Button(self.tr("Close"), name="connections.health.close")
        close.clicked.connect(self.accept)
        for button in (self.copy_button, self.save_button, close):
            self.buttons.addWidget(button)

    # ---- reading ---------------------------------------------------------------------------------

    @Slot()
    def read(self) -> None:
        """Read it all again."""
        services, actor = self._session.services, self._session.actor
        connection_id = self._connection.id

        def read(context: TaskContext) -> AdviceReport:
            return services.index_health.advise_(actor, connection_id, context.token)

        self.message.clear()
        self.refresh.setEnabled(False)
        self._task.start(read)
        self._draw()

    @Slot(object)
    def _take(self, advice: AdviceReport) -> None:
        self._advice = advice
        facts = advice.health.facts
        searches = self.tr("{count} searches of the last {days} days").format(
            count=advice.searches_read, days=advice.days
        )
        self.place.setText(f"{describe_server(facts)}  ·  {searches}")
        self.tables.show_records(table_rows(advice.health))
        self.steps.show_records(advice.steps)
        self.server.show_records(advice.server)
        self._draw()

    @Slot(object)
    def _take_failure(self, error: Exception) -> None:
        self._advice = None
        if isinstance(error, AltusError):
            self.failed.set("error", error_message(error), error_hint(error))
        else:
            self.failed.set("error", self.tr("Something unexpected happened."))
        self._draw()

    @Slot()
    def _take_stop(self) -> None:
        self._advice = None
        self.failed.set("stop", self.tr("Stopped"), self.tr("Nothing was changed."))
        self._draw()

    @Slot()
    def _draw(self) -> None:
        running = self._task.running
        self.refresh.setEnabled(not running)
        pages: dict[str, QWidget] = {_TABLES: self.tables, _STEPS: self.steps, _SERVER: self.server}
        if running:
            self.pages.setCurrentWidget(self.busy)
        elif self._advice is None:
            self.pages.setCurrentWidget(self.failed)
        else:
            self.pages.setCurrentWidget(pages[self.views.key])
        known = None if running else self._advice
        self.save_button.setVisible(self.views.key == _STEPS)
        self.save_button.setEnabled(known is not None and bool(known.steps))
        self.copy_button.setEnabled(known is not None and bool(self._text_to_copy(known)))

    # ---- copying and saving ----------------------------------------------------------------------

    def _text_to_copy(self, advice: AdviceReport) -> str:
        """All of what is shown, in the order of its table."""
        if self.views.key == _STEPS:
            parts = [describe_step(step) for step in advice.steps]
        elif self.views.key == _SERVER:
            parts = [describe_setting(item) for item in advice.server]
        else:
            parts = [describe_table(row) for row in table_rows(advice.health)]
        return "\n\n".join(parts)

    @Slot()
    def _copy(self) -> None:
        if self._advice is not None:
            QGuiApplication.clipboard().setText(self._text_to_copy(self._advice) + "\n")
            self.message.show_message("success", self.tr("Copied."))

    @Slot()
    def _ask_where(self) -> None:
        chosen = QFileDialog.getExistingDirectory(
            self, self.tr("Save the statements as a migration in this folder")
        )
        if chosen:
            self.save_to(Path(chosen))

    def save_to(self, folder: Path) -> None:
        """Write the statements to ``folder`` as a migration file and the one that undoes it."""
        if self._advice is None:
            return
        health, steps = self._session.services.index_health, self._advice.steps

        def save(_: TaskContext) -> tuple[Path, Path]:
            return health.save_(steps, folder)

        self._saving.start(save)

    @Slot(object)
    def _tell_saved(self, paths: tuple[Path, Path]) -> None:
        self.message.show_message(
            "success",
            self.tr("Saved as “{path}”.").format(path=paths[0]),
            self.tr("“{name}” beside it undoes it.").format(name=paths[1].name),
        )

    @Slot(object)
    def _tell_failure(self, error: Exception) -> None:
        if isinstance(error, AltusError):
            self.message.show_error(error)

    def done(self, result: int) -> None:
        """Stop reading."""
        self._task.drop()
        self._saving.drop()
        super().done(result)
