"""One piece of work of a kind at a time: what an older submission reports is never heard."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal, Slot

from altus4_desktop.tasks.runner import Lane, TaskContext, TaskHandle, TaskRunner


class LatestTask(QObject):
    """Passes on the signals of the newest submission; starting another drops the one before."""

    updated = Signal(object)
    progressed = Signal(object)
    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    finished = Signal()

    def __init__(self, runner: TaskRunner, lane: Lane, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._runner = runner
        self._lane = lane
        self._handle: TaskHandle | None = None

    @property
    def running(self) -> bool:
        """Whether something is under way."""
        return self._handle is not None

    def start(self, work: Callable[[TaskContext], object], *, title: str = "") -> None:
        """Drop what is under way and submit ``work`` in its place."""
        self.drop()
        handle = self._runner.submit(self._lane, work, title=title)
        self._handle = handle
        handle.updated.connect(self.updated)
        handle.progressed.connect(self.progressed)
        handle.succeeded.connect(self._succeed)
        handle.failed.connect(self._fail)
        handle.cancelled.connect(self._end_cancelled)

    def cancel(self) -> None:
        """Ask the work to stop; ``cancelled`` or another end follows."""
        if self._handle is not None:
            self._handle.cancel()

    def drop(self) -> None:
        """Cancel the work and hear nothing more of it."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        handle.updated.disconnect(self.updated)
        handle.progressed.disconnect(self.progressed)
        handle.succeeded.disconnect(self._succeed)
        handle.failed.disconnect(self._fail)
        handle.cancelled.disconnect(self._end_cancelled)
        handle.cancel()

    @Slot(object)
    def _succeed(self, result: object) -> None:
        self._handle = None
        self.succeeded.emit(result)
        self.finished.emit()

    @Slot(object)
    def _fail(self, error: object) -> None:
        self._handle = None
        self.failed.emit(error)
        self.finished.emit()

    @Slot()
    def _end_cancelled(self) -> None:
        self._handle = None
        self.cancelled.emit()
        self.finished.emit()
