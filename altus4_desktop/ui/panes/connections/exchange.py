"""The way from the connections pane to import and export: two buttons, and files dropped on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QMimeData, QObject, Signal, Slot
from PySide6.QtGui import QDropEvent
from PySide6.QtWidgets import QWidget

from altus4_desktop.domain.connections import Connection
from altus4_desktop.ui.pane import Command
from altus4_desktop.ui.panes.connections.exporting import ExportDialog
from altus4_desktop.ui.panes.connections.importing import ImportDialog
from altus4_desktop.ui.session import Session
from altus4_desktop.ui.widgets import Button


class Exchange(QObject):
    """Opens the dialogs over ``pane``. ``edit_wanted`` (id): a password is to be entered."""

    edit_wanted = Signal(str)

    def __init__(
        self, session: Session, pane: QWidget, connections: Callable[[], Sequence[Connection]]
    ) -> None:
        super().__init__(pane)
        self._session = session
        self._pane = pane
        self._connections = connections
        self.import_dialog: ImportDialog | None = None
        self.export_dialog: ExportDialog | None = None
        self.import_button = Button(
            self.tr("Import…"), icon_name="upload", name="connections.import_file"
        )
        self.import_button.setToolTip(self.tr("Bring in connections of another program"))
        self.import_button.clicked.connect(self.open_import)
        self.export_button = Button(
            self.tr("Export…"), icon_name="download", name="connections.export_file"
        )
        self.export_button.setToolTip(self.tr("Write connections to a file"))
        self.export_button.clicked.connect(self.open_export)
        pane.setAcceptDrops(True)
        pane.installEventFilter(self)

    def commands(self) -> list[Command]:
        """What the command palette offers."""
        return [
            Command(
                "connections.import", self.tr("Import connections"), self.open_import, "upload"
            ),
            Command(
                "connections.export",
                self.tr("Export connections"),
                self.open_export,
                "download",
                "",
                self._has_connections,
            ),
        ]

    @Slot()
    def open_import(self) -> None:
        """Ask from where."""
        self._open_import()

    def import_file(self, path: Path) -> None:
        """Look into a file at once."""
        if self._open_import():
            assert self.import_dialog is not None  # noqa: S101 - just opened
            self.import_dialog.look_at(path)

    @Slot()
    def open_export(self) -> None:
        """Ask which, and how."""
        if self.import_dialog is None and self.export_dialog is None:
            self.export_dialog = ExportDialog(self._session, self._connections(), self._pane)
            self.export_dialog.finished.connect(self._forget)
            self.export_dialog.open()

    def close(self) -> None:
        """Close what is open; the pane goes away."""
        for dialog in (self.import_dialog, self.export_dialog):
            if dialog is not None:
                dialog.done(0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Take a file that is dropped onto the pane."""
        if event.type() in (QEvent.Type.DragEnter, QEvent.Type.Drop) and isinstance(
            event, QDropEvent
        ):
            path = _file_in(event.mimeData())
            if path is not None:
                event.acceptProposedAction()
                if event.type() == QEvent.Type.Drop:
                    self.import_file(path)
                return True
        return super().eventFilter(watched, event)

    def _open_import(self) -> bool:
        if self.import_dialog is not None or self.export_dialog is not None:
            return False
        self.import_dialog = ImportDialog(self._session, self._pane)
        self.import_dialog.finished.connect(self._forget)
        self.import_dialog.imported.connect(self._session.connections_changed)
        self.import_dialog.edit_wanted.connect(self.edit_wanted)
        self.import_dialog.open()
        return True

    def _has_connections(self) -> bool:
        return bool(self._connections())

    @Slot()
    def _forget(self) -> None:
        self.import_dialog = self.export_dialog = None


def _file_in(data: QMimeData) -> Path | None:
    """The one file of this computer that is dragged; None for anything else."""
    urls = data.urls()
    if len(urls) != 1 or not urls[0].isLocalFile():
        return None
    path = urls[0].toLocalFile()
    # A name that begins with two slashes is on another computer.
    return None if path.startswith("//") else Path(path)
