"""Runs work on lanes of daemon threads and reports what became of it on the GUI thread."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from functools import partial

from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot

from altus4_desktop.domain.cancel import CancelToken
from altus4_desktop.domain.errors import AltusError, Cancelled, HalfDoneError
from altus4_desktop.domain.progress import Progress

_NEWS_INTERVAL_MS = 30


class Lane(Enum):
    """What work competes for; work of one lane never waits for another lane."""

    METADATA = "metadata"
    BACKUPS = "backups"
    """What copies or replaces the whole store: long, and one at a time."""
    VAULT = "vault"
    TENANTS = "tenants"


_THREADS = {Lane.METADATA: 1, Lane.BACKUPS: 1, Lane.VAULT: 1, Lane.TENANTS: 32}


class _End(Enum):
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class _Nothing(Enum):
    NOTHING = "nothing"


_NOTHING = _Nothing.NOTHING

Work = Callable[["TaskContext"], object]


class _Task:
    """What a worker thread knows of a submission: nothing of Qt, so nothing of Qt dies with it."""

    def __init__(self, number: int, work: Work) -> None:
        self.number = number
        self.work: Work | None = work
        self.token = CancelToken()
        self.end: _End | None = None
        self.result: object = None
        self.update: object = _NOTHING
        self.progress: Progress | None = None


class TaskContext:
    """What work is given: the token to heed and two ways to report, callable from any thread."""

    def __init__(self, token: CancelToken, tell: Callable[[Progress | None, object], None]) -> None:
        self.token = token
        self._tell = tell

    def progress(self, progress: Progress) -> None:
        """Say how far the work has come; only the newest report is delivered."""
        self._tell(progress, _NOTHING)

    def update(self, value: object) -> None:
        """Hand over an intermediate value; only the newest one is delivered."""
        self._tell(None, value)


class TaskHandle(QObject):
    """One submission as the GUI thread sees it.

    Exactly one of ``succeeded`` (result), ``failed`` (exception) and ``cancelled`` is emitted,
    then ``finished``; ``updated`` (value) and ``progressed`` (Progress) may come before.
    """

    succeeded = Signal(object)
    failed = Signal(object)
    cancelled = Signal()
    finished = Signal()
    updated = Signal(object)
    progressed = Signal(object)

    def __init__(self, lane: Lane, title: str, cancel: Callable[[], None]) -> None:
        super().__init__()
        self.lane = lane
        self.title = title
        self.progress: Progress | None = None
        self.is_finished = False
        self.is_cancelling = False
        self._cancel = cancel

    @Slot()
    def cancel(self) -> None:
        """Ask the work to stop; which signal comes then tells whether it did."""
        if not self.is_finished and not self.is_cancelling:
            self.is_cancelling = True
            self._cancel()


class _Threads:
    """At most ``limit`` daemon threads, started when needed, taking jobs in order."""

    def __init__(self, name: str, limit: int, run: Callable[[_Task], None]) -> None:
        self._name = name
        self._limit = limit
        self._run = run
        self._change = threading.Condition()
        self._waiting: deque[_Task] = deque()
        self._started = 0
        self._idle = 0
        self._closed = False

    def put(self, task: _Task) -> None:
        with self._change:
            self._waiting.append(task)
            if self._idle >= len(self._waiting) or self._started >= self._limit:
                self._change.notify()
                return
            self._started += 1
            number = self._started
        threading.Thread(target=self._main, name=f"{self._name}-{number}", daemon=True).start()

    def withdraw(self, task: _Task) -> bool:
        """Take back a job no thread has begun; false when one has."""
        with self._change:
            if task not in self._waiting:
                return False
            self._waiting.remove(task)
            return True

    def close(self, deadline: float) -> bool:
        """Begin nothing more; true when every thread was done before the ``deadline``."""
        with self._change:
            self._closed = True
            self._change.notify_all()
            return self._change.wait_for(
                lambda: self._started == 0, max(0.0, deadline - time.monotonic())
            )

    def _main(self) -> None:
        while (task := self._next()) is not None:
            self._run(task)
            del task

    def _next(self) -> _Task | None:
        with self._change:
            self._idle += 1
            while not self._waiting and not self._closed:
                self._change.wait()
            self._idle -= 1
            if self._waiting:
                return self._waiting.popleft()
            self._started -= 1
            self._change.notify_all()
            return None


class TaskRunner(QObject):
    """Submits work to lanes; every signal of it and of its handles comes on the GUI thread.

    ``started`` and ``finished`` carry the handle; ``crashed`` carries an exception that is no
    `AltusError`, that is a defect of ours, after the handle's ``failed``.
    """

    started = Signal(object)
    finished = Signal(object)
    crashed = Signal(object)
    _mail_came = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._handles: dict[int, TaskHandle] = {}
        self._last_number = 0
        self._lanes = {
            lane: _Threads(f"altus-{lane.value}", limit, self._execute)
            for lane, limit in _THREADS.items()
        }
        # Cancelling may open a connection to send KILL QUERY: never on the GUI thread.
        self._cancellers = _Threads("altus-cancel", 16, self._execute)
        self._mail_lock = threading.Lock()
        self._mail: dict[int, _Task] = {}
        self._at_work: set[_Task] = set()
        self._is_mail_announced = False
        self._is_closed = False
        self._is_deaf = False
        self._delivered_at = 0.0
        # This runner outlives all work: a signal of an object that a worker thread owns would be
        # deleted on that thread, with its queued deliveries.
        self._mail_came.connect(self._receive_mail, Qt.ConnectionType.QueuedConnection)
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.timeout.connect(self._deliver)

    @property
    def running(self) -> list[TaskHandle]:
        """The handles of what waits or runs, oldest first."""
        return list(self._handles.values())

    def submit(self, lane: Lane, work: Work, *, title: str = "") -> TaskHandle:
        """Run ``work`` on ``lane``; call it on the GUI thread.

        ``work`` closes over frozen values only, never over a widget or a model. A ``title`` makes
        the task visible in the status bar, with a way to cancel it.
        """
        self._last_number += 1
        task = _Task(self._last_number, work)
        handle = TaskHandle(lane, title, lambda: self._cancel(lane, task))
        self._handles[task.number] = handle
        self.started.emit(handle)
        if self._is_closed:
            self._withdraw(task)
        else:
            self._lanes[lane].put(task)
        return handle

    def cancel_lane(self, lane: Lane) -> None:
        """Cancel whatever waits or runs on ``lane``."""
        for handle in self.running:
            if handle.lane is lane:
                handle.cancel()

    def shutdown(self, wait_s: float) -> bool:
        """Cancel everything and wait at most ``wait_s`` seconds; true when all work ended.

        Work that holds its token is waited for until it lets go, and then as long again. What ended
        meanwhile is still reported. Later submissions are cancelled at once.
        """
        self._is_closed = True
        for handle in self.running:
            handle.cancel()
        has_ended = self._close(wait_s)
        with self._mail_lock:
            held = [task.token for task in self._at_work if task.token.is_held]
        for token in held:
            token.wait_until_free()
        if held:
            has_ended = self._close(wait_s)
        with self._mail_lock:
            # Threads that go on may outlive this object: from here on nobody emits its signal.
            self._is_deaf = True
        self._deliver()
        return has_ended

    def _close(self, wait_s: float) -> bool:
        deadline = time.monotonic() + wait_s
        ended = [threads.close(deadline) for threads in self._lanes.values()]
        ended.append(self._cancellers.close(deadline))
        return all(ended)

    def _cancel(self, lane: Lane, task: _Task) -> None:
        if self._lanes[lane].withdraw(task):
            self._withdraw(task)
            return

        def cancel(_: TaskContext) -> None:
            task.token.cancel()

        # Number 0 has no handle: nobody hears of a cancellation but through what it stops.
        self._cancellers.put(_Task(0, cancel))

    def _withdraw(self, task: _Task) -> None:
        task.token.cancel()
        task.work = None
        if self._is_deaf:
            task.end = _End.CANCELLED
            QTimer.singleShot(0, self, partial(self._report, self._handles[task.number], task))
        else:
            self._end(task, _End.CANCELLED)

    def _execute(self, task: _Task) -> None:
        work, task.work = task.work, None
        with self._mail_lock:
            self._at_work.add(task)
        try:
            task.token.raise_if_cancelled()
            context = TaskContext(task.token, partial(self._tell, task))
            end, result = _End.SUCCEEDED, work(context) if work else None
        except Cancelled:
            end, result = _End.CANCELLED, None
        except HalfDoneError as error:
            end, result = _End.FAILED, error
        except AltusError as error:
            # Work that was torn from its socket by a cancellation fails because of it.
            cancelled = task.token.cancelled
            end, result = (_End.CANCELLED, None) if cancelled else (_End.FAILED, error)
        except BaseException as error:  # the edge where every failure must become a signal
            end, result = _End.FAILED, error
        del work
        self._end(task, end, result)

    def _end(self, task: _Task, end: _End, result: object = None) -> None:
        with self._mail_lock:
            self._at_work.discard(task)
            task.end, task.result = end, result
            self._post(task)

    def _tell(self, task: _Task, progress: Progress | None, update: object) -> None:
        with self._mail_lock:
            task.progress = progress or task.progress
            task.update = task.update if update is _NOTHING else update
            self._post(task)

    def _post(self, task: _Task) -> None:
        if self._is_deaf:
            return
        self._mail[task.number] = task
        if task.end is not None or not self._is_mail_announced:
            self._is_mail_announced = True
            self._mail_came.emit()

    @Slot()
    def _receive_mail(self) -> None:
        with self._mail_lock:
            urgent = any(task.end is not None for task in self._mail.values())
        waited_ms = (time.monotonic() - self._delivered_at) * 1000
        if urgent or waited_ms >= _NEWS_INTERVAL_MS:
            self._deliver()
        elif not self._later.isActive():
            self._later.start(int(_NEWS_INTERVAL_MS - waited_ms) + 1)

    @Slot()
    def _deliver(self) -> None:
        self._delivered_at = time.monotonic()
        with self._mail_lock:
            tasks = list(self._mail.values())
            self._mail.clear()
            self._is_mail_announced = False
        for task in tasks:
            handle = self._handles.get(task.number)
            if handle is not None:
                self._report(handle, task)

    def _report(self, handle: TaskHandle, task: _Task) -> None:
        with self._mail_lock:
            end = task.end
            progress, task.progress = task.progress, None
            update, task.update = task.update, _NOTHING
        if progress is not None:
            handle.progress = progress
            handle.progressed.emit(progress)
        if update is not _NOTHING:
            handle.updated.emit(update)
        if end is not None:
            self._finish(handle, task, end)

    def _finish(self, handle: TaskHandle, task: _Task, end: _End) -> None:
        del self._handles[task.number]
        handle.is_finished = True
        result, task.result = task.result, None
        if end is _End.SUCCEEDED:
            handle.succeeded.emit(result)
        elif end is _End.CANCELLED:
            handle.cancelled.emit()
        else:
            handle.failed.emit(result)
        handle.finished.emit()
        self.finished.emit(handle)
        if end is _End.FAILED and not isinstance(result, AltusError):
            self.crashed.emit(result)
