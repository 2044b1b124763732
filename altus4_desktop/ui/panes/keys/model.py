"""The table of API keys, read page by page as it is scrolled."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)

from altus4_desktop.domain.keys import ApiKey, KeySort
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.panes.keys.wording import (
    environment_words,
    expiry_words,
    last_used_words,
    legacy_words,
    number,
    permissions_words,
    prefix_words,
    state_look,
    state_words,
    tier_and_limit_words,
)
from altus4_desktop.ui.panes.painting import plain_tool_tip
from altus4_desktop.ui.times import full

AnyIndex = QModelIndex | QPersistentModelIndex

STATE, NAME, OWNER, PREFIX, ENVIRONMENT, PERMISSIONS, TIER, EXPIRES, LAST_USED, USES = range(10)
SORTS = {
    NAME: KeySort.NAME,
    EXPIRES: KeySort.EXPIRES,
    LAST_USED: KeySort.LAST_USED,
    USES: KeySort.USES,
}


class StoreClock:
    """The store's time, carried on since it was last read: this computer's may be wrong."""

    def __init__(self) -> None:
        self._read_at = datetime.now(UTC)
        self._since_s = time.monotonic()

    def set(self, read_at: datetime) -> None:
        """The store has just said that it is ``read_at``."""
        self._read_at = read_at
        self._since_s = time.monotonic()

    def now(self) -> datetime:
        """What the store would say."""
        return self._read_at + timedelta(seconds=time.monotonic() - self._since_s)


class KeysModel(QAbstractTableModel):
    """Keys in the order in which the store gives them; ``more_wanted`` asks for the page after the
    last one."""

    more_wanted = Signal()

    def __init__(self, clock: StoreClock, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._clock = clock
        self._titles = (
            self.tr("State"),
            self.tr("Name"),
            self.tr("Owner"),
            self.tr("Begins with"),
            self.tr("Environment"),
            self.tr("Permissions"),
            self.tr("Tier"),
            self.tr("Expires"),
            self.tr("Last used"),
            self.tr("Uses"),
        )
        self._keys: list[ApiKey] = []
        self._owners: dict[str, str] = {}
        self._has_more = False

    @property
    def keys(self) -> tuple[ApiKey, ...]:
        """What has been read so far."""
        return tuple(self._keys)

    def show_first(
        self, keys: Sequence[ApiKey], owners: Mapping[str, str], *, has_more: bool
    ) -> bool:
        """Show these; false when they are the same keys as before, so that selection and place
        hold."""
        self._owners = dict(owners)
        self._has_more = has_more
        if [key.id for key in keys] == [key.id for key in self._keys]:
            self._keys = list(keys)
            self.tick()
            return False
        self.beginResetModel()
        self._keys = list(keys)
        self.endResetModel()
        return True

    def add_page(
        self, keys: Sequence[ApiKey], owners: Mapping[str, str], *, has_more: bool
    ) -> None:
        """Put these below the last one."""
        self._has_more = has_more
        self._owners.update(owners)
        if keys:
            first = len(self._keys)
            self.beginInsertRows(QModelIndex(), first, first + len(keys) - 1)
            self._keys += keys
            self.endInsertRows()

    def tick(self) -> None:
        """Time has passed: states and distances may be others."""
        if self._keys:
            last = self.index(len(self._keys) - 1, len(self._titles) - 1)
            self.dataChanged.emit(self.index(0, 0), last)

    def key_at(self, row: int) -> ApiKey | None:
        """The key in a row."""
        return self._keys[row] if 0 <= row < len(self._keys) else None

    def owner_of(self, key: ApiKey) -> str:
        """The e-mail address of whose key it is."""
        return self._owners.get(key.user_id, "")

    def row_of(self, key_id: str) -> int:
        """Where a key is; -1 when it has not been read."""
        return next((row for row, key in enumerate(self._keys) if key.id == key_id), -1)

    def canFetchMore(self, parent: AnyIndex) -> bool:
        """Whether there is another page."""
        return not parent.isValid() and self._has_more

    def fetchMore(self, parent: AnyIndex) -> None:
        """Ask for it; it comes by `add_page`."""
        if self.canFetchMore(parent):
            self._has_more = False
            self.more_wanted.emit()

    def rowCount(self, parent: AnyIndex | None = None) -> int:
        """One row a key."""
        return 0 if parent is not None and parent.isValid() else len(self._keys)

    def columnCount(self, parent: AnyIndex | None = None) -> int:
        """From its state to how often it was used."""
        return 0 if parent is not None and parent.isValid() else len(self._titles)

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """The columns' titles, and which can be sorted by."""
        if orientation is not Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(_alignment(section))
        if role == Qt.ItemDataRole.ToolTipRole and section in SORTS:
            return self.tr("Sort by it, or turn the order round")
        return self._titles[section] if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Text, picture, tool tip, and what a screen reader says."""
        if not index.isValid():
            return None
        key, column, now = self._keys[index.row()], index.column(), self._clock.now()
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(key, column, now)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return int(_alignment(column))
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tool_tip(self._tool_tip(key, column, now))
        if role == Qt.ItemDataRole.AccessibleTextRole:
            text = f"{self._titles[column]}: {self._text(key, column, now)}"
            return f"{text}, {self.tr('early form')}" if column == NAME and key.legacy else text
        if role == Qt.ItemDataRole.DecorationRole:
            if column == STATE:
                return icon(*state_look(key.state_at(now)))
            if column == NAME and key.legacy:
                # Also where there is no room for the column that says it in words.
                return icon("history", "warning")
        return None

    def _text(self, key: ApiKey, column: int, now: datetime) -> str:
        return (
            lambda: state_words(key.state_at(now)),
            lambda: key.name,
            lambda: self.owner_of(key),
            lambda: prefix_words(key),
            lambda: environment_words(key.environment),
            lambda: permissions_words(key.permissions),
            lambda: tier_and_limit_words(key),
            lambda: expiry_words(key, now),
            lambda: last_used_words(key, now),
            lambda: number(key.usage_count),
        )[column]()

    def _tool_tip(self, key: ApiKey, column: int, now: datetime) -> str:
        if column in (NAME, PREFIX) and key.legacy:
            return f"{self._text(key, column, now)}\n{legacy_words()}"
        if column == EXPIRES and key.expires_at is not None:
            return full(key.expires_at)
        if column == LAST_USED and key.last_used_at is not None:
            return f"{full(key.last_used_at)} {key.last_used_from}"
        return self._text(key, column, now)


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignRight if column == USES else Qt.AlignmentFlag.AlignLeft
    return Qt.AlignmentFlag.AlignVCenter | side
