"""What the pane of API keys asks of the services, in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal, Slot

from altus4_desktop.domain.keys import ApiKey, KeyDraft, KeyPage
from altus4_desktop.tasks.runner import Lane, TaskContext, TaskHandle
from altus4_desktop.ui.panes.keys.filters import KeyQuestion
from altus4_desktop.ui.panes.latest import LatestTask
from altus4_desktop.ui.session import Session

PAGE = 100
MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Listed:
    """The first page, or as much as was there already, and how many keys there are."""

    question: KeyQuestion
    page: KeyPage
    count: int


class KeysController(QObject):
    """Reads and changes keys for whoever is signed in.

    Lists may be long, so reading them does not hold up the lane of the store; of two questions only
    the newer one is answered.
    """

    listed = Signal(object)
    list_failed = Signal(object)
    list_cancelled = Signal()
    more_listed = Signal(object)
    more_failed = Signal(object)
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
        self._first = self._latest(self.listed, self.list_failed)
        self._first.cancelled.connect(self.list_cancelled)
        self._more = self._latest(self.more_listed, self.more_failed)
        self._detail = self._latest(self.detailed, self.detail_failed)

    @property
    def is_acting(self) -> bool:
        """Whether something is being changed."""
        return self._action is not None

    def list_(self, question: KeyQuestion, at_least: int) -> None:
        """Read the first page, longer when ``at_least`` so many keys were there already."""
        keys, actor = self._session.services.keys, self._session.actor
        self._more.drop()

        def read(_: TaskContext) -> Listed:
            page = keys.list_(
                actor,
                question.wanted,
                question.sort,
                descending=question.descending,
                text=question.text,
                owner_text=question.owner_text,
                limit=max(PAGE, at_least),
            )
            count = keys.count_(
                actor, question.wanted, question.text, question.owner_text, MOST_COUNTED
            )
            return Listed(question, page, count)

        self._first.start(read)

    def list_more(self, question: KeyQuestion, after: ApiKey) -> None:
        """Read the page behind ``after``."""
        keys, actor = self._session.services.keys, self._session.actor

        def read(_: TaskContext) -> KeyPage:
            return keys.list_(
                actor,
                question.wanted,
                question.sort,
                descending=question.descending,
                text=question.text,
                owner_text=question.owner_text,
                after=after,
                limit=PAGE,
            )

        self._more.start(read)

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

    def drop(self) -> None:
        """Nobody waits for answers any more; what is being changed is changed all the same."""
        for task in (self._first, self._more, self._detail):
            task.drop()

    def drop_details(self) -> None:
        """Nobody waits for the details any more."""
        self._detail.drop()

    def _latest(self, succeeded: object, failed: object) -> LatestTask:
        task = LatestTask(self._session.runner, Lane.TENANTS, self)
        task.succeeded.connect(succeeded)
        task.failed.connect(failed)
        return task

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
