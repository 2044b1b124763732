"""What the pane of API keys asks of the services, in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QObject, Signal, Slot

from altus4_desktop.domain.keys import ApiKey, KeyDraft
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskHandle
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session


class KeysController(QObject):
    """Reads and changes single keys for whoever is signed in; of two questions only the newer one
    is answered."""

    detailed = Signal(object)
    detail_failed = Signal(object)
    created = Signal(object)
    edited = Signal(object)
    rotated = Signal(object)
    in_use_known = Signal(object)
    revoked = Signal(object)
    action_failed = Signal(object)
    action_ended = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._action: TaskHandle | None = None
        self._detail = LatestTask(session.runner, Lane.TENANTS, self)
        self._detail.succeeded.connect(self.detailed)
        self._detail.failed.connect(self.detail_failed)

    @property
    def is_acting(self) -> bool:
        """Whether something is being changed."""
        return self._action is not None

    def read_details(self, key_id: str) -> None:
        """Read everything about one key."""
        keys, actor = self._session.services.keys, self._session.actor
        self._detail.start(lambda _: keys.details_(actor, key_id))

    def create(self, draft: KeyDraft) -> None:
        """Make a key."""
        keys, actor = self._session.services.keys, self._session.actor
        self._act(lambda _: keys.create_(actor, draft), self.created)

    def edit(self, key_id: str, draft: KeyDraft) -> None:
        """Change a key."""
        keys, actor = self._session.services.keys, self._session.actor
        self._act(lambda _: keys.edit_(actor, key_id, draft), self.edited)

    def rotate(self, key_id: str, grace_s: int) -> None:
        """Replace a key."""
        keys, actor = self._session.services.keys, self._session.actor
        self._act(lambda _: keys.rotate_(actor, key_id, grace_s), self.rotated)

    def find_in_use(self, chosen: Sequence[ApiKey]) -> None:
        """Ask which of these were used lately; answers with both."""
        keys, actor = self._session.services.keys, self._session.actor
        asked = tuple(chosen)

        def read(_: TaskContext) -> tuple[tuple[ApiKey, ...], tuple[ApiKey, ...]]:
            return asked, keys.in_use_(actor, [key.id for key in asked])

        self._act(read, self.in_use_known)

    def revoke(self, key_ids: Sequence[str], names: Sequence[str]) -> None:
        """Let keys work no more."""
        keys, actor = self._session.services.keys, self._session.actor
        ids, typed = tuple(key_ids), tuple(names)
        self._act(lambda _: keys.revoke_(actor, ids, typed), self.revoked)

    def drop_details(self) -> None:
        """Nobody waits for the details any more."""
        self._detail.drop()

    def close(self) -> None:
        """Hear nothing more."""
        self._detail.drop()
        self.blockSignals(True)

    def _act(self, work: Callable[[TaskContext], object], done: object) -> None:
        handle = self._session.runner.submit(Lane.METADATA, work)
        self._action = handle
        handle.succeeded.connect(done)
        handle.failed.connect(self.action_failed)
        handle.finished.connect(self._end_action)

    @Slot()
    def _end_action(self) -> None:
        self._action = None
        self.action_ended.emit()
