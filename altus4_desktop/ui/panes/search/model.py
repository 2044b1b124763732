"""Hits for the list, arranged as asked; the selection stays where it is while they grow."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from altus4_desktop.domain.connections import Environment
from altus4_desktop.domain.searching import SearchHit, SourceRef
from altus4_desktop.ui.panes.search.wording import one_line, source_text, title_of, utf16_spans

AnyIndex = QModelIndex | QPersistentModelIndex
Spans = tuple[tuple[int, int], ...]

_CACHED_ROWS = 512


class HitOrder(StrEnum):
    """How the list is arranged."""

    RELEVANCE = "relevance"
    SOURCE = "source"
    TITLE = "title"


class HitRole(IntEnum):
    """What `HitModel.data` answers besides the usual roles."""

    ROW = Qt.ItemDataRole.UserRole + 1
    SORT = Qt.ItemDataRole.UserRole + 2


@dataclass(frozen=True, slots=True)
class HitRow:
    """A hit as it is drawn; spans count UTF-16 units, ``share`` is the score against the best."""

    hit: SearchHit
    rank: int
    share: float
    title: str
    title_spans: Spans
    snippet: str
    snippet_spans: Spans
    environment: Environment | None = None


def hit_identity(hit: SearchHit) -> Hashable:
    """What stays the same when a later page or another index brings the row again."""
    source = hit.source
    return (source.connection_id or source.connection, source.table, tuple(hit.key.items()))


def arranged(
    hits: Sequence[SearchHit], order: HitOrder, only: frozenset[SourceRef] = frozenset()
) -> Sequence[int]:
    """Positions of the hits in the order asked for; ``only`` names sources to show (empty: all)."""
    if not only and order is HitOrder.RELEVANCE:
        return range(len(hits))
    kept = [i for i, hit in enumerate(hits) if not only or hit.source in only]
    if order is HitOrder.SOURCE:
        kept.sort(key=lambda i: hits[i].source)
    elif order is HitOrder.TITLE:
        kept.sort(key=lambda i: title_of(hits[i])[0].casefold())
    return kept


class HitModel(QAbstractListModel):
    """The hits of a search; rows are made up when they are drawn, never for the whole list."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hits: Sequence[SearchHit] = ()
        self._places: Sequence[int] = ()
        self._rows: OrderedDict[int, HitRow] = OrderedDict()
        self._environments: Mapping[str, Environment] = {}

    def set_environments(self, environments: Mapping[str, Environment]) -> None:
        """Say what each connection, by its id, is used for."""
        self._environments = environments
        self._rows.clear()
        if self._places:
            self.dataChanged.emit(self.index(0), self.index(len(self._places) - 1))

    def show(self, hits: Sequence[SearchHit], places: Sequence[int]) -> None:
        """Replace what is shown; selected and current rows follow their hits."""
        if not self._places or not places:
            self.beginResetModel()
            self._hits, self._places = hits, places
            self._rows.clear()
            self.endResetModel()
            return
        self.layoutAboutToBeChanged.emit()
        held = [index for index in self.persistentIndexList() if index.isValid()]
        wanted = {hit_identity(self.hit_at(index.row())): -1 for index in held}
        before = [hit_identity(self.hit_at(index.row())) for index in held]
        self._hits, self._places = hits, places
        self._rows.clear()
        missing = len(wanted)
        for row, place in enumerate(places):
            if not missing:
                break
            identity = hit_identity(hits[place])
            if wanted.get(identity) == -1:
                wanted[identity] = row
                missing -= 1
        now = [self.index(wanted[key]) if wanted[key] >= 0 else QModelIndex() for key in before]
        self.changePersistentIndexList(held, now)
        self.layoutChanged.emit()

    def hit_at(self, row: int) -> SearchHit:
        """The hit drawn in a row."""
        return self._hits[self._places[row]]

    def row_at(self, row: int) -> HitRow:
        """The row as it is drawn; the newest few hundred are kept."""
        place = self._places[row]
        found = self._rows.get(place)
        if found is not None:
            self._rows.move_to_end(place)
            return found
        hit = self._hits[place]
        title, title_spans = title_of(hit)
        snippet = one_line(hit.snippet)
        best = self._hits[0].score
        made = HitRow(
            hit=hit,
            rank=place + 1,
            share=max(0.0, min(1.0, hit.score / best)) if best > 0 else 0.0,
            title=title,
            title_spans=utf16_spans(title, title_spans),
            snippet=snippet,
            snippet_spans=utf16_spans(snippet, hit.snippet_matches),
            environment=self._environments.get(hit.source.connection_id),
        )
        self._rows[place] = made
        if len(self._rows) > _CACHED_ROWS:
            self._rows.popitem(last=False)
        return made

    def rowCount(self, parent: AnyIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's name and default
        return 0 if parent.isValid() else len(self._places)

    def data(self, index: AnyIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if not index.isValid() or index.row() >= len(self._places):
            return None
        row = self.row_at(index.row())
        match role:
            case Qt.ItemDataRole.DisplayRole:
                return row.title
            case Qt.ItemDataRole.AccessibleTextRole:
                return self.tr("Hit {rank}: {title}. {source}. {snippet}").format(
                    rank=row.rank,
                    title=row.title,
                    source=source_text(row.hit.source),
                    snippet=row.snippet,
                )
            case HitRole.ROW:
                return row
            case HitRole.SORT:
                return row.rank
        return None
