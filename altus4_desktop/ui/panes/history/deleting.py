"""Deletes past searches of one's own, after asking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from PySide6.QtCore import QObject, Signal, Slot

from altus4_desktop.domain.history import COUNTED_AT_MOST, HistoryQuery
from altus4_desktop.domain.searching import SearchRecord
from altus4_desktop.tasks.runner import Lane, TaskContext
from altus4_desktop.ui.dialogs import confirm
from altus4_desktop.ui.pane import Pane
from altus4_desktop.ui.widgets import InlineMessage


@dataclass(frozen=True)
class _Found:
    query: HistoryQuery
    count: int


class Deletions(QObject):
    """``deleted``: some are gone. ``note`` says what cannot be; failures are shown by the pane."""

    deleted = Signal()

    def __init__(self, pane: Pane, note: InlineMessage) -> None:
        super().__init__(pane)
        self._pane = pane
        self._session = pane.session
        self._note = note

    def delete(self, records: Sequence[SearchRecord]) -> None:
        """Delete those of ``records`` that are one's own."""
        actor = self._session.actor
        ids = [record.id for record in records if record.user_id == actor.user_id]
        if not ids:
            if records:
                self._tell_others()
            return
        title = self.tr("Delete {count} searches?").format(count=len(ids))
        if len(ids) == 1:
            title = self.tr("Delete this search?")
        if self._confirm(title):
            self._delete(ids)

    @Slot()
    def delete_all(self) -> None:
        """Delete every one of one's own searches."""
        if self._confirm(self.tr("Delete all my searches?")):
            self._delete(None)

    def delete_found(self, query: HistoryQuery) -> None:
        """Delete those of one's own searches that ``query`` finds; how many is asked too."""
        history, actor = self._session.services.history, self._session.actor
        if query.user_id not in ("", actor.user_id):
            self._tell_others()
            return
        # What is searched meanwhile has not been asked about.
        asked = query.until(datetime.now(UTC))

        def count(_: TaskContext) -> _Found:
            return _Found(asked, history.count_own_(actor, asked, COUNTED_AT_MOST + 1))

        self._pane.submit(Lane.METADATA, count, self._ask_found)

    @Slot(object)
    def _ask_found(self, found: _Found) -> None:
        if not found.count:
            self._tell_others()
            return
        title = self.tr("Delete {count} searches?").format(count=f"{found.count:,}")
        if found.count == 1:
            title = self.tr("Delete this search?")
        elif found.count > COUNTED_AT_MOST:
            title = self.tr("Delete more than {count} searches?").format(
                count=f"{COUNTED_AT_MOST:,}"
            )
        if not self._confirm(title):
            return
        history, actor = self._session.services.history, self._session.actor

        def delete(context: TaskContext) -> int:
            return history.delete_found_(actor, found.query, context.progress, context.token)

        self._pane.submit(Lane.METADATA, delete, self._tell_deleted)

    def _tell_others(self) -> None:
        self._note.show_message("info", self.tr("Searches of others are theirs to delete."))

    def _confirm(self, title: str) -> bool:
        text = self.tr("They are gone for good; the figures of those days are counted again.")
        return confirm(self._pane, title, text, self.tr("Delete"), name="history.deleting")

    def _delete(self, ids: list[str] | None) -> None:
        history, actor = self._session.services.history, self._session.actor

        def delete(context: TaskContext) -> int:
            return history.delete_(actor, ids, context.progress, context.token)

        self._pane.submit(Lane.METADATA, delete, self._tell_deleted)

    @Slot(object)
    def _tell_deleted(self, count: int) -> None:
        self._session.announced.emit(self.tr("{count} searches deleted").format(count=count))
        self.deleted.emit()
