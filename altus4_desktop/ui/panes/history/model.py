"""The table of past searches, read page by page as it is scrolled."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QCoreApplication, QObject, Qt

from altus4_desktop.domain.history import SLOW_MS, connection_names
from altus4_desktop.domain.searching import SearchMode, SearchRecord
from altus4_desktop.ui.icons import icon
from altus4_desktop.ui.models.records import AnyIndex, Column
from altus4_desktop.ui.panes.paged import KeyedModel
from altus4_desktop.ui.times import ago, duration, full

QUERY, MODE, WHERE, WHO, HITS, TOOK, WHEN = range(7)


class HistoryModel(KeyedModel[SearchRecord]):
    """Searches, newest first; how they ended is said beside the query."""

    def __init__(self, parent: QObject | None = None) -> None:
        names: dict[str, str] = {}
        people: dict[str, str] = {}
        super().__init__(
            (
                Column(_tr("Query"), lambda it: " ".join(it.query.split()), tool_tip=_told),
                Column(_tr("Mode"), lambda it: mode_words(it.mode)),
                Column(_tr("Where"), lambda it: place_words(it, names)),
                Column(_tr("Who"), lambda it: people.get(it.user_id, "")),
                Column(_tr("Hits"), lambda it: f"{it.result_count:,}", is_number=True),
                Column(_tr("Took"), lambda it: duration(it.execution_time_ms), is_number=True),
                Column(
                    _tr("When"),
                    lambda it: ago(it.created_at),
                    tool_tip=lambda it: full(it.created_at),
                ),
            ),
            parent,
        )
        self._names = names
        self._people = people

    def set_names(self, connections: Mapping[str, str], people: Mapping[str, str]) -> None:
        """What connections and people are called, by id."""
        if (dict(connections), dict(people)) == (self._names, self._people):
            return
        for known, new in ((self._names, connections), (self._people, people)):
            known.clear()
            known.update(new)
        self.tick()

    def key_of(self, record: SearchRecord) -> str:
        """Its id."""
        return record.id

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """Also a picture of what went wrong, and that in words for who cannot see it."""
        shown = super().data(index, role)
        if not index.isValid() or index.column() != QUERY:
            return shown
        record = self._records[index.row()]
        if role == Qt.ItemDataRole.DecorationRole:
            name = _picture(record)
            return icon(*name) if name else None
        if role == Qt.ItemDataRole.AccessibleTextRole and (ended := ended_words(record)):
            return f"{shown}, {ended}"
        return shown


def mode_words(mode: SearchMode) -> str:
    """What a mode is called."""
    names = {
        SearchMode.NATURAL: _tr("Natural"),
        SearchMode.BOOLEAN: _tr("Boolean"),
        SearchMode.SEMANTIC: _tr("Semantic"),
    }
    return names[mode]


def place_words(record: SearchRecord, names: Mapping[str, str]) -> str:
    """The connections that were searched, by the names that they have, or had."""
    found = ", ".join(connection_names(record, names))
    return found if found or record.connection_id is not None else _tr("Several connections")


def _told(record: SearchRecord) -> str:
    return "\n".join(filter(None, (record.query, ended_words(record))))


def ended_words(record: SearchRecord) -> str:
    """How a search ended that did not go well; "" for others."""
    match record.params.get("outcome"):
        case "failed":
            return _tr("failed")
        case "partial":
            return _tr("failed in part")
        case "cancelled":
            return _tr("stopped")
    if record.result_count == 0:
        return _tr("nothing found")
    return _tr("slow") if record.execution_time_ms >= SLOW_MS else ""


def _picture(record: SearchRecord) -> tuple[str, str] | None:
    match record.params.get("outcome"):
        case "failed":
            return "error", "danger"
        case "partial":
            return "warning", "warning"
    return ("history", "warning") if record.execution_time_ms >= SLOW_MS else None


def _tr(text: str) -> str:
    return QCoreApplication.translate("history", text)
