"""Keeps what is typed into the open searches, and brings it back at the next start."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal, Slot

from altus4_desktop.domain.search_drafts import OpenSearches
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session

_PAUSE_MS = 500


class DraftKeeper(QObject):
    """``found`` carries the searches that were open, or None; until then nothing is written.

    ``look`` tells what is open now. The demo begins anew each time: nothing of it is kept.
    """

    found = Signal(object)
    failed = Signal(object)

    def __init__(
        self, session: Session, look: Callable[[], OpenSearches], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._drafts = session.services.search_drafts
        self._user_id = session.actor.user_id
        self._is_idle = session.actor.is_demo
        self._look = look
        self._kept: OpenSearches | None = None
        self._has_read = False
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(_PAUSE_MS)
        self._pause.timeout.connect(self.keep)
        # Work on the store may wait for a server that does not answer; this does not.
        self._reading = LatestTask(session.runner, Lane.TENANTS, self)
        self._reading.succeeded.connect(self._take)
        self._reading.failed.connect(self._fail)

    def read(self) -> None:
        """Look for what was open the last time."""
        if self._is_idle:
            return
        drafts, user_id = self._drafts, self._user_id

        def work(_: TaskContext) -> OpenSearches | None:
            return drafts.find_(user_id)

        self._reading.start(work)

    @Slot()
    def note_change(self) -> None:
        """Something was typed or chosen: keep it within a moment."""
        if not self._pause.isActive():
            self._pause.start()

    @Slot()
    def keep(self) -> None:
        """Keep what is open now, if it is not what was kept last."""
        self._pause.stop()
        if self._is_idle or not self._has_read:
            return
        now = self._look()
        if now != self._kept:
            self._kept = now
            self._drafts.keep(self._user_id, now)

    def close(self) -> None:
        """Keep what is open; the pane will be deleted."""
        self._reading.drop()
        self.keep()

    @Slot(object)
    def _take(self, searches: OpenSearches | None) -> None:
        self._has_read = True
        self.found.emit(searches)
        self.note_change()

    @Slot(object)
    def _fail(self, error: object) -> None:
        self._has_read = True
        self.failed.emit(error)
