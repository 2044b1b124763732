"""One long piece of work at a time: how far it is, a way to stop it, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QObject, Signal, Slot
from PySide6.QtWidgets import QFileDialog, QWidget

from altus4_desktop.domain.errors import AltusError
from altus4_desktop.domain.exports import ListFormat
from altus4_desktop.domain.progress import Progress
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskHandle, Work
from altus4_desktop.ui.widgets import InlineMessage
from altus4_desktop.ui.working import WorkingWidget


class NotedWork(QObject):
    """Runs work for ``owner`` in the lane of what takes long, and tells of it in ``note``;
    ``changed`` comes when it begins and when it has ended."""

    changed = Signal()

    def __init__(self, owner: WorkingWidget, note: InlineMessage) -> None:
        super().__init__(owner)
        self._owner = owner
        self._note = note
        self._handle: TaskHandle | None = None
        self._written = ""

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return self._handle is None

    def start(self, work: Work, then: Callable[..., object], *, title: str) -> None:
        """Run ``work``; its result goes to the slot ``then``, a failure into the note."""
        handle = self._owner.submit(Lane.TENANTS, work, then, title=title, failed=self.show_failure)
        self._handle = handle
        handle.progressed.connect(self._show_progress)
        handle.cancelled.connect(self._note.clear)
        handle.finished.connect(self._end)
        self._show_progress(Progress(title))
        self.changed.emit()

    def write(
        self, path: Path, write: Callable[[TaskContext], int], *, title: str, written: str
    ) -> None:
        """Run what writes ``path``; ``written`` says of how many (``{count}``) it did."""
        self._written = written
        self.start(lambda context: (write(context), path), self._show_written, title=title)

    @Slot(object)
    def show_failure(self, error: object) -> None:
        """Tell what went wrong; a defect of ours is told elsewhere."""
        if isinstance(error, AltusError):
            self._note.show_error(error)
        else:
            self._note.clear()

    @Slot(object)
    def _show_progress(self, progress: Progress) -> None:
        if self._handle is None:
            return
        text = f"{progress.message}…"
        if progress.fraction is not None:
            text = f"{self._handle.title}… {progress.fraction:.0%}"
        self._note.show_message("info", text, "", [(self.tr("Stop"), self._handle.cancel)])

    @Slot(object)
    def _show_written(self, done: tuple[int, Path]) -> None:
        count, path = done
        self._note.show_message("success", self._written.format(count=f"{count:,}"), str(path))

    @Slot()
    def _end(self) -> None:
        self._handle = None
        self.changed.emit()


def choose_list_file(parent: QWidget, title: str, name: str) -> tuple[Path, ListFormat] | None:
    """Ask where a list is written, and as what; None when it is not."""
    formats = {
        parent.tr("CSV for spreadsheets (*.csv)"): ListFormat.CSV,
        parent.tr("JSON, one document (*.json)"): ListFormat.JSON,
        parent.tr("JSON, one record a line (*.ndjson)"): ListFormat.NDJSON,
    }
    chosen, kind = QFileDialog.getSaveFileName(parent, title, name, ";;".join(formats))
    return file_and_format(chosen, formats.get(kind, ListFormat.CSV)) if chosen else None


def file_and_format(chosen: str, otherwise: ListFormat) -> tuple[Path, ListFormat]:
    """The ending that was typed decides; without one, that of ``otherwise`` is added."""
    path = Path(chosen)
    ending = path.suffix.removeprefix(".").lower()
    if ending in {known.value for known in ListFormat}:
        return path, ListFormat(ending)
    return path.with_name(f"{path.name}.{otherwise.value}"), otherwise
