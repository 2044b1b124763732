"""An account's name and place, and the statements that make it: to copy or to save, never run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, QTimer, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, FormRow, InlineMessage, Label

_SETTLE_MS = 150

Work = Callable[[TaskContext], str]
# Takes user name and client host; None while there is nothing to write statements for.
BuildWork = Callable[[str, str], Work | None]


class AccountStatements(QWidget):
    """Asks for a user name and from where it may connect, and shows what ``build_work`` writes."""

    def __init__(
        self,
        session: Session,
        build_work: BuildWork,
        *,
        name: str,
        username: str,
        file_name: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._build_work = build_work
        self._file_name = file_name
        self._writing = LatestTask(session.runner, Lane.METADATA, self)
        self._writing.succeeded.connect(self._show)
        self._writing.failed.connect(self._show_failure)
        self._saving = LatestTask(session.runner, Lane.METADATA, self)
        self._saving.succeeded.connect(self._show_saved)
        self._saving.failed.connect(self._show_failure)
        self._settle = QTimer(self)
        self._settle.setSingleShot(True)
        self._settle.setInterval(_SETTLE_MS)
        self._settle.timeout.connect(self.refresh)
        self._build(name, username)

    def _build(self, name: str, username: str) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        self.username = QLineEdit(username)
        self.username.setObjectName(f"{name}.username")
        self.client_host = QLineEdit("%")
        self.client_host.setObjectName(f"{name}.host")
        self._rows = {
            "username": FormRow(self.tr("User name"), self.username),
            "client_host": FormRow(self.tr("May connect from (% is everywhere)"), self.client_host),
        }
        fields = QHBoxLayout()
        fields.setSpacing(Space.M)
        for row in self._rows.values():
            fields.addWidget(row, 1, Qt.AlignmentFlag.AlignTop)
        for edit in (self.username, self.client_host):
            edit.textChanged.connect(self._settle.start)
        column.addLayout(fields)
        self.message = InlineMessage(name=f"{name}.message")
        column.addWidget(self.message)
        self.text = QPlainTextEdit()
        self.text.setObjectName(f"{name}.sql")
        self.text.setAccessibleName(self.tr("Statements"))
        self.text.setProperty("kind", "code")
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.text.setMinimumHeight(90)
        column.addWidget(self.text, 1)
        foot = QHBoxLayout()
        foot.setSpacing(Space.S)
        note = self.tr("An administrator runs them; this program never does.")
        foot.addWidget(Label(note, "caption", wrap=True), 1)
        self.copy_button = Button(self.tr("Copy"), icon_name="copy", name=f"{name}.copy")
        self.copy_button.clicked.connect(self._copy)
        self.save_button = Button(self.tr("Save…"), icon_name="download", name=f"{name}.save")
        self.save_button.clicked.connect(self._ask_where)
        foot.addWidget(self.copy_button)
        foot.addWidget(self.save_button)
        column.addLayout(foot)
        self._set_text("")

    @Slot()
    def refresh(self) -> None:
        """Write the statements anew."""
        self._settle.stop()
        for row in self._rows.values():
            row.clear_error()
        work = self._build_work(self.username.text().strip(), self.client_host.text().strip())
        if work is None:
            self._writing.drop()
            self._set_text("")
        else:
            self._writing.start(work)

    def save_to(self, path: Path) -> None:
        """Write the statements to a file."""
        rights, statements = self._session.services.rights, self.text.toPlainText() + "\n"

        def save(_: TaskContext) -> Path:
            rights.save_(statements, path)
            return path

        self._saving.start(save)

    def shut(self) -> None:
        """Hear nothing more of what was asked for."""
        self._settle.stop()
        self._writing.drop()
        self._saving.drop()

    @Slot(object)
    def _show(self, statements: str) -> None:
        self.message.clear()
        self._set_text(statements)

    @Slot(object)
    def _show_failure(self, error: Exception) -> None:
        if isinstance(error, InputError) and error.field in self._rows:
            self._rows[error.field].show_error(error_message(error))
            self._set_text("")
        elif isinstance(error, AltusError):
            self.message.show_error(error)

    def _set_text(self, statements: str) -> None:
        self.text.setPlainText(statements.rstrip())
        self.copy_button.setEnabled(bool(statements))
        self.save_button.setEnabled(bool(statements))

    @Slot()
    def _copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text.toPlainText() + "\n")
        self.message.show_message("success", self.tr("Statements copied."))

    @Slot()
    def _ask_where(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(
            self,
            self.tr("Save the statements"),
            self._file_name,
            self.tr("SQL statements (*.sql)"),
        )
        if chosen:
            self.save_to(Path(chosen))

    @Slot(object)
    def _show_saved(self, path: Path) -> None:
        self.message.show_message("success", self.tr("Saved as “{path}”.").format(path=path))
