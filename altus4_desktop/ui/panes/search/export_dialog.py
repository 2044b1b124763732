"""What was found, into a file: which rows, as what, and how far that has come."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QSize, QTimer, QUrl, Slot
from PySide6.QtGui import QCloseEvent, QDesktopServices
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.exports import ExportFormat, ExportReport
from altus4_desktop.domain.progress import Progress
from altus4_desktop.domain.searching import SearchHit, SearchMode, SearchRequest
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import Dialog, scrolling
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.texts import remark_text
from altus4_desktop.ui.theme import Space
from altus4_desktop.ui.widgets import Button, FormRow, InlineMessage, Label

_SIZE = QSize(540, 550)
_SUFFIXES = {
    ExportFormat.CSV: ".csv",
    ExportFormat.XLSX: ".xlsx",
    ExportFormat.PARQUET: ".parquet",
    ExportFormat.JSON: ".json",
    ExportFormat.NDJSON: ".ndjson",
    ExportFormat.MARKDOWN: ".md",
}


class ExportDialog(Dialog):
    """Writes hits, or everything that their search finds; the window stays usable meanwhile."""

    def __init__(
        self,
        session: Session,
        request: SearchRequest,
        hits: Sequence[SearchHit],
        selected: Sequence[SearchHit],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__("", name="search.exporting", parent=parent)
        self.setModal(False)
        self.setWindowTitle(self.tr("Export what was found"))
        self.setAccessibleName(self.windowTitle())
        self._session = session
        self._request = request
        self._hits = tuple(hits)
        self._selected = tuple(selected)
        self._path = Path()
        self._writing = LatestTask(session.runner, Lane.TENANTS, self)
        self._writing.progressed.connect(self._show_progress)
        self._writing.succeeded.connect(self._show_report)
        self._writing.failed.connect(self._show_failure)
        self._writing.cancelled.connect(self._show_stopped)
        self.body.addWidget(Label(self.windowTitle(), "title"))
        self.message = InlineMessage(name="search.exporting.message")
        self.body.addWidget(self.message)
        self.form = QWidget()
        column = QVBoxLayout(self.form)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(Space.M)
        self._add_rows(column)
        self._add_format(column)
        self._add_file(column)
        column.addStretch(1)
        self._area = scrolling(self.form)
        self.body.addWidget(self._area, 1)
        self.progress = Label("", "caption")
        self.progress.setObjectName("search.exporting.progress")
        self.buttons.addWidget(self.progress)
        self.buttons.addStretch(1)
        self.cancel_button = Button(self.tr("Close"), name="search.exporting.cancel")
        self.cancel_button.clicked.connect(self._stop_or_close)
        self.export_button = Button(self.tr("Export"), "primary", name="search.exporting.accept")
        self.export_button.clicked.connect(self.export)
        self.export_button.setDefault(True)
        self.buttons.addWidget(self.cancel_button)
        self.buttons.addWidget(self.export_button)
        self.resize(self.fitting(_SIZE))
        self._show_format()
        self.file.setFocus()
        QTimer.singleShot(0, self, self._show_file)

    @property
    def is_busy(self) -> bool:
        """Whether a file is being written."""
        return self._writing.running

    @property
    def export_format(self) -> ExportFormat:
        """The format that is chosen."""
        return ExportFormat(self.format.currentData())

    def _add_rows(self, column: QVBoxLayout) -> None:
        count, chosen = len(self._hits), len(self._selected)
        self.selected = QRadioButton(self.tr("The selected hits ({count})").format(count=chosen))
        self.hits = QRadioButton(self.tr("All hits that are shown ({count})").format(count=count))
        self.everything = QRadioButton(self.tr("Everything that the search finds"))
        for way, key in (
            (self.selected, "selected"),
            (self.hits, "hits"),
            (self.everything, "everything"),
        ):
            way.setObjectName(f"search.exporting.{key}")
            way.setAccessibleName(way.text())
            column.addWidget(way)
        self.selected.setEnabled(chosen > 0)
        self.hits.setEnabled(count > 0)
        semantic = self._request.mode is SearchMode.SEMANTIC
        self.everything.setEnabled(not semantic)
        (self.selected if chosen > 1 else self.hits if count else self.everything).setChecked(True)
        order = self._request.narrowing.order
        note = self.tr("Everything is asked of the servers anew, one source after the other.")
        if semantic:
            note = self.tr(
                "Semantic mode orders its best candidates only: these hits are what it has."
            )
        elif order is not None:
            unsorted = self.tr("All its rows are written unsorted, not by “{column}”.")
            note += " " + unsorted.format(column=order.column)
        self.note = Label(note, "caption", wrap=True)
        column.addWidget(self.note)
        self.everything.setAccessibleDescription(note)

    def _add_format(self, column: QVBoxLayout) -> None:
        self.format = QComboBox()
        self.format.setObjectName("search.exporting.format")
        for export_format, text in (
            (ExportFormat.CSV, self.tr("CSV, for spreadsheets")),
            (ExportFormat.XLSX, self.tr("Excel workbook (XLSX), a sheet a table")),
            (ExportFormat.PARQUET, self.tr("Parquet, for data tools")),
            (ExportFormat.JSON, self.tr("JSON, one document")),
            (ExportFormat.NDJSON, self.tr("JSON, one row a line (NDJSON)")),
            (ExportFormat.MARKDOWN, self.tr("Markdown table")),
        ):
            self.format.addItem(text, export_format.value)
        column.addWidget(FormRow(self.tr("Format"), self.format))
        self.guard = QCheckBox(self.tr("Keep spreadsheets from running texts as formulas"))
        self.guard.setObjectName("search.exporting.guard")
        self.guard.setAccessibleName(self.guard.text())
        self.guard.setToolTip(self.tr("Puts an apostrophe before a text like =1+1; numbers stay."))
        self.guard.setChecked(True)
        column.addWidget(self.guard)

    def _add_file(self, column: QVBoxLayout) -> None:
        self.file = QLineEdit(str((Path.home() / "found").with_suffix(_SUFFIXES[ExportFormat.CSV])))
        self.file.setObjectName("search.exporting.file")
        self.file.setAccessibleName(self.tr("File"))
        self.browse_button = Button(self.tr("Browse…"), name="search.exporting.browse")
        self.browse_button.clicked.connect(self._browse)
        both = QWidget()
        both.setFocusProxy(self.file)
        row = QHBoxLayout(both)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(Space.S)
        row.addWidget(self.file, 1)
        row.addWidget(self.browse_button)
        self.file_row = FormRow(self.tr("File"), both)
        column.addWidget(self.file_row)
        # What the choices are made for comes after them, and the name follows the format.
        self.format.currentIndexChanged.connect(self._show_format)

    @Slot()
    def _show_format(self) -> None:
        self.guard.setVisible(self.export_format is ExportFormat.CSV)
        path = Path(self.file.text().strip())
        if path.suffix.lower() in _SUFFIXES.values():
            self.file.setText(str(path.with_suffix(_SUFFIXES[self.export_format])))

    @Slot()
    def _browse(self) -> None:
        dialog = QFileDialog(self, self.windowTitle(), self.file.text().strip())
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        # Whether a file may go is asked once, when the export begins.
        dialog.setOption(QFileDialog.Option.DontConfirmOverwrite)
        dialog.setDefaultSuffix(_SUFFIXES[self.export_format])
        dialog.fileSelected.connect(self.file.setText)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    # Writing

    @Slot()
    def export(self) -> None:
        """Write the file, unless one is there by that name."""
        self._export(replaces=False)

    @Slot()
    def _replace(self) -> None:
        self._export(replaces=True)

    def _export(self, *, replaces: bool) -> None:
        name = self.file.text().strip()
        if self.is_busy:
            return
        if not name or not Path(name).is_absolute():
            self.file_row.show_error(self.tr("Choose a file."))
            self.file.setFocus()
            return
        self.file_row.clear_error()
        exports, actor, request = self._session.services.exports, self._session.actor, self._request
        path, export_format, guard = Path(name), self.export_format, self.guard.isChecked()
        hits = self._selected if self.selected.isChecked() else self._hits
        everything = self.everything.isChecked()

        def work(context: TaskContext) -> ExportReport:
            if everything:
                return exports.export_all_(
                    actor,
                    path,
                    export_format,
                    request,
                    guard=guard,
                    replaces=replaces,
                    progress=context.progress,
                    token=context.token,
                )
            return exports.export_hits_(
                actor,
                path,
                export_format,
                hits,
                guard=guard,
                replaces=replaces,
                progress=context.progress,
                token=context.token,
            )

        self._path = path
        self.message.clear()
        self._writing.start(work, title=self.tr("Exporting what was found"))
        self._draw()
        self.progress.setText(self.tr("Exporting…"))
        self.cancel_button.setFocus()

    @Slot()
    def _stop_or_close(self) -> None:
        if self.is_busy:
            self._writing.cancel()
            self.cancel_button.setEnabled(False)
            self.progress.setText(self.tr("Stopping…"))
        else:
            self.accept()

    def _draw(self) -> None:
        busy = self.is_busy
        self.form.setEnabled(not busy)
        self.export_button.setEnabled(not busy)
        self.cancel_button.setEnabled(True)
        text = self.tr("Stop") if busy else self.tr("Close")
        self.cancel_button.setText(text)
        self.cancel_button.setAccessibleName(text)
        if not busy:
            self.progress.setText("")

    @Slot(object)
    def _show_progress(self, progress: Progress) -> None:
        if self.is_busy and self.cancel_button.isEnabled():
            share = "" if progress.fraction is None else f" · {progress.fraction:.0%}"
            self.progress.setText(progress.message + share)

    @Slot(object)
    def _show_report(self, report: ExportReport) -> None:
        self._draw()
        text = self.tr("Exported {rows} rows.").format(rows=f"{report.rows:,}")
        if report.rows == 1:
            text = self.tr("Exported 1 row.")
        hint = self.tr("{path}, {size} MB").format(
            path=self._path, size=f"{report.size_bytes / 1e6:,.1f}"
        )
        hint = "\n".join([hint, *map(remark_text, report.remarks)])
        self.message.show_message(
            "success", text, hint, [(self.tr("Show in folder"), self._show_folder)]
        )
        self._session.announced.emit(text)
        self.cancel_button.setFocus()

    @Slot()
    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._path.parent)))

    @Slot(object)
    def _show_failure(self, error: BaseException) -> None:
        self._draw()
        self.file.setFocus()
        if isinstance(error, AltusError):
            exists = error.code == "export.exists"
            actions = [(self.tr("Replace"), self._replace)] if exists else []
            self.message.show_error(error, actions)
        # The message has taken some of the room.
        QTimer.singleShot(0, self, self._show_file)

    @Slot()
    def _show_file(self) -> None:
        self._area.ensureWidgetVisible(self.file_row, 0, 0)

    @Slot()
    def _show_stopped(self) -> None:
        self._draw()
        self.message.show_message("info", self.tr("Stopped; no file was written."))
        self.export_button.setFocus()

    def reject(self) -> None:
        """Escape stops what is under way, and closes when nothing is."""
        self._stop_or_close()

    def closeEvent(self, event: QCloseEvent) -> None:
        """As `reject`."""
        if self.is_busy:
            event.ignore()
            self._stop_or_close()
        else:
            super().closeEvent(event)

    def shut(self) -> None:
        """The view goes: stop and hear nothing more."""
        self._writing.drop()
        self.close()
