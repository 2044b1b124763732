"""The table of API keys, read page by page as it is scrolled."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QCoreApplication, QObject, Qt

from altus4_desktop.domain.keys import ApiKey, KeySort
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.models.records import AnyIndex, Column
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
from altus4_desktop.ui.panes.paged import KeyedModel
from altus4_desktop.ui.times import full

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


class KeysModel(KeyedModel[ApiKey]):
    """Keys, with what of them depends on the time by the store's clock."""

    def __init__(self, clock: StoreClock, parent: QObject | None = None) -> None:
        owners: dict[str, str] = {}

        def expires(key: ApiKey) -> str:
            return expiry_words(key, clock.now())

        def last_used(key: ApiKey) -> str:
            return last_used_words(key, clock.now())

        super().__init__(
            (
                Column(_tr("State"), lambda key: state_words(key.state_at(clock.now()))),
                Column(_tr("Name"), lambda key: key.name, tool_tip=_name_tip),
                Column(_tr("Owner"), lambda key: owners.get(key.user_id, "")),
                Column(_tr("Begins with"), prefix_words, tool_tip=_prefix_tip),
                Column(_tr("Environment"), lambda key: environment_words(key.environment)),
                Column(_tr("Permissions"), lambda key: permissions_words(key.permissions)),
                Column(_tr("Tier"), tier_and_limit_words),
                Column(
                    _tr("Expires"),
                    expires,
                    tool_tip=lambda key: full(key.expires_at) if key.expires_at else expires(key),
                ),
                Column(
                    _tr("Last used"),
                    last_used,
                    tool_tip=lambda key: (
                        f"{full(key.last_used_at)} {key.last_used_from}"
                        if key.last_used_at
                        else last_used(key)
                    ),
                ),
                Column(_tr("Uses"), lambda key: number(key.usage_count), is_number=True),
            ),
            parent,
        )
        self._clock = clock
        self._owners = owners

    def key_of(self, record: ApiKey) -> str:
        """Its id."""
        return record.id

    def know_owners(self, owners: Mapping[str, str]) -> None:
        """Whose keys those that come next are: e-mail addresses by id."""
        self._owners.update(owners)

    def owner_of(self, key: ApiKey) -> str:
        """The e-mail address of whose key it is."""
        return self._owners.get(key.user_id, "")

    def headerData(
        self,
        section: int,
        orientation: Qt.Orientation,
        role: int = Qt.ItemDataRole.DisplayRole,
    ) -> object:
        """Also which columns can be sorted by."""
        if role == Qt.ItemDataRole.ToolTipRole and section in SORTS:
            return _tr("Sort by it, or turn the order round")
        return super().headerData(section, orientation, role)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Also pictures, and what is said of a key of an early server."""
        shown = super().data(index, role)
        if not index.isValid():
            return shown
        key, column = self._records[index.row()], index.column()
        if role == Qt.ItemDataRole.AccessibleTextRole and column == NAME and key.legacy:
            return f"{shown}, {_tr('early form')}"
        if role == Qt.ItemDataRole.DecorationRole and column == STATE:
            return icon(*state_look(key.state_at(self._clock.now())))
        if role == Qt.ItemDataRole.DecorationRole and column == NAME and key.legacy:
            # Also where there is no room for the column that says it in words.
            return icon("history", "warning")
        return shown


def _name_tip(key: ApiKey) -> str:
    return f"{key.name}\n{legacy_words()}" if key.legacy else key.name


def _prefix_tip(key: ApiKey) -> str:
    return f"{prefix_words(key)}\n{legacy_words()}" if key.legacy else prefix_words(key)


def _tr(text: str) -> str:
    return QCoreApplication.translate("keys", text)
