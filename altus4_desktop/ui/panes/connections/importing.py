"""The dialog that brings connections in: from where, what was found, what became of it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt, Signal, Slot
from PySide6.QtWidgets import (
    QFrame,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.errors import AltusError, InputError
from altus4_desktop.domain.exchange import FileSource, ImportPreview, ImportReport, ImportSource
from altus4_desktop.domain.progress import Progress
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import Dialog, show_blocking_error
from altus4_desktop.ui.feedback import present
from altus4_desktop.ui.panes.connections.import_preview import PreviewPage
from altus4_desktop.ui.panes.connections.import_source import SourcePage
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import error_hint, error_message
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Busy, Button, InlineMessage, Label, MessageKind

_SIZE = QSize(760, 640)


class ImportDialog(Dialog):
    """``edit_wanted`` (id): the password of a connection is to be entered now; ``imported``: the
    saved connections are others."""

    edit_wanted = Signal(str)
    imported = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        title = "Import connections"
        super().__init__(title, name="connections.import", parent=parent)
        self.setWindowTitle(self.tr(title))
        self.setAccessibleName(self.tr(title))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session = session
        self._preview: ImportPreview | None = None
        self._looking = LatestTask(session.runner, Lane.TENANTS, self)
        self._looking.succeeded.connect(self._show_preview)
        self._looking.failed.connect(self._take_look_failure)
        self._looking.cancelled.connect(self._back)
        self._working = LatestTask(session.runner, Lane.TENANTS, self)
        self._working.progressed.connect(self._show_progress)
        self._working.succeeded.connect(self._show_report)
        self._working.failed.connect(self._take_work_failure)
        # Cancelled before it was begun: nothing was brought in.
        self._working.cancelled.connect(self._return_to_preview)
        self._build()
        self._show(self.source_page)
        self.resize(self.fitting(_SIZE))

    # Building

    def _build(self) -> None:
        self.body.addWidget(Label(self.windowTitle(), "title"))
        self.message = InlineMessage(name="connections.import.message")
        self.body.addWidget(self.message)
        self.source_page = SourcePage()
        self.preview_page = PreviewPage()
        self.preview_page.changed.connect(self._draw_buttons)
        self.busy = Busy(self.tr("Looking what is there…"))
        self.pages = QStackedWidget()
        for page in (
            self.source_page,
            self.busy,
            self.preview_page,
            self._build_progress(),
            self._build_report(),
        ):
            self.pages.addWidget(page)
        self.body.addWidget(self.pages, 1)
        self.back_button = Button(
            self.tr("Back"), icon_name="arrow-left", name="connections.import.back"
        )
        self.back_button.clicked.connect(self._back)
        self.edit_button = Button(
            self.tr("Enter the password…"), icon_name="edit", name="connections.import.edit"
        )
        self.edit_button.clicked.connect(self._edit)
        self.cancel_button = Button(self.tr("Cancel"), name="connections.import.cancel")
        self.cancel_button.clicked.connect(self._cancel)
        self.next_button = Button(self.tr("Look"), "primary", name="connections.import.next")
        self.next_button.clicked.connect(self._go_on)
        self.next_button.setDefault(True)
        self.buttons.addWidget(self.back_button)
        self.buttons.addWidget(self.edit_button)
        self.buttons.addStretch(1)
        self.buttons.addWidget(self.cancel_button)
        self.buttons.addWidget(self.next_button)

    def _build_progress(self) -> QWidget:
        self.progress_page = QWidget()
        column = QVBoxLayout(self.progress_page)
        column.setSpacing(Space.M)
        column.addStretch(1)
        self.step = Label("", "muted")
        self.step.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.bar = QProgressBar()
        self.bar.setRange(0, 1000)
        self.bar.setAccessibleName(self.tr("Progress"))
        column.addWidget(self.step)
        column.addWidget(self.bar)
        column.addStretch(1)
        return self.progress_page

    def _build_report(self) -> QWidget:
        self.report_page = QWidget()
        column = QVBoxLayout(self.report_page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        self.outcome = InlineMessage(name="connections.import.done", closable=False)
        column.addWidget(self.outcome)
        self.failures_head = Label(self.tr("Not brought in"), "section")
        self.failures = Label("", wrap=True, selectable=True)
        self.failures.setObjectName("connections.import.failures")
        self.failures.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.missing_head = Label(
            self.tr("Saved without a password, which is asked for when they are used"), "section"
        )
        self.missing = QListWidget()
        self.missing.setObjectName("connections.import.missing")
        self.missing.setAccessibleName(self.tr("Connections without a password"))
        self.missing.itemActivated.connect(self._edit)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(self.failures)
        self._failures_area = area
        column.addWidget(self.failures_head)
        column.addWidget(area, 1)
        column.addWidget(self.missing_head)
        column.addWidget(self.missing, 2)
        self._rest = QWidget()
        column.addWidget(self._rest, 1)
        return self.report_page

    # From where

    def look_at(self, path: Path) -> None:
        """Look into a file at once."""
        self.source_page.take_file(path)
        self._look(self.source_page.source())

    @Slot()
    def _go_on(self) -> None:
        page = self.pages.currentWidget()
        if page is self.source_page:
            source = self.source_page.source()
            if isinstance(source, FileSource) and not self.source_page.file.text():
                self.source_page.fields["file"].show_error(self.tr("Choose a file."))
                self.source_page.file.setFocus()
                return
            self._look(source)
        elif page is self.preview_page:
            self._import()
        elif page is self.report_page:
            self.accept()

    def _look(self, source: ImportSource) -> None:
        self.message.clear()
        for row in self.source_page.fields.values():
            row.clear_error()
        exchange, actor = self._session.services.exchange, self._session.actor

        def work(context: TaskContext) -> ImportPreview:
            return exchange.preview_(actor, source, context.token)

        self._show(self.busy)
        self._looking.start(work, title=self.tr("Looking what can be imported"))

    @Slot(object)
    def _take_look_failure(self, error: Exception) -> None:
        self._show(self.source_page)
        if isinstance(error, InputError) and error.field == "passphrase":
            asked = not self.source_page.fields["passphrase"].isHidden()
            self.source_page.ask_passphrase()
            if not asked:
                self.message.show_message("info", error_message(error))
                return
        present(error, self, self._session.report_crash)

    # What was found

    @Slot(object)
    def _show_preview(self, preview: ImportPreview) -> None:
        self._preview = preview
        self.preview_page.show_preview(preview)
        self._show(self.preview_page)

    def _import(self) -> None:
        preview = self._preview
        chosen = tuple(row.choice for row in self.preview_page.model.chosen)
        if preview is None or not chosen:
            return
        self.message.clear()
        exchange, actor = self._session.services.exchange, self._session.actor

        def work(context: TaskContext) -> ImportReport:
            return exchange.import_(actor, preview, chosen, context.progress, context.token)

        self.step.setText("")
        self.bar.setValue(0)
        self._show(self.progress_page)
        self._working.start(work, title=self.tr("Importing connections"))

    @Slot(object)
    def _show_progress(self, progress: Progress) -> None:
        self.step.setText(progress.message)
        self.bar.setValue(round(1000 * (progress.fraction or 0)))

    @Slot(object)
    def _take_work_failure(self, error: Exception) -> None:
        self._return_to_preview()
        # What was saved before it stays.
        self.imported.emit()
        present(error, self, self._session.report_crash)

    @Slot()
    def _return_to_preview(self) -> None:
        self._show(self.preview_page)

    # What became of it

    @Slot(object)
    def _show_report(self, report: ImportReport) -> None:
        preview, self._preview = self._preview, None
        self.preview_page.forget()
        self.source_page.forget()
        told = [
            words.format(count=count)
            for words, count in (
                (
                    self.tr("one connection")
                    if len(report.connections) == 1
                    else self.tr("{count} connections"),
                    len(report.connections),
                ),
                (
                    self.tr("one user") if len(report.users) == 1 else self.tr("{count} users"),
                    len(report.users),
                ),
                (
                    self.tr("one API key")
                    if len(report.keys) == 1
                    else self.tr("{count} API keys"),
                    len(report.keys),
                ),
            )
            if count
        ]
        text = self.tr("Brought in: {what}.").format(what=", ".join(told) or self.tr("nothing"))
        hint = self.tr("It was stopped before its end. Import once more to bring in the rest.")
        kind: MessageKind = (
            "warning" if report.failures or report.stopped or not told else "success"
        )
        self.outcome.show_message(kind, text, hint if report.stopped else "")
        lines = [
            f"{failure.name}: {error_message(failure.error)} {error_hint(failure.error)}".strip()
            for failure in report.failures
        ]
        self.failures.setText("\n".join(lines))
        for widget in (self.failures_head, self._failures_area):
            widget.setVisible(bool(lines))
        self._list_missing(report)
        self._rest.setVisible(not lines and not report.without_password)
        self._show(self.report_page)
        if told:
            self.imported.emit()
            origin = preview.origin if preview is not None else ""
            self._session.announced.emit(self.tr("Imported from {origin}").format(origin=origin))

    def _list_missing(self, report: ImportReport) -> None:
        self.missing.clear()
        for connection_id, name in report.without_password.items():
            item = QListWidgetItem(name)
            item.setData(Qt.ItemDataRole.UserRole, connection_id)
            self.missing.addItem(item)
        if report.without_password:
            self.missing.setCurrentRow(0)
        for widget in (self.missing_head, self.missing):
            widget.setVisible(bool(report.without_password))

    @Slot()
    def _edit(self) -> None:
        item = self.missing.currentItem()
        if item is not None:
            connection_id = str(item.data(Qt.ItemDataRole.UserRole))
            self.accept()
            self.edit_wanted.emit(connection_id)

    # The frame

    def _show(self, page: QWidget) -> None:
        self.pages.setCurrentWidget(page)
        self._draw_buttons()
        if page is self.source_page:
            self.source_page.focus_first()
        elif page is self.preview_page:
            self.preview_page.focus_first()
        elif page is self.report_page:
            self.next_button.setFocus()
        else:
            self.cancel_button.setFocus()

    @Slot()
    def _draw_buttons(self) -> None:
        page = self.pages.currentWidget()
        count = len(self.preview_page.model.chosen)
        words = self.tr("Look")
        if page is self.preview_page:
            words = self.tr("Import {count}").format(count=count)
        elif page is self.report_page:
            words = self.tr("Close")
        self.next_button.setText(words)
        self.next_button.setAccessibleName(self.next_button.text())
        waiting = page in (self.busy, self.progress_page)
        self.next_button.setVisible(not waiting)
        self.next_button.setEnabled(page is not self.preview_page or count > 0)
        self.back_button.setVisible(page is self.preview_page)
        self.edit_button.setVisible(page is self.report_page and self.missing.count() > 0)
        self.cancel_button.setVisible(page is not self.report_page)
        self.cancel_button.setText(self.tr("Stop") if waiting else self.tr("Cancel"))
        self.cancel_button.setEnabled(True)

    @Slot()
    def _back(self) -> None:
        self.preview_page.forget()
        self._preview = None
        self._show(self.source_page)

    @Slot()
    def _cancel(self) -> None:
        if self._looking.running:
            self._looking.cancel()
        elif self._working.running:
            self._working.cancel()
            # It ends after the one it is at.
            self.cancel_button.setEnabled(False)
        else:
            self.reject()

    def show_field_error(self, error: InputError) -> bool:
        """Show it beside the field it names, if there is one."""
        row = self.source_page.fields.get(error.field)
        if row is None or self.pages.currentWidget() is not self.source_page:
            return False
        row.show_error(" ".join(filter(None, (error_message(error), error_hint(error)))))
        row.field.setFocus()
        self.source_page.show_row(row)
        return True

    def show_error(self, error: AltusError) -> None:
        """Show it above what it is about."""
        self.message.show_error(error)

    def show_blocking_error(self, error: AltusError) -> None:
        """Show it in the way."""
        show_blocking_error(self, error)

    def reject(self) -> None:
        """Escape stops what is under way before it closes the dialog."""
        if self._looking.running or self._working.running:
            self._cancel()
            return
        super().reject()

    def done(self, result: int) -> None:
        """Forget every secret."""
        self._looking.drop()
        self._working.drop()
        self.source_page.forget()
        self.preview_page.forget()
        super().done(result)
